"""Signing up: with and without confirmation, twice, badly, anonymously."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

from infra.local import tokens
from tests.auth.conftest import PASSWORD, Auth, fragment, link_in, new_address


def test_a_new_user_has_no_session_before_the_address_is_confirmed(auth: Auth) -> None:
    client, address = auth.client(), new_address()
    answer = client.sign_up({"email": address, "password": PASSWORD, "options": {"data": {"name": "Ada"}}})
    assert answer.session is None
    assert answer.user is not None
    assert answer.user.email == address
    assert answer.user.email_confirmed_at is None
    assert answer.user.role == "authenticated"
    assert answer.user.user_metadata["name"] == "Ada"
    assert answer.user.app_metadata == {"provider": "email", "providers": ["email"]}
    assert [identity.provider for identity in answer.user.identities or []] == ["email"]
    with pytest.raises(AuthApiError) as refused:
        client.sign_in_with_password({"email": address, "password": PASSWORD})
    assert (refused.value.code, refused.value.status) == ("email_not_confirmed", 400)


def test_the_link_in_the_mail_confirms_and_signs_in(auth: Auth) -> None:
    client, address = auth.client(), new_address()
    client.sign_up({"email": address, "password": PASSWORD})
    landed = auth.follow(address)
    assert landed.startswith("http://127.0.0.1:3000#")
    assert fragment(landed)["type"] == "signup"
    client.initialize(url=landed)
    user = client.get_user()
    assert user is not None
    assert user.user.email == address
    assert user.user.email_confirmed_at is not None
    assert user.user.user_metadata["email_verified"] is True
    assert auth.sign_in(address).status_code == 200


def test_the_code_in_the_mail_confirms_too_and_works_once(auth: Auth) -> None:
    client, address = auth.client(), new_address()
    client.sign_up({"email": address, "password": PASSWORD})
    code = auth.code(address)
    answer = client.verify_otp({"email": address, "token": code, "type": "signup"})
    assert answer.session is not None
    with pytest.raises(AuthApiError) as refused:
        auth.client().verify_otp({"email": address, "token": code, "type": "signup"})
    assert (refused.value.code, refused.value.status) == ("otp_expired", 403)


def test_a_used_link_leads_back_with_an_error(auth: Auth) -> None:
    address = new_address()
    auth.client().sign_up({"email": address, "password": PASSWORD})
    link = link_in(auth.mail(address))
    auth.open(link)
    told = fragment(auth.open(link))
    assert told["error"] == "access_denied"
    assert told["error_code"] == "otp_expired"


def test_without_confirmations_a_new_user_is_signed_in_at_once(configured: Callable[..., Auth]) -> None:
    auth, address = configured(confirmations=False), new_address()
    answer = auth.client().sign_up({"email": address, "password": PASSWORD})
    assert answer.session is not None
    assert answer.session.user.email_confirmed_at is not None
    assert auth.mails(address) == []
    with pytest.raises(AuthApiError) as refused:
        auth.client().sign_up({"email": address, "password": PASSWORD})
    assert (refused.value.code, refused.value.status) == ("user_already_exists", 422)


def test_signing_up_with_a_registered_address_says_nothing_and_changes_nothing(auth: Auth) -> None:
    address = auth.user()
    before = auth.rows("select * from auth.users where email = %s", address)
    answer = auth.client().sign_up({"email": address, "password": "another password"})
    assert answer.session is None
    assert answer.user is not None
    assert answer.user.email == address
    assert answer.user.identities == []
    assert answer.user.id != str(before[0]["id"])
    assert auth.rows("select * from auth.users where email = %s", address) == before
    assert auth.mails(address) == []


def test_a_second_sign_up_does_not_take_over_an_unconfirmed_user(auth: Auth) -> None:
    address = new_address()
    auth.client().sign_up({"email": address, "password": PASSWORD, "options": {"data": {"name": "first"}}})
    auth.client().sign_up({"email": address, "password": "second password", "options": {"data": {"name": "second"}}})
    auth.follow(address)
    assert auth.sign_in(address).json()["user"]["user_metadata"]["name"] == "first"
    assert auth.sign_in(address, "second password").status_code == 400
    assert len(auth.mails(address)) == 2


def test_sign_ups_of_one_address_at_once_make_one_user(configured: Callable[..., Auth]) -> None:
    auth, address = configured(), new_address()
    body = {"email": address, "password": PASSWORD}
    with ThreadPoolExecutor(6) as many:
        answers = list(many.map(lambda _: auth.call("POST", "/signup", json=body).status_code, range(6)))
    assert answers == [200] * 6
    assert len(auth.rows("select 1 from auth.users where email = %s", address)) == 1
    assert "access_token" in fragment(auth.follow(address))


def test_addresses_are_one_whatever_their_case(auth: Auth) -> None:
    address = new_address()
    auth.client().sign_up({"email": address.upper(), "password": PASSWORD})
    auth.follow(address)
    assert auth.sign_in(address.title()).status_code == 200


def test_metadata_given_at_sign_up_never_becomes_role_or_app_metadata(auth: Auth) -> None:
    address = new_address()
    body = {
        "email": address,
        "password": PASSWORD,
        "data": {
            "role": "service_role",
            "app_metadata": {"admin": True},
            "sub": "00000000-0000-0000-0000-000000000001",
        },
        "role": "service_role",
        "app_metadata": {"admin": True},
        "aud": "admin",
        "is_super_admin": True,
        "email_confirm": True,
    }
    made = auth.call("POST", "/signup", json=body).json()
    assert made["role"] == "authenticated"
    assert made["aud"] == "authenticated"
    assert made["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert "email_confirmed_at" not in made
    assert made["identities"][0]["identity_data"]["sub"] == made["id"]


def test_a_weak_password_is_refused_with_its_reasons(configured: Callable[..., Auth]) -> None:
    auth = configured(password_min_length=8, password_required_sets=("0123456789",))
    with pytest.raises(AuthWeakPasswordError) as refused:
        auth.client().sign_up({"email": new_address(), "password": "short"})
    assert refused.value.reasons == ["length", "characters"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "nobody", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "a@b@example.com", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "a\r\nBcc: b@example.com", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "x" * 250 + "@example.com", "password": PASSWORD}, 400, "validation_failed"),
        ({"email": "a@example.com"}, 400, "validation_failed"),
        ({"email": "a@example.com", "password": "x" * 73}, 400, "validation_failed"),
        ({"email": "a@example.com", "password": "null\0byte"}, 400, "validation_failed"),
        ({"email": "a@example.com", "password": PASSWORD, "data": {"a": "\0"}}, 400, "validation_failed"),
        ({"email": ["a@example.com"], "password": PASSWORD}, 400, "bad_json"),
        ({"email": "a@example.com", "password": PASSWORD, "data": "text"}, 400, "bad_json"),
        ({"phone": "+4912345", "password": PASSWORD}, 400, "phone_provider_disabled"),
    ],
)
def test_bad_input_is_named(auth: Auth, body: dict[str, object], status: int, code: str) -> None:
    answer = auth.call("POST", "/signup", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]


def test_what_is_no_json_object_is_named(auth: Auth) -> None:
    for content in (b"{", b"[]", b"\xff", b'"text"', b"[" * 100_000):
        answer = auth.call("POST", "/signup", content=content)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_json")
    answer = auth.call("POST", "/signup", content=b" " * ((1 << 20) + 1))
    assert answer.status_code == 413


def test_an_anonymous_user_signs_in_without_anything(auth: Auth) -> None:
    answer = auth.client().sign_in_anonymously({"options": {"data": {"lang": "de"}}})
    assert answer.session is not None
    assert answer.session.user.is_anonymous
    assert answer.session.user.role == "authenticated"
    claims = tokens.verify(auth.settings.keys, answer.session.access_token)
    assert claims["is_anonymous"] is True
    assert claims["amr"][0]["method"] == "anonymous"


def test_an_anonymous_user_becomes_permanent_by_confirming_an_address(auth: Auth) -> None:
    client, address = auth.client(), new_address()
    signed_in = client.sign_in_anonymously()
    client.update_user({"email": address})
    auth.follow(address)
    user = client.refresh_session().user
    assert user is not None
    assert signed_in.user is not None
    assert (user.id, user.email, user.is_anonymous) == (signed_in.user.id, address, False)
    assert user.app_metadata == {"provider": "email", "providers": ["email"]}


def test_sign_ups_may_be_closed(configured: Callable[..., Auth]) -> None:
    auth = configured(signup_enabled=False, anonymous_enabled=False)
    for body, code in (
        ({"email": new_address(), "password": PASSWORD}, "signup_disabled"),
        ({}, "anonymous_provider_disabled"),
    ):
        answer = auth.call("POST", "/signup", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert auth.call("POST", "/otp", json={"email": new_address()}).json()["code"] == "signup_disabled"


def test_a_mail_that_cannot_be_sent_leaves_no_user(configured: Callable[..., Auth]) -> None:
    auth, address = configured(), new_address()

    def fail(_messages: object) -> None:
        raise OSError("disk full")

    auth.mailbox.deliver_all = fail  # type: ignore[method-assign, assignment]
    answer = auth.call("POST", "/signup", json={"email": address, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected_failure")
    assert auth.rows("select 1 from auth.users where email = %s", address) == []


def test_a_trigger_of_the_project_sees_new_users_and_may_refuse_them(auth: Auth) -> None:
    with psycopg.connect(auth.settings.database_url("postgres")) as postgres:
        postgres.execute("""
            create function public.refuse() returns trigger language plpgsql as
            $$ begin
              if new.email like 'refused%' then raise 'not you'; end if;
              if new.email like 'twice%' then raise unique_violation; end if;
              return new;
            end $$
        """)
        postgres.execute("create trigger refuse before insert on auth.users for each row execute function refuse()")
    for address in ("refused@example.com", "twice@example.com"):
        for path in ("/signup", "/admin/users"):
            answer = auth.as_service("POST", path, json={"email": address, "password": PASSWORD})
            assert (answer.status_code, answer.json()["message"]) == (500, "Database error saving new user")
    with psycopg.connect(auth.settings.database_url("postgres")) as postgres:
        postgres.execute("drop function public.refuse() cascade")
