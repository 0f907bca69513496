"""Routing rules in their order, what they leave alone, and how all of it is explained."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.assignment.line import agent, rule, skill, team, waiting
from tests.data_model.shop import Shop
from tests.people import Actor

EVERY: dict[str, Any] = {"all": []}


def opened(shop: Shop, email: str | None = None) -> UUID:
    ticket = shop.ticket(shop.contact(email))
    shop.say(ticket)
    return ticket


def triaged(shop: Shop, message: UUID, **seen: Any) -> None:
    seen = {"text": "x", "model": "m", "confidence": 0.9, "abstained": False, "ranking": [], "evidence": [],
            "language": "en", "priority": "normal", "sentiment": "neutral", "is_spam": False, "wants_human": False,
            "sensitive": [], "injection": False, "signals": {}, "ms": 1,
            "embedding": str([1.0] * 384), "lexical": "{1:1}/65536"} | seen  # fmt: skip
    shop.as_(shop.functions, "select private.record_triage(%s, %s)", message, Jsonb(seen))


def test_the_first_rule_that_holds_is_taken_and_those_after_a_final_one_are_not_asked(shop: Shop) -> None:
    sales, support = team(shop, "manual", "Sales"), team(shop, "manual")
    big = {"field": "contact.email", "op": "ends_with", "value": "@big.example"}
    rule(shop, big, 1, team_id=sales, add_tags=["vip"])
    rule(shop, EVERY, 2, team_id=support)
    vip, other = opened(shop, f"{shop.organization}@big.example"), opened(shop)
    assert (shop.ticket_row(vip)["team_id"], shop.ticket_row(vip)["tags"]) == (sales, ["vip"])
    assert shop.ticket_row(other)["team_id"] == support


def test_a_rule_that_is_not_final_leaves_word_to_the_next_which_sees_what_it_did(shop: Shop) -> None:
    support = team(shop, "manual")
    rule(shop, EVERY, 1, add_tags=["seen"], is_final=False)
    rule(shop, {"field": "tags", "op": "contains", "value": "seen"}, 2, team_id=support)
    assert shop.ticket_row(opened(shop))["team_id"] == support


def test_rules_are_asked_again_once_triage_has_spoken_and_each_is_taken_once(shop: Shop) -> None:
    support = team(shop, "manual")
    rule(shop, EVERY, 1, add_tags=["new"], is_final=False)
    rule(shop, {"field": "sentiment", "op": "is", "value": "negative"}, 2, team_id=support, priority="urgent")
    ticket = shop.ticket()
    message = shop.say(ticket)["id"]
    assert shop.ticket_row(ticket)["team_id"] is None
    triaged(shop, message, sentiment="negative")
    row = shop.ticket_row(ticket)
    assert (row["team_id"], row["priority"], row["tags"]) == (support, "urgent", ["new"])
    taken = shop.db.execute("select moment from public.ticket_routings where ticket_id = %s order by at", [ticket])
    assert [each["moment"] for each in taken] == ["opened", "triaged"]


def test_a_rule_does_not_override_what_a_member_has_set(shop: Shop) -> None:
    support, sales = team(shop, "manual"), team(shop, "manual", "Sales")
    someone = shop.member()
    ticket = shop.ticket()
    message = shop.say(ticket)["id"]
    shop.as_(someone, "update public.tickets set team_id = %s, priority = 'low' where id = %s", sales, ticket)
    rule(shop, EVERY, 1, team_id=support, priority="urgent")
    triaged(shop, message)
    row = shop.ticket_row(ticket)
    assert (row["team_id"], row["priority"]) == (sales, "low")


def test_an_explanation_names_rule_and_reason_for_every_member(shop: Shop) -> None:
    support = team(shop)
    rule(shop, EVERY, 1, team_id=support)
    takes, full = agent(shop, support), agent(shop, support, capacity=0)
    away, other = agent(shop, support, status="away"), agent(shop)
    ticket = opened(shop)
    shop.db.execute("update public.tickets set ai_state = 'off', assignee_id = null where id = %s", [ticket])
    told = shop.as_(takes, "select public.explain_assignment(%s) as told", ticket)[0]["told"]
    assert [each["moment"] for each in told["rules"]] == ["opened"]
    assert told["waits_for"] == "a member"
    assert {UUID(each["user_id"]): each["reason"] for each in told["members"]} == {
        takes.user_id: "can take it", full.user_id: "has 0 of 0 tickets", away.user_id: "is away",
        other.user_id: "is not in the team",
    }  # fmt: skip


def test_an_explanation_names_the_skill_that_is_missing(shop: Shop) -> None:
    support = team(shop)
    knows, does_not = agent(shop, support), agent(shop, support)
    ticket = waiting(shop, support, category_id=skill(shop, "billing", knows))
    told = shop.as_(knows, "select public.explain_assignment(%s) as told", ticket)[0]["told"]
    assert [each["reason"] for each in told["members"] if each["user_id"] == str(does_not.user_id)] == [
        "does not know billing"
    ]


def test_only_members_are_told_and_only_managers_write_rules(shop: Shop) -> None:
    contact, customer = shop.customer()
    ticket, someone = shop.ticket(contact), shop.member()
    written = rule(shop, EVERY)
    with pytest.raises(psycopg.Error, match="there is no ticket"):
        shop.as_(customer, "select public.explain_assignment(%s)", ticket)
    change = "update public.routing_rules set position = 9 where id = %s returning id"
    assert shop.as_(someone, change, written) == []
    assert len(shop.as_(shop.member("manager"), change, written)) == 1
    for table in ("routing_rules", "ticket_routings", "member_availability"):
        assert shop.as_(customer, f"select * from public.{table}") == []


def test_functions_of_another_tenant_route_nothing(shop: Shop) -> None:
    support = team(shop, "manual")
    ticket = opened(shop)
    rule(shop, EVERY, team_id=support)
    other = shop.value(
        "insert into public.organizations (name, slug) values ('o', 'o-' || gen_random_uuid()) returning id"
    )
    shop.as_(Actor("pgdesk_functions", organization_id=other), "select private.route_triaged(%s)", ticket)
    assert shop.ticket_row(ticket)["team_id"] is None
