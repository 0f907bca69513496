"""Signed links: who holds one may do one thing with one row, without signing in.

The token is 64 letters of base64url: 16 octets organization, 16 octets id of the row, 16 octets of an HMAC-SHA256 over
the purpose and both. Until when it may be used, and by how many answers, says the row. A token that is forged, or made
for another purpose, costs one HMAC: the database is not asked.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from chalicelib.kit.settings import SettingsError, settings

_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}")
_MAC = 16


@dataclass(frozen=True, slots=True)
class Link:
    """What a good token opens."""

    organization_id: UUID
    id: UUID


def make_token(secret: str, purpose: str, organization_id: UUID, row_id: UUID) -> str:
    """The token that opens a row for a purpose."""
    named = organization_id.bytes + row_id.bytes
    return base64.urlsafe_b64encode(named + _mac(secret, purpose, named)).decode()


def read_token(secret: str, purpose: str, token: str) -> Link | None:
    """What the token opens; None unless `secret` made it for this purpose. An empty secret opens nothing."""
    if not secret or not _TOKEN.fullmatch(token):
        return None
    try:
        data = base64.urlsafe_b64decode(token)
    except binascii.Error:
        return None
    named, mac = data[:-_MAC], data[-_MAC:]
    if not hmac.compare_digest(mac, _mac(secret, purpose, named)):
        return None
    return Link(UUID(bytes=named[:16]), UUID(bytes=named[16:]))


def signed_url(purpose: str, organization_id: UUID, row_id: UUID, **query: object) -> str:
    """The address of the functions' page for a purpose, opening a row. Raises SettingsError where it cannot be told."""
    secret = settings().reply_secret.get_secret_value()
    base = settings().functions_url or (settings().supabase_url and f"{settings().supabase_url}/functions/v1")
    if not secret or not base:
        raise SettingsError("PGDESK_REPLY_SECRET signs the links of mails, PGDESK_FUNCTIONS_URL is where they lead")
    asked = {"token": make_token(secret, purpose, organization_id, row_id), **query}
    return f"{base.rstrip('/')}/{purpose}?{urlencode(asked)}"


def opened(purpose: str, token: str) -> Link | None:
    """What a token that came back opens."""
    return read_token(settings().reply_secret.get_secret_value(), purpose, token)


def _mac(secret: str, purpose: str, named: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"link|" + purpose.encode() + b"|" + named, "sha256")[:_MAC]
