"""One-time codes sent by mail: a few digits to type, or their hash in a link. Only the hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from infra.local.auth.calls import Connection, Row
from infra.local.auth.config import AuthConfig
from infra.local.auth.errors import AuthError

PKCE_PREFIX = "pkce_"  # marks the hash of a code whose link leads to an authorization code (RFC 7636)


@dataclass(frozen=True)
class Slot:
    """Where a kind of code lies: its column and time in auth.users, and its name in auth.one_time_tokens."""

    column: str
    sent_at: str
    token_type: str


CONFIRMATION = Slot("confirmation_token", "confirmation_sent_at", "confirmation_token")
RECOVERY = Slot("recovery_token", "recovery_sent_at", "recovery_token")
CHANGE_NEW = Slot("email_change_token_new", "email_change_sent_at", "email_change_token_new")
CHANGE_CURRENT = Slot("email_change_token_current", "email_change_sent_at", "email_change_token_current")
CHANGE_PHONE = Slot("phone_change_token", "phone_change_sent_at", "phone_change_token")
REAUTHENTICATION = Slot("reauthentication_token", "reauthentication_sent_at", "reauthentication_token")

# Where the code of each verification type of the protocol may lie.
SLOTS: dict[str, tuple[Slot, ...]] = {
    "signup": (CONFIRMATION,),
    "invite": (CONFIRMATION,),
    "recovery": (RECOVERY,),
    "magiclink": (RECOVERY,),
    "email": (CONFIRMATION, RECOVERY),
    "email_change": (CHANGE_CURRENT, CHANGE_NEW),
}
PHONE_SLOTS: dict[str, Slot] = {"sms": CONFIRMATION, "phone_change": CHANGE_PHONE}


@dataclass(frozen=True)
class Code:
    """What is sent (`digits`) and what is kept and linked (`token`)."""

    digits: str
    token: str


def new_code(config: AuthConfig, address: str, pkce: bool = False) -> Code:
    digits = random_digits(config.otp_length)
    return Code(digits, (PKCE_PREFIX if pkce else "") + hash_of(address, digits))


def random_digits(length: int) -> str:
    return f"{secrets.randbelow(10**length):0{length}d}"


def hash_of(address: str, digits: str) -> str:
    """SHA-224 over address and code, as GoTrue keeps them."""
    return hashlib.sha224(f"{address}{digits}".encode()).hexdigest()


def check_frequency(seconds: float, sent_at: datetime | None, kind: str = "email") -> None:
    """Raise AuthError 429 where the last message of the kind (email or sms) was sent less than `seconds` ago."""
    if sent_at is None:
        return
    left = (sent_at + timedelta(seconds=seconds) - datetime.now(UTC)).total_seconds()
    if left > 0:
        message = f"For security purposes, you can only request this after {int(left)} seconds."
        raise AuthError(429, f"over_{kind}_send_rate_limit", message)


async def keep(connection: Connection, user: Row, slot: Slot, code: Code, address: str) -> dict[str, Any]:
    """Store the code, in place of an earlier one of its kind. Returns the columns of auth.users to set with it."""
    await connection.execute(
        "insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to) "
        "values (%(id)s, %(user)s, %(type)s, %(hash)s, %(address)s) on conflict (user_id, token_type) do update "
        "set token_hash = excluded.token_hash, relates_to = excluded.relates_to, updated_at = now()",
        {"id": uuid4(), "user": user["id"], "type": slot.token_type, "hash": code.token, "address": address},
    )
    return {slot.column: code.token, slot.sent_at: datetime.now(UTC)}


async def find(connection: Connection, token: str, slots: tuple[Slot, ...]) -> tuple[Row, Slot] | None:
    """The user, locked, whose code has this hash, and where it lies."""
    found = await connection.execute(
        "select user_id, token_type::text from auth.one_time_tokens where token_hash = %s "
        "and token_type::text = any (%s) limit 1",
        [token, [slot.token_type for slot in slots]],
    )
    held = await found.fetchone()
    if held is None:
        return None
    user = await (
        await connection.execute("select * from auth.users where id = %s for update", [held["user_id"]])
    ).fetchone()
    slot = next(slot for slot in slots if slot.token_type == held["token_type"])
    # Looked at again under the lock: the code may have been used meanwhile.
    return (user, slot) if user is not None and user[slot.column] == token else None


def matches(expiry: float, user: Row, slot: Slot, token: str) -> bool:
    """Whether `token`, a hash without prefix, is the user's code in that slot and no older than `expiry` seconds."""
    kept = user[slot.column] or ""
    return bool(kept) and same(kept.removeprefix(PKCE_PREFIX), token) and not is_expired(expiry, user, slot)


def same(one: str, other: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return secrets.compare_digest(one.encode(), other.encode())


def is_expired(expiry: float, user: Row, slot: Slot) -> bool:
    sent_at = user[slot.sent_at]
    return sent_at is None or sent_at + timedelta(seconds=expiry) < datetime.now(UTC)
