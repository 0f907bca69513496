"""Mailgun's signature: what it signed is believed, for five minutes, and nothing else is."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from chalicelib.kit.mailgun_signature import verify
from chalicelib.kit.standard_webhooks import BadSignature

KEY, AT, TOKEN = "key-of-a-test", "1770920772", "e0b5477167110d68991efc6b9f89f0a11066af27834600e123"
SIGNATURE = hmac.new(KEY.encode(), f"{AT}{TOKEN}".encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("later", [-299, 0, 299])
def test_what_mailgun_signed_is_believed_for_five_minutes(later: int) -> None:
    verify(KEY, AT, TOKEN, SIGNATURE, now=int(AT) + later)


@pytest.mark.parametrize("later", [-301, 301])
def test_a_signature_from_another_time_is_refused(later: int) -> None:
    with pytest.raises(BadSignature, match="300 seconds"):
        verify(KEY, AT, TOKEN, SIGNATURE, now=int(AT) + later)


@pytest.mark.parametrize(
    ("key", "timestamp", "token", "signature"),
    [
        ("", AT, TOKEN, SIGNATURE),
        ("another-key", AT, TOKEN, SIGNATURE),
        (KEY, "1770920773", TOKEN, SIGNATURE),
        (KEY, AT, TOKEN[::-1], SIGNATURE),
        (KEY, AT, TOKEN, SIGNATURE[:-1]),
        (KEY, AT, TOKEN, "é" * 64),
        (KEY, AT, TOKEN, "\ud800"),
        (KEY, AT, TOKEN, ""),
        (KEY, AT, "", SIGNATURE),
        (KEY, "", TOKEN, SIGNATURE),
        (KEY, "１７７０９２０７７２", TOKEN, SIGNATURE),
        (KEY, f"-{AT}", TOKEN, SIGNATURE),
        (KEY, AT, "a" * 101, SIGNATURE),
        (KEY, AT, "a b", SIGNATURE),
        # The border between the two may not be moved.
        (KEY, AT[:-1], AT[-1] + TOKEN, SIGNATURE),
    ],
)
def test_anything_else_is_refused(key: str, timestamp: str, token: str, signature: str) -> None:
    with pytest.raises(BadSignature):
        verify(key, timestamp, token, signature, now=int(AT))


def test_nobody_can_sign_with_an_empty_key() -> None:
    forged = hmac.new(b"", f"{AT}{TOKEN}".encode(), hashlib.sha256).hexdigest()
    with pytest.raises(BadSignature, match="no signing key"):
        verify("", AT, TOKEN, forged, now=int(AT))
