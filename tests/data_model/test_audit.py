"""The audit log: who changed what, without secrets, and never in the way of the change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Shop, new_shop
from tests.people import connect

RENAME = "update public.organizations set name = %s where id = %s"


def log(shop: Shop) -> list[dict[str, Any]]:
    return shop.db.execute(
        "select * from public.audit_log where organization_id = %s order by id", [shop.organization]
    ).fetchall()


@pytest.fixture
def alone(desk: Settings) -> Iterator[Shop]:
    """With a database of its own, for tests that break something in it."""
    with connect(desk, "supabase_admin") as db:
        yield new_shop(desk, db)


def test_a_change_is_recorded_with_who_did_it_and_what_was_before(shop: Shop) -> None:
    admin = shop.member("admin")
    (before,) = shop.as_(admin, "select name from public.organizations where id = %s", shop.organization)
    shop.as_(admin, RENAME, "Renamed", shop.organization)
    last = log(shop)[-1]
    assert (last["actor_id"], last["actor_role"]) == (admin.user_id, "authenticated")
    assert (last["action"], last["table_name"], last["row_id"]) == ("update", "organizations", str(shop.organization))
    assert last["changes"] == {"name": [before["name"], "Renamed"]}


def test_what_comes_and_goes_is_recorded_whole(shop: Shop) -> None:
    owner = shop.member("owner")
    shop.as_(owner, "insert into public.teams (organization_id, name) values (%s, 'Night')", shop.organization)
    shop.as_(owner, "delete from public.teams where organization_id = %s", shop.organization)
    _, came, went = log(shop)
    assert (came["action"], came["changes"]["name"]) == ("insert", [None, "Night"])
    assert (went["action"], went["changes"]["name"]) == ("delete", ["Night", None])
    assert came["row_id"] == went["row_id"] == came["changes"]["id"][1]


@pytest.mark.parametrize(
    ("headers", "ip", "agent"),
    [
        ('{"x-forwarded-for": "192.0.2.1, 203.0.113.7", "user-agent": "Mozilla"}', "203.0.113.7", "Mozilla"),
        ('{"x-forwarded-for": "192.0.2.1", "cf-connecting-ip": "203.0.113.7"}', "203.0.113.7", None),
        ('{"x-forwarded-for": " 2001:db8::1 "}', "2001:db8::1", None),
        ('{"x-forwarded-for": "not an address\'; --", "user-agent": "' + "x" * 5000 + '"}', None, "x" * 400),
        ('{"x-forwarded-for": 7, "user-agent": {"a": 1}}', None, '{"a": 1}'),
        ('{"user-agent": "a\\u0000b"}', None, None),
        ("[1, 2]", None, None),
        ("null", None, None),
        ("{not json", None, None),
        ("", None, None),
    ],
)
def test_any_request_headers_leave_a_record(shop: Shop, headers: str, ip: str | None, agent: str | None) -> None:
    with shop.acting(shop.member("admin"), request__headers=headers) as db:
        db.execute(RENAME, ["Renamed", shop.organization])
    last = log(shop)[-1]
    assert last["table_name"] == "organizations"
    assert (str(last["ip"]) if last["ip"] else None, last["user_agent"]) == (ip, agent)


def test_secrets_are_recorded_as_changed_and_not_as_what(alone: Shop) -> None:
    names = ["api_token", "client_secret", "password_hash", "key_hash"]
    alone.db.execute(
        "create table public.keys (id uuid primary key default private.uuid7(), organization_id uuid not null,"
        " label text, "
        + ", ".join(f"{name} text" for name in names)
        + "); create trigger keys_audit after insert or update or delete on public.keys"
        " for each row execute function private.audit('id')"
    )
    alone.db.execute(
        f"insert into public.keys (organization_id, label, {', '.join(names)}) values (%s, 'k'"
        + ", 'hunter2'" * len(names)
        + ")",
        [alone.organization],
    )
    alone.db.execute("update public.keys set api_token = 'hunter3'")
    alone.db.execute("delete from public.keys")
    rows = log(alone)
    assert [row["action"] for row in rows] == ["insert", "update", "delete"]
    for row in rows:
        assert "hunter" not in json.dumps(row["changes"])
        assert row["changes"]["api_token"] == ["[redacted]", "[redacted]"]
    assert rows[0]["changes"]["label"] == [None, "k"]
    assert set(rows[1]["changes"]) == {"api_token"}


@pytest.mark.parametrize(
    "damage",
    [
        "alter table public.audit_log add constraint broken check (action = 'never') not valid",
        "drop table public.audit_log cascade",
        "alter table public.audit_log rename column changes to modifications",
        "drop function private.try_inet(text)",
    ],
)
def test_an_audit_that_fails_warns_and_lets_the_change_pass(alone: Shop, damage: str) -> None:
    owner = alone.member("owner")
    alone.db.execute(damage.encode())
    warnings: list[str] = []
    alone.db.add_notice_handler(lambda notice: warnings.append(f"{notice.severity}: {notice.message_primary}"))
    alone.as_(owner, RENAME, "Renamed", alone.organization)
    assert alone.value("select name from public.organizations where id = %s", alone.organization) == "Renamed"
    warning = warnings[0]
    assert warning.startswith("WARNING: audit of UPDATE on organizations failed")


def test_admins_read_the_log_and_nobody_writes_it(shop: Shop) -> None:
    admin = shop.member("admin")
    assert shop.as_(admin, "select 1 from public.audit_log where organization_id = %s", shop.organization)
    assert shop.as_(shop.member("manager"), "select 1 from public.audit_log") == []
    for role in ("anon", "authenticated", "service_role", "pgdesk_functions"):
        for verb in ("insert", "update", "delete", "truncate"):
            assert not shop.value("select has_table_privilege(%s, 'public.audit_log', %s)", role, verb)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(admin, "delete from public.audit_log")
