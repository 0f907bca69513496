"""Webhook signatures: the specification's vector, the reference library as an oracle, and every way to be refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from chalicelib.kit.standard_webhooks import BadSignature, headers, new_secret, sign, verify
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_vector_of_the_specification_holds() -> None:
    assert sign([SECRET], ID, AT, BODY) == SIGNATURE
    assert verify([SECRET], headers([SECRET], ID, AT, BODY), BODY, now=AT) == ID


@given(st.binary(max_size=400), st.integers(1_000_000_000, 4_000_000_000))
def test_the_reference_library_signs_the_same(body: bytes, at: int) -> None:
    text = body.decode("latin-1")
    theirs = Webhook(SECRET).sign(ID, datetime.fromtimestamp(at, UTC), text)
    assert sign([SECRET], ID, at, text.encode()) == theirs


def test_while_a_secret_is_rotated_the_old_and_the_new_one_are_good() -> None:
    old, new = new_secret(), new_secret()
    both = headers([new, old], ID, AT, BODY)
    assert len(both["webhook-signature"].split(" ")) == 2
    assert verify([old], both, BODY, now=AT) == verify([new], both, BODY, now=AT) == ID
    assert verify([old, new], headers([old], ID, AT, BODY), BODY, now=AT) == ID


def test_the_older_names_of_the_headers_are_read_too() -> None:
    theirs = {name.replace("webhook", "svix"): value for name, value in headers([SECRET], ID, AT, BODY).items()}
    assert verify([SECRET], theirs, BODY, now=AT) == ID


@pytest.mark.parametrize("later", [-301, 301])
def test_a_webhook_from_another_time_is_refused(later: int) -> None:
    with pytest.raises(BadSignature, match="300 seconds"):
        verify([SECRET], headers([SECRET], ID, AT, BODY), BODY, now=AT + later)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "garbage"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,AA== extra"},
        {"webhook-signature": SIGNATURE.replace("v1", "v1a")},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": ""},
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": str(AT + 1)},
        {"webhook-timestamp": "１６１４２６５３３０"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": ""},
    ],
)
def test_what_was_changed_or_is_malformed_is_refused_and_nothing_else_is_raised(change: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], headers([SECRET], ID, AT, BODY) | change, BODY, now=AT)


def test_another_body_or_no_secret_is_refused() -> None:
    good = headers([SECRET], ID, AT, BODY)
    for keys, body in (([SECRET], BODY + b" "), ([new_secret()], BODY), ([], BODY)):
        with pytest.raises(BadSignature):
            verify(keys, good, body, now=AT)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64", ""])
def test_a_malformed_secret_is_named(secret: str) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        sign([secret], ID, AT, BODY)


def test_an_id_with_a_dot_is_not_signed() -> None:
    with pytest.raises(ValueError, match="dot"):
        sign([SECRET], "msg.1", AT, BODY)
