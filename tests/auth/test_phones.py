"""Telephones: signing up and in, codes by SMS, changing a number, and numbers as second factors."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from infra.local.auth.config import RateLimits
from tests.auth.conftest import PASSWORD, Auth, new_address

_numbers = count(15550000001)
TEST_NUMBER = "15559999999"


@pytest.fixture
def phones(configured: Callable[..., Auth]) -> Auth:
    return configured(
        phone_enabled=True, sms_max_frequency=0.0, test_otps={TEST_NUMBER: "123456"}, mfa_phone_enroll=True,
        mfa_phone_verify=True, mfa_phone_max_frequency=0.0,
    )  # fmt: skip


def new_number() -> str:
    return str(next(_numbers))


def texted(auth: Auth, number: str) -> str:
    """The code in the newest SMS."""
    match = re.search(r"Your code is (\d{6})", auth.mail(f"+{number}").text or "")
    assert match
    return match[1]


def verify(auth: Auth, number: str, code: str, kind: str = "sms") -> Any:
    return auth.call("POST", "/verify", json={"type": kind, "phone": number, "token": code})


def test_a_number_signs_up_and_is_confirmed_by_sms(phones: Auth) -> None:
    number = new_number()
    body = {"phone": f"+{number}", "password": PASSWORD, "data": {"lang": "de"}}
    made = phones.call("POST", "/signup", json=body).json()
    assert made["phone"] == number
    early = phones.call("POST", "/token?grant_type=password", json={"phone": number, "password": PASSWORD})
    assert (early.status_code, early.json()["code"]) == (400, "phone_not_confirmed")
    session = verify(phones, number, texted(phones, number)).json()
    assert session["user"]["phone_confirmed_at"]
    assert session["user"]["app_metadata"] == {"provider": "phone", "providers": ["phone"]}
    later = phones.call("POST", "/token?grant_type=password", json={"phone": f"+{number}", "password": PASSWORD})
    assert later.json()["user"]["id"] == made["id"]
    again = phones.call("POST", "/signup", json=body)
    assert again.status_code == 200
    assert again.json()["id"] != made["id"]  # made up: nobody learns who is registered


def test_a_code_by_sms_signs_in_once(phones: Auth) -> None:
    number = new_number()
    for _ in range(2):  # the first makes the user
        assert phones.call("POST", "/otp", json={"phone": number}).status_code == 200
        code = texted(phones, number)
        assert "access_token" in verify(phones, number, code).json()
        used = verify(phones, number, code)
        assert (used.status_code, used.json()["code"]) == (403, "otp_expired")


def test_an_unknown_number_and_a_wrong_code_get_one_answer(phones: Auth) -> None:
    number = new_number()
    phones.call("POST", "/otp", json={"phone": number})
    wrong = "000000" if texted(phones, number) != "000000" else "111111"
    one, other = verify(phones, number, wrong), verify(phones, new_number(), wrong)
    assert (one.status_code, one.json()) == (other.status_code, other.json())


def test_who_wants_no_new_user_makes_none(phones: Auth) -> None:
    number = new_number()
    answer = phones.call("POST", "/otp", json={"phone": number, "create_user": False})
    assert (answer.status_code, answer.json()["code"]) == (422, "otp_disabled")
    assert phones.rows("select 1 from auth.users where phone = %s", number) == []


def test_a_number_for_tests_gets_no_sms(phones: Auth) -> None:
    phones.call("POST", "/otp", json={"phone": TEST_NUMBER})
    assert phones.mails(f"+{TEST_NUMBER}") == []
    assert verify(phones, TEST_NUMBER, "123456").status_code == 200


@pytest.mark.parametrize("number", ["0", "911 or so", "+1555000000000000", "1555-0000", "15\u0665"])
def test_what_is_no_number_is_refused(phones: Auth, number: str) -> None:
    answer = phones.call("POST", "/signup", json={"phone": number, "password": PASSWORD})
    assert answer.json()["message"] == "Invalid phone number format (E.164 required)"


def test_where_phones_are_off_or_nobody_sends_nothing_is_kept(configured: Callable[..., Auth], auth: Auth) -> None:
    number = new_number()
    off = auth.call("POST", "/signup", json={"phone": number, "password": PASSWORD})
    assert (off.status_code, off.json()["code"]) == (400, "phone_provider_disabled")
    mute = configured(phone_enabled=True, sms_provider="")
    assert mute.call("POST", "/otp", json={"phone": number}).status_code == 500
    assert auth.rows("select 1 from auth.users where phone = %s", number) == []


def test_a_user_changes_the_number_by_a_code_to_the_new_one(phones: Auth) -> None:
    number, token = new_number(), phones.session()["access_token"]
    changed = phones.call("PUT", "/user", token, json={"phone": number}).json()
    assert (changed["phone"], changed["new_phone"]) == ("", number)
    user = verify(phones, number, texted(phones, number), "phone_change").json()["user"]
    assert user["phone"] == number
    assert user["app_metadata"]["providers"] == ["email", "phone"]
    other = phones.session()["access_token"]
    taken = phones.call("PUT", "/user", other, json={"phone": number})
    assert (taken.status_code, taken.json()["code"]) == (422, "phone_exists")


def test_an_sms_is_sent_again_only_while_it_is_waited_for(phones: Auth) -> None:
    number = new_number()
    phones.call("POST", "/signup", json={"phone": number, "password": PASSWORD})
    again = {"type": "sms", "phone": number}
    assert "message_id" in phones.call("POST", "/resend", json=again).json()
    verify(phones, number, texted(phones, number))
    assert phones.call("POST", "/resend", json=again).json() == {}
    assert phones.call("POST", "/resend", json={"type": "sms", "phone": new_number()}).json() == {}
    assert len(phones.mails(f"+{number}")) == 2


def test_sms_are_limited_by_the_hour_and_held_back_after_each(configured: Callable[..., Auth]) -> None:
    auth = configured(phone_enabled=True, sms_max_frequency=60.0, limits=RateLimits(sms_per_hour=1))
    number = new_number()
    assert auth.call("POST", "/otp", json={"phone": number}).status_code == 200
    held = auth.call("POST", "/otp", json={"phone": number})
    assert (held.status_code, held.json()["code"]) == (429, "over_sms_send_rate_limit")
    assert re.search(r"after \d+ seconds", held.json()["message"])
    other = auth.call("POST", "/otp", json={"phone": new_number()})
    assert (other.status_code, other.json()["message"]) == (429, "SMS rate limit exceeded")


def test_a_telephone_is_a_second_factor(phones: Auth) -> None:
    session, number = phones.session(), new_number()
    token = session["access_token"]
    body = {"factor_type": "phone", "friendly_name": "mine", "phone": f"+{number}"}
    factor = phones.call("POST", "/factors", token, json=body).json()
    assert factor["type"] == "phone"
    begun = phones.call("POST", f"/factors/{factor['id']}/challenge", token, json={"channel": "sms"}).json()
    answer = {"challenge_id": begun["id"], "code": "1"}
    wrong = phones.call("POST", f"/factors/{factor['id']}/verify", token, json=answer)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "mfa_verification_failed")
    answer["code"] = texted(phones, number)
    raised = phones.call("POST", f"/factors/{factor['id']}/verify", token, json=answer).json()
    user = phones.call("GET", "/user", raised["access_token"]).json()
    assert [each["status"] for each in user["factors"]] == ["verified"]
    again = phones.call("POST", "/factors", raised["access_token"], json=body | {"friendly_name": "other"})
    assert again.json()["code"] == "mfa_verified_factor_exists"
    removed = phones.call("DELETE", f"/factors/{factor['id']}", raised["access_token"])
    assert removed.status_code == 200


def test_administrators_make_and_change_users_by_number(phones: Auth) -> None:
    number = new_number()
    body = {"phone": number, "password": PASSWORD, "phone_confirm": True, "email": new_address()}
    made = phones.as_service("POST", "/admin/users", json=body).json()
    assert made["app_metadata"]["providers"] == ["email", "phone"]
    assert made["phone_confirmed_at"]
    assert phones.as_service("POST", "/admin/users", json={"phone": number}).json()["code"] == "phone_exists"
    other = new_number()
    changed = phones.as_service("PUT", f"/admin/users/{made['id']}", json={"phone": other, "phone_confirm": True})
    assert changed.json()["phone"] == other
    answer = phones.call("POST", "/token?grant_type=password", json={"phone": other, "password": PASSWORD})
    assert answer.status_code == 200
