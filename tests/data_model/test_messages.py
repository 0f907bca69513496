"""Messages: 1, 2, 3 … in a ticket, what they do to it, and no answer over an unseen message."""

from __future__ import annotations

import random

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Behind, Shop, together, waits
from tests.people import Actor, act_as, connect

ROUNDS = 150


def test_messages_are_numbered_without_gaps_by_many_writers(shop: Shop, shared: Settings) -> None:
    contact = shop.contact()
    tickets = [shop.ticket(contact) for _ in range(3)]
    insert = (
        "insert into public.messages (organization_id, ticket_id, sender, contact_id) values (%s, %s, 'contact', %s)"
    )

    def write(seed: int) -> None:
        dice = random.Random(seed)
        with psycopg.connect(shared.database_url("postgres")) as db:
            for _ in range(40):
                db.execute(insert, [shop.organization, dice.choice(tickets), contact])
                db.rollback() if dice.random() < 0.25 else db.commit()

    together(*[lambda seed=seed: write(seed) for seed in range(4)])
    for ticket in tickets:
        rows = shop.db.execute("select seq from public.messages where ticket_id = %s", [ticket]).fetchall()
        seqs = sorted(row["seq"] for row in rows)
        assert seqs == list(range(1, len(seqs) + 1))
        assert shop.ticket_row(ticket)["last_seq"] == len(seqs) > 10


@pytest.mark.parametrize(
    ("before", "message", "after"),
    [
        ("solved", {"sender": "contact"}, "open"),
        ("pending", {"sender": "contact"}, "open"),
        ("new", {"sender": "contact"}, "new"),
        ("solved", {"sender": "contact", "is_machine": True}, "solved"),
        ("solved", {"sender": "contact", "sender_status": "pending"}, "solved"),
        ("new", {"sender": "ai"}, "pending"),
        ("open", {"sender": "member"}, "pending"),
        ("open", {"sender": "member", "is_internal": True}, "open"),
        ("solved", {"sender": "member"}, "solved"),
        ("on_hold", {"sender": "member"}, "on_hold"),
        ("open", {"sender": "system"}, "open"),
    ],
)
def test_what_is_written_moves_the_ticket(shop: Shop, before: str, message: dict[str, str], after: str) -> None:
    ticket = shop.ticket()
    shop.db.execute("update public.tickets set status = %s where id = %s", [before, ticket])
    shop.say(ticket, **message)
    assert shop.ticket_row(ticket)["status"] == after


def test_a_ticket_that_is_opened_again_is_resolved_no_more(shop: Shop) -> None:
    ticket = shop.ticket()
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])
    shop.say(ticket)
    row = shop.ticket_row(ticket)
    assert (row["status_category"], row["resolved_at"]) == ("open", None)


def test_the_first_answer_is_timed_once_and_notes_are_none(shop: Shop) -> None:
    ticket = shop.ticket()
    shop.say(ticket)
    shop.say(ticket, "member", is_internal=True)
    assert shop.ticket_row(ticket)["first_responded_at"] is None
    shop.say(ticket, "ai")
    first = shop.ticket_row(ticket)["first_responded_at"]
    assert first
    shop.say(ticket, "member")
    assert shop.ticket_row(ticket)["first_responded_at"] == first


def test_a_humans_first_word_takes_the_ticket_from_the_ai_and_a_note_does_not(shop: Shop) -> None:
    ticket = shop.ticket()
    shop.say(ticket, "member", is_internal=True)
    assert shop.ticket_row(ticket)["ai_state"] == "on"
    shop.say(ticket, "member")
    assert shop.ticket_row(ticket)["ai_state"] == "off"


def test_the_time_of_the_last_message_never_goes_back(shop: Shop, shared: Settings) -> None:
    """A transaction that began earlier may write later."""
    ticket = shop.ticket()
    contact = shop.ticket_row(ticket)["contact_id"]
    with connect(shared, "postgres") as slow, slow.transaction():
        slow.execute("select now()")
        shop.say(ticket)
        before = shop.ticket_row(ticket)["last_message_at"]
        slow.execute(
            "insert into public.messages (organization_id, ticket_id, sender, contact_id)"
            " values (%s, %s, 'contact', %s)",
            [shop.organization, ticket, contact],
        )
    assert shop.ticket_row(ticket)["last_message_at"] == before


def test_a_message_for_a_ticket_elsewhere_is_refused(shop: Shop) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="there is no ticket"):
        shop.db.execute(
            "insert into public.messages (organization_id, ticket_id, sender) values (%s, gen_random_uuid(), 'system')",
            [shop.organization],
        )


def test_a_message_is_told_to_those_who_may_read_it(shop: Shop) -> None:
    ticket = shop.ticket()
    told = [
        (event["type"], event["audience"], event["data"]["seq"])
        for message in (
            shop.say(ticket),
            shop.say(ticket, "ai"),
            shop.say(ticket, "member", is_internal=True),
            shop.say(ticket, sender_status="pending"),
        )
        for event in shop.events(message["id"])
    ]
    assert told == [
        ("message.received", "contact", 1), ("message.sent", "contact", 2), ("note.created", "agents", 3),
        ("message.received", "agents", 4),
    ]  # fmt: skip


def test_a_contact_writes_on_its_own_ticket_in_public_as_itself(shop: Shop) -> None:
    contact, customer = shop.customer()
    mine, other = shop.ticket(contact), shop.ticket()
    insert = (
        "insert into public.messages (organization_id, ticket_id, sender, contact_id, is_internal, body_text)"
        " values (%s, %s, %s, %s, %s, 'x')"
    )
    shop.as_(customer, insert, shop.organization, mine, "contact", contact, False)
    assert shop.ticket_row(mine)["last_seq"] == 1
    foreign = shop.ticket_row(other)["contact_id"]
    for ticket, sender, author, internal in (
        (other, "contact", contact, False), (mine, "contact", foreign, False), (mine, "contact", contact, True),
        (mine, "member", None, False), (mine, "ai", None, False), (mine, "system", None, False),
        (other, "contact", foreign, False),
    ):  # fmt: skip
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
            shop.as_(customer, insert, shop.organization, ticket, sender, author, internal)
    assert shop.ticket_row(mine)["last_seq"] == 1
    assert shop.ticket_row(other)["last_seq"] == 0


def test_a_contact_fetches_what_agents_attached_in_public(shop: Shop) -> None:
    contact, customer = shop.customer()
    ticket = shop.ticket(contact)
    for name, internal in (("invoice.pdf", False), ("margin.xls", True)):
        message = shop.say(ticket, "member", is_internal=internal)
        shop.db.execute(
            "insert into public.attachments (organization_id, ticket_id, message_id, file_name, content_type, bytes,"
            " storage_path, verdict)"
            " values (%(o)s, %(t)s, %(m)s, %(n)s, 'x/y', 1, %(o)s || '/' || %(n)s, 'clean')",
            {"o": shop.organization, "t": ticket, "m": message["id"], "n": name},
        )
        shop.db.execute(
            "insert into storage.objects (bucket_id, name) values ('attachments', %s)", [f"{shop.organization}/{name}"]
        )
    assert shop.as_(customer, "select file_name from public.attachments") == [{"file_name": "invoice.pdf"}]
    assert shop.as_(customer, "select name from storage.objects") == [{"name": f"{shop.organization}/invoice.pdf"}]


def test_a_reply_over_an_unseen_message_is_refused_and_a_note_is_not(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    shop.say(ticket)
    seen = shop.say(ticket)["seq"]
    shop.say(ticket)
    for number in (0, 1, seen, None):
        with pytest.raises(psycopg.DatabaseError, match="a newer message has arrived") as refused:
            shop.as_(agent, "select public.send_reply(%s, 'Hello', %s)", ticket, number)
        assert refused.value.sqlstate == "PT409"
    assert shop.ticket_row(ticket)["last_seq"] == 3
    (note,) = shop.as_(agent, "select * from public.send_reply(%s, 'Careful', 0, true)", ticket)
    assert note["is_internal"]
    # Notes are no messages that a reply must have seen.
    (sent,) = shop.as_(agent, "select * from public.send_reply(%s, 'Hello', 3)", ticket)
    assert (sent["seq"], sent["sender"], sent["member_id"], sent["is_internal"]) == (5, "member", agent.user_id, False)


def test_only_agents_reply(shop: Shop) -> None:
    contact, customer = shop.customer()
    ticket = shop.ticket(contact)
    for actor in (customer, shop.member("viewer"), Actor("authenticated")):
        with pytest.raises(psycopg.DatabaseError, match=r"there is no ticket|row-level security"):
            shop.as_(actor, "select public.send_reply(%s, 'Hello', 0)", ticket)
    assert shop.ticket_row(ticket)["last_seq"] == 0


@pytest.mark.parametrize("body", ["", "  \n ", None])
def test_a_reply_has_words(shop: Shop, body: str | None) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="needs words"):
        shop.as_(shop.member(), "select public.send_reply(%s, %s, 0)", shop.ticket(), body)


def test_the_second_of_two_agents_who_answer_at_once_is_refused(shop: Shop, shared: Settings) -> None:
    ticket, ada, bob = shop.ticket(), shop.member(), shop.member()
    send = "select public.send_reply(%s, 'Hello', 0)"
    with connect(shared, "authenticator") as first, connect(shared, "authenticator") as second:

        def reply() -> None:
            with second.transaction():
                act_as(second, bob)
                second.execute(send, [ticket])

        with first.transaction():
            act_as(first, ada)
            first.execute(send, [ticket])
            late = Behind(reply)
            waits(shop, second)
        with pytest.raises(psycopg.DatabaseError, match="a newer message has arrived"):
            late.get()
    assert shop.ticket_row(ticket)["last_seq"] == 1


def test_no_reply_ever_lies_over_a_message_its_writer_had_not_seen(shop: Shop, shared: Settings) -> None:
    """Two agents and the contact write at once, a few hundred times. A reply's words say what its writer had seen."""
    contact, customer = shop.customer()
    ticket = shop.ticket(contact)
    refused = [0, 0]

    def answer(who: int, agent: Actor) -> None:
        with connect(shared, "authenticator") as db:
            for _ in range(ROUNDS):
                try:
                    with db.transaction():
                        act_as(db, agent)
                        row = db.execute(
                            "select coalesce(max(seq), 0) as seen from public.messages where ticket_id = %s", [ticket]
                        ).fetchone()
                        assert row
                        db.execute("select public.send_reply(%s, %s, %s)", [ticket, f"seen {row['seen']}", row["seen"]])
                except psycopg.DatabaseError as error:
                    if error.sqlstate != "PT409":
                        raise
                    refused[who] += 1

    def ask() -> None:
        with connect(shared, "authenticator") as db:
            for _ in range(ROUNDS):
                with db.transaction():
                    act_as(db, customer)
                    db.execute(
                        "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
                        " values (%s, %s, 'contact', %s, 'And?')",
                        [shop.organization, ticket, contact],
                    )

    ada, bob = shop.member(), shop.member()
    together(lambda: answer(0, ada), lambda: answer(1, bob), ask)
    rows = shop.db.execute(
        "select seq, sender, body_text from public.messages where ticket_id = %s order by seq", [ticket]
    ).fetchall()
    replies = [row for row in rows if row["sender"] == "member"]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert len(replies) == 2 * ROUNDS - sum(refused)
    assert sum(refused) > 0, "they never met: this showed nothing"
    violations = [row for row in replies if row["body_text"] != f"seen {row['seq'] - 1}"]
    assert violations == []
