"""Header fields of a mail as its sender wrote them, and what they mean. Nothing here raises on any input."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from .text import decode, one_line, storable

MAX_FIELDS = 2_000
MAX_VALUE = 65_536  # octets of one field that are read; a mail has 998 a line, long recipient lists some 20,000
MAX_ADDRESSES = 500
MAX_IDS = 100  # References grow with a thread; the newest are at the end

# Lines up to the first that can be no header (RFC 5322 §2.2). Nothing here is possessive: up to Python 3.11.4 a group
# that is keeps a part of what it should give back (https://github.com/python/cpython/issues/106052). What follows each
# repeated group can always match, so hostile input finds nothing to go back for.
_BLOCK = re.compile(rb"(?:(?:[!-9;-~]+[ \t]*:|[ \t])[^\n]*(?:\n|\Z))*")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)")
_BLANK = re.compile(rb"\r*\n")
_MBOX_LINE = re.compile(rb"\A>?From [^\n]*\n")
_WORD = re.compile(rb"=\?([^?\s*]{1,60})(?:\*[^?\s]*)?\?([bqBQ])\?([^?]*)\?=")
_ADDRESS = re.compile(r"[^\s<>\"'(),:;@\[\]\\]{1,64}@[^\s<>\"'(),:;@\[\]\\]{1,253}")
_USUAL = re.compile(r"\s*([^<>@,;\\()]{0,300})<\s*([^\s<>\"'(),:;@\[\]\\]{1,64}@[^\s<>\"'(),:;@\[\]\\]{1,189})\s*>\s*")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,900})>")
_PARAMETER = re.compile(rb";[ \t\r\n]*([^=;\s]+)[ \t\r\n]*=[ \t\r\n]*(\"[^\"\\]*(?:\\.[^\"\\]*)*\"?|[^;]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox: its display name (may be empty) and its address, in lower case."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Headers:
    """Fields in order, names in lower case, values unfolded but otherwise as received."""

    fields: tuple[tuple[str, bytes], ...]

    def raw(self, name: str) -> bytes | None:
        return next((value for field, value in self.fields if field == name), None)

    def raw_all(self, name: str) -> list[bytes]:
        return [value for field, value in self.fields if field == name]

    def get(self, name: str, limit: int = 1_000) -> str:
        """The first such field as one line of decoded text; empty where there is none."""
        value = self.raw(name)
        return one_line(decoded(value), limit) if value is not None else ""

    def all(self, name: str, limit: int = 1_000) -> list[str]:
        return [one_line(decoded(value), limit) for value in self.raw_all(name)]

    def __contains__(self, name: str) -> bool:
        return any(field == name for field, _ in self.fields)

    def addresses(self, *names: str) -> list[Address]:
        """Every mailbox in the named fields, each address once, in order."""
        found: dict[str, Address] = {}
        for name in names:
            for value in self.raw_all(name):
                for address in parse_addresses(value):
                    found.setdefault(address.email, address)
                    if len(found) >= MAX_ADDRESSES:
                        return list(found.values())
        return list(found.values())

    def message_ids(self, name: str) -> list[str]:
        """Message-IDs of a field, with their angle brackets, each once, in order."""
        text = " ".join(storable(value.decode("utf-8", "replace")) for value in self.raw_all(name))
        return list(dict.fromkeys(f"<{found}>" for found in _MESSAGE_ID.findall(text)))[-MAX_IDS:]

    def message_id(self) -> str | None:
        """The mail's own Message-ID. One that lacks its angle brackets is still the same for every copy."""
        ids = self.message_ids("message-id")
        if ids:
            return ids[0]
        bare = self.get("message-id", 900).split(" ", 1)[0].strip("<>")
        return f"<{bare}>" if bare else None

    def date(self) -> datetime | None:
        """The Date field in UTC; None where it is missing, unreadable or beyond what a calendar holds."""
        try:
            value = parsedate_to_datetime(self.get("date", 200))
            value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
        return value if value.year >= 1970 else None


def split(raw: bytes) -> tuple[Headers, bytes]:
    """Header fields and body of an entity; lines end in LF or CRLF.

    Leading blank lines and an mbox `From ` line are skipped. A line that can be no header ends the headers, as in
    Python's `email`: without any header, everything is body.
    """
    raw = raw.lstrip(b"\r\n")
    raw = raw[envelope.end() :] if (envelope := _MBOX_LINE.match(raw)) else raw
    block = _BLOCK.match(raw)
    end = block.end() if block else 0
    body = raw[end:]
    blank = _BLANK.match(body)
    return Headers(tuple(_fields(raw[:end]))), body[blank.end() :] if blank else body


def _fields(block: bytes) -> Iterator[tuple[str, bytes]]:
    for count, found in enumerate(_FIELD.finditer(block)):
        if count >= MAX_FIELDS:
            return
        value = found[2][:MAX_VALUE].replace(b"\r", b"").replace(b"\n", b"").strip()
        yield found[1].decode("ascii").lower(), value


def decoded(value: bytes) -> str:
    """Text of a field value: RFC 2047 words decoded (adjacent ones joined before decoding, so that a character may
    be split between them, as many senders do), raw 8-bit bytes guessed."""
    if b"=?" not in value:
        return storable(decode(value))
    out: list[str] = []
    pending, charset, end = b"", "", 0
    for word in _WORD.finditer(value):
        between = value[end : word.start()]
        name = word[1].decode("ascii", "replace").lower()
        if pending and (between.strip() or name != charset):
            out.append(decode(pending, charset))
            pending = b""
        if between.strip() or end == 0:
            out.append(decode(between))
        charset = name
        pending += _word_bytes(word[2], word[3])
        end = word.end()
    out.extend((decode(pending, charset), decode(value[end:])))
    return storable("".join(out))


def _word_bytes(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"qQ":
        return binascii.a2b_qp(text.replace(b" ", b"_"), header=True)
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
    try:
        return binascii.a2b_base64(clean[: len(clean) - (len(clean) % 4 == 1)] + b"===")
    except binascii.Error:
        return b""


def parse_addresses(value: bytes) -> list[Address]:
    """Mailboxes of an address list, however broken; what has no `@` is no mailbox."""
    text = storable(decode(value))
    if usual := _USUAL.fullmatch(text):
        return [Address(_name(usual[1].strip().strip('"')), usual[2].lower())]
    try:
        pairs = getaddresses([text])
    except Exception:
        # The standard library recurses on nested comments and stumbles over more; the pattern below still finds them.
        pairs = []
    found = [
        Address(_name(name), email.lower()) for name, email in pairs if _ADDRESS.fullmatch(email) and len(email) <= 254
    ]
    if found:
        return found[:MAX_ADDRESSES]
    words = decoded(value)
    matches = list(_ADDRESS.finditer(words))[:MAX_ADDRESSES]
    if len(matches) == 1:
        name = words[: matches[0].start()].strip(" \"'<(")
        return [Address(one_line(name, 200), _trimmed(matches[0][0]))]
    return [Address("", _trimmed(match[0])) for match in matches]


def _name(text: str) -> str:
    return one_line(decoded(text.encode("utf-8", "replace")), 200)


def _trimmed(address: str) -> str:
    return address.strip(".").lower()


def parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """A structured field's value in lower case and its parameters, decoded (RFC 2231 parts joined; RFC 2047 words and
    raw 8-bit bytes, which are wrong there but common, understood too)."""
    main = value.split(b";", 1)[0].strip().lower().decode("ascii", "replace")
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for match in list(_PARAMETER.finditer(value))[:200]:
        name = match[1].decode("ascii", "replace").lower()
        content = _unquoted(match[2].strip())
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(name, decoded(content))
            continue
        encoded = not rest or rest.endswith("*")
        digits = rest.rstrip("*")
        if digits.isdecimal() or not digits:
            pieces.setdefault(base, {})[int(digits[:4] or 0)] = (content, encoded)
    for base, parts in pieces.items():
        plain[base] = _rfc2231([parts[number] for number in sorted(parts)])
    return main, plain


def _rfc2231(parts: list[tuple[bytes, bool]]) -> str:
    charset = ""
    joined = b""
    for number, (part, encoded) in enumerate(parts):
        content = part
        if encoded and number == 0 and content.count(b"'") >= 2:
            label, _, content = content.split(b"'", 2)
            charset = label.decode("ascii", "replace")
        joined += unquote_to_bytes(content) if encoded else content
    return storable(decode(joined, charset or None))


def _unquoted(value: bytes) -> bytes:
    if not value.startswith(b'"'):
        return value
    return re.sub(rb"\\([\"\\])", rb"\1", value[1:].removesuffix(b'"'))
