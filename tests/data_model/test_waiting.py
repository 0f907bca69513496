"""Snoozed tickets come back at their time, quiet ones are solved and closed, and none of it twice or too early."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop
from tests.people import Actor

DAY = timedelta(days=1)


def clocks(shop: Shop, ring: str) -> list[dict[str, Any]]:
    return shop.db.execute(
        "select run_at, payload from private.jobs where organization_id = %s and consumer = 'clock'"
        " and state = 'waiting' and payload ->> 'ring' = %s order by run_at",
        [shop.organization, ring],
    ).fetchall()


def ring(shop: Shop, name: str, ticket: UUID) -> None:
    shop.as_(shop.functions, "select private.ring(%s)", Jsonb({"ring": name, "ticket_id": str(ticket)}))


def status(shop: Shop, ticket: UUID) -> str:
    found: str = shop.ticket_row(ticket)["status"]
    return found


def types(shop: Shop, ticket: UUID) -> list[str]:
    return [event["type"] for event in shop.events(ticket) if event["type"] in ("ticket.snoozed", "ticket.woke")]


def snooze(shop: Shop, agent: Actor, ticket: UUID, by: timedelta = DAY) -> None:
    shop.as_(agent, "select id from public.snooze_ticket(%s, now() + %s)", ticket, by)


def earlier(shop: Shop, ticket: UUID, by: timedelta) -> None:
    shop.db.execute(
        "update public.tickets set snoozed_until = snoozed_until - %(by)s, last_message_at = last_message_at - %(by)s,"
        " resolved_at = resolved_at - %(by)s where id = %(id)s",
        {"id": ticket, "by": by},
    )


def test_a_snoozed_ticket_rests_until_its_time_and_then_is_open_again(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    snooze(shop, agent, ticket)
    row = shop.ticket_row(ticket)
    assert (row["status_category"], row["snoozed_by"]) == ("waiting", agent.user_id)
    (clock,) = clocks(shop, "wake")
    assert clock["run_at"] == row["snoozed_until"]
    ring(shop, "wake", ticket)
    assert status(shop, ticket) == "on_hold"
    earlier(shop, ticket, 2 * DAY)
    for _ in range(2):
        ring(shop, "wake", ticket)
    assert (status(shop, ticket), shop.ticket_row(ticket)["snoozed_until"]) == ("open", None)
    assert types(shop, ticket)[-1] == "ticket.woke"
    assert types(shop, ticket).count("ticket.woke") == 1


def test_the_contacts_word_wakes_a_snoozed_ticket_and_its_clock_finds_nothing_to_do(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    snooze(shop, agent, ticket)
    shop.say(ticket)
    assert (status(shop, ticket), shop.ticket_row(ticket)["snoozed_until"]) == ("open", None)
    shop.db.execute("update public.tickets set status = 'on_hold' where id = %s", [ticket])
    ring(shop, "wake", ticket)
    assert status(shop, ticket) == "on_hold"


def test_snoozing_again_moves_the_time(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    snooze(shop, agent, ticket)
    snooze(shop, agent, ticket, 3 * DAY)
    (clock,) = clocks(shop, "wake")
    assert clock["run_at"] == shop.ticket_row(ticket)["snoozed_until"]


def test_only_the_future_and_what_is_not_resolved_can_be_snoozed_and_only_by_agents(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="a time to come"):
        snooze(shop, agent, ticket, -DAY)
    for actor in (shop.member("viewer"), shop.customer()[1]):
        with pytest.raises(psycopg.Error, match="there is no ticket"):
            snooze(shop, actor, ticket)
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])
    with pytest.raises(psycopg.Error, match="there is no ticket"):
        snooze(shop, agent, ticket)


def quiet(shop: Shop, solve_after: timedelta | None = 3 * DAY, close_after: timedelta | None = 7 * DAY) -> UUID:
    """A ticket that has been answered, in an organization that does not wait for ever."""
    shop.db.execute(
        "update public.organizations set solve_after = %s, close_after = %s where id = %s",
        [solve_after, close_after, shop.organization],
    )
    ticket = shop.ticket()
    shop.say(ticket)
    shop.say(ticket, "ai")
    return ticket


def test_a_ticket_that_waits_for_the_customer_for_too_long_is_solved_and_then_closed(shop: Shop) -> None:
    ticket = quiet(shop)
    assert status(shop, ticket) == "pending"
    ring(shop, "waited", ticket)
    assert status(shop, ticket) == "pending"
    for days, expected in ((3, "solved"), (6, "solved"), (1, "closed"), (99, "closed")):
        earlier(shop, ticket, days * DAY)
        ring(shop, "waited", ticket)
        assert status(shop, ticket) == expected, days
    assert clocks(shop, "waited")


def test_a_word_in_between_begins_the_wait_anew(shop: Shop) -> None:
    ticket = quiet(shop)
    earlier(shop, ticket, 2 * DAY)
    shop.say(ticket)
    shop.say(ticket, "ai")
    earlier(shop, ticket, 2 * DAY)
    ring(shop, "waited", ticket)
    assert status(shop, ticket) == "pending"
    (clock,) = clocks(shop, "waited")
    assert clock["run_at"] == shop.ticket_row(ticket)["last_message_at"] + 3 * DAY


def test_an_organization_that_waits_for_ever_closes_nothing(shop: Shop) -> None:
    ticket = quiet(shop, None, None)
    earlier(shop, ticket, 1000 * DAY)
    ring(shop, "waited", ticket)
    assert status(shop, ticket) == "pending"
    assert clocks(shop, "waited") == []


def test_a_shorter_patience_holds_for_those_that_wait_already(shop: Shop) -> None:
    ticket = quiet(shop, None, None)
    shop.db.execute("update public.organizations set solve_after = '1 hour' where id = %s", [shop.organization])
    (asked,) = clocks(shop, "waiting_all")
    shop.as_(shop.functions, "select private.ring(%s)", Jsonb(asked["payload"]))
    (clock,) = clocks(shop, "waited")
    assert clock["payload"]["ticket_id"] == str(ticket)
