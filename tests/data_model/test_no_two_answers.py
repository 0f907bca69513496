"""Nobody answers over a message that they have not seen: members, macros, accepted drafts and the AI, all at once."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from infra.local.settings import Settings
from tests.data_model.shop import Shop, together
from tests.people import Actor, connect

ROUNDS = 500 if os.environ.get("FULL") == "1" else 30


@dataclass
class Answers:
    """What was sent, with the last message that its sender had seen; how often somebody was refused."""

    seen: dict[int, tuple[int, str]] = field(default_factory=dict)
    refused: int = 0


def one(shop: Shop, actor: Actor, statement: str, *parameters: Any) -> dict[str, Any] | None:
    rows = shop.as_(actor, statement, *parameters)
    return rows[0] if rows else None


def read(shop: Shop, ticket: UUID) -> int:
    """The last public message, as somebody sees it before they begin to write."""
    seq: int = shop.value(
        "select coalesce(max(seq), 0) from public.messages where ticket_id = %s and not is_internal", ticket
    )
    return seq


def answer(shop: Shop, who: Actor, kind: str, ticket: UUID, seen: int, macro: UUID) -> dict[str, Any] | None:
    """What was sent, if anything was: its `seq`, and what its sender had `seen`."""
    if kind == "reply":
        return one(shop, who, "select seq, %s as seen from public.send_reply(%s, 'Hello', %s)", seen, ticket, seen)
    if kind == "macro":
        one(shop, who, "select public.run_macro(%s, %s, %s)", macro, ticket, seen)
        sent = "select max(seq) as seq, %s as seen from public.messages where member_id = %s and not is_internal"
        return one(shop, who, sent + " and ticket_id = %s", seen, who.user_id, ticket)
    if kind == "draft":
        draft = record(shop, ticket, shop.say(ticket)["id"], seen, "draft")["draft_id"]
        seen = read(shop, ticket)
        return one(shop, who, "select seq, %s as seen from public.accept_draft(%s, %s)", seen, draft, seen)
    # Somebody gives the ticket back to the AI, which answers the contact's last message.
    shop.db.execute("update public.tickets set ai_state = 'on' where id = %s", [ticket])
    message = shop.value(
        "select id from public.messages where ticket_id = %s and sender = 'contact' order by seq desc limit 1", ticket
    )
    made = record(shop, ticket, message, seen, "send")
    sent = (
        "select m.seq, d.seen_seq as seen from public.drafts as d join public.messages as m on m.id = d.sent_message_id"
    )
    return one(shop, who, sent + " where d.id = %s and d.status = 'sent'", made["draft_id"])


def record(shop: Shop, ticket: UUID, message: UUID, seen: int, decision: str) -> dict[str, Any]:
    """What the reply consumer does at its end."""
    made = one(
        shop, shop.functions,
        "select * from private.record_draft(%s, %s, %s, 'By the AI', %s, '{}', 0.9, 'extract', '[]')",
        ticket, message, seen, decision,
    )  # fmt: skip
    assert made
    return made


def test_whoever_answers_has_seen_everything_that_stands_above_their_answer(shop: Shop, shared: Settings) -> None:
    """Six writers in six sessions on a few tickets: 0 answers over an unseen message, whatever the interleaving."""
    shop.db.execute("update public.organizations set ai_mode = 'auto' where id = %s", [shop.organization])
    people = [shop.member() for _ in range(6)]
    macro = shop.value(
        "insert into public.macros (organization_id, name, actions) values (%s, 'm', %s) returning id",
        shop.organization, Jsonb([{"do": "reply", "body": "By a macro"}, {"do": "note", "body": "done"}]),
    )  # fmt: skip
    tickets = [shop.ticket() for _ in range(3)]
    for ticket in tickets:
        shop.say(ticket)
    answers = {ticket: Answers() for ticket in tickets}

    def write(number: int) -> None:
        dice, who = random.Random(number), people[number]
        with connect(shared, "supabase_admin") as db:
            mine = Shop(shared, db, shop.organization)
            for _ in range(ROUNDS):
                ticket = dice.choice(tickets)
                kind = dice.choice(["reply", "reply", "macro", "draft", "ai", "ai", "contact", "note"])
                seen = read(mine, ticket)
                try:
                    if kind == "contact":
                        mine.say(ticket)
                    elif kind == "note":
                        one(mine, who, "select seq from public.send_reply(%s, 'A note', %s, true)", ticket, seen)
                    else:
                        sent = answer(mine, who, kind, ticket, seen, macro)
                        if sent:
                            answers[ticket].seen[sent["seq"]] = sent["seen"], kind
                        else:
                            answers[ticket].refused += 1
                except psycopg.Error as error:
                    if error.sqlstate not in ("PT409", "PT404"):
                        raise
                    answers[ticket].refused += 1

    together(*[lambda number=number: write(number) for number in range(len(people))])
    sent = refused = 0
    for ticket, kept in answers.items():
        public = shop.db.execute(
            "select seq, sender from public.messages where ticket_id = %s and not is_internal order by seq", [ticket]
        ).fetchall()
        assert {row["seq"] for row in public if row["sender"] in ("member", "ai")} == set(kept.seen)
        for row in public:
            if row["seq"] in kept.seen:
                seen, kind = kept.seen[row["seq"]]
                unseen = [other for other in public if seen < other["seq"] < row["seq"]]
                assert unseen == [], f"{kind} answered over {unseen}"
        sent, refused = sent + len(kept.seen), refused + kept.refused
    kinds = Counter(kind for kept in answers.values() for _, kind in kept.seen.values())
    print(f"\n{sent} answers sent ({dict(kinds)}), {refused} refused")
    assert set(kinds) >= {"reply", "macro", "draft"}
    assert refused


@pytest.mark.parametrize("seen", [0, None, -1])
def test_an_answer_by_somebody_who_has_seen_nothing_is_refused(shop: Shop, seen: int | None) -> None:
    agent, ticket = shop.member(), shop.ticket()
    shop.say(ticket)
    with pytest.raises(psycopg.Error, match="a newer message has arrived") as refused:
        shop.as_(agent, "select public.send_reply(%s, 'Hello', %s)", ticket, seen)
    assert refused.value.sqlstate == "PT409"
