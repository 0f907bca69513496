"""Standard Webhooks 1.0.0: how pgdesk signs what it sends, and checks what Resend (by way of Svix) sends to it.

Our own because the reference library signs another instant for times with an offset, and raises bare ValueErrors for
signatures it cannot read. Both name the specification: https://github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
SECRET_BYTES = 32  # 24 to 64 by the specification
TOLERANCE = 300  # seconds between the sender's clock and ours, in both directions
VERSION = "v1"


class BadSignature(Exception):  # noqa: N818  it is an answer, not a defect
    """The webhook is not to be believed; the message says why, and quotes nothing."""


def new_secret() -> str:
    """A fresh secret as an endpoint's owner copies it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(keys: Iterable[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one signature per secret, so that secrets can be rotated without a gap.

    `timestamp` is the attempt's, in Unix seconds. Raises ValueError where the id or a secret is malformed.
    """
    if not webhook_id or "." in webhook_id:
        raise ValueError("a webhook id is not empty and holds no dot")
    return " ".join(f"{VERSION},{_digest(key_bytes(key), webhook_id, timestamp, body)}" for key in keys)


def headers(keys: Iterable[str], webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt."""
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(keys, webhook_id, timestamp, body),
    }


def verify(keys: Iterable[str], given: Mapping[str, str], body: bytes, now: float | None = None) -> str:
    """The id of a webhook that was signed with one of `keys` within the tolerance.

    `given` are headers by lower-case name, `webhook-…` or Svix's older `svix-…`. Raises BadSignature. The caller
    remembers ids for longer than the tolerance, so that none is believed twice.
    """
    webhook_id, stamp, signatures = (
        given.get(f"webhook-{name}") or given.get(f"svix-{name}") or "" for name in ("id", "timestamp", "signature")
    )
    if not webhook_id or not stamp or not signatures:
        raise BadSignature("the headers webhook-id, webhook-timestamp and webhook-signature are needed")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        raise BadSignature("webhook-timestamp is not a time in Unix seconds")
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE:
        raise BadSignature(f"webhook-timestamp is more than {TOLERANCE} seconds off")
    brought = [part.partition(",")[2].encode() for part in signatures.split(" ") if part.startswith(f"{VERSION},")]
    # Every pair is compared, each in constant time.
    good = [
        hmac.compare_digest(_digest(key_bytes(key), webhook_id, int(stamp), body).encode(), signature)
        for key in keys
        for signature in brought
    ]
    if not any(good):
        raise BadSignature("no signature matches")
    return webhook_id


def key_bytes(secret: str) -> bytes:
    """The bytes behind `whsec_…`. Raises ValueError where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a webhook secret: base64 behind whsec_ is expected") from None
    if not key:
        raise ValueError("a webhook secret is not empty")
    return key


def _digest(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    signed = b".".join((webhook_id.encode(), str(timestamp).encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
