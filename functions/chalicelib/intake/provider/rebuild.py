"""A raw mail put together again from the parts that a provider took it into, where it keeps no raw mail.

The same parts give the same octets, so that fetching twice is still one mail.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.header import Header

LINE = 76
# Said anew by what is built here.
_OURS = frozenset(("content-type", "content-transfer-encoding", "content-disposition", "content-id", "mime-version"))
_NAME = re.compile(r"[!-9;-~]{1,100}")
_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Part:
    """A file of the mail; `content_id` is without angle brackets, and set for what the HTML shows in place."""

    name: str
    type: str
    data: bytes
    content_id: str = ""
    inline: bool = False


def rebuilt(headers: Sequence[tuple[str, str]], text: str | None, html: str | None, parts: Sequence[Part]) -> bytes:
    """A mail with these header fields (those about MIME are left out) and these contents."""
    seed = hashlib.sha256(repr((headers, text, html, [part.data for part in parts])).encode()).hexdigest()[:24]
    bodies = [_body("plain", text)] if text is not None or html is None else []
    if html is not None:
        shown = [part for part in parts if part.inline and part.content_id]
        page = _body("html", html)
        bodies.append(_multipart("related", [page, *map(_file, shown)], f"r-{seed}") if shown else page)
        parts = [part for part in parts if part not in shown]
    content = bodies[0] if len(bodies) == 1 else _multipart("alternative", bodies, f"a-{seed}")
    if parts:
        content = _multipart("mixed", [content, *map(_file, parts)], f"m-{seed}")
    lines = [_field(name, value) for name, value in headers if _NAME.fullmatch(name) and name.lower() not in _OURS]
    return b"\r\n".join([*lines, b"MIME-Version: 1.0", content])


def _field(name: str, value: str) -> bytes:
    """One header line. A line break in a value would begin another field."""
    plain = _CONTROLS.sub(" ", value).strip()
    if not plain.isascii():
        plain = Header(plain, "utf-8", maxlinelen=10_000).encode()
    return f"{name}: {plain}".encode("ascii", "replace")


def _body(kind: str, text: str | None) -> bytes:
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + _base64((text or "").encode("utf-8", "replace"))


def _file(part: Part) -> bytes:
    kind = part.type if _TYPE.fullmatch(part.type) else "application/octet-stream"
    fields = [f"Content-Type: {kind}".encode(), b"Content-Transfer-Encoding: base64"]
    disposition = "inline" if part.inline else "attachment"
    name = _CONTROLS.sub(" ", part.name).strip()
    if name:
        # RFC 2231, so that no name can end its parameter.
        coded = "".join(f"%{octet:02X}" for octet in name.encode("utf-8", "replace"))
        disposition += f"; filename*=utf-8''{coded}"
    fields.append(f"Content-Disposition: {disposition}".encode())
    if part.content_id:
        fields.append(_field("Content-ID", f"<{part.content_id.strip('<>')}>"))
    return b"\r\n".join([*fields, b"", _base64(part.data)])


def _multipart(kind: str, parts: Sequence[bytes], boundary: str) -> bytes:
    """Content is in base64, in which no boundary occurs."""
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    edge = f"--{boundary}".encode()
    return head + b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts) + edge + b"--\r\n"


def _base64(data: bytes) -> bytes:
    coded = base64.b64encode(data)
    return b"\r\n".join(coded[at : at + LINE] for at in range(0, len(coded), LINE))


def header_fields(given: Mapping[str, object], **missing: object) -> list[tuple[str, str]]:
    """Fields of a provider's header object, completed by what it says apart (`reply_to` is Reply-To, …)."""
    fields = [
        (name, text)
        for name, value in given.items()
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str)
    ]
    there = {name.lower() for name, _ in fields}
    for key, value in missing.items():
        name = "-".join(word.capitalize() for word in key.strip("_").split("_"))
        told = ", ".join(str(each) for each in value) if isinstance(value, list) else value
        if isinstance(told, str) and told and name.lower() not in there:
            fields.append((name, told))
    return fields
