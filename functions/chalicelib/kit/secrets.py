"""Secrets that rows keep: AES-256-GCM under a data key of the organization, which KMS or a master key wraps.

A ciphertext is bound to its place (table, row, tenant, version of the key) as associated data: copied into another row
it cannot be opened. Layout: one octet of format, 12 of nonce, then ciphertext and tag. Nonces are random: a key seals
far fewer than the 2^32 secrets that NIST SP 800-38D allows for those.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.kit.database import one, queries, rows, transaction
from chalicelib.kit.http import HttpError
from chalicelib.kit.logging import log
from chalicelib.kit.settings import settings

SQL = queries(__file__)
FORMAT = b"\x01"
NONCE, KEY = 12, 32  # octets
KMS = "kms"


class Unreadable(Exception):  # noqa: N818
    """A secret, or the key to it, cannot be opened; the message says what an operator should look at."""


@dataclass(frozen=True)
class DataKey:
    """An organization's key, ready for use."""

    organization_id: UUID
    version: int
    key: bytes = field(repr=False)

    def seal(self, table: str, row_id: UUID, secret: str) -> bytes:
        """What the row keeps, with `version` beside it."""
        nonce = secrets.token_bytes(NONCE)
        return FORMAT + nonce + AESGCM(self.key).encrypt(nonce, secret.encode(), self._place(table, row_id))

    def open(self, table: str, row_id: UUID, sealed: bytes) -> str:
        """The secret that was sealed for this row. Raises Unreadable."""
        if sealed[:1] != FORMAT:
            raise Unreadable(f"{table} {row_id} was sealed in a format that is not known")
        try:
            nonce, text = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
            return AESGCM(self.key).decrypt(nonce, text, self._place(table, row_id)).decode()
        except (InvalidTag, ValueError):
            raise Unreadable(f"{table} {row_id} was not sealed for this row with this key") from None

    def index(self, table: str, what: str, value: str) -> bytes:
        """The blind index of a value, 16 octets: equal for equal values of `what` in this table, as long as the key is
        the same. Says nothing else about it to who has not the key."""
        derived = hmac.digest(self.key, f"blind index|{table}|{what}|{self.organization_id}".encode(), "sha256")
        return hmac.digest(derived, value.encode(), "sha256")[:16]

    def _place(self, table: str, row_id: UUID) -> bytes:
        return f"{table}|{row_id}|{self.organization_id}|{self.version}".encode()


def sealing_key(organization_id: UUID) -> DataKey:
    """The key that seals now, made where the organization has none. No transaction may be open: KMS is asked."""
    with transaction(organization_id) as connection:
        newest = one(connection, SQL["newest_data_key"], {"organization_id": organization_id})
    if newest is None:
        return new_sealing_key(organization_id, 1)
    return _unwrapped(organization_id, newest["version"], bytes(newest["wrapped"]), newest["wrapped_by"])


def sealing_key_for_caller(organization_id: UUID, area: str, what: str = "secrets") -> DataKey:
    """The key that seals now, for a route. Raises HttpError 503 where it cannot be had, and logs why."""
    try:
        return sealing_key(organization_id)
    except Unreadable as error:
        log(f"{area}.unable", level="error", error=str(error))
        raise HttpError(503, "unavailable", f"{what} cannot be encrypted at the moment", "Try again.") from None


def new_sealing_key(organization_id: UUID, version: int) -> DataKey:
    """The key of this version, made now: it seals from now on. No transaction may be open: KMS is asked."""
    wrapped, wrapped_by = _wrap_new(organization_id)
    values = {"organization_id": organization_id, "version": version, "wrapped": wrapped, "wrapped_by": wrapped_by}
    with transaction(organization_id) as connection:
        # Of two that make the same at once, one is kept.
        connection.execute(SQL["keep_data_key"], values)
        newest = one(connection, SQL["newest_data_key"], values)
    assert newest is not None
    return _unwrapped(organization_id, newest["version"], bytes(newest["wrapped"]), newest["wrapped_by"])


def data_key_versions(organization_id: UUID) -> list[int]:
    """Of the keys that there are, the newest first."""
    with transaction(organization_id) as connection:
        found = rows(connection, SQL["data_key_versions"], {"organization_id": organization_id})
    return [row["version"] for row in found]


@lru_cache(maxsize=256)
def opening_key(organization_id: UUID, version: int) -> DataKey:
    """The key that sealed with this version: it never changes. Raises Unreadable. No transaction may be open: KMS is
    asked."""
    with transaction(organization_id) as connection:
        row = one(connection, SQL["data_key"], {"organization_id": organization_id, "version": version})
    if row is None:
        raise Unreadable(f"the organization has no data key {version}")
    return _unwrapped(organization_id, version, bytes(row["wrapped"]), row["wrapped_by"])


def _unwrapped(organization_id: UUID, version: int, wrapped: bytes, wrapped_by: str) -> DataKey:
    if wrapped_by == KMS:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            told = _kms().decrypt(CiphertextBlob=wrapped, EncryptionContext=_context(organization_id))
        except (BotoCoreError, ClientError) as error:
            raise Unreadable(f"KMS does not unwrap the data key: {error}") from None
        return DataKey(organization_id, version, told["Plaintext"])
    for key in _master_keys():
        if wrapped_by == _name(key):
            try:
                plain = AESGCM(key).decrypt(wrapped[:NONCE], wrapped[NONCE:], organization_id.bytes)
            except InvalidTag:
                raise Unreadable("the data key was not wrapped for this organization") from None
            return DataKey(organization_id, version, plain)
    raise Unreadable(f"the data key is wrapped by {wrapped_by}, which PGDESK_MASTER_KEY does not name")


def _wrap_new(organization_id: UUID) -> tuple[bytes, str]:
    if settings().kms_key_id:
        made = _kms().generate_data_key(
            KeyId=settings().kms_key_id, KeySpec="AES_256", EncryptionContext=_context(organization_id)
        )
        return made["CiphertextBlob"], KMS
    master = next(_master_keys(), None)
    if master is None:
        raise Unreadable("neither PGDESK_KMS_KEY_ID nor PGDESK_MASTER_KEY is set: there is nothing to encrypt with")
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(master).encrypt(nonce, secrets.token_bytes(KEY), organization_id.bytes), _name(master)


def _context(organization_id: UUID) -> dict[str, str]:
    """Without the same words KMS does not unwrap; they stand in its log."""
    return {"purpose": "pgdesk data key", "organization_id": str(organization_id)}


def _master_keys() -> Iterator[bytes]:
    """Those of PGDESK_MASTER_KEY: the first wraps, each unwraps. Raises Unreadable where one is malformed."""
    for text in settings().master_key.get_secret_value().replace(",", " ").split():
        try:
            key = base64.b64decode(text, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY:
            raise Unreadable(f"PGDESK_MASTER_KEY holds a key that is not {KEY} octets in base64")
        yield key


def _name(master: bytes) -> str:
    return f"master:{hashlib.sha256(b'pgdesk master key' + master).hexdigest()[:16]}"


@lru_cache(maxsize=1)
def _kms() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("kms", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3}))
