"""Second factors by authenticator app."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from supabase_auth import SyncGoTrueClient
from supabase_auth.errors import AuthApiError

from infra.local import tokens
from infra.local.auth import qr, totp
from tests.auth.conftest import PASSWORD, Auth


def signed_in(auth: Auth, address: str | None = None) -> SyncGoTrueClient:
    client = auth.client()
    client.sign_in_with_password({"email": address or auth.user(), "password": PASSWORD})
    return client


def enrolled(auth: Auth, client: SyncGoTrueClient) -> tuple[str, str]:
    """The id and secret of a factor that was verified, which raised the client's session."""
    factor = client.mfa.enroll({"factor_type": "totp", "friendly_name": "phone", "issuer": "Desk"})
    assert factor.totp is not None
    code = totp.code_at(factor.totp.secret, time.time())
    client.mfa.challenge_and_verify({"factor_id": factor.id, "code": code})
    return factor.id, factor.totp.secret


def test_a_verified_factor_raises_the_session(auth: Auth) -> None:
    address = auth.user()
    client = signed_in(auth, address)
    weaker = auth.session(address)
    before = client.get_session()
    assert before is not None
    enrolled(auth, client)
    after = client.get_session()
    assert after is not None
    claims = tokens.verify(auth.settings.keys, after.access_token)
    assert claims["aal"] == "aal2"
    assert {entry["method"] for entry in claims["amr"]} == {"password", "totp"}
    assert claims["session_id"] == tokens.verify(auth.settings.keys, before.access_token)["session_id"]
    levels = client.mfa.get_authenticator_assurance_level()
    assert (levels.current_level, levels.next_level) == ("aal2", "aal2")
    assert auth.refresh(weaker["refresh_token"]).status_code == 400  # lower sessions ended
    assert auth.refresh(before.refresh_token).status_code == 400  # and the lower token cannot become the higher
    refreshed = client.refresh_session().session
    assert refreshed is not None
    assert tokens.verify(auth.settings.keys, refreshed.access_token)["aal"] == "aal2"


def test_a_later_sign_in_starts_at_aal1_and_is_told_of_aal2(auth: Auth) -> None:
    address = auth.user()
    factor_id, secret = enrolled(auth, signed_in(auth, address))
    client = signed_in(auth, address)
    levels = client.mfa.get_authenticator_assurance_level()
    assert (levels.current_level, levels.next_level) == ("aal1", "aal2")
    assert [factor.id for factor in client.mfa.list_factors().totp] == [factor_id]
    client.mfa.challenge_and_verify({"factor_id": factor_id, "code": totp.code_at(secret, time.time())})
    assert client.mfa.get_authenticator_assurance_level().current_level == "aal2"


def test_the_secret_comes_as_text_address_and_picture(auth: Auth) -> None:
    address = auth.user()
    client = signed_in(auth, address)
    factor = client.mfa.enroll({"factor_type": "totp", "friendly_name": "phone", "issuer": "My Desk"})
    assert factor.totp is not None
    uri = urlsplit(factor.totp.uri)
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", f"/My%20Desk:{address}")
    assert parse_qs(uri.query)["secret"] == [factor.totp.secret]
    assert factor.totp.qr_code.startswith("data:image/svg+xml;utf-8,<svg ")
    assert factor.totp.secret not in auth.call("GET", "/user", client.get_session().access_token).text  # type: ignore[union-attr]


def test_a_wrong_code_verifies_nothing(auth: Auth) -> None:
    client = signed_in(auth)
    factor = client.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
    assert factor.totp is not None
    now = time.time()
    wrong = next(code for number in range(9) if not totp.is_valid(factor.totp.secret, code := f"{number:06d}", now))
    with pytest.raises(AuthApiError) as refused:
        client.mfa.challenge_and_verify({"factor_id": factor.id, "code": wrong})
    assert (refused.value.code, refused.value.status) == ("mfa_verification_failed", 422)
    assert client.mfa.list_factors().totp == []


def test_a_challenge_counts_once_and_for_its_factor_and_caller_only(auth: Auth) -> None:
    client = signed_in(auth)
    factor_id, secret = enrolled(auth, client)
    session = client.get_session()
    assert session is not None

    def verify(challenge: str, **headers: str) -> dict[str, Any]:
        body = {"challenge_id": challenge, "code": totp.code_at(secret, time.time())}
        path = f"/factors/{factor_id}/verify"
        answer: dict[str, Any] = auth.call("POST", path, session.access_token, json=body, headers=headers).json()
        return answer

    challenge = client.mfa.challenge({"factor_id": factor_id}).id
    assert verify(challenge, **{"X-Forwarded-For": "203.0.113.9"})["code"] == "mfa_ip_address_mismatch"
    assert "access_token" in verify(challenge)
    assert verify(challenge)["code"] == "mfa_ip_address_mismatch"
    assert verify("00000000-0000-0000-0000-000000000000")["code"] == "mfa_factor_not_found"
    assert verify("x")["code"] == "bad_json"


def test_a_challenge_expires(configured: Callable[..., Auth]) -> None:
    auth = configured(mfa_challenge_expiry=-1)
    with pytest.raises(AuthApiError) as refused:
        enrolled(auth, signed_in(auth))
    assert refused.value.code == "mfa_challenge_expired"


def test_the_factor_of_another_is_not_found(auth: Auth) -> None:
    factor_id, _ = enrolled(auth, signed_in(auth))
    stranger = signed_in(auth)
    for action in (
        lambda: stranger.mfa.challenge({"factor_id": factor_id}),
        lambda: stranger.mfa.unenroll({"factor_id": factor_id}),
    ):
        with pytest.raises(AuthApiError) as refused:
            action()
        assert (refused.value.code, refused.value.status) == ("mfa_factor_not_found", 404)


def test_what_a_password_alone_may_not_do_any_more(auth: Auth) -> None:
    address = auth.user()
    factor_id, _ = enrolled(auth, signed_in(auth, address))
    client = signed_in(auth, address)
    for action in (
        lambda: client.update_user({"password": "a new password"}),
        lambda: client.update_user({"email": "new@example.com"}),
        lambda: client.mfa.unenroll({"factor_id": factor_id}),
        lambda: client.mfa.enroll({"factor_type": "totp", "friendly_name": "second"}),
    ):
        with pytest.raises(AuthApiError) as refused:
            action()
        assert refused.value.code == "insufficient_aal"
    client.update_user({"data": {"name": "still mine"}})


def test_without_the_factor_the_session_is_aal1_again(auth: Auth) -> None:
    client = signed_in(auth)
    factor_id, _ = enrolled(auth, client)
    client.mfa.unenroll({"factor_id": factor_id})
    session = client.refresh_session().session
    assert session is not None
    assert tokens.verify(auth.settings.keys, session.access_token)["aal"] == "aal1"


def test_an_admin_may_remove_a_lost_factor(auth: Auth) -> None:
    address = auth.user()
    factor_id, _ = enrolled(auth, signed_in(auth, address))
    user_id = auth.session(address)["user"]["id"]
    admin = auth.admin().admin.mfa
    assert [factor.id for factor in admin.list_factors({"user_id": user_id})] == [factor_id]
    admin.delete_factor({"user_id": user_id, "id": factor_id})
    assert admin.list_factors({"user_id": user_id}) == []


def test_names_are_unique_and_factors_limited(configured: Callable[..., Auth]) -> None:
    auth = configured(mfa_max_factors=2)
    client = signed_in(auth)
    client.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
    with pytest.raises(AuthApiError, match="friendly name"):
        client.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
    client.mfa.enroll({"factor_type": "totp", "friendly_name": "tablet"})
    with pytest.raises(AuthApiError, match="Maximum number"):
        client.mfa.enroll({"factor_type": "totp", "friendly_name": "watch"})


def test_anonymous_users_and_other_kinds_are_refused(auth: Auth) -> None:
    client = auth.client()
    client.sign_in_anonymously()
    with pytest.raises(AuthApiError) as refused:
        client.mfa.enroll({"factor_type": "totp", "friendly_name": "phone"})
    assert refused.value.code == "no_authorization"
    token = auth.session()["access_token"]
    for body, code in (
        ({"factor_type": "phone"}, "mfa_phone_enroll_not_enabled"),
        ({"factor_type": "webauthn"}, "mfa_webauthn_enroll_not_enabled"),
        ({"factor_type": "x"}, "validation_failed"),
        ({"factor_type": "totp", "issuer": "x" * 5000}, "validation_failed"),
    ):
        assert auth.call("POST", "/factors", token, json=body).json()["code"] == code


def test_the_picture_is_a_qr_code() -> None:
    # The digest is of what the reference implementation python-qrcode draws for this text, version 10, mask 3.
    text = b"otpauth://totp/Desk:ada@example.com?" + b"x" * 170
    drawn = "".join("01"[dark] for row in qr.encode(text, mask=3) for dark in row)
    assert (
        hashlib.sha256(drawn.encode()).hexdigest() == "24baab00575353a5c1334631f36272f1c2a18613e7d5c5a1451e3b6f7765e1b9"
    )


# RFC 6238, appendix B, SHA-1, last six of its eight digits.
@pytest.mark.parametrize(
    ("moment", "code"),
    [(1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(moment: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert totp.code_at(secret, moment) == code
    assert totp.is_valid(secret, code, moment + 30)
    assert totp.is_valid(secret, code, moment - 30)
    assert not totp.is_valid(secret, code, moment + 90)
    assert not totp.is_valid(secret, "\N{SUPERSCRIPT TWO}" * 6, moment)
