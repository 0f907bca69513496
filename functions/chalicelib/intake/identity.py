"""What makes two deliveries the same mail: told from the raw bytes, before anything else is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .headers import split

# What the sender wrote. All other fields are added or changed by servers on the way.
_SENDERS_FIELDS = frozenset(
    (
        "from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references",
        "content-type", "content-transfer-encoding", "auto-submitted",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """`content` is a SHA-256; `message_id` is None where there is none; `sender` is empty where there is none."""

    message_id: str | None
    content: bytes
    sender: str


def identity(raw: bytes) -> Identity:
    """The same for every copy of a mail, whichever servers it passed and whichever line ends they left."""
    headers, body = split(raw if b"\n" in raw else raw.replace(b"\r", b"\n"))
    digest = hashlib.sha256()
    for name, value in sorted(field for field in headers.fields if field[0] in _SENDERS_FIELDS):
        digest.update(name.encode() + b":" + b" ".join(value.split()) + b"\n")
    digest.update(b"\n" + body.replace(b"\r\n", b"\n").rstrip(b"\r\n\t "))
    senders = headers.addresses("from")
    return Identity(headers.message_id(), digest.digest(), senders[0].email if senders else "")
