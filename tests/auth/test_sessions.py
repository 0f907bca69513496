"""Signing in, access tokens, refreshing, logging out."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from uuid import UUID

import jwt
import pytest
from supabase_auth.errors import AuthApiError

from infra.local import tokens
from tests.auth.conftest import PASSWORD, Auth, new_address


def test_the_access_token_says_who_it_is_and_nothing_else(auth: Auth) -> None:
    address = auth.user(user_metadata={"name": "Ada"}, app_metadata={"plan": "pro"})
    session = auth.session(address)
    claims = tokens.verify(auth.settings.keys, session["access_token"])
    assert set(claims) == {
        "iss", "sub", "aud", "exp", "iat", "email", "phone", "app_metadata", "user_metadata", "role", "aal", "amr",
        "session_id", "is_anonymous",
    }  # fmt: skip
    assert claims["iss"] == f"{auth.settings.api_url}/auth/v1"
    assert claims["sub"] == session["user"]["id"]
    assert (claims["aud"], claims["role"], claims["aal"]) == ("authenticated", "authenticated", "aal1")
    assert (claims["email"], claims["phone"], claims["is_anonymous"]) == (address, "", False)
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"], "plan": "pro"}
    assert claims["user_metadata"] == {"name": "Ada", "email_verified": True}
    assert [entry["method"] for entry in claims["amr"]] == ["password"]
    assert isinstance(claims["amr"][0]["timestamp"], int)
    assert UUID(claims["session_id"])
    assert claims["exp"] == session["expires_at"] == claims["iat"] + 3600
    assert (session["expires_in"], session["token_type"]) == (3600, "bearer")


def test_the_published_keys_verify_a_token_and_hold_no_secret(auth: Auth) -> None:
    published = auth.http.get(f"{auth.url}/.well-known/jwks.json")
    assert "max-age=600" in published.headers["cache-control"]
    [key] = published.json()["keys"]
    assert "d" not in key
    token = auth.session()["access_token"]
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": key["kid"]}
    jwt.decode(token, jwt.PyJWK(key), algorithms=["ES256"], audience="authenticated")
    claims = auth.client().get_claims(token)  # the official client verifies by the published keys
    assert claims is not None
    assert claims["claims"]["role"] == "authenticated"


def test_a_wrong_password_and_an_unknown_address_get_one_answer(auth: Auth) -> None:
    known, unknown = auth.sign_in(auth.user(), "wrong password"), auth.sign_in(new_address())
    invited = new_address()
    auth.admin().admin.invite_user_by_email(invited)
    without = auth.sign_in(invited)
    assert known.status_code == unknown.status_code == without.status_code == 400
    assert known.json() == unknown.json() == without.json()
    assert known.json() == {"code": "invalid_credentials", "message": "Invalid login credentials"}


def test_an_unknown_address_takes_as_long_as_a_wrong_password(configured: Callable[..., Auth]) -> None:
    auth = configured(bcrypt_cost=8)
    known, unknown = auth.user(), new_address()

    def seconds(address: str) -> float:
        started = time.perf_counter()
        auth.sign_in(address, "wrong password")
        return time.perf_counter() - started

    seconds(unknown)
    pairs = [(seconds(known), seconds(unknown)) for _ in range(9)]
    # bcrypt at this cost is the larger part of the time: without the same work the ratio is far below.
    assert median(wrong for wrong, _ in pairs) < 2 * median(nobody for _, nobody in pairs)


def test_whether_an_address_is_confirmed_is_told_to_its_password_only(auth: Auth) -> None:
    address = new_address()
    auth.client().sign_up({"email": address, "password": PASSWORD})
    assert auth.sign_in(address, "wrong password").json()["code"] == "invalid_credentials"
    assert auth.sign_in(address).json()["code"] == "email_not_confirmed"


def test_a_refreshed_session_keeps_its_identity(auth: Auth) -> None:
    client = auth.client()
    first = client.sign_in_with_password({"email": auth.user(), "password": PASSWORD}).session
    second = client.refresh_session().session
    assert first is not None
    assert second is not None
    assert second.refresh_token != first.refresh_token
    before, after = (tokens.verify(auth.settings.keys, session.access_token) for session in (first, second))
    assert after["session_id"] == before["session_id"]
    assert after["amr"] == before["amr"]


def test_the_parent_of_the_current_token_gets_the_current_token_again(configured: Callable[..., Auth]) -> None:
    auth = configured(refresh_reuse_interval=0.0)
    first = auth.session()["refresh_token"]
    second = auth.refresh(first).json()["refresh_token"]
    assert auth.refresh(first).json()["refresh_token"] == second


def test_tabs_that_refresh_at_once_end_up_with_one_token(auth: Auth) -> None:
    first = auth.session()["refresh_token"]
    with ThreadPoolExecutor(4) as tabs:
        answers = list(tabs.map(auth.refresh, [first] * 4))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_an_older_token_is_forgiven_within_the_reuse_interval(auth: Auth) -> None:
    first = auth.session()["refresh_token"]
    second = auth.refresh(first).json()["refresh_token"]
    auth.refresh(second)
    assert auth.refresh(first).status_code == 200


def test_reusing_an_older_token_ends_the_session_for_thief_and_owner(configured: Callable[..., Auth]) -> None:
    auth = configured(refresh_reuse_interval=0.0)
    session = auth.session()
    second = auth.refresh(session["refresh_token"]).json()
    third = auth.refresh(second["refresh_token"]).json()
    reused = auth.refresh(session["refresh_token"])
    assert (reused.status_code, reused.json()["code"]) == (400, "refresh_token_already_used")
    assert auth.refresh(third["refresh_token"]).status_code == 400
    seen = auth.call("GET", "/user", third["access_token"])
    assert (seen.status_code, seen.json()["code"]) == (403, "session_not_found")


def test_reuse_in_one_session_leaves_the_users_others_alone(configured: Callable[..., Auth]) -> None:
    auth = configured(refresh_reuse_interval=0.0)
    address = auth.user()
    stolen, other = auth.session(address), auth.session(address)
    second = auth.refresh(stolen["refresh_token"]).json()["refresh_token"]
    auth.refresh(second)
    assert auth.refresh(stolen["refresh_token"]).status_code == 400
    assert auth.refresh(other["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", ["abcdefghijkl", "' or true --", "\N{SNOWMAN}", "x" * 100_000])
def test_an_unknown_refresh_token_is_refused(auth: Auth, token: str) -> None:
    answer = auth.refresh(token)
    assert (answer.status_code, answer.json()["code"]) == (400, "refresh_token_not_found")


def test_a_missing_refresh_token_is_an_oauth_error(auth: Auth) -> None:
    answer = auth.refresh("")
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": "refresh_token required"}


def test_a_session_ends_after_its_time(configured: Callable[..., Auth]) -> None:
    auth = configured(session_timebox=0.0)
    answer = auth.refresh(auth.session()["refresh_token"])
    assert (answer.status_code, answer.json()["code"]) == (400, "session_expired")


@pytest.mark.parametrize(
    ("scope", "this_one", "other_one"), [("global", False, False), ("local", False, True), ("others", True, False)]
)
def test_logging_out_ends_the_sessions_it_says(auth: Auth, scope: str, this_one: bool, other_one: bool) -> None:
    address = auth.user()
    this, other, stranger = auth.session(address), auth.session(address), auth.session()
    answer = auth.call("POST", f"/logout?scope={scope}", this["access_token"])
    assert (answer.status_code, answer.content) == (204, b"")
    for session, lives in ((this, this_one), (other, other_one), (stranger, True)):
        assert (auth.call("GET", "/user", session["access_token"]).status_code == 200) is lives
        assert (auth.refresh(session["refresh_token"]).status_code == 200) is lives


def test_an_unknown_logout_scope_is_named(auth: Auth) -> None:
    answer = auth.call("POST", "/logout?scope=all", auth.session()["access_token"])
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


def test_the_official_client_signs_out(auth: Auth) -> None:
    client = auth.client()
    session = client.sign_in_with_password({"email": auth.user(), "password": PASSWORD}).session
    assert session is not None
    client.sign_out()
    assert client.get_session() is None
    with pytest.raises(AuthApiError, match="Session from session_id"):
        client.get_user(session.access_token)


def test_a_banned_user_is_shut_out_at_once(auth: Auth) -> None:
    address = auth.user()
    session = auth.session(address)
    auth.as_service("PUT", f"/admin/users/{session['user']['id']}", json={"ban_duration": "1h30m"})
    assert auth.call("GET", "/user", session["access_token"]).json()["code"] == "user_banned"
    assert auth.refresh(session["refresh_token"]).json()["code"] == "user_banned"
    assert auth.sign_in(address).json()["code"] == "user_banned"
    assert auth.sign_in(address, "wrong password").json()["code"] == "invalid_credentials"
    auth.as_service("PUT", f"/admin/users/{session['user']['id']}", json={"ban_duration": "none"})
    assert auth.sign_in(address).status_code == 200


def forged(auth: Auth, kind: str) -> str:
    token = str(auth.session()["access_token"])
    claims = jwt.decode(token, options={"verify_signature": False})
    match kind:
        case "altered":
            head, body, signature = token.split(".")
            return f"{head}.{body[:-2]}AA.{signature}"
        case "unsigned":
            return jwt.encode(claims, "", algorithm="none")
        case "other secret":
            return jwt.encode(claims, "x" * 32, algorithm="HS256")
        case "public key as secret":
            return jwt.encode(
                claims, auth.settings.keys.signing_key["x"], "HS256", {"kid": auth.settings.keys.signing_key["kid"]}
            )
        case "expired":
            return tokens.sign(auth.settings.keys, claims | {"exp": int(time.time()) - 3600})
        case "no user":
            return tokens.sign(auth.settings.keys, claims | {"sub": str(UUID(int=1))})
        case "another's session":
            return tokens.sign(auth.settings.keys, claims | {"sub": auth.session()["user"]["id"]})
        case "odd subject":
            return tokens.sign(auth.settings.keys, claims | {"sub": "1 or 1=1"})
        case "anon key":
            return auth.settings.keys.anon_key
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "altered",
        "unsigned",
        "other secret",
        "public key as secret",
        "expired",
        "no user",
        "another's session",
        "odd subject",
        "anon key",
    ],
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_that_is_not_a_living_users_own_opens_nothing(auth: Auth, kind: str) -> None:
    answer = auth.call("GET", "/user", forged(auth, kind))
    assert answer.status_code == (400 if kind == "odd subject" else 403)
    assert answer.json()["code"] in {"bad_jwt", "user_not_found", "session_not_found"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}])
def test_without_a_bearer_there_is_no_user(auth: Auth, headers: dict[str, str]) -> None:
    answer = auth.call("GET", "/user", headers=headers | {"apikey": auth.settings.keys.anon_key})
    assert (answer.status_code, answer.json()["code"]) == (401, "no_authorization")


def test_an_unknown_grant_is_refused(auth: Auth) -> None:
    for query in ("", "?grant_type=nonsense", "?grant_type=authorization_code"):
        assert auth.call("POST", f"/token{query}", json={}).json()["message"] == "unsupported_grant_type"


def test_a_session_that_skips_the_second_factor_ends_sooner(configured: Callable[..., Auth]) -> None:
    auth = configured(session_low_aal=60.0)
    session = auth.session()
    user_id = session["user"]["id"]
    auth.rows(
        "insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, "
        "secret) values (gen_random_uuid(), %s, 'app', 'totp', 'verified', now(), now(), 'X')",
        user_id,
    )
    refreshed = auth.refresh(session["refresh_token"]).json()
    assert refreshed["expires_in"] <= 60
    auth.rows("update auth.sessions set created_at = now() - interval '2 minutes' where user_id = %s", user_id)
    refused = auth.refresh(refreshed["refresh_token"])
    assert (refused.status_code, refused.json()["code"]) == (400, "session_expired")
    assert "Low AAL" in refused.json()["message"]


def test_without_rotation_a_used_token_is_refused_and_the_session_lives(configured: Callable[..., Auth]) -> None:
    auth = configured(refresh_rotation=False, refresh_reuse_interval=-1.0)
    first = auth.session()
    second = auth.refresh(first["refresh_token"]).json()
    third = auth.refresh(second["refresh_token"]).json()
    assert auth.refresh(first["refresh_token"]).json()["code"] == "refresh_token_already_used"
    assert auth.refresh(third["refresh_token"]).status_code == 200


def test_a_refresh_says_whether_its_token_is_new(auth: Auth) -> None:
    session = auth.session()
    new = auth.refresh(session["refresh_token"])
    assert new.headers["sb-auth-refresh-token-reuse"] == "false"
    assert new.headers["sb-auth-refresh-token-prefix"] == new.json()["refresh_token"][:5]
    again = auth.refresh(session["refresh_token"])  # the answer was lost: the same token once more
    assert again.json()["refresh_token"] == new.json()["refresh_token"]
    assert "sb-auth-refresh-token-reuse" not in again.headers
