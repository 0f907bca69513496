"""The signed token in a reply address: `reply+<token>@…` leads an answer to its ticket, for the one it was sent to.

Layout, before base32 in lower case (48 characters, so that 15 are left of the 64 octets that a local part may have, RFC
5321 §4.5.3.1.1): 16 octets ticket id, 4 octets tag of the recipient, 10 octets of an HMAC-SHA256 over organization,
ticket and tag. It can only be tried by sending mail, so 80 bits are out of reach.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

_TOKEN = re.compile(r"\+([a-z2-7]{48})@", re.IGNORECASE)
_TAG, _MAC = 4, 10
MAX_LOCAL = 64


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """A token whose signature held. `for_sender`: it was sent to the one who answers now."""

    ticket_id: UUID
    for_sender: bool


def make_token(secret: str, organization_id: UUID, ticket_id: UUID, recipient: str) -> str:
    """The token that mail about a ticket to `recipient` carries behind the `+` of its reply address."""
    tag = _tag(secret, recipient)
    body = ticket_id.bytes + tag
    return base64.b32encode(body + _mac(secret, organization_id, body)).decode().lower()


def reply_address(address: str, token: str) -> str:
    """`support@acme.test` and a token make `support+<token>@acme.test`. A local part that leaves no room stays without:
    answers then find their ticket by the Message-ID they name."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{token}@{domain}" if len(local) + 1 + len(token) <= MAX_LOCAL else address


def read_token(
    secrets: Sequence[str], organization_id: UUID, addresses: Sequence[str], sender: str
) -> ReplyToken | None:
    """The first valid token among recipient addresses; letters of either case. Any of `secrets` may have signed it."""
    for address in addresses:
        found = _TOKEN.search(address)
        if not found:
            continue
        try:
            data = base64.b32decode(found[1].upper())
        except binascii.Error:
            continue
        body, mac = data[: 16 + _TAG], data[16 + _TAG :]
        for secret in secrets:
            if hmac.compare_digest(mac, _mac(secret, organization_id, body)):
                return ReplyToken(UUID(bytes=body[:16]), hmac.compare_digest(body[16:], _tag(secret, sender)))
    return None


def _tag(secret: str, recipient: str) -> bytes:
    return _digest(secret, b"recipient|" + recipient.strip().lower().encode("utf-8", "replace"))[:_TAG]


def _mac(secret: str, organization_id: UUID, body: bytes) -> bytes:
    return _digest(secret, b"reply|" + organization_id.bytes + body)[:_MAC]


def _digest(secret: str, message: bytes) -> bytes:
    return hmac.digest(secret.encode(), message, "sha256")
