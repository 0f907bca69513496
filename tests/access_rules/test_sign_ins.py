"""Sign-ins are in the audit log of every organization of the user, and none ever fails because of it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.local.auth.config import AuthConfig
from infra.local.settings import Settings
from pgdesk.environment import HOOKS
from tests.auth.conftest import FAST, Auth, running
from tests.data_model.shop import Shop, new_shop
from tests.people import connect

LOG = (
    "select action, row_id, changes, host(ip) as ip, user_agent from public.audit_log"
    " where organization_id = %s and table_name = 'users' order by id"
)


@contextmanager
def hooked(settings: Settings) -> Iterator[Auth]:
    hooks = AuthConfig.read(HOOKS)
    config = replace(
        FAST,
        custom_access_token_hook=hooks.custom_access_token_hook,
        password_verification_hook=hooks.password_verification_hook,
    )
    with running(settings, config) as auth:
        yield auth


def join(shop: Shop, address: str) -> UUID:
    """Make the user a member."""
    user: UUID = shop.value("select id from auth.users where email = %s", address)
    shop.db.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')",
        [shop.organization, user],
    )
    return user


def entries(shop: Shop) -> list[dict[str, Any]]:
    return shop.db.execute(LOG, [shop.organization]).fetchall()


@pytest.fixture
def alone(desk: Settings) -> Iterator[Shop]:
    with connect(desk, "supabase_admin") as db:
        yield new_shop(desk, db)


def test_a_sign_in_is_in_the_log_of_each_organization_and_a_refresh_is_not(shop: Shop) -> None:
    other, foreign = new_shop(shop.settings, shop.db), new_shop(shop.settings, shop.db)
    with hooked(shop.settings) as auth:
        address = auth.user()
        user = join(shop, address)
        join(other, address)
        answer = auth.call(
            "POST", "/token?grant_type=password", json={"email": address, "password": "correct horse"},
            headers={"user-agent": "Browser 1"},
        )  # fmt: skip
        assert answer.status_code == 200
        assert auth.refresh(answer.json()["refresh_token"]).status_code == 200
    for desk in (shop, other):
        (entry,) = entries(desk)
        assert (entry["action"], entry["row_id"], entry["user_agent"]) == ("sign_in", str(user), "Browser 1")
        assert entry["changes"] == {"method": [None, "password"], "aal": [None, "aal1"]}
        assert entry["ip"] == "127.0.0.1"
    assert entries(foreign) == []


def test_failures_are_in_the_log_ten_an_hour_at_most(shop: Shop) -> None:
    with hooked(shop.settings) as auth:
        address = auth.user()
        join(shop, address)
        for _ in range(12):
            assert auth.sign_in(address, "wrong").status_code == 400
        auth.session(address)
    assert [entry["action"] for entry in entries(shop)] == ["sign_in_failed"] * 10 + ["sign_in"]


@pytest.mark.parametrize(
    "damage",
    [
        "alter table public.audit_log add constraint broken check (action = 'never') not valid",
        "drop table public.audit_log cascade",
        "alter table private.alarms rename to gone",
    ],
)
def test_a_log_that_cannot_be_written_stops_no_sign_in(alone: Shop, damage: str) -> None:
    with hooked(alone.settings) as auth:
        address = auth.user()
        join(alone, address)
        alone.db.execute(damage.encode())
        assert auth.session(address)["access_token"]
        assert auth.sign_in(address, "wrong").status_code == 400
    if "alarms" not in damage:
        assert alone.value("select count(*) from private.alarms where kind = 'sign_in'") >= 2


def test_a_lock_that_is_held_stops_no_sign_in(alone: Shop) -> None:
    with hooked(alone.settings) as auth, connect(alone.settings, "postgres") as other:
        address = auth.user()
        join(alone, address)
        with other.transaction():
            other.execute("select from public.organizations where id = %s for update", [alone.organization])
            assert auth.session(address)["access_token"]
    assert alone.value("select count(*) from private.alarms where kind = 'sign_in'") == 1


def test_the_hooks_are_those_of_the_project_and_authenticated_calls_none(shop: Shop) -> None:
    told = tomllib.loads((Path(__file__).parents[2] / "supabase" / "config.toml").read_text())["auth"]["hook"]
    assert told["custom_access_token"] == {"enabled": True, "uri": HOOKS["custom_access_token_hook"]["uri"]}
    assert told["password_verification_attempt"]["uri"] == HOOKS["password_verification_hook"]["uri"]
    for role in ("anon", "authenticated", "service_role", "pgdesk_functions"):
        for function in ("custom_access_token", "password_checked"):
            assert not shop.value(
                "select has_function_privilege(%s, %s, 'execute')", role, f"private.{function}(jsonb)"
            )
