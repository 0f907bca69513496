"""Mail to threads that were merged or are over, and the people whom a mail names."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.kit import database
from chalicelib.kit.reply_token import make_token, reply_address

from infra.local.settings import Settings
from tests.data_model.shop import Behind
from tests.people import Actor, act_as, connect, new_member, new_user
from tests.waiting import until

from .conftest import RECEIVER, SECRET, VERIFIED, Desk
from .mails import mail


def question(number: int, *headers: str, body: str = "My lamp is broken.", sender: str = "ann@customer.test") -> bytes:
    return mail(f"Message-ID: <{number}@customer.test>", "Subject: Lamp", *headers, body=body, sender=sender)


def merge(box: Desk, desk: Settings, into: Any, other: Any) -> dict[str, Any]:
    agent = new_member(box.admin, box.acme, "agent")
    with connect(desk, "authenticator") as connection, connection.transaction():
        act_as(connection, agent)
        row = connection.execute("select * from public.merge_tickets(%s, %s)", [into, [other]]).fetchone()
    assert row
    return row


def participants(box: Desk, ticket: Any) -> list[str]:
    rows = box.admin.execute(
        "select c.email from public.ticket_participants as p join public.contacts as c on c.id = p.contact_id"
        " where p.ticket_id = %s and p.removed_at is null order by c.email",
        [ticket],
    )
    return [row["email"] for row in rows.fetchall()]


def test_mail_to_either_thread_lands_in_the_one_ticket(box: Desk, desk: Settings) -> None:
    first, second = box.receive(question(1)), box.receive(question(2))
    merge(box, desk, first["ticket_id"], second["ticket_id"])
    token = make_token(SECRET, box.acme, second["ticket_id"], "ann@customer.test")
    answers = [
        box.receive(question(3, "In-Reply-To: <1@customer.test>")),
        box.receive(question(4, "In-Reply-To: <2@customer.test>")),
        box.receive(question(5, VERIFIED), reply_address("help@acme.test", token)),
    ]
    for ledger in answers:
        assert (ledger["outcome"], ledger["ticket_id"]) == ("threaded", first["ticket_id"])
        assert box.message(ledger)["sender_status"] == "known"
    assert [box.message(each)["seq"] for each in answers] == [3, 4, 5]


def test_a_mail_that_is_filed_while_its_thread_is_merged_is_with_it(box: Desk, desk: Settings) -> None:
    first, second = box.receive(question(1)), box.receive(question(2))
    agent = new_member(box.admin, box.acme, "agent")

    def file() -> dict[str, Any]:
        try:
            return box.receive(question(3, "In-Reply-To: <2@customer.test>"))
        finally:
            database.close()

    pid = "select pid from pg_stat_activity where usename = 'pgdesk_functions' and wait_event_type = 'Lock'"
    with connect(desk, "authenticator") as connection:
        with connection.transaction():
            act_as(connection, agent)
            connection.execute("select public.merge_tickets(%s, %s)", [first["ticket_id"], [second["ticket_id"]]])
            behind = Behind(file)
            with connect(desk, "supabase_admin") as watching:
                until(lambda: watching.execute(pid).fetchone())
        ledger = behind.get()
    assert (ledger["state"], ledger["outcome"], ledger["ticket_id"]) == ("done", "threaded", first["ticket_id"])
    assert box.message(ledger)["ticket_id"] == first["ticket_id"]


def test_what_was_merged_can_be_split_off_as_a_wrong_decision_can(box: Desk, desk: Settings) -> None:
    first, second = box.receive(question(1)), box.receive(question(2))
    merge(box, desk, first["ticket_id"], second["ticket_id"])
    third = box.receive(question(3, "In-Reply-To: <2@customer.test>"))
    agent = new_member(box.admin, box.acme, "agent")
    with connect(desk, "authenticator") as connection, connection.transaction():
        act_as(connection, agent)
        connection.execute("select public.split_mail(%s)", [third["message_id"]])
    alone = box.ledger(str(third["id"]))
    assert alone["ticket_id"] not in (first["ticket_id"], second["ticket_id"])
    assert box.receive(question(4, "In-Reply-To: <3@customer.test>"))["ticket_id"] == alone["ticket_id"]


# ---- over


def rule(box: Desk, **columns: Any) -> None:
    for name, value in columns.items():
        box.admin.execute(f"update public.organizations set {name} = %s where id = %s".encode(), [value, box.acme])


def is_over(box: Desk, ticket: UUID, status: str = "solved", ago: str = "10 days") -> None:
    box.admin.execute("update public.tickets set status = %s where id = %s", [status, ticket])
    box.admin.execute("update public.tickets set resolved_at = now() - %s::interval where id = %s", [ago, ticket])


def status(box: Desk, ticket: UUID) -> str:
    return str(box.row("select status from public.tickets where id = %s", ticket)["status"])


def test_a_mail_long_after_the_end_opens_a_ticket_that_follows_the_old_one(box: Desk) -> None:
    rule(box, reopen_within="7 days")
    first = box.receive(question(1, VERIFIED))
    is_over(box, first["ticket_id"])
    late = box.receive(question(2, VERIFIED, "In-Reply-To: <1@customer.test>"))
    assert (late["state"], late["outcome"], late["decision"]["follows"]) == (
        "done", "new_ticket", str(first["ticket_id"]),
    )  # fmt: skip
    follow_up = box.row("select * from public.tickets where id = %s", late["ticket_id"])
    assert (follow_up["status"], follow_up["subject"], follow_up["last_seq"]) == ("new", "Lamp", 1)
    assert status(box, first["ticket_id"]) == "solved"
    link = box.row("select * from public.ticket_links where ticket_id = %s", late["ticket_id"])
    assert (link["kind"], link["other_ticket_id"]) == ("follows", first["ticket_id"])
    # What answers the new one is part of it; in time the old one opens.
    assert box.receive(question(3, "In-Reply-To: <2@customer.test>"))["ticket_id"] == late["ticket_id"]
    is_over(box, late["ticket_id"], ago="2 days")
    assert box.receive(question(4, "In-Reply-To: <2@customer.test>"))["outcome"] == "threaded"
    assert status(box, late["ticket_id"]) == "open"


def test_machines_and_strangers_neither_open_nor_follow(box: Desk) -> None:
    rule(box, reopen_within="7 days")
    first = box.receive(question(1))
    is_over(box, first["ticket_id"])
    for ledger in (
        box.receive(question(2, "Auto-Submitted: auto-replied", "In-Reply-To: <1@customer.test>")),
        box.receive(question(3, "In-Reply-To: <1@customer.test>", sender="stranger@else.test")),
    ):
        assert ledger["ticket_id"] == first["ticket_id"]
    assert status(box, first["ticket_id"]) == "solved"
    assert box.count("public.tickets") == 1


# ---- people in copy


def test_whom_a_mail_names_takes_part_and_is_known_from_then_on(box: Desk) -> None:
    first = box.receive(
        question(1, "To: Help+1@acme.test, Bea <bea@partner.test>", "Cc: cid@partner.test, sales@acme.test"),
        "help@acme.test",
    )
    assert participants(box, first["ticket_id"]) == ["bea@partner.test", "cid@partner.test"]
    answer = box.receive(question(2, "In-Reply-To: <1@customer.test>", sender="bea@partner.test"))
    assert box.message(answer)["sender_status"] == "known"
    # In copy, Bea is no requester: a stranger stays one.
    stranger = box.receive(question(3, "In-Reply-To: <1@customer.test>", sender="dan@else.test"))
    assert box.message(stranger)["sender_status"] == "pending"


def test_members_are_no_participants(box: Desk) -> None:
    user = new_user(box.admin, "agent@acme-people.test")
    box.admin.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')", [box.acme, user]
    )
    first = box.receive(question(1, "Cc: agent@acme-people.test, bea@partner.test"))
    assert participants(box, first["ticket_id"]) == ["bea@partner.test"]


def test_nobody_joins_a_thread_by_a_mail_whose_sender_is_not_proved(box: Desk) -> None:
    first = box.receive(question(1, VERIFIED))
    box.receive(question(2, "In-Reply-To: <1@customer.test>", "Cc: spy@else.test"))
    box.receive(
        question(
            3, f"Authentication-Results: {RECEIVER}; dmarc=fail", "In-Reply-To: <1@customer.test>", "Cc: s@else.test"
        )
    )
    box.receive(question(4, VERIFIED, "In-Reply-To: <1@customer.test>", "Cc: s@else.test", sender="dan@else.test"))
    assert participants(box, first["ticket_id"]) == []
    box.receive(question(5, VERIFIED, "In-Reply-To: <1@customer.test>", "Cc: bea@partner.test"))
    assert participants(box, first["ticket_id"]) == ["bea@partner.test"]


def test_who_was_taken_out_is_not_brought_back_by_the_next_mail(box: Desk, desk: Settings) -> None:
    first = box.receive(question(1, VERIFIED, "Cc: bea@partner.test"))
    bea = box.row("select id from public.contacts where email = 'bea@partner.test'")["id"]
    agent = new_member(box.admin, box.acme, "agent")
    with connect(desk, "authenticator") as connection, connection.transaction():
        act_as(connection, agent)
        connection.execute("select public.remove_participant(%s, %s)", [first["ticket_id"], bea])
    box.receive(question(2, VERIFIED, "In-Reply-To: <1@customer.test>", "Cc: bea@partner.test"))
    assert participants(box, first["ticket_id"]) == []
    # Nor is she known any more.
    answer = box.receive(question(3, "In-Reply-To: <1@customer.test>", sender="bea@partner.test"))
    assert box.message(answer)["sender_status"] == "pending"


def test_a_crowd_or_a_flood_brings_nobody_and_loses_no_mail(box: Desk) -> None:
    crowd = ", ".join(f"p{number}@partner.test" for number in range(40))
    first = box.receive(question(1, f"Cc: {crowd}"))
    assert (first["outcome"], participants(box, first["ticket_id"])) == ("new_ticket", [])
    for number in range(2, 12):
        few = ", ".join(f"q{number}-{each}@partner.test" for each in range(8))
        assert box.receive(question(number, f"Cc: {few}"))["outcome"] == "new_ticket"
    assert box.row("select count(*) as n from public.ticket_participants")["n"] < 60


def test_what_cannot_be_an_address_is_left_out(box: Desk) -> None:
    first = box.receive(question(1, "Cc: undisclosed-recipients:;, =?utf-8?q?x?=, <a b@c>, x@, Zoe <zoe@partner.test>"))
    assert first["state"] == "done"
    assert participants(box, first["ticket_id"]) == ["zoe@partner.test"]


def test_an_actor_of_another_organization_sees_no_participant(box: Desk, desk: Settings) -> None:
    box.receive(question(1, "Cc: bea@partner.test"))
    stranger: Actor = new_member(box.admin, box.other, "owner")
    with connect(desk, "authenticator") as connection, connection.transaction():
        act_as(connection, stranger)
        assert connection.execute("select * from public.ticket_participants").fetchall() == []
