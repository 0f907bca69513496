"""SLA clocks: what starts, pauses and stops them, that they can be computed again, and that they explain themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data_model.shop import Shop
from tests.people import ANON
from tests.sla.model import Desk
from tests.sla.promises import HOUR, calendar, clocks, pass_time, policy

FIRST, NEXT, RESOLUTION = ("first_response", 0), ("next_response", 1), ("resolution", 0)
SECOND = timedelta(seconds=1)


def status(shop: Shop, ticket: UUID, status: str) -> None:
    shop.db.execute("update public.tickets set status = %s where id = %s", [status, ticket])


def asked(shop: Shop) -> UUID:
    ticket = shop.ticket()
    shop.say(ticket)
    return ticket


def test_without_a_policy_nothing_is_promised(shop: Shop) -> None:
    ticket = asked(shop)
    assert clocks(shop, ticket) == {}
    assert shop.ticket_row(ticket)["first_response_due_at"] is None


def test_the_first_response_is_due_a_target_after_the_contact_wrote(shop: Shop) -> None:
    policy(shop)
    ticket = asked(shop)
    clock = clocks(shop, ticket)[FIRST]
    assert clock["due_at"] == clock["started_at"] + HOUR == shop.ticket_row(ticket)["first_response_due_at"]


@pytest.mark.parametrize(("sender", "columns", "answers"), [
    ("member", {}, True), ("ai", {}, True), ("member", {"is_internal": True}, False), ("system", {}, False),
    ("ai", {"is_machine": True}, False),
])  # fmt: skip
def test_a_public_answer_stops_the_first_response_and_nothing_else_does(
    shop: Shop, sender: str, columns: dict[str, Any], answers: bool
) -> None:
    policy(shop)
    ticket, member = asked(shop), shop.member().user_id
    shop.say(ticket, sender, **columns | ({"member_id": member} if sender == "member" else {}))
    assert (clocks(shop, ticket)[FIRST]["stopped_at"] is not None) is answers


def test_an_answer_of_the_ai_counts_only_where_the_policy_says_so(shop: Shop) -> None:
    policy(shop, ai_counts=False)
    ticket = asked(shop)
    shop.say(ticket, "ai")
    status(shop, ticket, "open")
    assert clocks(shop, ticket)[FIRST]["stopped_at"] is None
    shop.say(ticket, "member", member_id=shop.member().user_id)
    assert clocks(shop, ticket)[FIRST]["stopped_at"] is not None


def test_a_clock_does_not_run_while_the_ticket_waits_for_the_customer(shop: Shop) -> None:
    policy(shop, None, None, 10 * HOUR)
    ticket = asked(shop)
    pass_time(shop, ticket, 2 * HOUR)
    status(shop, ticket, "pending")
    assert shop.ticket_row(ticket)["resolution_due_at"] is None
    pass_time(shop, ticket, 100 * HOUR)
    shop.say(ticket)
    clock = clocks(shop, ticket)[RESOLUTION]
    assert abs(clock["spent"] - 2 * HOUR) < SECOND
    assert abs(clock["due_at"] - clock["running_since"] - 8 * HOUR) < SECOND


def test_where_a_policy_does_not_pause_it_runs_on(shop: Shop) -> None:
    policy(shop, None, None, 10 * HOUR, pauses_while_waiting=False)
    ticket = asked(shop)
    status(shop, ticket, "pending")
    clock = clocks(shop, ticket)[RESOLUTION]
    assert clock["running_since"] is not None
    assert abs(clock["due_at"] - clock["started_at"] - 10 * HOUR) < SECOND


def test_each_further_question_has_a_clock_of_its_own_from_the_first_of_its_messages(shop: Shop) -> None:
    policy(shop, HOUR, 2 * HOUR)
    ticket, member = asked(shop), shop.member().user_id
    shop.say(ticket, "member", member_id=member)
    assert set(clocks(shop, ticket)) == {FIRST}
    shop.say(ticket)
    started = clocks(shop, ticket)[NEXT]["started_at"]
    shop.say(ticket)
    assert clocks(shop, ticket)[NEXT]["started_at"] == started
    shop.say(ticket, "member", member_id=member)
    shop.say(ticket)
    now = clocks(shop, ticket)
    assert now[NEXT]["stopped_at"] is not None
    assert now["next_response", 2]["due_at"] == shop.ticket_row(ticket)["next_response_due_at"]


def test_resolving_ends_the_wait_for_an_answer_and_thanks_do_not_start_it_again(shop: Shop) -> None:
    policy(shop, HOUR, 2 * HOUR, 8 * HOUR)
    ticket, member = asked(shop), shop.member().user_id
    shop.say(ticket, "member", member_id=member)
    shop.say(ticket)
    status(shop, ticket, "solved")
    assert clocks(shop, ticket)[NEXT]["stopped_at"] is not None
    row = shop.ticket_row(ticket)
    assert row["next_response_due_at"] is None
    assert row["resolution_due_at"] is None


def test_a_ticket_opened_again_goes_on_where_its_resolution_stood(shop: Shop) -> None:
    policy(shop, None, None, 10 * HOUR)
    ticket = asked(shop)
    pass_time(shop, ticket, 3 * HOUR)
    status(shop, ticket, "solved")
    pass_time(shop, ticket, 50 * HOUR)
    shop.say(ticket)
    clock = clocks(shop, ticket)[RESOLUTION]
    assert clock["stopped_at"] is None
    assert abs(clock["spent"] - 3 * HOUR) < SECOND


def test_a_ticket_that_we_began_owes_no_first_response(shop: Shop) -> None:
    policy(shop, HOUR, HOUR)
    ticket = shop.ticket()
    shop.say(ticket, "member", member_id=shop.member().user_id)
    assert clocks(shop, ticket) == {}
    shop.say(ticket)
    assert set(clocks(shop, ticket)) == {NEXT}


def test_the_first_policy_whose_conditions_hold_is_the_tickets(shop: Shop) -> None:
    urgent = {"field": "priority", "op": "in", "value": ["high", "urgent"]}
    policy(shop, HOUR, conditions=urgent, position=1)
    policy(shop, 8 * HOUR, position=2)
    ticket = asked(shop)
    assert clocks(shop, ticket)[FIRST]["target"] == 8 * HOUR
    shop.db.execute("update public.tickets set priority = 'urgent' where id = %s", [ticket])
    assert clocks(shop, ticket)[FIRST]["target"] == HOUR


def test_hours_are_those_of_the_tickets_team(shop: Shop) -> None:
    policy(shop)
    calendar(shop, [], default=True)  # the organization's: never open
    always = calendar(shop, [(day, "00:00", "24:00") for day in range(1, 8)], zone="UTC", default=False)  # type: ignore[misc]
    team = shop.value(
        "insert into public.teams (organization_id, name, calendar_id) values (%s, 'Night', %s) returning id",
        shop.organization, always,
    )  # fmt: skip
    ticket = asked(shop)
    assert clocks(shop, ticket)[FIRST]["due_at"] is None
    shop.db.execute("update public.tickets set team_id = %s where id = %s", [team, ticket])
    clock = clocks(shop, ticket)[FIRST]
    assert clock["due_at"] == clock["started_at"] + HOUR


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["contact", "member", "ai", "note", "pending", "open", "solved", "on_hold", "urgent"]),
        st.integers(1, 60 * 40),
    ),
    min_size=1,
    max_size=14,
)


@given(STEPS, st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_stored_is_what_another_reckoning_of_the_history_gives(
    shop: Shop, steps: list[tuple[str, int]], pauses: bool, ai_counts: bool, has_hours: bool
) -> None:
    """Whatever happens to a ticket: stored = computed again = a walk through its history in Python."""
    shop.db.execute("delete from public.sla_policies where organization_id = %s", [shop.organization])
    shop.db.execute("update public.calendars set is_default = false where organization_id = %s", [shop.organization])
    hours = calendar(shop) if has_hours else None
    policy(shop, HOUR, 2 * HOUR, 12 * HOUR, pauses_while_waiting=pauses, ai_counts=ai_counts)
    member, ticket = shop.member().user_id, shop.ticket()
    for what, minutes in steps:
        if what == "contact":
            shop.say(ticket)
        elif what in ("member", "note"):
            shop.say(ticket, "member", member_id=member, is_internal=what == "note")
        elif what == "ai":
            shop.say(ticket, "ai")
        elif what == "urgent":
            shop.db.execute("update public.tickets set priority = 'urgent' where id = %s", [ticket])
        else:
            status(shop, ticket, what)
        pass_time(shop, ticket, timedelta(minutes=minutes))

    stored = clocks(shop, ticket)
    again = shop.db.execute(
        "select n.* from public.sla_clocks as c join private.sla_rules as r on r.id = c.rules_id"
        " cross join lateral private.sla_clocks_of(c.ticket_id, r.rules) as n"
        " where c.ticket_id = %s and c.metric = n.metric and c.cycle = n.cycle",
        [ticket],
    ).fetchall()
    assert len(again) == len(stored)
    for row in again:
        assert row.items() <= stored[row["metric"], row["cycle"]].items()

    def opens(starts: datetime, ends: datetime) -> timedelta:
        counted: timedelta = shop.value(
            "select private.open_time(private.calendar_value(%s), %s, %s)", hours, starts, ends
        )
        return counted

    history = shop.db.execute(
        "select * from public.ticket_history where ticket_id = %s order by step", [ticket]
    ).fetchall()
    expected = Desk(pauses, ai_counts, opens).run(history)
    assert set(expected) == set(stored)
    for key, clock in expected.items():
        row = stored[key]
        assert (clock.started, clock.stopped, clock.since) == (
            row["started_at"], row["stopped_at"], row["running_since"],
        ), key  # fmt: skip
        assert abs(clock.spent - row["spent"]) < SECOND, key
        if row["due_at"] is not None and row["running_since"] is not None and clock.spent < row["target"]:
            assert abs(clock.spent + opens(row["running_since"], row["due_at"]) - row["target"]) < SECOND


def test_explained_stretches_add_up_to_what_is_stored_and_follow_one_another(shop: Shop) -> None:
    agent = shop.member()
    calendar(shop)
    policy(shop, HOUR, 2 * HOUR, 100 * HOUR)
    ticket = asked(shop)
    pass_time(shop, ticket, 30 * HOUR)
    shop.say(ticket, "member", member_id=agent.user_id)
    pass_time(shop, ticket, 20 * HOUR)
    shop.say(ticket)
    pass_time(shop, ticket, 70 * HOUR)
    rows = shop.as_(agent, "select * from public.explain_sla(%s)", ticket)
    for key, clock in clocks(shop, ticket).items():
        mine = [row for row in rows if (row["metric"], row["cycle"]) == key]
        closed = [
            row for row in mine if row["ends"] and (not clock["running_since"] or row["ends"] <= clock["running_since"])
        ]
        assert abs(sum((row["counted"] for row in closed), timedelta()) - clock["spent"]) < SECOND
        assert all(one["ends"] == other["starts"] for one, other in pairwise(mine))
    states = {row["state"] for row in rows}
    assert states == {"counted", "paused", "closed"}


def test_nobody_else_is_told_about_a_clock(shop: Shop) -> None:
    policy(shop)
    contact, customer = shop.customer()
    ticket = shop.ticket(contact)
    shop.say(ticket)
    stranger = shop.member()
    shop.db.execute("delete from public.members where user_id = %s", [stranger.user_id])
    for actor in (customer, stranger):
        assert shop.as_(actor, "select * from public.explain_sla(%s)", ticket) == []
        for table in ("sla_clocks", "sla_policies", "sla_targets", "ticket_history", "calendars"):
            assert shop.as_(actor, f"select * from public.{table}") == []
    with pytest.raises(Exception, match="permission denied"):
        shop.as_(ANON, "select * from public.explain_sla(%s)", ticket)
