"""Every event is told on the topics of those it concerns, with ids and sequence only."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

from tests.data_model.shop import Shop


def told(shop: Shop, since: UUID | None = None) -> list[dict[str, Any]]:
    """Messages about this organization's events."""
    return shop.db.execute(
        "select m.topic, m.event, m.payload, m.private, m.extension from realtime.messages as m join public.events as e"
        " on e.id = (m.payload ->> 'event_id')::uuid where e.organization_id = %s order by e.seq",
        [shop.organization],
    ).fetchall()


def test_each_event_is_told_to_the_organization_and_the_tickets_readers(shop: Shop) -> None:
    ticket = shop.ticket()
    shop.say(ticket)
    shop.say(ticket, "member", is_internal=True)
    shop.say(ticket, sender_status="pending")
    topics = Counter(
        (row["event"], row["topic"].replace(str(ticket), "T").replace(str(shop.organization), "O"))
        for row in told(shop)
    )
    assert topics == {
        ("contact.created", "org:O"): 1,
        ("ticket.created", "org:O"): 1,
        ("ticket.created", "ticket:T:agents"): 1,
        ("ticket.created", "ticket:T:contact"): 1,
        ("message.received", "org:O"): 2,
        ("message.received", "ticket:T:agents"): 2,
        ("message.received", "ticket:T:contact"): 1,  # not the one of a sender who is not known
        ("note.created", "org:O"): 1,
        ("note.created", "ticket:T:agents"): 1,
    }  # fmt: skip


def test_a_team_hears_of_what_is_assigned_to_it(shop: Shop) -> None:
    team = shop.value(
        "insert into public.teams (organization_id, name) values (%s, 'B') returning id", shop.organization
    )
    ticket = shop.ticket()
    shop.db.execute("update public.tickets set team_id = %s where id = %s", [team, ticket])
    assert [row["event"] for row in told(shop) if row["topic"] == f"team:{team}"] == ["ticket.assigned"]


def test_what_is_told_holds_ids_and_never_words(shop: Shop) -> None:
    secret = f"my card number is {uuid4()}"
    ticket = shop.ticket()
    shop.db.execute("update public.tickets set subject = %s where id = %s", [secret, ticket])
    shop.say(ticket, body_text=secret, body_html=secret, reply_text=secret, message_id_header=secret)
    shop.say(ticket, "member", body_text=secret, is_internal=True)
    rows = told(shop)
    assert len(rows) >= 8
    for row in rows:
        assert row["private"]
        assert row["extension"] == "broadcast"
        assert secret not in str(row["payload"])
        assert set(row["payload"]) == {"id", "event_id", "type", "subject_id", "ticket_id", "data"}


def test_nothing_is_told_of_what_is_undone(shop: Shop) -> None:
    ticket = shop.ticket()
    before = len(told(shop))
    with shop.db.transaction(force_rollback=True):
        shop.say(ticket)
    assert len(told(shop)) == before


def test_a_channel_that_cannot_be_told_does_not_undo_the_change(shop: Shop) -> None:
    ticket = shop.ticket()
    warnings: list[str] = []
    shop.db.add_notice_handler(lambda notice: warnings.append(str(notice.message_primary)))
    with shop.db.transaction(force_rollback=True):
        shop.db.execute("alter table realtime.messages add constraint broken check (topic = 'none') not valid")
        assert shop.say(ticket)["seq"] == 1
    assert warnings
    assert all(warning.startswith("WarnSendingBroadcastMessage") for warning in warnings)
