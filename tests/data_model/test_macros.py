"""Canned responses, what is being written, and macros: several steps, all of them or none."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop
from tests.people import Actor


def macro(shop: Shop, *actions: dict[str, Any]) -> UUID:
    made: UUID = shop.value(
        "insert into public.macros (organization_id, name, actions) values (%s, 'm ' || gen_random_uuid(), %s)"
        " returning id",
        shop.organization, Jsonb(list(actions)),
    )  # fmt: skip
    return made


def run(shop: Shop, agent: Actor, made: UUID, ticket: UUID, seen: int | None = None) -> None:
    shop.as_(agent, "select id from public.run_macro(%s, %s, %s)", made, ticket, seen)


def ann(shop: Shop, name: str = "Ann Lee") -> UUID:
    contact = shop.contact()
    shop.db.execute("update public.contacts set name = %s where id = %s", [name, contact])
    ticket = shop.ticket(contact)
    shop.say(ticket)
    return ticket


def test_variables_are_filled_and_what_is_not_known_is_said_in_other_words(shop: Shop) -> None:
    agent, ticket, nameless = shop.member(), ann(shop), ann(shop, "")
    shop.as_(agent, "select public.set_display_name(%s, 'Bo')", shop.organization)
    text = "Hi {{contact.first_name|there}}, {{ ticket.number }} {{contact.name}}. {{agent.name}} {x} {{}"
    fill = "select public.fill_text(%s, %s) as text"
    number = shop.ticket_row(ticket)["number"]
    assert shop.as_(agent, fill, text, ticket)[0]["text"] == f"Hi Ann, {number} Ann Lee. Bo {{x}} {{{{}}"
    assert shop.as_(agent, fill, text, nameless)[0]["text"].startswith("Hi there, ")


def test_a_name_that_looks_like_a_variable_stays_a_name(shop: Shop) -> None:
    agent, ticket = shop.member(), ann(shop, "{{agent.name}} {{contact.email}}")
    (row,) = shop.as_(agent, "select public.fill_text('{{contact.name}}!', %s) as text", ticket)
    assert row["text"] == "{{agent.name}} {{contact.email}}!"


def test_an_unknown_variable_is_refused_by_name_when_it_is_written(shop: Shop) -> None:
    insert = (
        "insert into public.canned_responses (organization_id, shortcut, title, body)"
        " values (%s, 'hi', 'Hi', 'Dear {{contact.nmae}}')"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match=r"there is no variable \{\{contact.nmae\}\}"):
        shop.as_(shop.member(), insert, shop.organization)


def test_a_macro_does_its_steps_in_order_with_the_callers_rights(shop: Shop) -> None:
    agent, ticket = shop.member(), ann(shop)
    made = macro(
        shop, {"do": "assign_me"}, {"do": "note", "body": "for {{contact.name}}"},
        {"do": "reply", "body": "Dear {{contact.first_name}}"}, {"do": "add_tags", "tags": ["refund", "b"]},
        {"do": "remove_tags", "tags": ["b"]}, {"do": "set", "field": "priority", "value": "high"},
        {"do": "set", "field": "status", "value": "solved"},
    )  # fmt: skip
    run(shop, agent, made, ticket, 1)
    row = shop.ticket_row(ticket)
    assert (row["assignee_id"], row["priority"], row["status"], row["tags"]) == (
        agent.user_id, "high", "solved", ["refund"],
    )  # fmt: skip
    said = shop.db.execute(
        "select body_text, is_internal from public.messages where ticket_id = %s order by seq", [ticket]
    )
    assert [tuple(each.values()) for each in said][1:] == [("for Ann Lee", True), ("Dear Ann", False)]


def test_where_one_step_fails_none_is_done(shop: Shop) -> None:
    agent, ticket = shop.member(), ann(shop)
    made = macro(shop, {"do": "reply", "body": "Hello"}, {"do": "set", "field": "status", "value": "parked"})
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="there is no status parked"):
        run(shop, agent, made, ticket, 1)
    assert shop.ticket_row(ticket)["last_seq"] == 1


def test_a_macro_does_not_reply_over_a_message_that_was_not_seen(shop: Shop) -> None:
    agent, ticket = shop.member(), ann(shop)
    made = macro(shop, {"do": "set", "field": "priority", "value": "low"}, {"do": "reply", "body": "Hello"})
    shop.say(ticket)
    with pytest.raises(psycopg.Error, match="a newer message has arrived"):
        run(shop, agent, made, ticket, 1)
    assert shop.ticket_row(ticket)["priority"] == "normal"


@pytest.mark.parametrize(("action", "problem"), [
    ({"do": "explode"}, 'action 1: there is no action "explode"'),
    ({"do": "reply"}, '"reply" needs a body'),
    ({"do": "reply", "body": "{{x}}"}, "there is no variable {{x}}"),
    ({"do": "set", "field": "organization_id", "value": "x"}, '"set" takes a field'),
    ({"do": "set", "field": "status", "value": 1}, '"set" takes a value'),
    ({"do": "add_tags", "tags": [1]}, '"add_tags" takes a list of tags'),
    ({"do": "snooze", "for": "a while"}, '"snooze" takes how long'),
    ({"do": "assign_me", "whom": "x"}, '"assign_me" takes no "whom"'),
])  # fmt: skip
def test_an_action_that_cannot_be_done_is_refused_with_the_reason(
    shop: Shop, action: dict[str, Any], problem: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        macro(shop, action)
    assert problem in str(refused.value)


def test_a_macro_of_another_organization_is_not_there_and_a_viewer_changes_nothing(shop: Shop) -> None:
    agent, viewer, ticket = shop.member(), shop.member("viewer"), ann(shop)
    other = shop.value(
        "insert into public.organizations (name, slug) values ('o', 'o-' || gen_random_uuid()) returning id"
    )
    foreign = shop.value(
        "insert into public.macros (organization_id, name, actions) values (%s, 'm', %s) returning id",
        other, Jsonb([{"do": "assign_me"}]),
    )  # fmt: skip
    with pytest.raises(psycopg.Error, match="there is no macro"):
        run(shop, agent, foreign, ticket)
    with pytest.raises(psycopg.Error):
        run(shop, viewer, macro(shop, {"do": "reply", "body": "Hello"}), ticket, 1)
    assert shop.ticket_row(ticket)["last_seq"] == 1


def test_what_is_being_written_is_its_writers_alone_and_gone_once_it_is_sent(shop: Shop) -> None:
    agent, colleague, ticket = shop.member(), shop.member(), ann(shop)
    write = (
        "insert into public.compositions (organization_id, ticket_id, is_internal, body) values (%s, %s, %s, %s)"
        " on conflict (ticket_id, user_id, is_internal) do update set body = excluded.body returning body"
    )
    for internal, text in ((False, "Dea"), (False, "Dear Ann"), (True, "odd")):
        shop.as_(agent, write, shop.organization, ticket, internal, text)
    mine = "select body from public.compositions order by is_internal"
    assert [row["body"] for row in shop.as_(agent, mine)] == ["Dear Ann", "odd"]
    assert shop.as_(colleague, mine) == []
    shop.as_(agent, "select public.send_reply(%s, 'Dear Ann', 1)", ticket)
    assert [row["body"] for row in shop.as_(agent, mine)] == ["odd"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(
            colleague,
            "insert into public.compositions (organization_id, ticket_id, user_id, body) values (%s, %s, %s, 'x')",
            shop.organization, ticket, agent.user_id,
        )  # fmt: skip
