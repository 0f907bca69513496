"""Codes and links by mail: signing in without a password, recovery, PKCE, and where links may lead."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from supabase_auth.errors import AuthApiError

from infra.local.auth.config import AuthConfig
from infra.local.auth.redirects import is_allowed
from tests.auth.conftest import PASSWORD, Auth, fragment, link_in, new_address, query


def test_a_magic_link_signs_in(auth: Auth) -> None:
    client, address = auth.client(), auth.user()
    client.sign_in_with_otp({"email": address})
    landed = auth.follow(address)
    assert fragment(landed)["type"] == "magiclink"
    client.initialize(url=landed)
    session = client.get_session()
    assert session is not None
    assert session.user.email == address


def test_a_code_from_the_mail_signs_in(auth: Auth) -> None:
    client, address = auth.client(), auth.user()
    client.sign_in_with_otp({"email": address})
    answer = client.verify_otp({"email": address, "token": auth.code(address), "type": "email"})
    assert answer.session is not None
    assert answer.session.user.email == address


def test_the_hash_in_a_link_may_be_verified_by_a_server(auth: Auth) -> None:
    client, address = auth.client(), auth.user()
    client.sign_in_with_otp({"email": address})
    token = query(link_in(auth.mail(address)))["token"]
    assert client.verify_otp({"token_hash": token, "type": "magiclink"}).session is not None


def test_a_magic_link_makes_and_confirms_a_new_user(auth: Auth) -> None:
    client, address = auth.client(), new_address()
    client.sign_in_with_otp({"email": address, "options": {"data": {"name": "Ada"}}})
    answer = client.verify_otp({"email": address, "token": auth.code(address), "type": "email"})
    assert answer.user is not None
    assert answer.user.email_confirmed_at is not None
    assert answer.user.user_metadata["name"] == "Ada"


def test_no_user_is_made_where_none_is_wanted(auth: Auth) -> None:
    address = new_address()
    with pytest.raises(AuthApiError) as refused:
        auth.client().sign_in_with_otp({"email": address, "options": {"should_create_user": False}})
    assert (refused.value.code, refused.value.status) == ("otp_disabled", 422)
    assert auth.rows("select 1 from auth.users where email = %s", address) == []


def test_the_code_of_one_user_does_not_open_another(auth: Auth) -> None:
    mine, theirs = auth.user(), auth.user()
    auth.client().sign_in_with_otp({"email": mine})
    auth.client().sign_in_with_otp({"email": theirs})
    for kind in ("email", "magiclink", "recovery", "signup", "invite", "email_change"):
        answer = auth.call("POST", "/verify", json={"email": theirs, "token": auth.code(mine), "type": kind})
        assert (answer.status_code, answer.json()["code"]) == (403, "otp_expired")


def test_looking_at_a_link_by_head_does_not_use_it_up(auth: Auth) -> None:
    address = auth.user()
    auth.client().sign_in_with_otp({"email": address})
    link = link_in(auth.mail(address)).removeprefix(f"{auth.settings.api_url}/auth/v1")
    assert auth.http.head(auth.url + link).status_code == 405
    assert "access_token" in fragment(auth.follow(address))


def test_a_new_code_voids_the_one_before(auth: Auth) -> None:
    address = auth.user()
    auth.client().sign_in_with_otp({"email": address})
    first = link_in(auth.mail(address))
    auth.client().sign_in_with_otp({"email": address})
    assert fragment(auth.open(first))["error_code"] == "otp_expired"
    assert "access_token" in fragment(auth.follow(address))


def test_a_code_expires(configured: Callable[..., Auth]) -> None:
    auth = configured(otp_expiry=-1)
    address = auth.user()
    auth.client().sign_in_with_otp({"email": address})
    assert fragment(auth.follow(address))["error_code"] == "otp_expired"
    answer = auth.call("POST", "/verify", json={"email": address, "token": auth.code(address), "type": "email"})
    assert (answer.status_code, answer.json()["code"]) == (403, "otp_expired")


def test_a_code_used_many_times_at_once_counts_once(auth: Auth) -> None:
    address = auth.user()
    auth.client().sign_in_with_otp({"email": address})
    body = {"email": address, "token": auth.code(address), "type": "email"}
    with ThreadPoolExecutor(6) as many:
        answers = list(many.map(lambda _: auth.call("POST", "/verify", json=body).status_code, range(6)))
    assert sorted(answers) == [200, 403, 403, 403, 403, 403]


def test_codes_are_kept_as_hashes_only(auth: Auth) -> None:
    address = auth.user()
    auth.client().sign_in_with_otp({"email": address})
    code = auth.code(address)
    rows = auth.rows("select to_jsonb(u)::text as kept from auth.users u where email = %s", address)
    rows += auth.rows("select to_jsonb(t)::text as kept from auth.one_time_tokens t where relates_to = %s", address)
    assert len(rows) == 2
    assert all(f'"{code}"' not in row["kept"] for row in rows)


def test_recovery_lets_its_reader_choose_a_new_password(auth: Auth) -> None:
    client, address = auth.client(), auth.user()
    other = auth.session(address)
    client.reset_password_for_email(address)
    landed = auth.follow(address)
    assert fragment(landed)["type"] == "recovery"
    client.initialize(url=landed)
    client.update_user({"password": "a new password"})
    assert auth.sign_in(address).status_code == 400
    assert auth.sign_in(address, "a new password").status_code == 200
    assert auth.refresh(other["refresh_token"]).status_code == 400  # whoever knew the old one is out


def test_recovery_of_an_unknown_address_says_nothing(auth: Auth) -> None:
    address = new_address()
    known = auth.call("POST", "/recover", json={"email": auth.user()})
    unknown = auth.call("POST", "/recover", json={"email": address})
    assert known.status_code == unknown.status_code == 200
    assert known.json() == unknown.json() == {}
    assert auth.mails(address) == []


def test_a_sign_up_mail_can_be_sent_again(auth: Auth) -> None:
    client, address = auth.client(), new_address()
    client.sign_up({"email": address, "password": PASSWORD})
    client.resend({"type": "signup", "email": address})
    assert len(auth.mails(address)) == 2
    assert "access_token" in fragment(auth.follow(address))
    for somebody in (address, new_address()):  # confirmed, unknown: nothing to send, nothing to say
        assert auth.call("POST", "/resend", json={"type": "signup", "email": somebody}).json() == {}
    assert len(auth.mails(address)) == 2


def test_mails_of_a_kind_keep_a_distance(configured: Callable[..., Auth]) -> None:
    auth = configured(max_frequency=60.0)
    address = auth.user()
    auth.client().sign_in_with_otp({"email": address})
    with pytest.raises(AuthApiError, match="you can only request this after") as refused:
        auth.client().sign_in_with_otp({"email": address})
    assert (refused.value.code, refused.value.status) == ("over_email_send_rate_limit", 429)
    assert len(auth.mails(address)) == 1


def test_pkce_gives_the_session_to_the_client_that_asked(auth: Auth) -> None:
    client, address = auth.client(flow_type="pkce"), auth.user()
    client.sign_in_with_otp({"email": address})
    landed = auth.follow(address)
    assert fragment(landed) == {}
    code = query(landed)["code"]
    stolen = auth.call("POST", "/token?grant_type=pkce", json={"auth_code": code, "code_verifier": "x" * 64})
    assert (stolen.status_code, stolen.json()["code"]) == (400, "bad_code_verifier")
    answer = client.exchange_code_for_session({"auth_code": code})
    assert answer.session is not None
    assert answer.session.user.email == address
    again = auth.call("POST", "/token?grant_type=pkce", json={"auth_code": code, "code_verifier": "x" * 64})
    assert (again.status_code, again.json()["code"]) == (404, "flow_state_not_found")


def test_pkce_works_for_sign_up_and_recovery(auth: Auth) -> None:
    address = new_address()
    client = auth.client(flow_type="pkce")
    client.sign_up({"email": address, "password": PASSWORD})
    answer = client.exchange_code_for_session({"auth_code": query(auth.follow(address))["code"]})
    assert answer.session is not None
    client = auth.client(flow_type="pkce")
    client.reset_password_for_email(address)
    answer = client.exchange_code_for_session({"auth_code": query(auth.follow(address))["code"]})
    assert answer.session is not None


def test_a_pkce_code_is_worth_nothing_before_the_link_is_followed(auth: Auth) -> None:
    client, address = auth.client(flow_type="pkce"), auth.user()
    client.sign_in_with_otp({"email": address})
    [flow] = auth.rows(
        "select f.* from auth.flow_state f join auth.users u on u.id = f.user_id where u.email = %s", address
    )
    with pytest.raises(AuthApiError) as refused:
        client.exchange_code_for_session({"auth_code": flow["auth_code"]})
    assert refused.value.code == "flow_state_not_found"


@pytest.mark.parametrize(
    "challenge",
    [
        {"code_challenge": "x" * 43},
        {"code_challenge_method": "s256"},
        {"code_challenge": "x" * 42, "code_challenge_method": "s256"},
        {"code_challenge": "!" * 43, "code_challenge_method": "s256"},
        {"code_challenge": "x" * 43, "code_challenge_method": "md5"},
    ],
)
def test_a_malformed_challenge_is_refused(auth: Auth, challenge: dict[str, str]) -> None:
    answer = auth.call("POST", "/otp", json={"email": auth.user(), **challenge})
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "signup"},
        {"type": "signup", "token": "123456"},
        {"type": "signup", "token": "123456", "token_hash": "abc", "email": "a@example.com"},
        {"type": "signup", "token_hash": "abc", "email": "a@example.com"},
        {"type": "signup", "token": "123456", "phone": "+491234", "email": "a@example.com"},
        {"type": "nothing", "token_hash": "abc"},
        {"type": "sms", "token": "123456", "phone": "911 or so"},
    ],
)
def test_verify_names_what_it_needs(auth: Auth, body: dict[str, str]) -> None:
    answer = auth.call("POST", "/verify", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


def test_links_lead_to_an_allowed_place_only(configured: Callable[..., Auth]) -> None:
    auth = configured(redirect_urls=("https://app.example.com/**",))
    address = auth.user()
    auth.client().sign_in_with_otp(
        {"email": address, "options": {"email_redirect_to": "https://app.example.com/in?a=1"}}
    )
    assert auth.follow(address).startswith("https://app.example.com/in?a=1#access_token=")
    auth.client().sign_in_with_otp({"email": address, "options": {"email_redirect_to": "https://evil.example.com/"}})
    assert auth.follow(address).startswith("http://127.0.0.1:3000#access_token=")
    auth.client().sign_in_with_otp({"email": address})
    changed = link_in(auth.mail(address)).replace("redirect_to=http://127.0.0.1:3000", "redirect_to=https://evil.com")
    assert auth.open(changed).startswith("http://127.0.0.1:3000#access_token=")


SITE = AuthConfig(
    site_url="https://desk.example.com",
    redirect_urls=("https://*.preview.example.com/*", "https://wide.example.com/**", "myapp://callback"),
)


@pytest.mark.parametrize(
    "url",
    [
        "https://desk.example.com",
        "https://desk.example.com/a/b?c=d#e",
        "HTTPS://DESK.example.com/",
        "https://one.preview.example.com/in",
        "https://wide.example.com/a.b/c",
        "myapp://callback",
        "myapp://callback#x",
        "http://127.0.0.1:9999/cb",
        "http://[::1]/cb",
    ],
)
def test_allowed_redirects(url: str) -> None:
    assert is_allowed(SITE, url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "//desk.example.com",
        "http://desk.example.com",
        "https://desk.example.com:8443",
        "https://desk.example.com.evil.com",
        "https://evil.com/https://desk.example.com",
        "https://desk.example.com@evil.com",
        "https://evil.com\\@desk.example.com",
        "https://evil.com\\.desk.example.com",
        "https://desk.example.com\r\nLocation: https://evil.com",
        "https://desk.example.com\t",
        " https://desk.example.com",
        "https://a.b.preview.example.com/in",
        "https://evil.com/.preview.example.com/in",
        "https://one.preview.example.com/a/b",
        "https://wideXexample.com/",
        "javascript:alert(1)//desk.example.com",
        "data:text/html,desk.example.com",
        "myapp://callback.evil",
        "http://2130706433/",
        "http://10.0.0.1/",
        "https://desk.example.com:port",
        "https://[::1",
    ],
)
def test_refused_redirects(url: str) -> None:
    assert not is_allowed(SITE, url)
