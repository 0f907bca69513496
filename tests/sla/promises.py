"""Promises made by an organization, and the passing of time."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop

HOUR = timedelta(hours=1)
NINE_TO_FIVE = [(day, time(9), time(17)) for day in range(1, 6)]


def calendar(
    shop: Shop,
    hours: list[tuple[int, time, Any]] = NINE_TO_FIVE,
    holidays: tuple[date, ...] = (),
    zone: str = "Europe/Berlin",
    *,
    default: bool = True,
) -> UUID:
    """A calendar with these opening hours (ISO weekday, opens, closes)."""
    made: UUID = shop.value(
        "insert into public.calendars (organization_id, name, time_zone, is_default)"
        " values (%s, 'hours ' || gen_random_uuid(), %s, %s) returning id",
        shop.organization, zone, default,
    )  # fmt: skip
    for weekday, opens, closes in hours:
        shop.db.execute(
            "insert into public.calendar_hours (organization_id, calendar_id, weekday, opens, closes)"
            " values (%s, %s, %s, %s, %s)",
            [shop.organization, made, weekday, opens, closes],
        )
    for day in holidays:
        shop.db.execute(
            "insert into public.calendar_holidays (organization_id, calendar_id, day) values (%s, %s, %s)",
            [shop.organization, made, day],
        )
    return made


def policy(
    shop: Shop,
    first: timedelta | None = HOUR,
    following: timedelta | None = None,
    resolution: timedelta | None = None,
    conditions: dict[str, Any] | None = None,
    **columns: Any,
) -> UUID:
    """A policy with the same targets for each priority."""
    given = {"organization_id": shop.organization, "conditions": Jsonb(conditions or {"all": []})} | columns
    names, places = ", ".join(given), ", ".join(f"%({name})s" for name in given)
    row = shop.db.execute(
        f"insert into public.sla_policies (name, {names}) values ('promise ' || gen_random_uuid(), {places})"
        " returning id",
        given,
    ).fetchone()
    assert row
    shop.db.execute(
        "insert into public.sla_targets (organization_id, policy_id, priority, first_response, next_response,"
        " resolution) select %s, %s, p, %s, %s, %s from unnest(enum_range(null::public.ticket_priority)) as p",
        [shop.organization, row["id"], first, following, resolution],
    )
    return UUID(str(row["id"]))


def pass_time(shop: Shop, ticket: UUID, by: timedelta) -> None:
    """All that has happened to the ticket happened so much earlier, and its clock rings if it would have."""
    shop.db.execute("update public.ticket_history set at = at - %s where ticket_id = %s", [by, ticket])
    run(shop, ticket)


def run(shop: Shop, ticket: UUID) -> None:
    shop.db.execute("select private.run_sla(t) from public.tickets as t where t.id = %s", [ticket])


def clocks(shop: Shop, ticket: UUID) -> dict[tuple[str, int], dict[str, Any]]:
    rows = shop.db.execute("select * from public.sla_clocks where ticket_id = %s", [ticket]).fetchall()
    return {(row["metric"], row["cycle"]): row for row in rows}


def told(shop: Shop, ticket: UUID) -> list[tuple[str, str, int]]:
    """What was told of the ticket's clocks, in order: (event, metric, cycle)."""
    return [
        (event["type"], event["data"]["metric"], event["data"]["cycle"])
        for event in shop.events(ticket)
        if event["type"].startswith("sla.")
    ]
