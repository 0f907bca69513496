"""The shapes around the endpoints: errors, settings, limits, hooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest

from infra.local import tokens
from infra.local.auth import AuthConfig, AuthService
from infra.local.auth.config import HOSTED_LIMITS, Hook, RateLimits
from infra.local.auth.errors import AuthError
from infra.local.auth.limits import Limits
from infra.local.mail.mailbox import Mailbox
from infra.local.settings import Settings
from tests.auth.conftest import PASSWORD, Auth, new_address, serving

HOOK = "pg-functions://postgres/public/{}"


def test_callers_of_the_2024_version_get_code_and_message(auth: Auth) -> None:
    answer = auth.sign_in(new_address())
    assert answer.json() == {"code": "invalid_credentials", "message": "Invalid login credentials"}
    assert answer.headers["x-supabase-api-version"] == "2024-01-01"
    assert answer.headers["x-sb-error-code"] == "invalid_credentials"


@pytest.mark.parametrize("version", [None, "2023-12-31", "latest", "2024-13-01"])
def test_other_callers_get_the_older_shape(auth: Auth, version: str | None) -> None:
    headers = {"X-Supabase-Api-Version": version} if version else {}
    body = {"email": new_address(), "password": PASSWORD}
    answer = auth.http.post(f"{auth.url}/token?grant_type=password", json=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json() == {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"}
    assert "x-supabase-api-version" not in answer.headers


def test_later_versions_are_answered_as_the_latest_known(auth: Auth) -> None:
    answer = auth.call("GET", "/user", headers={"X-Supabase-Api-Version": "2026-05-05"})
    assert answer.headers["x-supabase-api-version"] == "2024-01-01"
    assert answer.json()["code"] == "no_authorization"


def test_health_and_settings_say_what_this_is(configured: Callable[..., Auth], auth: Auth) -> None:
    assert auth.http.get(f"{auth.url}/health").json()["name"] == "GoTrue"
    settings = auth.http.get(f"{auth.url}/settings").json()
    assert settings["external"]["email"] is True
    assert settings["external"]["github"] is False
    assert (settings["mailer_autoconfirm"], settings["disable_signup"]) == (False, False)
    other = configured(confirmations=False, signup_enabled=False, anonymous_enabled=False)
    settings = other.http.get(f"{other.url}/settings").json()
    assert (settings["mailer_autoconfirm"], settings["disable_signup"]) == (True, True)
    assert settings["external"]["anonymous_users"] is False


def test_discovery_names_the_issuer_of_the_tokens(auth: Auth) -> None:
    found = auth.http.get(f"{auth.url}/.well-known/openid-configuration").json()
    claims = tokens.verify(auth.settings.keys, auth.session()["access_token"])
    assert found["issuer"] == claims["iss"]
    assert found["jwks_uri"] == f"{claims['iss']}/.well-known/jwks.json"


def test_what_the_database_cannot_keep_is_the_callers_mistake(auth: Auth) -> None:
    for path, body in (
        ("/signup", b'{"data": {"a": "\\ud800"}}'),
        ("/signup", b'{"data": {"a": 1e999}}'),
        ("/signup", b'{"data": {"a": NaN}}'),
        ("/verify?type=signup&token=%00", None),
    ):
        answer = auth.call("GET" if body is None else "POST", path, content=body)
        assert answer.status_code == 400, answer.text
    answer = auth.call("POST", "/signup", json={}, headers={"X-JWT-AUD": "x" * 300})
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


def test_mail_goes_to_the_stacks_mailbox_where_nothing_else_is_said(auth_database: Settings, tmp_path: Path) -> None:
    settings = replace(auth_database, data=tmp_path)
    address = new_address()
    with serving(AuthService(settings)) as url:
        assert httpx.post(f"{url}/otp", json={"email": address}).status_code == 200
    assert [mail.recipients for mail in Mailbox(tmp_path / "mailbox").list()] == [{address}]


def test_guessing_passwords_and_codes_is_slowed_down(configured: Callable[..., Auth]) -> None:
    auth = configured(limits=RateLimits(sign_in_sign_ups=3, token_verifications=2))
    address = auth.user()
    codes = [auth.sign_in(address, f"guess {number}").json()["code"] for number in range(4)]
    assert codes == ["invalid_credentials"] * 3 + ["over_request_rate_limit"]
    body, disguise = {"email": address, "password": "guess"}, {"X-Forwarded-For": "10.1.2.3"}
    assert auth.call("POST", "/token?grant_type=password", json=body, headers=disguise).status_code == 429
    body = {"email": address, "token": "000000", "type": "email"}
    assert [auth.call("POST", "/verify", json=body).status_code for _ in range(3)] == [403, 403, 429]


def test_only_so_many_mails_leave_in_an_hour(configured: Callable[..., Auth]) -> None:
    auth = configured(limits=RateLimits(emails_per_hour=1))
    assert auth.call("POST", "/otp", json={"email": new_address()}).status_code == 200
    address = new_address()
    refused = auth.call("POST", "/otp", json={"email": address})
    assert (refused.status_code, refused.json()["code"]) == (429, "over_email_send_rate_limit")
    assert auth.rows("select 1 from auth.users where email = %s", address) == []


def test_callers_are_told_apart_by_a_header_where_one_is_named(configured: Callable[..., Auth]) -> None:
    auth = configured(limits=RateLimits(sign_in_sign_ups=1, header="x-client"))
    address = auth.user()
    body = {"email": address, "password": "guess"}

    def guess(**headers: str) -> int:
        return auth.call("POST", "/token?grant_type=password", json=body, headers=headers).status_code

    assert [guess(**{"x-client": "a, proxy"}), guess(**{"x-client": "a"})] == [400, 429]
    assert guess(**{"x-client": "b"}) == 400
    assert [guess(), guess(), guess(**{"x-client": ",b"})] == [400] * 3  # nobody is not limited, as with GoTrue


def test_a_hosted_projects_limits_let_thirty_through_at_once() -> None:
    limits = Limits(clock=lambda: 0.0)
    for kind, allowed in (("refresh", HOSTED_LIMITS.token_refresh), ("sign-in", HOSTED_LIMITS.sign_in_sign_ups)):
        for _ in range(30):
            limits.take_call(kind, "a", allowed)
        with pytest.raises(AuthError, match="Request rate limit reached"):
            limits.take_call(kind, "a", allowed)


def test_settings_that_are_json_say_all_there_is_to_say() -> None:
    kept = {
        "redirect_urls": ["https://a.example/**"],
        "notifications": ["password_changed"],
        "limits": {"emails_per_hour": 2},
        "test_otps": {"15551234567": "123456"},
        "providers": {"gitlab": {"client_ids": ["x"], "secret": "y", "url": "https://git.example"}},
        "send_sms_hook": {"uri": "https://hooks.example", "secrets": ["v1,whsec_c2VjcmV0"]},
    }
    config = AuthConfig.read(json.loads(json.dumps(kept)))
    assert config.redirect_urls == ("https://a.example/**",)
    assert config.limits.emails_per_hour == 2
    assert config.providers["gitlab"].client_ids == ("x",)
    assert config.hooks == [Hook("https://hooks.example", ("v1,whsec_c2VjcmV0",))]
    with pytest.raises(ValueError, match="no setting colour"):
        AuthConfig.read({"colour": "blue"})


def test_what_is_off_says_so_as_the_platform_does(auth: Auth) -> None:
    for method, path, status, code in (
        ("POST", "/sso", 404, "saml_provider_disabled"),
        ("POST", "/passkeys/authentication/options", 404, "passkey_disabled"),
        ("POST", "/token?grant_type=web3", 422, "web3_provider_disabled"),
        ("GET", "/scim/v2/Schemas", 404, "feature_disabled"),
    ):
        answer = auth.call(method, path, json={"domain": "a.example"} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_administrators_token_ends_with_its_session(auth: Auth) -> None:
    session = auth.session()
    claims = tokens.verify(auth.settings.keys, session["access_token"]) | {"role": "service_role"}
    token = tokens.sign(auth.settings.keys, claims)
    assert auth.call("GET", "/admin/users", token).status_code == 200
    auth.call("POST", "/logout", session["access_token"])
    ended = auth.call("GET", "/admin/users", token)
    assert (ended.status_code, ended.json()["code"]) == (403, "session_not_found")


def test_the_audit_log_is_searched_by_who_and_what(auth: Auth) -> None:
    address = auth.user()
    auth.session(address)
    found = auth.as_service("GET", "/admin/audit", params={"query": f"author:{address}"}).json()
    assert [entry["payload"]["action"] for entry in found] == ["login"]
    assert auth.as_service("GET", "/admin/audit", params={"query": "colour:blue"}).status_code == 400
    assert auth.call("GET", "/admin/audit", auth.settings.keys.anon_key).status_code == 403


def test_a_bucket_fills_again_with_time() -> None:
    now = [0.0]
    limits = Limits(clock=lambda: now[0])
    limits.take_call("sign-in", "a", 1)
    with pytest.raises(AuthError):
        limits.take_call("sign-in", "a", 1)
    limits.take_call("sign-in", "b", 1)
    now[0] = 300.0
    limits.take_call("sign-in", "a", 1)


def define(auth: Auth, name: str, body: str) -> Hook:
    """A hook in public, callable by Auth's login as a project has to allow it; returns it."""
    with psycopg.connect(auth.settings.database_url("postgres")) as postgres:
        made = f"create or replace function public.{name}(event jsonb) returns jsonb language plpgsql as $$ {body} $$"
        postgres.execute(made.encode())
        postgres.execute(f"grant execute on function public.{name}(jsonb) to supabase_auth_admin".encode())
        postgres.execute(b"grant usage on schema public to supabase_auth_admin")
    return Hook(HOOK.format(name))


def test_a_hook_adds_claims_to_every_token(auth: Auth, configured: Callable[..., Auth]) -> None:
    uri = define(
        auth,
        "add_claims",
        "begin return jsonb_build_object('claims', event -> 'claims' || jsonb_build_object("
        "'user_role', 'manager', 'method', event -> 'authentication_method')); end",
    )
    hooked = configured(custom_access_token_hook=uri)
    session = hooked.session()
    claims = tokens.verify(auth.settings.keys, session["access_token"])
    assert (claims["user_role"], claims["method"], claims["role"]) == ("manager", "password", "authenticated")
    claims = tokens.verify(auth.settings.keys, hooked.refresh(session["refresh_token"]).json()["access_token"])
    assert (claims["user_role"], claims["method"]) == ("manager", "token_refresh")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ('begin return \'{"error": {"http_code": 403, "message": "not today"}}\'; end', 403, "not today"),
        ("begin return event #- '{claims,aal}'; end", 500, "aal required"),
        ("begin return '{}'; end", 500, "claims field is missing"),
        ("begin return null; end", 500, "claims field is missing"),
        ("begin raise 'broken'; end", 500, "Error running hook"),
        ("begin perform pg_sleep(30); return event; end", 422, "maximum time"),
    ],
)
def test_a_hook_that_refuses_or_fails_gives_no_session(
    auth: Auth, configured: Callable[..., Auth], body: str, status: int, message: str
) -> None:
    hooked = configured(custom_access_token_hook=define(auth, "failing", body))
    address = hooked.user()
    answer = hooked.sign_in(address)
    assert answer.status_code == status
    assert message in answer.json()["message"]
    sessions = "select 1 from auth.sessions s join auth.users u on u.id = s.user_id where u.email = %s"
    assert auth.rows(sessions, address) == []


def test_a_hook_has_to_be_named_rightly(auth_database: Settings) -> None:
    for uri in (
        "https://example.com",
        "ftp://example.com/x",
        "pg-functions://postgres/public",
        "pg-functions://postgres/public/f; drop",
    ):
        with pytest.raises(ValueError, match=r"is no hook|needs secrets"):
            AuthService(auth_database, config=AuthConfig(custom_access_token_hook=Hook(uri)))
