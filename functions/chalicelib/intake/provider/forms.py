"""Fields of a posted form, byte for byte: what is in it may be a mail in any charset."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from chalicelib.intake.headers import parameters, split

MAX_FIELDS = 300


class MalformedFormError(ValueError):
    """The body is no form of the type it says; the message names what is wrong."""


def fields(content_type: str, body: bytes) -> dict[str, bytes]:
    """Values by name; of several with one name the first counts. Raises MalformedFormError.

    `application/x-www-form-urlencoded` (WHATWG URL §5.1) and `multipart/form-data` (RFC 7578).
    """
    kind, given = parameters(content_type.encode("latin-1", "replace"))
    if kind == "application/x-www-form-urlencoded":
        return _urlencoded(body)
    if kind == "multipart/form-data":
        boundary = given.get("boundary", "")
        if not 0 < len(boundary) <= 200:
            raise MalformedFormError("multipart/form-data without a boundary")
        return _multipart(body, boundary.encode("latin-1", "replace"))
    raise MalformedFormError("a form is expected: application/x-www-form-urlencoded or multipart/form-data")


def text(found: dict[str, bytes], name: str) -> str:
    """A field as text; empty where it is missing."""
    return found.get(name, b"").decode("utf-8", "replace").replace("\0", "").strip()


def _urlencoded(body: bytes) -> dict[str, bytes]:
    pairs = body.split(b"&")
    if len(pairs) > MAX_FIELDS:
        raise MalformedFormError(f"more than {MAX_FIELDS} fields")
    found: dict[str, bytes] = {}
    for pair in pairs:
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        found.setdefault(unquote_to_bytes(name).decode("utf-8", "replace"), unquote_to_bytes(value))
    return found


def _multipart(body: bytes, boundary: bytes) -> dict[str, bytes]:
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise MalformedFormError("the form ends before its last boundary")
    if len(pieces) > MAX_FIELDS:
        raise MalformedFormError(f"more than {MAX_FIELDS} fields")
    found: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        head, gap, value = piece.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
        disposition = split(head + b"\r\n")[0].raw("content-disposition") or b""
        kind, given = parameters(disposition)
        if not gap or kind != "form-data" or "name" not in given:
            raise MalformedFormError("a part of the form has no name")
        found.setdefault(given["name"], value)
    return found
