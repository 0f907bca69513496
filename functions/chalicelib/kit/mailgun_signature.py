"""Mailgun's signature on what it posts to us: HMAC-SHA256 over timestamp and token, with the HTTP webhook signing key.

The same for its webhooks (JSON, in `signature`) and its routes (form fields). It covers neither body nor address: it
says that Mailgun posted this token at this time, so a token that was believed once must not be believed again. Source:
https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import time

from chalicelib.kit.standard_webhooks import TOLERANCE, BadSignature

MAX_TOKEN = 100  # Mailgun's have 50 characters


def verify(
    signing_key: str, timestamp: str, token: str, signature: str, now: float | None = None, late: int = TOLERANCE
) -> None:
    """Return where Mailgun signed `timestamp` (Unix seconds) and `token`: at most `late` seconds ago, and not in the
    future beyond five minutes.

    `signature` is in hexadecimal. Raises BadSignature, which quotes nothing. An empty key believes nobody. The caller
    remembers the token for longer than `late`.
    """
    if not signing_key:
        raise BadSignature("no signing key is configured")
    if not (timestamp and token and signature):
        raise BadSignature("timestamp, token and signature are needed")
    if len(token) > MAX_TOKEN or not (token.isascii() and token.isalnum()):
        raise BadSignature("token is none of Mailgun's")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        raise BadSignature("timestamp is not a time in Unix seconds")
    if not -TOLERANCE <= (time.time() if now is None else now) - int(timestamp) <= late:
        raise BadSignature(f"timestamp is more than {late} seconds old, or {TOLERANCE} seconds ahead")
    expected = hmac.new(signing_key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    # Bytes: of text, compare_digest takes ASCII only.
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise BadSignature("the signature does not match")
