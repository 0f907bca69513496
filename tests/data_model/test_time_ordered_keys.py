"""Keys are version 7 UUIDs (RFC 9562): they sort by time, and partitions go by them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Shop, new_shop
from tests.people import connect


def test_keys_have_version_variant_and_the_millisecond_of_their_making(shop: Shop) -> None:
    rows = shop.db.execute(
        "select clock_timestamp() as before, private.uuid7() as key, clock_timestamp() as after"
        " from generate_series(1, 500)"
    ).fetchall()
    for row in rows:
        key: uuid.UUID = row["key"]
        assert key.version == 7
        assert key.variant == uuid.RFC_4122
        made = datetime.fromtimestamp((key.int >> 80) / 1000, UTC)
        assert row["before"] - timedelta(milliseconds=1) <= made <= row["after"]


def test_keys_sort_in_the_order_of_their_making_and_never_repeat(shop: Shop) -> None:
    # clock_timestamp() counts microseconds; two keys of one microsecond have no order.
    rows = shop.db.execute(
        "select at, private.uuid7(at) as key from (select clock_timestamp() as at from generate_series(1, 5000)) as t"
    ).fetchall()
    assert len({row["key"] for row in rows}) == 5000
    for earlier, later in pairwise(rows):
        assert earlier["key"] < later["key"] or earlier["at"] == later["at"]


@pytest.mark.parametrize("at", ["2026-03-01", "2026-03-01 00:00:00.000999", "1999-12-31 23:59:59.9996", "2900-01-01"])
def test_the_floor_of_an_instant_is_its_smallest_key(shop: Shop, at: str) -> None:
    row = shop.db.execute(
        "select private.uuid7_floor(at) as floor, array(select private.uuid7(at) from generate_series(1, 50)) as keys,"
        " private.uuid7(at - interval '1 ms') as before from (select %s::timestamp at time zone 'utc' as at) as t",
        [at],
    ).fetchone()
    assert row
    assert row["before"] < row["floor"] < min(row["keys"])
    assert row["floor"].version == 7


def test_messages_land_in_the_leaf_of_their_month(shop: Shop) -> None:
    ticket = shop.ticket()
    leaves = set()
    for months in (-1, 0, 1, 2, 3):
        made = shop.db.execute(
            "select private.uuid7(at at time zone 'utc') as key, to_char(at, 'YYYY_MM') as month from"
            " (select date_trunc('month', now() at time zone 'utc') + make_interval(months => %s, days => 14))"
            " as t (at)",
            [months],
        ).fetchone()
        assert made
        shop.say(ticket, id=made["key"])
        row = shop.db.execute(
            "select tableoid::regclass::text as leaf from public.messages where id = %s", [made["key"]]
        ).fetchone()
        assert row
        assert row["leaf"] == f"partitions.messages_{made['month']}"
        leaves.add(row["leaf"])
    assert len(leaves) == 5


@pytest.mark.parametrize("month", ["2026-02", "2026-12", "2028-02"])
def test_leaves_meet_without_gap_or_overlap(shop: Shop, month: str) -> None:
    """The last key of a month is below the first of the next, which lands in the next leaf."""
    row = shop.db.execute(
        "select private.uuid7(first - interval '1 us') < private.uuid7_floor(first) as below,"
        " private.uuid7(first) > private.uuid7_floor(first) as above"
        " from (select (%s || '-01')::timestamp at time zone 'utc' + interval '1 month' as first) as t",
        [month],
    ).fetchone()
    assert row == {"below": True, "above": True}


@pytest.mark.parametrize("years", [-5, 5, 500])
def test_a_key_of_a_far_time_is_refused_and_changes_nothing(shop: Shop, years: int) -> None:
    ticket = shop.ticket()
    key = shop.value("select private.uuid7(now() + make_interval(years => %s))", years)
    with pytest.raises(psycopg.errors.CheckViolation, match='no partition of relation "messages" found') as refused:
        shop.say(ticket, id=key)
    assert str(key) in str(refused.value)
    assert shop.ticket_row(ticket)["last_seq"] == 0


def test_leaves_are_made_ahead_once_and_without_grants(desk: Settings) -> None:
    with connect(desk, "supabase_admin") as db:
        shop = new_shop(desk, db)
        assert shop.value("select private.ensure_message_partitions(3)") == 0
        assert shop.value("select private.ensure_message_partitions(5)") == 2
        assert shop.value("select private.maintain() ->> 'partitions'") == "0"
        leaves = db.execute(
            "select relrowsecurity, relacl from pg_class"
            " where relnamespace = 'partitions'::regnamespace and relkind = 'r'"
        ).fetchall()
        assert leaves == [{"relrowsecurity": True, "relacl": None}] * 7
        for role in ("anon", "authenticated", "service_role", "pgdesk_functions"):
            assert not shop.value("select has_schema_privilege(%s, 'partitions', 'usage')", role)


def test_making_leaves_would_rather_fail_than_hold_up_writers(desk: Settings) -> None:
    with connect(desk, "supabase_admin") as reader, connect(desk, "postgres") as db, reader.transaction():
        reader.execute("select from public.messages")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            db.execute("set local lock_timeout = 0; select private.ensure_message_partitions(9)")
