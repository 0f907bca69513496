"""Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, 30 seconds, one step of skew either way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from urllib.parse import quote, urlencode

STEP = 30  # seconds
DIGITS = 6
SKEW = 1  # steps


def new_secret() -> str:
    """160 random bits (RFC 4226 section 4 R6) in Base32 without padding."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, moment: float) -> str:
    """The code that an authenticator shows at `moment`, in seconds since 1970."""
    digest = hmac.digest(base64.b32decode(secret), int(moment // STEP).to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def is_valid(secret: str, code: str, moment: float | None = None) -> bool:
    """Whether `code` is right now, or was or will be within one step."""
    now = time.time() if moment is None else moment
    given = code.strip().encode()
    expected = (code_at(secret, now + step * STEP).encode() for step in range(-SKEW, SKEW + 1))
    return any(hmac.compare_digest(given, one) for one in expected)


def key_uri(secret: str, issuer: str, account: str) -> str:
    """The `otpauth://` address that authenticators read from a QR code."""
    label = quote(f"{issuer}:{account}", safe=":@")
    values = {"algorithm": "SHA1", "digits": DIGITS, "issuer": issuer, "period": STEP, "secret": secret}
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"
