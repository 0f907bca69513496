"""HTTP as the areas see it: plain requests and responses, whatever carries them."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

# W3C Trace Context, level 1: version, trace, parent, flags.
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Request:
    """`headers` are by lower-case name; a query parameter may come several times; `parameters` are those of the path;
    `address` is the client's, as the gateway saw it."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes
    parameters: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


def shape(**properties: Any) -> dict[str, Any]:
    """The JSON Schema of an object with these properties: all of them, and no other."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


# A page for people, as an answer is documented.
PAGE: dict[str, Any] = {"type": "string", "contentMediaType": "text/html"}


@dataclass(frozen=True)
class Parameter:
    """A query parameter as it is documented: `schema` is a JSON Schema of one value."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    repeated: bool = False


@dataclass(frozen=True)
class Docs:
    """What docs/openapi.json says of a route beside its handler's docstring. Plain data, looked at by nobody who serves
    requests.

    `security` names schemes of pgdesk/openapi.py, any one of which will do; None: without credentials. `answers` maps
    the statuses of success to what is answered, `errors` those of failure to their codes: a JSON Schema or a pydantic
    model wherever a value is described. What every route may answer (415, 500, 503 and API Gateway's own) goes without
    saying.
    """

    security: tuple[str | None, ...]
    answers: Mapping[int, Any]
    errors: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    query: tuple[Parameter, ...] = ()
    body: Any = None


@dataclass(frozen=True)
class Route:
    """One row of the route table. `path` is below /functions/v1; bodies of binary types arrive unchanged."""

    method: str
    path: str
    handler: Handler
    content_types: tuple[str, ...] = ("application/json",)
    docs: Docs | None = None
    # How many requests of a webhook source are taken in a minute, of those that were believed. None: all.
    limit: int | None = None
    # May scripts of any page call it? It goes by no cookies, so whose page it is tells nothing.
    cors: bool = False


class HttpError(Exception):
    """An answer that is not a success. `message` names what was wrong; `hint` what to do."""

    def __init__(
        self, status: int, code: str, message: str, hint: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint
        self.headers = dict(headers or {})


def trace_of(request: Request) -> UUID:
    """The trace that the caller says this belongs to (`traceparent`), else a new one."""
    named = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return UUID(named[1]) if named and named[1].strip("0") else uuid4()


def json_response(status: int, value: Any) -> Response:
    return Response(status, json.dumps(value, default=str).encode(), {"content-type": "application/json"})


def unstored(answer: Response) -> Response:
    """The answer, with a secret in it: nobody between us and the caller keeps it."""
    return Response(answer.status, answer.body, {**answer.headers, "cache-control": "no-store"})


def body_as(model: type[Model], request: Request) -> Model:
    """The JSON body as `model` has it. Raises HttpError 400 that names the first place where it does not fit."""
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise HttpError(400, "bad_request", f"{place}: {first['msg']}") from None


def error_response(error: HttpError) -> Response:
    told = json_response(error.status, {"code": error.code, "message": error.message, "hint": error.hint})
    return Response(told.status, told.body, {**told.headers, **error.headers})


def require_content_type(request: Request, accepted: Sequence[str]) -> None:
    """Refuse a body of a media type that the route does not take (unsaid: JSON). Raises HttpError 415."""
    if request.method in ("GET", "HEAD", "DELETE"):
        return
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in accepted:
        raise HttpError(
            415,
            "unsupported_media_type",
            f"a body of type {kind[:100]} is not taken here",
            f"Send {' or '.join(accepted)}.",
        )


def require_bearer(request: Request, secret: str) -> None:
    """Refuse the request unless it brings `secret`. An empty secret opens nothing.

    Raises HttpError 401. The comparison takes the same time wherever the difference lies.
    """
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret or not hmac.compare_digest(given.strip().encode(), secret.encode()):
        raise HttpError(401, "unauthorized", "the bearer secret is missing or wrong")
