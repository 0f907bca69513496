"""What users may change about themselves, and what they may not."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from supabase_auth.errors import AuthApiError

from infra.local import tokens
from tests.auth.conftest import PASSWORD, Auth, fragment, link_in, new_address


def test_a_user_changes_their_metadata_key_by_key(auth: Auth) -> None:
    client = auth.client()
    client.sign_in_with_password({"email": auth.user(user_metadata={"a": 1, "b": 2}), "password": PASSWORD})
    user = client.update_user({"data": {"b": None, "c": {"d": [3]}}}).user
    assert user.user_metadata == {"a": 1, "c": {"d": [3]}, "email_verified": True}


def test_a_user_cannot_change_role_app_metadata_or_confirmation(auth: Auth) -> None:
    address = new_address()
    auth.user(address)
    session = auth.session(address)
    body = {
        "role": "service_role",
        "aud": "admin",
        "is_super_admin": True,
        "email_confirmed_at": None,
        "raw_app_meta_data": {"admin": True},
        "data": {"role": "service_role", "app_metadata": {"admin": True}},
    }
    assert auth.call("PUT", "/user", session["access_token"], json=body).status_code == 200
    after = auth.session(address)
    assert after["user"]["app_metadata"] == {"provider": "email", "providers": ["email"]}
    claims = tokens.verify(auth.settings.keys, after["access_token"])
    assert (claims["role"], claims["aud"]) == ("authenticated", "authenticated")
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    refused = auth.call("PUT", "/user", session["access_token"], json={"app_metadata": {"admin": True}})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_admin")


def test_a_new_password_has_to_differ_and_ends_other_sessions(auth: Auth) -> None:
    client, address = auth.client(), auth.user()
    other = auth.session(address)
    client.sign_in_with_password({"email": address, "password": PASSWORD})
    with pytest.raises(AuthApiError) as refused:
        client.update_user({"password": PASSWORD})
    assert (refused.value.code, refused.value.status) == ("same_password", 422)
    client.update_user({"password": "a new password"})
    assert client.refresh_session().session is not None
    assert auth.refresh(other["refresh_token"]).status_code == 400


def test_a_new_address_counts_once_both_addresses_agree(auth: Auth) -> None:
    client, old, new = auth.client(), auth.user(), new_address()
    client.sign_in_with_password({"email": old, "password": PASSWORD})
    user = client.update_user({"email": new}).user
    assert (user.email, user.new_email) == (old, new)
    assert fragment(auth.follow(new))["message"].startswith("Confirmation link accepted")
    assert auth.sign_in(new).status_code == 400
    assert fragment(auth.open(link_in(auth.mail(new))))["error_code"] == "otp_expired"  # one mailbox cannot agree twice
    assert fragment(auth.follow(old))["type"] == "email_change"
    assert auth.sign_in(new).status_code == 200
    assert auth.sign_in(old).status_code == 400
    identity = auth.session(new)["user"]["identities"][0]
    assert (identity["email"], identity["identity_data"]["email_verified"]) == (new, True)


def test_the_codes_of_a_change_may_be_typed(auth: Auth) -> None:
    client, old, new = auth.client(), auth.user(), new_address()
    client.sign_in_with_password({"email": old, "password": PASSWORD})
    client.update_user({"email": new})
    first = client.verify_otp({"email": old, "token": auth.code(old), "type": "email_change"})
    assert first.session is None
    second = client.verify_otp({"email": new, "token": auth.code(new), "type": "email_change"})
    assert second.user is not None
    assert second.user.email == new


def test_a_taken_address_is_refused_when_asked_for_and_when_confirmed(configured: Callable[..., Auth]) -> None:
    auth = configured(double_confirm_changes=False)
    client, taken, wanted = auth.client(), auth.user(), new_address()
    client.sign_in_with_password({"email": auth.user(), "password": PASSWORD})
    with pytest.raises(AuthApiError) as refused:
        client.update_user({"email": taken})
    assert (refused.value.code, refused.value.status) == ("email_exists", 422)
    client.update_user({"email": wanted})
    link = link_in(auth.mail(wanted))
    auth.user(wanted)  # somebody else was faster
    assert fragment(auth.open(link))["error_code"] == "email_exists"


def test_html_in_an_address_stays_text_in_the_mail(auth: Auth) -> None:
    client, old = auth.client(), auth.user()
    client.sign_in_with_password({"email": old, "password": PASSWORD})
    client.update_user({"email": "a&b'{x}@example.com"})
    html = auth.mail(old).html or ""
    assert "a&amp;b&#x27;{x}@example.com" in html


def test_identities_are_listed_and_the_last_one_stays(configured: Callable[..., Auth]) -> None:
    auth = configured(manual_linking_enabled=True)
    client = auth.client()
    client.sign_in_with_password({"email": auth.user(), "password": PASSWORD})
    [identity] = client.get_user_identities().identities
    assert identity.provider == "email"
    with pytest.raises(AuthApiError) as refused:
        client.unlink_identity(identity)
    assert refused.value.code == "single_identity_not_deletable"
    auth.rows(
        "insert into auth.identities (provider_id, user_id, identity_data, provider, created_at) "
        "values (%s, %s, '{}', 'github', now())",
        str(uuid4()),
        identity.user_id,
    )
    client.unlink_identity(identity)
    assert [one.provider for one in client.get_user_identities().identities] == ["github"]
    user = client.get_user()
    assert user is not None
    assert user.user.app_metadata["providers"] == ["github"]


def test_reauthentication_mails_a_code(auth: Auth) -> None:
    client, address = auth.client(), auth.user()
    client.sign_in_with_password({"email": address, "password": PASSWORD})
    client.reauthenticate()
    assert auth.code(address).isdecimal()
    assert "/verify" not in (auth.mail(address).text or "")


def test_a_new_password_after_a_day_needs_a_code(configured: Callable[..., Auth]) -> None:
    strict = configured(password_change_needs_recent_sign_in=True)
    session = strict.session()
    token, address = session["access_token"], session["user"]["email"]
    assert strict.call("PUT", "/user", token, json={"password": "while it is fresh"}).status_code == 200
    strict.rows(
        "update auth.sessions set created_at = now() - interval '25 hours' where user_id = %s", session["user"]["id"]
    )
    needed = strict.call("PUT", "/user", token, json={"password": "a day later"})
    assert (needed.status_code, needed.json()["code"]) == (400, "reauthentication_needed")
    strict.call("GET", "/reauthenticate", token)
    wrong = strict.call("PUT", "/user", token, json={"password": "a day later", "nonce": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "reauthentication_not_valid")
    body = {"password": "a day later", "nonce": strict.code(address)}
    assert strict.call("PUT", "/user", token, json=body).status_code == 200
    again = strict.call("PUT", "/user", token, json=body | {"password": "and once more"})
    assert again.json()["code"] == "reauthentication_not_valid"


def test_a_new_password_needs_the_old_one_where_the_project_says_so(configured: Callable[..., Auth]) -> None:
    strict = configured(password_change_needs_current=True)
    token = strict.session()["access_token"]
    missing = strict.call("PUT", "/user", token, json={"password": "another one"})
    assert (missing.status_code, missing.json()["code"]) == (400, "current_password_required")
    body = {"password": "another one", "current_password": "guessed"}
    assert strict.call("PUT", "/user", token, json=body).json()["code"] == "current_password_invalid"
    assert strict.call("PUT", "/user", token, json=body | {"current_password": PASSWORD}).status_code == 200


def test_changes_are_told_by_mail_where_the_project_wants_it(configured: Callable[..., Auth]) -> None:
    auth = configured(notifications=frozenset({"password_changed", "email_changed"}), double_confirm_changes=False)
    session = auth.session()
    token, old, new = session["access_token"], session["user"]["email"], new_address()
    auth.call("PUT", "/user", token, json={"password": "another one"})
    assert auth.mail(old).subject == "Your password was changed"
    auth.call("PUT", "/user", token, json={"email": new})
    auth.follow(new)
    assert auth.mail(old).subject == "Your address was changed"


def test_only_the_newest_session_goes_on_where_users_have_one(configured: Callable[..., Auth]) -> None:
    auth = configured(session_single_per_user=True)
    address = auth.user()
    first, second = auth.session(address), auth.session(address)
    refused = auth.refresh(first["refresh_token"])
    assert (refused.status_code, refused.json()["code"]) == (400, "session_expired")
    assert auth.refresh(second["refresh_token"]).status_code == 200
