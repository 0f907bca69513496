"""Nobody answers over what they have not seen, while tickets are merged, split and put back under their hands."""

from __future__ import annotations

import os
import random
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from infra.local.settings import Settings
from tests.data_model.shop import Shop, together
from tests.people import Actor, connect
from tests.tickets.desk import asked, merge, split, undo

ROUNDS = 150 if os.environ.get("FULL") == "1" else 25
# Moved, or moved on, since it was looked at; or locked for too long.
REFUSED = ("PT409", "PT404", "23514")


def public(shop: Shop, ticket: UUID) -> tuple[set[UUID], int]:
    """The public messages of a ticket, and the last of their numbers."""
    rows = shop.db.execute(
        "select id, seq from public.messages where ticket_id = %s and not is_internal", [ticket]
    ).fetchall()
    return {row["id"] for row in rows}, max((row["seq"] for row in rows), default=0)


def answer(shop: Shop, who: Actor, ticket: UUID, dice: random.Random) -> None:
    """Reads, lets others work, answers. What stands in the ticket at that very moment had been seen."""
    seen, seq = public(shop, ticket)
    if dice.random() < 0.5:
        shop.db.execute("select pg_sleep(0.002)")
    with shop.acting(who) as db:
        sent = db.execute("select id, ticket_id from public.send_reply(%s, 'Hello', %s)", [ticket, seq]).fetchone()
        assert sent
        there, _ = public(shop, sent["ticket_id"])
        assert there - {sent["id"]} <= seen, "it was sent over a message that its writer had not seen"


def move(shop: Shop, who: Actor, tickets: list[UUID], dice: random.Random) -> None:
    """A merge or a split, and back."""
    into, other = dice.sample(tickets, 2)
    if dice.random() < 0.6:
        made: dict[str, Any] = merge(shop, who, into, other)[0]
    else:
        messages = shop.db.execute("select id from public.messages where ticket_id = %s", [into]).fetchall()
        if len(messages) < 2:
            return
        opened = split(shop, who, into, dice.choice(messages)["id"])
        made = shop.as_(who, "select * from public.ticket_moves where to_ticket_id = %s", opened["id"])[0]
    undo(shop, who, made)


def test_whatever_is_moved_meanwhile_nobody_answers_over_what_they_have_not_seen(shop: Shop, shared: Settings) -> None:
    people, contact = [shop.member() for _ in range(5)], shop.contact()
    tickets = [asked(shop, contact=contact) for _ in range(3)]
    sent, refused, moved = [0] * 5, [0] * 5, [0] * 5

    def work(number: int) -> None:
        dice = random.Random(number)
        with connect(shared, "supabase_admin") as session:
            mine = Shop(shared, session, shop.organization)
            for _ in range(ROUNDS):
                kind = dice.choice(["answer", "answer", "contact", "move"])
                try:
                    if kind == "answer":
                        answer(mine, people[number], dice.choice(tickets), dice)
                        sent[number] += 1
                    elif kind == "contact":
                        mine.say(dice.choice(tickets), contact_id=contact)
                    else:
                        move(mine, people[number], tickets, dice)
                        moved[number] += 1
                except psycopg.Error as error:
                    if error.sqlstate not in REFUSED:
                        raise
                    refused[number] += 1

    together(*[partial(work, number) for number in range(5)])
    print(f"\n{sum(sent)} answers, {sum(moved)} moves, {sum(refused)} refused")
    assert sum(sent)
    assert sum(moved)
    assert sum(refused)
    assert shop.value(
        "select count(*) = count(distinct (ticket_id, seq)) from public.messages where organization_id = %s",
        shop.organization,
    )
