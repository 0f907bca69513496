"""A raw mail, however broken, to what pgdesk keeps of it.

The structure is read here with limits on depth, number and size, because Python's feed parser takes time and stack in
proportion to depth times lines: a hostile mail of a few megabytes would hold a function until its time-out. What it
understands is the same, and `Unreadable` is returned only where it too finds no sender, no text and no attachment.
"""

from __future__ import annotations

import binascii
import quopri
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from typing import Literal

from . import markup
from .headers import Address, Headers, parameters, split
from .lines import unflow
from .smime import signed_content
from .text import decode, one_line, storable

MAX_DEPTH = 20
MAX_PARTS = 300
MAX_TEXT = 500_000  # characters of body kept as a message; the raw mail is kept whole

Protection = Literal["", "signed-pgp", "signed-smime", "encrypted-pgp", "encrypted-smime"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail. `name` is what its sender called it (for display only; may be empty), `type` is in lower
    case, `content_id` without angle brackets; `inline` where the HTML is meant to show it."""

    name: str
    type: str
    data: bytes
    content_id: str
    inline: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a mail says. All text is storable (no NUL, no surrogates, `\\n` line ends)."""

    headers: Headers
    senders: list[Address]
    reply_to: list[Address]
    to: list[Address]
    cc: list[Address]
    subject: str
    date: datetime | None
    message_id: str  # with angle brackets; empty where there is none
    in_reply_to: list[str]
    references: list[str]
    text: str
    html: str | None
    attachments: list[Attachment] = field(default_factory=list)
    calendars: list[str] = field(default_factory=list)
    protection: Protection = ""
    content_type: str = "text/plain"
    report_type: str = ""
    defects: list[str] = field(default_factory=list)  # what was broken or left out, in words

    @property
    def sender(self) -> Address | None:
        return self.senders[0] if self.senders else None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A mail in which there is nothing to read, and why."""

    reason: str


@dataclass(slots=True)
class _Body:
    """One piece of body in one or both forms."""

    text: str | None = None
    html: str | None = None


@dataclass(slots=True)
class _Found:
    bodies: list[_Body] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    calendars: list[str] = field(default_factory=list)
    protection: Protection = ""
    defects: list[str] = field(default_factory=list)
    parts: int = 0

    def defect(self, what: str) -> None:
        if what not in self.defects and len(self.defects) < 20:
            self.defects.append(what)


def parse(raw: bytes, _depth: int = 0) -> Parsed | Unreadable:
    """Reads a mail. Never raises, whatever the bytes; time is linear in their number."""
    if not raw.strip():
        return Unreadable("the mail is empty")
    lines = raw if b"\n" in raw else raw.replace(b"\r", b"\n")
    parsed = _mail(*split(lines), _depth)
    if parsed is None and lines.startswith((b"\n", b"\r\n")):
        parsed = _mail(Headers(()), lines, _depth)  # after a blank line, headers without a mail are text
    return parsed or Unreadable("no sender, no text and no attachment")


def _mail(headers: Headers, body: bytes, depth: int) -> Parsed | None:
    """What an entity says as a mail, None where that is nothing."""
    found = _Found()
    _entity(headers, body, found, depth, default="text/plain")
    text, html = _joined(found.bodies)
    if not text.strip():
        text = _text_of_forwarded(found, depth) or text
    if len(text) > MAX_TEXT:
        found.defect(f"text cut at {MAX_TEXT} characters")
    senders = headers.addresses("from") or headers.addresses("sender") or headers.addresses("return-path")
    type_, details = parameters(headers.raw("content-type") or b"text/plain")
    parsed = Parsed(
        headers=headers,
        senders=senders,
        reply_to=headers.addresses("reply-to"),
        to=headers.addresses("to"),
        cc=headers.addresses("cc"),
        subject=headers.get("subject", 500),
        date=headers.date(),
        message_id=headers.message_id() or "",
        in_reply_to=headers.message_ids("in-reply-to"),
        references=headers.message_ids("references"),
        text=text[:MAX_TEXT],
        html=html,
        attachments=found.attachments,
        calendars=found.calendars,
        protection=found.protection,
        content_type=type_,
        report_type=details.get("report-type", "").lower(),
        defects=found.defects,
    )
    claimed = headers.get("from") or headers.get("sender")
    if senders or claimed or text.strip() or (html or "").strip() or found.attachments:
        return parsed
    return None


def _entity(headers: Headers, body: bytes, found: _Found, depth: int, default: str) -> None:
    found.parts += 1
    type_, details = parameters(headers.raw("content-type") or default.encode())
    if type_.count("/") != 1:
        type_ = "text/plain"
    main = type_.partition("/")[0]
    if main == "multipart":
        boundary = _boundary(headers)
        children = _children(body, boundary) if boundary else []
        if children and depth < MAX_DEPTH:
            _multipart(type_, details, children, found, depth)
            return
        found.defect("multipart without parts" if depth < MAX_DEPTH else f"parts nested deeper than {MAX_DEPTH}")
        type_, details = "text/plain", {}
    if type_ in ("application/pkcs7-mime", "application/x-pkcs7-mime") and depth < MAX_DEPTH:
        encoding = headers.get("content-transfer-encoding", 60).lower()
        inner = signed_content(_transfer_decoded(encoding, body, found))
        found.protection = "encrypted-smime" if inner is None else "signed-smime"
        if inner is not None:
            _entity(*split(inner), found, depth + 1, "text/plain")
            return
    _leaf(type_, details, headers, body, found)


def _multipart(type_: str, details: dict[str, str], children: list[bytes], found: _Found, depth: int) -> None:
    subtype = type_.partition("/")[2]
    default = "message/rfc822" if subtype == "digest" else "text/plain"
    protocol = details.get("protocol", "").lower()
    if subtype == "signed":
        found.protection = "signed-smime" if "pkcs7" in protocol else "signed-pgp"
    if subtype == "encrypted":
        found.protection = "encrypted-pgp"
    before = len(found.bodies)
    for child in children:
        if found.parts >= MAX_PARTS:
            found.defect(f"more than {MAX_PARTS} parts: the rest is in the raw mail only")
            break
        if child.startswith((b"\n", b"\r\n")):  # a blank line first: the part has no headers (RFC 2046 §5.1)
            _entity(Headers(()), child.partition(b"\n")[2], found, depth + 1, default)
        else:
            _entity(*split(child), found, depth + 1, default)
    if subtype == "alternative":
        found.bodies[before:] = _merged(found.bodies[before:])


def _merged(bodies: list[_Body]) -> list[_Body]:
    """Alternatives are one body: of each form the last one that says something (RFC 2046 §5.1.4)."""
    texts = [body.text for body in bodies if body.text and body.text.strip()]
    htmls = [body.html for body in bodies if body.html and body.html.strip()]
    if not texts and not htmls:
        return bodies[:1]
    return [_Body(texts[-1] if texts else None, htmls[-1] if htmls else None)]


def _boundary(headers: Headers) -> bytes:
    """The delimiter as bytes: a boundary in a foreign charset is compared as it was sent."""
    value = headers.raw("content-type") or b""
    name = re.search(rb";\s*boundary\s*=\s*(?:\"([^\"\\]*(?:\\.[^\"\\]*)*)\"?|([^;\s]+))", value, re.IGNORECASE)
    if name is None:
        return parameters(value)[1].get("boundary", "").encode("utf-8", "replace")
    quoted = re.sub(rb"\\(.)", rb"\1", name[1]) if name[1] is not None else name[2]
    return quoted.rstrip()


def _children(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts between delimiter lines; a missing last delimiter is forgiven, preamble and epilogue are no parts."""
    delimiter = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t\r]*$\n?", re.MULTILINE)
    parts: list[bytes] = []
    start = -1
    for found in delimiter.finditer(body):
        if start >= 0:
            parts.append(body[start : max(start, found.start() - 1)].removesuffix(b"\r"))
        if found[1]:
            return parts
        start = found.end()
        if len(parts) > MAX_PARTS:
            return parts
    if start >= 0:
        parts.append(body[start:])
    return parts


_NOT_BODIES = markup.names(
    "text/calendar text/vcard text/x-vcard text/directory text/csv text/rfc822-headers text/css text/javascript"
    " text/xml text/x-amp-html"
)


def _leaf(type_: str, details: dict[str, str], headers: Headers, body: bytes, found: _Found) -> None:
    disposition, more = parameters(headers.raw("content-disposition") or b"")
    name = one_line(more.get("filename") or details.get("name") or "", 255).replace("\\", "/").rpartition("/")[2]
    content_id = headers.get("content-id", 255).strip("<> ")
    data = _transfer_decoded(headers.get("content-transfer-encoding", 60).lower(), body, found)
    if type_ == "text/calendar":
        found.calendars.append(storable(decode(data, details.get("charset")))[:MAX_TEXT])
    readable = type_.startswith("text/") and type_ not in _NOT_BODIES
    if readable and disposition != "attachment" and not name:
        body_ = _body(type_, details, data)
        found.bodies.append(body_)
        if data.strip() and not (body_.text or body_.html or "").strip():
            found.attachments.append(Attachment("message.bin", "application/octet-stream", data, "", False))
        return
    if type_ == "text/x-amp-html":
        return  # an interactive copy of the HTML alternative
    inline = disposition == "inline" or (disposition != "attachment" and bool(content_id))
    if not data and not name and type_ != "message/rfc822":
        return
    found.attachments.append(Attachment(name, one_line(type_, 127), data, content_id, inline))


# HTML that is declared text/plain: scripts that send mail get it wrong.
_LOOKS_LIKE_HTML = re.compile(
    r"\s{0,200}<(?:!doctype html|html|head|body|div|p|table|meta|style|font|span)\b[^<]*>", re.IGNORECASE
)


def _body(type_: str, details: dict[str, str], data: bytes) -> _Body:
    text = storable(decode(data, details.get("charset"))).replace("\ufffc", "")  # where Apple Mail had an image
    if type_ == "text/html" or _LOOKS_LIKE_HTML.match(text):
        return _Body(html=text)
    if type_ == "text/enriched":
        return _Body(text=markup.text_of(text.replace("<<", "&lt;").replace("\n\n", "<br>\n")))
    if details.get("format", "").lower() == "flowed":
        text = unflow(text, details.get("delsp", "").lower() == "yes")
    return _Body(text=text)


def _joined(bodies: list[_Body]) -> tuple[str, str | None]:
    """All pieces of body in order, as text and, where any piece was HTML, as HTML."""
    texts = [
        body.text if body.text is not None and (body.text.strip() or not body.html) else markup.text_of(body.html or "")
        for body in bodies
    ]
    if not any(body.html for body in bodies):
        return "\n\n".join(text.strip("\n") for text in texts if text.strip()), None
    pieces = [body.html or f"<pre>{escape(body.text or '')}</pre>" for body in bodies if body.html or body.text]
    return "\n\n".join(text.strip("\n") for text in texts if text.strip()), "\n".join(pieces)


def _text_of_forwarded(found: _Found, depth: int) -> str:
    """Who forwards a mail as attachment without a word means the mail in it."""
    if depth >= 3:
        return ""
    for number, attachment in enumerate(found.attachments):
        if attachment.type != "message/rfc822":
            continue
        inner = parse(attachment.data, depth + 1)
        if isinstance(inner, Parsed):
            if not attachment.name and inner.subject:
                found.attachments[number] = replace(attachment, name=f"{inner.subject[:100]}.eml")
            if inner.text.strip():
                return inner.text
    return ""


def _transfer_decoded(encoding: str, body: bytes, found: _Found) -> bytes:
    """The part's bytes. An encoding that was declared but not used leaves them as they are."""
    data = body
    if encoding == "base64":
        data = _base64(body, found)
    elif encoding == "quoted-printable":
        data = quopri.decodestring(body)
    elif encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        data = _uudecoded(body, found)
    return data if data.strip() else body


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")


def _base64(body: bytes, found: _Found) -> bytes:
    """Base64 with foreign characters, missing padding, or several encoded pieces one after the other."""
    clean = _NOT_BASE64.sub(b"", body)
    foreign = len(body) - len(clean) - sum(body.count(blank) for blank in (b"\r", b"\n", b" ", b"\t"))
    words = len(body.split(None, 200)) > 2 * (body.count(b"\n") + 2)
    if foreign * 4 > len(clean) or (words and foreign):
        found.defect("declared base64, but is not")
        return body
    pieces = []
    for piece in re.split(rb"=+", clean):
        whole = piece[: len(piece) - (len(piece) % 4 == 1)]
        pieces.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(pieces)


def _uudecoded(body: bytes, found: _Found) -> bytes:
    out = []
    for line in body.replace(b"\r", b"").split(b"\n"):
        if not line or line.startswith((b"begin ", b"end")):
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders write trailing characters; the length octet says how many count (RFC 2045 knows none of it).
            count = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[:count]))
            except binascii.Error:
                found.defect("uuencoded data is damaged")
    return b"".join(out)
