"""Warnings and breaches are told once each, at their time; changed promises hold for what is still open."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from infra.local.settings import Settings
from tests.data_model.shop import Shop, together
from tests.people import connect
from tests.sla.promises import HOUR, calendar, clocks, pass_time, policy, run, told

WARNED, BREACHED = ("sla.warned", "first_response", 0), ("sla.breached", "first_response", 0)


def asked(shop: Shop) -> UUID:
    ticket = shop.ticket()
    shop.say(ticket)
    return ticket


def waiting(shop: Shop, ring: str = "sla") -> list[dict[str, Any]]:
    """The clocks that will ring, by their time."""
    return shop.db.execute(
        "select * from private.jobs where organization_id = %s and consumer = 'clock' and state = 'waiting'"
        " and payload ->> 'ring' = %s order by run_at",
        [shop.organization, ring],
    ).fetchall()


def ring(shop: Shop, payload: dict[str, Any]) -> None:
    """What the consumer does with a clock's job."""
    shop.as_(shop.functions, "select private.ring(%s)", Jsonb(payload))


def test_a_job_waits_for_the_warning_then_for_the_breach_and_then_for_nothing(shop: Shop) -> None:
    policy(shop, HOUR)
    ticket = asked(shop)
    clock = clocks(shop, ticket)["first_response", 0]
    (job,) = waiting(shop)
    assert job["run_at"] == clock["warn_at"] == clock["started_at"] + 0.75 * HOUR
    pass_time(shop, ticket, 0.8 * HOUR)
    assert told(shop, ticket) == [WARNED]
    (job,) = waiting(shop)
    assert job["run_at"] == clocks(shop, ticket)["first_response", 0]["due_at"]
    pass_time(shop, ticket, 0.8 * HOUR)
    assert told(shop, ticket) == [WARNED, BREACHED]
    shop.db.execute("delete from private.jobs where id = %s", [job["id"]])
    run(shop, ticket)
    assert waiting(shop) == []


def test_a_clock_that_rings_twice_or_too_early_tells_nothing_twice(shop: Shop) -> None:
    policy(shop, HOUR)
    ticket = asked(shop)
    payload = {"ring": "sla", "ticket_id": str(ticket)}
    ring(shop, payload)
    assert told(shop, ticket) == []
    shop.db.execute("update public.ticket_history set at = at - interval '3 hours' where ticket_id = %s", [ticket])
    for _ in range(3):
        ring(shop, payload)
    assert told(shop, ticket) == [BREACHED]


def test_many_that_ring_at_once_tell_one_breach(shop: Shop, shared: Settings) -> None:
    policy(shop, HOUR)
    ticket = asked(shop)
    shop.db.execute("update public.ticket_history set at = at - interval '3 hours' where ticket_id = %s", [ticket])

    def ringing() -> None:
        with connect(shared, "supabase_admin") as db, db.transaction():
            db.execute("select set_config('app.organization_id', %s, true)", [str(shop.organization)])
            db.execute("select private.ring(%s)", [Jsonb({"ring": "sla", "ticket_id": str(ticket)})])

    together(*[ringing] * 6)
    assert told(shop, ticket) == [BREACHED]


def test_an_answer_that_comes_too_late_breaks_the_promise_though_no_clock_has_rung(shop: Shop) -> None:
    policy(shop, HOUR)
    ticket = asked(shop)
    shop.db.execute("update public.ticket_history set at = at - interval '2 hours' where ticket_id = %s", [ticket])
    shop.say(ticket, "member", member_id=shop.member().user_id)
    assert told(shop, ticket) == [BREACHED]


def test_an_answer_in_time_breaks_nothing_and_is_not_warned_of_later(shop: Shop) -> None:
    policy(shop, HOUR)
    ticket = asked(shop)
    shop.db.execute("update public.ticket_history set at = at - interval '50 minutes' where ticket_id = %s", [ticket])
    shop.say(ticket, "member", member_id=shop.member().user_id)
    pass_time(shop, ticket, 10 * HOUR)
    assert told(shop, ticket) == []


def test_a_warning_in_the_night_waits_for_nobody_but_the_clock_does(shop: Shop) -> None:
    """Outside opening hours no time passes: so nothing is warned of and nothing breaks."""
    policy(shop, HOUR)
    calendar(shop, [])
    ticket = asked(shop)
    pass_time(shop, ticket, 200 * HOUR)
    assert told(shop, ticket) == []
    assert waiting(shop) == []


def test_a_changed_promise_holds_for_what_is_open_and_not_for_what_is_resolved(shop: Shop) -> None:
    promise = policy(shop, HOUR)
    still_open, resolved = asked(shop), asked(shop)
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [resolved])
    shop.db.execute("update public.sla_targets set first_response = '4 hours' where policy_id = %s", [promise])
    (job,) = waiting(shop, "sla_all")
    ring(shop, job["payload"])
    assert clocks(shop, still_open)["first_response", 0]["target"] == 4 * HOUR
    assert clocks(shop, resolved)["first_response", 0]["target"] == HOUR


def test_many_open_tickets_are_taken_in_slices(shop: Shop) -> None:
    contact = shop.contact()
    shop.db.execute(
        "insert into public.tickets (organization_id, channel, contact_id) select %s, 'api', %s"
        " from generate_series(1, 250)",
        [shop.organization, contact],
    )
    policy(shop, None, None, HOUR)
    rounds = 0
    while jobs := waiting(shop, "sla_all"):
        shop.db.execute("delete from private.jobs where id = %s", [jobs[0]["id"]])
        ring(shop, jobs[0]["payload"])
        rounds += 1
    assert rounds == 2
    promised = "select count(*) from public.sla_clocks where organization_id = %s"
    assert shop.value(promised, shop.organization) == 250


def test_a_promise_is_explained_under_the_rules_it_was_made(shop: Shop) -> None:
    agent, promise = shop.member(), policy(shop, HOUR)
    ticket = asked(shop)
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])
    shop.db.execute("delete from public.sla_policies where id = %s", [promise])
    (row, *_) = shop.as_(agent, "select * from public.explain_sla(%s)", ticket)
    assert row["target"] == HOUR
    assert row["policy"].startswith("promise ")


@pytest.mark.parametrize(("conditions", "problem"), [
    ({"field": "colour", "op": "is", "value": "red"}, 'there is no field "colour"'),
    ({"field": "is_spam", "op": "contains", "value": "x"}, '"contains" cannot be asked of "is_spam"'),
    ({"field": "priority", "op": "in", "value": "high"}, '"in" takes a list of texts'),
    ({"field": "created_at", "op": "above", "value": "soon"}, "takes a time"),
    ({"field": "subject", "op": "is_set", "value": 1}, '"is_set" takes no value'),
    ({"some": []}, 'a condition has "field", "op" and "value"'),
    ({"not": []}, "a condition is an object, not array"),
    ({"not": {"not": {"not": {"not": {"not": {"not": {"all": []}}}}}}}, "conditions nest 5 deep at most"),
    ({"any": [{"all": [{}]}]}, 'a condition has "field"'),
])  # fmt: skip
def test_a_condition_that_cannot_be_asked_is_refused_with_the_reason(
    shop: Shop, conditions: dict[str, Any], problem: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        policy(shop, conditions=conditions)
    assert problem in str(refused.value)


@pytest.mark.parametrize(("condition", "holds"), [
    ({"all": []}, True),
    ({"any": []}, False),
    ({"field": "subject", "op": "contains", "value": "PARCEL"}, True),
    ({"field": "subject", "op": "starts_with", "value": "parcel"}, False),
    ({"field": "subject", "op": "ends_with", "value": "lost"}, True),
    ({"field": "team_id", "op": "is", "value": ""}, False),
    ({"field": "team_id", "op": "is_not", "value": "x"}, True),
    ({"field": "team_id", "op": "is_not_set"}, True),
    ({"field": "tags", "op": "contains", "value": "VIP"}, True),
    ({"field": "tags", "op": "not_contains", "value": "b2b"}, True),
    ({"field": "tags", "op": "is_set"}, True),
    ({"field": "is_spam", "op": "is", "value": False}, True),
    ({"field": "number", "op": "above", "value": 0.5}, True),
    ({"field": "number", "op": "is", "value": 1.0}, True),
    ({"field": "created_at", "op": "below", "value": "2020-01-01"}, False),
    ({"field": "contact.email", "op": "ends_with", "value": "@big.example"}, True),
    ({"field": "language", "op": "in", "value": ["de", "en"]}, False),
    ({"field": "language", "op": "not_in", "value": ["de"]}, True),
    ({"not": {"field": "channel", "op": "is", "value": "email"}}, False),
    ({"any": [{"any": []}, {"field": "channel", "op": "is", "value": "email"}]}, True),
])  # fmt: skip
def test_a_condition_holds_or_not(shop: Shop, condition: dict[str, Any], holds: bool) -> None:
    ticket = shop.ticket(shop.contact(f"{shop.organization}@big.example"))
    shop.db.execute("update public.tickets set subject = 'My parcel is lost', tags = '{vip}' where id = %s", [ticket])
    asked_of = "select private.condition_holds(%s, private.ticket_facts(t)) from public.tickets as t where t.id = %s"
    assert shop.value("select private.condition_error(%s)", Jsonb(condition)) is None
    assert shop.value(asked_of, Jsonb(condition), ticket) is holds


def test_a_member_who_may_not_manage_cannot_change_promises(shop: Shop) -> None:
    promise, agent, manager = policy(shop), shop.member("agent"), shop.member("manager")
    change = "update public.sla_targets set first_response = '1 minute' where policy_id = %s returning policy_id"
    assert shop.as_(agent, change, promise) == []
    assert len(shop.as_(manager, change, promise)) == 4
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(manager, "update public.sla_clocks set breached_at = null")


def test_an_unknown_clock_is_refused(shop: Shop) -> None:
    for name in ("sla_of", "sla; drop table public.tickets", ""):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="there is no clock"):
            ring(shop, {"ring": name})


def test_a_clock_of_another_organization_stays_still(shop: Shop) -> None:
    policy(shop, HOUR)
    ticket = asked(shop)
    shop.db.execute("update public.ticket_history set at = at - interval '3 hours' where ticket_id = %s", [ticket])
    payload = {"ring": "sla", "ticket_id": str(ticket)}
    other = shop.value(
        "insert into public.organizations (name, slug) values ('o', 'o-' || gen_random_uuid()) returning id"
    )
    with shop.db.transaction():
        shop.db.execute("select set_config('app.organization_id', %s, true)", [str(other)])
        shop.db.execute("select private.ring(%s)", [Jsonb(payload)])
    assert told(shop, ticket) == []
