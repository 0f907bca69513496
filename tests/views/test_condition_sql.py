"""Conditions as SQL give the answers that conditions give, whatever they ask."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as sizes
from hypothesis import strategies as some
from psycopg.types.json import Jsonb

from infra.local.settings import Settings
from tests.conftest import FULL
from tests.data_model.shop import Shop, new_shop
from tests.people import connect

# What tickets hold and conditions ask: plain, odd, and meant to break out of a literal.
TEXTS = (
    "Refund",
    "refund please",
    "ÄRGER",
    "ärger",
    "100% \\ sure",
    "it's",
    "'; drop table x; --",
    "$1",
    "%s",
    "",
    "me",
)
TAGS = ("vip", "VIP", "b'2'b", "a,b", '"x"', "NULL")
TIMES = ("2026-01-31T09:00:00Z", "now", "today", "2 days ago", "-36 hours", "4 hours", "infinity")
OPERATORS = {
    "text": ("is", "is_not", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with"),
    "list": ("contains", "not_contains"),
    "boolean": ("is",),
    "number": ("is", "above", "below"),
    "instant": ("above", "below"),
}
# Both ways, in one statement: the difference and whether there is an error.
BOTH = """
select t.number
from public.tickets as t
left join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
where t.organization_id = %s and {predicate} is distinct from private.condition_holds(%s, private.ticket_facts(t))
"""


@pytest.fixture(scope="module")
def full_shop(shared: Settings) -> Iterator[Shop]:
    """Tickets with all kinds of values in all fields that conditions ask."""
    with connect(shared, "supabase_admin") as db:
        shop = new_shop(shared, db)
        chance = random.Random(7)
        teams = [
            shop.value(
                "insert into public.teams (organization_id, name) values (%s, %s) returning id", shop.organization, n
            )
            for n in ("One", "Two")
        ]
        members = [shop.member().user_id for _ in range(2)]
        contacts = [shop.contact(), shop.contact("o'hara@big.example")]
        db.execute("update public.contacts set name = 'Ängström \\', language = 'de' where id = %s", [contacts[1]])
        db.execute(
            "with g as (insert into public.tags (organization_id, name) select %s, unnest(%s::text[]) returning *)"
            " insert into public.contact_tags (organization_id, contact_id, tag_id)"
            " select organization_id, %s, id from g",
            [shop.organization, ["vip", "a,b", '"x"'], contacts[1]],
        )
        db.execute("set session_replication_role = replica")
        for number in range(1, 41):
            db.execute(
                """
                insert into public.tickets (
                  organization_id, number, subject, channel, status, status_category, priority, contact_id, team_id,
                  assignee_id, language, sentiment, is_spam, tags, created_at, last_contact_at, snoozed_until,
                  resolution_due_at
                ) values (
                  %(organization)s, %(number)s, %(subject)s, %(channel)s, %(status)s, %(category)s, %(priority)s,
                  %(contact)s, %(team)s, %(assignee)s, %(language)s, %(sentiment)s, %(spam)s, %(tags)s,
                  now() - make_interval(days => %(age)s), now() - make_interval(hours => %(age)s), %(snoozed)s, %(due)s
                )
                """,
                {
                    "organization": shop.organization, "number": number, "subject": chance.choice(TEXTS),
                    "channel": chance.choice(("email", "portal", "chat")), "age": chance.randrange(5),
                    "status": chance.choice(("new", "pending", "solved")),
                    "category": chance.choice(("open", "waiting", "resolved")),
                    "priority": chance.choice(("low", "urgent")), "contact": chance.choice(contacts),
                    "team": chance.choice((None, *teams)), "assignee": chance.choice((None, *members)),
                    "language": chance.choice((None, "de", "DE", "")), "sentiment": chance.choice((None, "negative")),
                    "spam": chance.random() < 0.2, "tags": chance.sample(TAGS, chance.randrange(3)),
                    "snoozed": chance.choice((None, "2036-01-01", "infinity")),
                    "due": chance.choice((None, "now", "2036-01-01")),
                },
            )  # fmt: skip
        db.execute("set session_replication_role = origin")
        yield shop


def _facts(shop: Shop) -> list[dict[str, Any]]:
    facts = "select private.ticket_facts(t) as facts from public.tickets as t where organization_id = %s"
    return [row["facts"] for row in shop.db.execute(facts, [shop.organization])]


def _kinds(shop: Shop) -> dict[str, str]:
    return {row["field"]: row["kind"] for row in shop.db.execute("select field, kind from private.condition_fields()")}


def _differing(shop: Shop, condition: dict[str, Any]) -> list[dict[str, Any]]:
    """Tickets for which the two ways give different answers. In one transaction: "now" is one time."""
    with shop.db.transaction():
        predicate = shop.value("select private.condition_sql(%s)", Jsonb(condition))
        statement = BOTH.format(predicate=predicate.replace("%", "%%"))
        return shop.db.execute(statement, [shop.organization, Jsonb(condition)]).fetchall()


def _questions(shop: Shop) -> some.SearchStrategy[dict[str, Any]]:
    """Any sound question; half of what is asked is a value that some ticket has."""
    kinds, facts = _kinds(shop), _facts(shop)

    def question(field: str, op: str) -> some.SearchStrategy[dict[str, Any]]:
        known = sorted({str(fact[field]) for fact in facts if fact[field] is not None})
        text = some.sampled_from([*known, *TEXTS, str(uuid4())]) | some.text(
            some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5
        )
        value: some.SearchStrategy[Any] = {
            "text": text | text.map(str.upper),
            "list": some.sampled_from(TAGS) | text,
            "boolean": some.booleans(),
            "number": some.integers(-1, 45) | some.sampled_from((7.5, 1e300, 7.0)),
            "instant": some.sampled_from([*known, *TIMES]),
        }[kinds[field]]
        if op in ("in", "not_in"):
            value = some.lists(text, max_size=3)
        return value.map(lambda asked: {"field": field, "op": op, "value": asked})

    asked = [(field, op) for field, kind in kinds.items() for op in OPERATORS[kind]]
    unset = some.builds(
        lambda field, op: {"field": field, "op": op}, some.sampled_from(sorted(kinds)),
        some.sampled_from(("is_set", "is_not_set")),
    )  # fmt: skip
    return unset | some.sampled_from(asked).flatmap(lambda each: question(*each))


def test_every_question_of_every_field_is_answered_alike(full_shop: Shop) -> None:
    facts = _facts(full_shop)
    for field, kind in _kinds(full_shop).items():
        held = next((str(fact[field]) for fact in facts if fact[field] not in (None, "", [])), "2026-01-31")
        value: Any = {"text": held.upper(), "list": "vip", "boolean": True, "number": 7, "instant": held}[kind]
        for op in OPERATORS[kind]:
            question = {"field": field, "op": op, "value": [value, "x"] if op in ("in", "not_in") else value}
            assert _differing(full_shop, question) == [], question
        for op in ("is_set", "is_not_set"):
            assert _differing(full_shop, {"field": field, "op": op}) == [], (field, op)


def test_conditions_as_sql_hold_for_the_same_tickets(full_shop: Shop) -> None:
    conditions = some.recursive(
        _questions(full_shop),
        lambda part: (
            some.lists(part, max_size=3).map(lambda parts: {"all": parts})
            | some.lists(part, max_size=3).map(lambda parts: {"any": parts})
            | part.map(lambda inner: {"not": inner})
        ),
        max_leaves=6,
    )

    @sizes(max_examples=5000 if FULL else 150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(conditions)
    def same(condition: dict[str, Any]) -> None:
        if full_shop.value("select private.condition_error(%s)", Jsonb(condition)):
            return  # too deep
        assert _differing(full_shop, condition) == []

    same()


def test_a_time_may_be_told_from_now_on_but_not_beyond_a_century(full_shop: Shop) -> None:
    asked = (
        "select private.condition_error(jsonb_build_object('field', 'created_at', 'op', 'below', 'value', %s::text))"
    )
    for sound in TIMES:
        assert full_shop.value(asked, sound) is None, sound
    for unsound in ("", "soon", "-200 years", "178000000 years", "1; select 1"):
        assert "takes a time" in full_shop.value(asked, unsound), unsound
