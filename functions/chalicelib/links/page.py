"""What the pages have in common.

A GET changes nothing: scanners of mail follow every link in it. It shows a form with what the link chose; the person's
one press of a button is the POST that counts. So there is no script either, and none would run.

Every answer is a page with status 200, also where the link is forged or over: both are told the same, so nobody learns
what there is.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from chalicelib.kit import rates
from chalicelib.kit.database import keepable
from chalicelib.kit.http import HttpError, Request, Response
from chalicelib.kit.signed_link import Link, opened
from chalicelib.kit.templates import templates
from chalicelib.links.words import words_of

# Requests that may be made with one link in a minute.
ALLOWED = 30
MAX_FIELDS = 300
STYLE = (
    "body{max-width:36rem;margin:3rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif;color:#1f2328}"
    "label{display:block;margin:.5rem 0}fieldset{border:0;padding:0;margin:1rem 0}"
    "input:not([type=radio]):not([type=checkbox]),textarea,select{width:100%;font:inherit;box-sizing:border-box}"
    "button{font:inherit;padding:.4rem 1.2rem}.problem{color:#b3261e}.small{color:#656d76;font-size:13px}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    # The address of the page is as good as its token: it is kept nowhere and told to nobody.
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "x-content-type-options": "nosniff",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none';"
        " base-uri 'none'"
    ),
}


def opened_by(request: Request, purpose: str) -> tuple[Link | None, dict[str, list[str]]]:
    """What the request's token opens, and the fields of the query or, of a POST, of the form.

    Raises HttpError 429 where the link is used too often.
    """
    fields = {name: list(values) for name, values in request.query.items()} | _form(request)
    link = opened(purpose, (fields.get("token") or [""])[0])
    if link is not None:
        rates.take(f"link {purpose} {link.id}", min(ALLOWED, rates.WRITES))
    return link, fields


def _form(request: Request) -> dict[str, list[str]]:
    if request.method != "POST":
        return {}
    try:
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise HttpError(400, "malformed", f"a form of more than {MAX_FIELDS} fields") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(keepable(value))
    return found


def page(template: str, values: Mapping[str, Any]) -> Response:
    """A page of this folder's templates, in the language that `values` name."""
    language = values.get("language") or "en"
    told = {**values, "words": words_of(language), "language": language, "style": STYLE}
    body = templates(__file__).get_template(f"{template}.html.j2").render(told)
    return Response(200, body.encode(), HEADERS)


def gone() -> Response:
    """The link is forged, or what it opens is over."""
    return page("gone", {})
