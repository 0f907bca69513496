"""The shape of a request: all that its plan depends on, with marks where only a value would stand.

Requests of one shape share a plan. A mark stands for the value of a plain comparison (`id=eq.7`) or for the JSON of a
body. Marks cannot be guessed, so none comes from a client; that they arrive in a plan as whole parameters and nowhere
else is checked there, not taken for granted.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace

from infra.local.rest import payload
from infra.local.rest.errors import ApiError
from infra.local.rest.grammar import parse
from infra.local.rest.payload import Payload
from infra.local.rest.request import Request

# The headers that a plan may depend on; no others are shown to what plans.
HEADERS = frozenset({"accept", "prefer", "range", "accept-profile", "content-profile", "content-type"})
MARK = f"mark{secrets.token_hex(16)}n"
BODY = f"{MARK}b"
LONGEST = 4096  # bytes of a query string whose plan is kept
# A value of these characters means the same decoded, encoded, quoted and bare, so nothing is lost by not reading it.
_PLAIN = re.compile(r"((?:not\.)?(?:eq|neq|gt|gte|lt|lte)\.)([A-Za-z0-9_~-][A-Za-z0-9_.~-]*)")

Key = tuple[object, ...]


@dataclass(frozen=True)
class Shape:
    """`request` is the request without what its plan cannot depend on, `values` what its marks stand for.

    Equal keys make equal plans.
    """

    key: Key
    request: Request
    body: Payload | None
    values: dict[str, str]


def of(request: Request) -> Shape | None:
    """The shape of `request`, or None where it has none: its plan is made for it alone."""
    if request.method not in ("GET", "HEAD", "POST", "PATCH", "DELETE") or len(request.query_string) > LONGEST:
        return None
    if len(request.path) < 2:
        return None
    values: dict[str, str] = {}
    query_string = "&".join([_marked(part, values) for part in request.query_string.split("&")])
    headers = [pair for pair in request.headers if pair[0] in HEADERS]
    shown = Request(request.method, request.path, query_string, headers, b"")
    key: Key = (request.method, request.path, query_string, *headers)
    if request.method not in ("POST", "PATCH"):
        return Shape(key, shown, None, values)
    body = _body(request, query_string)
    if body is None:
        return None
    values[BODY] = body.text
    return Shape((*key, body.keys, body.is_object), shown, replace(body, text=BODY), values)


def _marked(part: str, values: dict[str, str]) -> str:
    """`name=eq.value` with a mark for the value, which is put into `values`; anything else as it is."""
    name, _, text = part.partition("=")
    found = _PLAIN.fullmatch(text)
    if found is None:
        return part
    mark = f"{MARK}{len(values)}"
    values[mark] = found[2]
    return f"{name}={found[1]}{mark}"


def _body(request: Request, query_string: str) -> Payload | None:
    """The body where it is JSON for the database to read, else None: errors are told by who plans."""
    call = request.path.startswith("/rpc/")
    try:
        columns = parse(query_string).columns if "columns" in query_string else None
        body = payload.read(request.body, request.content_type, columns, call=call)
    except ApiError:
        return None
    return body if body.raw is None and body.arguments is None else None
