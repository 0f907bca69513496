"""Passwords: what is strong enough, and bcrypt away from the event loop."""

from __future__ import annotations

import asyncio
import re
import secrets
from functools import lru_cache

import bcrypt

from infra.local.auth.config import AuthConfig
from infra.local.auth.errors import WeakPasswordError, invalid

MAX_BYTES = 72  # bcrypt reads no further
_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")


def check_length(password: str) -> None:
    """Raise AuthError where the password cannot be hashed."""
    if len(password.encode()) > MAX_BYTES:
        raise invalid(f"Password cannot be longer than {MAX_BYTES} characters")
    if "\0" in password:
        raise invalid("Password cannot contain a null character")


def check_strength(config: AuthConfig, password: str) -> None:
    """Raise WeakPasswordError, or AuthError where the password cannot be hashed."""
    check_length(password)
    reasons, messages = [], []
    if len(password) < config.password_min_length:
        reasons.append("length")
        messages.append(f"Password should be at least {config.password_min_length} characters.")
    if any(not set(wanted) & set(password) for wanted in config.password_required_sets):
        sets = ", ".join(config.password_required_sets)
        reasons.append("characters")
        messages.append(f"Password should contain at least one character of each: {sets}.")
    if reasons:
        raise WeakPasswordError(" ".join(messages), reasons)


async def hash_password(config: AuthConfig, password: str) -> str:
    """bcrypt of a password that check_strength let through."""
    salt = bcrypt.gensalt(config.bcrypt_cost)
    return (await asyncio.to_thread(bcrypt.hashpw, password.encode(), salt)).decode()


async def verify_password(config: AuthConfig, password: str, hashed: str | None) -> bool:
    """Whether `password` makes `hashed`. Without a hash the same work is done: time does not tell users apart."""
    known = hashed if hashed and is_hash(hashed) else None
    # Longer ones cannot have been set: they are cut, not refused, so that the answer stays the same.
    given = password.encode()[:MAX_BYTES].replace(b"\0", b"")
    matches = await asyncio.to_thread(lambda: bcrypt.checkpw(given, (known or _decoy(config.bcrypt_cost)).encode()))
    fits = len(password.encode()) <= MAX_BYTES and "\0" not in password
    return matches and fits and known is not None


def is_hash(text: str) -> bool:
    """Whether `text` is a bcrypt hash, the one kind that this Auth verifies."""
    return _BCRYPT.fullmatch(text) is not None


def random_password() -> str:
    """For users who never chose one: nobody knows it."""
    return secrets.token_urlsafe(48)


@lru_cache
def _decoy(cost: int) -> str:
    return bcrypt.hashpw(secrets.token_bytes(16).hex().encode(), bcrypt.gensalt(cost)).decode()
