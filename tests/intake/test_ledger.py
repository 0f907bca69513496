"""From the wire into the ledger, and from there into tickets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from chalicelib.intake import consumer
from chalicelib.kit import database, jobs, storage
from chalicelib.kit.reply_token import make_token, reply_address

from infra.local.settings import Settings
from tests.people import ROLE_OF_VISITORS, Actor, act_as, connect, new_member, new_user, not_there

from .conftest import RECEIVER, SECRET, VERIFIED, Desk
from .mails import mail, multipart


def question(
    number: int = 1, *headers: str, body: str = "My lamp is broken.", sender: str = "Ann <ann@customer.test>"
) -> bytes:
    return mail(f"Message-ID: <{number}@customer.test>", "Subject: Lamp", *headers, body=body, sender=sender)


def call_as(desk: Settings, actor: Actor, statement: str, value: Any) -> None:
    """An RPC, called by a signed-in user."""
    with connect(desk, "authenticator") as connection, connection.transaction():
        act_as(connection, actor)
        connection.execute(statement.encode(), [value])


# ---- the route


def test_mail_is_kept_before_it_is_acknowledged(box: Desk) -> None:
    status, answer = box.post(question(), "Help+tag@acme.test")
    assert status == 202
    assert answer["unknown"] == []
    (accepted,) = answer["mails"]
    assert accepted["duplicate"] is False
    assert box.ledger(accepted["id"])["state"] == "received"
    assert bytes(box.row("select raw from private.inbound_raw")["raw"]) == question()


def test_without_the_secret_nothing_comes_in(box: Desk) -> None:
    assert box.post(question(), "help@acme.test", secret="wrong")[0] == 401
    assert box.post(question(), "help@acme.test", secret="")[0] == 401
    assert box.count("public.inbound_mails") == 0


def test_an_unknown_recipient_is_named_and_nothing_is_kept(box: Desk) -> None:
    for address in ("nobody@acme.test", "x'; drop table tickets", "a\0b@acme.test", "@", "help@acme.test.evil.test"):
        status, answer = box.post(question(), address)
        assert (status, answer["code"]) == (404, "unknown_address")
        assert address in answer["message"]
    assert box.post(question())[0] == 400
    assert box.count("private.inbound_raw") == 0


def test_known_recipients_get_their_mail_beside_unknown_ones(box: Desk) -> None:
    status, answer = box.post(question(), "nobody@acme.test", "help@acme.test")
    assert (status, answer["unknown"]) == (202, ["nobody@acme.test"])


def test_the_same_mail_twice_is_one(box: Desk) -> None:
    first = box.receive(b"Received: by a.test\r\n" + question())
    again = box.post(
        b"Received: by b.test\r\nDelivered-To: x\r\n" + question().replace(b"\r\n", b"\n"), "help@acme.test"
    )[1]
    assert again["mails"] == [{"id": str(first["id"]), "recipients": ["help@acme.test"], "duplicate": True}]
    box.work()
    assert box.ledger(str(first["id"]))["deliveries"] == 2
    assert box.count("public.tickets") == 1


def test_the_same_mail_at_the_same_moment_is_one(box: Desk) -> None:
    def post(_: int) -> Any:
        try:
            return box.post(question(), "help@acme.test")
        finally:
            database.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, range(12)))
    assert {status for status, _ in answers} == {202}
    assert len({answer["mails"][0]["id"] for _, answer in answers}) == 1
    box.work()
    assert box.row("select deliveries from public.inbound_mails")["deliveries"] == 12
    assert box.count("public.messages") == 1


def test_one_mail_to_two_of_our_addresses_is_one_ticket_in_each_organization(box: Desk) -> None:
    status, answer = box.post(question(), "help@acme.test", "sales@acme.test", "help@other.test")
    assert status == 202
    assert [entry["recipients"] for entry in answer["mails"]] == [
        ["help@acme.test", "sales@acme.test"],
        ["help@other.test"],
    ]
    box.work()
    assert [
        row["n"] for row in box.admin.execute("select count(*) as n from public.tickets group by organization_id")
    ] == [1, 1]


def test_another_mail_under_the_same_id_is_kept_and_flagged(box: Desk) -> None:
    first = box.receive(question())
    second = box.receive(question(body="Something else entirely."))
    assert second["id"] != first["id"]
    assert second["id_reused"]
    assert not first["id_reused"]
    assert second["outcome"] == "new_ticket"


def test_without_a_message_id_the_content_tells(box: Desk) -> None:
    first = box.receive(mail(body="one"))
    assert box.receive(mail(body="one"))["id"] == first["id"]
    assert box.receive(mail(body="two"))["id"] != first["id"]


# ---- filing


def test_a_question_becomes_a_ticket_of_its_sender(box: Desk) -> None:
    ledger = box.receive(question(1, VERIFIED, body="My lamp is broken.\n\n-- \nAnn"))
    assert (ledger["state"], ledger["outcome"], ledger["verdict"], ledger["dmarc"]) == (
        "done",
        "new_ticket",
        "human",
        "pass",
    )
    ticket = box.row("select t.*, c.email, c.name from public.tickets t join public.contacts c on c.id = t.contact_id")
    assert (ticket["subject"], ticket["channel"], ticket["email"], ticket["name"]) == (
        "Lamp",
        "email",
        "ann@customer.test",
        "Ann",
    )
    message = box.message(ledger)
    assert (message["sender"], message["is_verified"], message["is_machine"], message["sender_status"]) == (
        "contact", True, False, "known",
    )  # fmt: skip
    assert message["body_text"] == "My lamp is broken.\n\n-- \nAnn"
    assert message["reply_text"] == "My lamp is broken."
    assert message["message_id_header"] == "<1@customer.test>"


def test_attachments_are_stored_once_and_listed(box: Desk) -> None:
    line, body = multipart(
        "mixed",
        "\nSee file",
        'Content-Type: application/pdf\nContent-Disposition: attachment; filename="../päth & plan.pdf"\n\n%PDF',
        'Content-Type: text/html\nContent-Disposition: attachment; filename=""\n\n<script>',
    )
    ledger = box.receive(mail(line, body=body))
    rows = box.admin.execute("select * from public.attachments order by storage_path").fetchall()
    assert [(row["file_name"], row["bytes"]) for row in rows] == [("päth & plan.pdf", 4), ("attachment", 8)]
    assert [row["storage_path"] for row in rows] == [
        f"{box.acme}/{ledger['id']}/1-p_th_plan.pdf", f"{box.acme}/{ledger['id']}/2-attachment",
    ]  # fmt: skip
    assert sorted(box.files) == [row["storage_path"] for row in rows]


def test_a_failing_storage_is_tried_again_and_then_told(box: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("storage is away")

    monkeypatch.setattr(storage, "put", refuse)
    line, body = multipart("mixed", "\nSee file", "Content-Type: image/png; name=a.png\n\nx")
    ledger = box.receive(mail(line, body=body))
    assert (ledger["state"], ledger["reason"]) == ("quarantined", "reading failed: OSError: storage is away")
    job = box.row("select state::text as state, attempt from private.jobs where consumer = 'intake'")
    assert (job["state"], job["attempt"]) == ("done", consumer.LAST_ATTEMPT)


# ---- threading


def answer(box: Desk, ledger: dict[str, Any]) -> str:
    """An agent's answer goes out; the Message-ID it had."""
    box.admin.execute(
        "insert into public.messages (organization_id, ticket_id, sender, body_text, message_id_header)"
        " values (%s, %s, 'ai', 'Did you try another bulb?', '<out1@acme.test>')",
        [box.acme, ledger["ticket_id"]],
    )
    return "<out1@acme.test>"


def test_an_answer_by_reference_finds_its_ticket(box: Desk) -> None:
    first = box.receive(question())
    out = answer(box, first)
    second = box.receive(question(2, f"In-Reply-To: {out}", "Subject: Re: Lamp"))
    assert (second["outcome"], second["ticket_id"]) == ("threaded", first["ticket_id"])
    assert second["decision"]["thread"] == "message_id"
    assert second["decision"]["evidence"]["told_by"] == out
    assert second["decision"]["subject_changed"] is False
    assert box.message(second)["sender_status"] == "known"


def test_an_answer_by_references_alone_finds_its_ticket(box: Desk) -> None:
    first = box.receive(question())
    second = box.receive(question(2, f"References: <gone@x.test> {answer(box, first)} <other@x.test>"))
    assert second["ticket_id"] == first["ticket_id"]


def test_the_same_subject_is_no_thread(box: Desk) -> None:
    first = box.receive(question())
    for number, subject in enumerate(("Re: Lamp", "Lamp", "Re: [Ticket #1] Lamp"), start=2):
        raw = mail(f"Message-ID: <{number}@customer.test>", f"Subject: {subject}")
        assert box.receive(raw)["ticket_id"] != first["ticket_id"]


def test_a_token_finds_its_ticket_without_any_reference_and_verifies_its_sender(box: Desk) -> None:
    first = box.receive(question())
    address = reply_address("help@acme.test", make_token(SECRET, box.acme, first["ticket_id"], "ann@customer.test"))
    second = box.receive(question(2), address.upper())
    assert (second["outcome"], second["ticket_id"]) == ("threaded", first["ticket_id"])
    assert second["decision"]["thread"] == "reply_token"
    message = box.message(second)
    assert (message["sender_status"], message["is_verified"]) == ("known", True)


def test_what_a_visitor_answers_to_the_mail_of_a_chat_goes_on_in_the_chat(box: Desk) -> None:
    visitor = Actor(ROLE_OF_VISITORS, organization_id=box.acme, visitor_id=uuid4())
    with box.admin.transaction():
        act_as(box.admin, visitor)
        box.admin.execute("select public.say_in_chat('Hello')")
        box.admin.execute("select public.leave_address('ann@customer.test')")
    chat = box.row("select * from public.tickets where channel = 'chat'")
    address = reply_address("help@acme.test", make_token(SECRET, box.acme, chat["id"], "ann@customer.test"))
    answer = box.receive(question(2), address)
    assert answer["ticket_id"] == chat["id"]
    said = box.message(answer)
    assert (said["seq"], said["sender_status"], said["is_verified"]) == (2, "known", True)
    with box.admin.transaction():
        act_as(box.admin, visitor)
        seen = box.admin.execute("select seq from public.messages order by seq").fetchall()
    assert [row["seq"] for row in seen] == [1, 2]


def test_a_forged_or_foreign_token_finds_nothing(box: Desk) -> None:
    first = box.receive(question())
    for secret, organization in (("guess", box.acme), (SECRET, box.other)):
        address = reply_address("help@acme.test", make_token(secret, organization, first["ticket_id"], "eve@evil.test"))
        assert box.receive(mail(body=secret, sender="eve@evil.test"), address)["outcome"] == "new_ticket"


def test_a_stranger_in_a_thread_is_kept_pending(box: Desk) -> None:
    first = box.receive(question())
    out = answer(box, first)
    token = make_token(SECRET, box.acme, first["ticket_id"], "ann@customer.test")
    for number, recipient, header in (
        (2, "help@acme.test", f"In-Reply-To: {out}"),
        (3, reply_address("help@acme.test", token), "X-A: b"),
    ):
        ledger = box.receive(question(number, header, sender="bob@else.test"), recipient)
        assert ledger["ticket_id"] == first["ticket_id"]
        message = box.message(ledger)
        assert (message["sender_status"], message["is_verified"]) == ("pending", False)
    # Having written, pending, does not make a participant.
    assert (
        box.message(box.receive(question(4, f"In-Reply-To: {out}", sender="bob@else.test")))["sender_status"]
        == "pending"
    )


def test_a_sender_who_fails_dmarc_is_pending_even_as_requester(box: Desk) -> None:
    first = box.receive(question())
    forged = question(2, f"In-Reply-To: {answer(box, first)}", f"Authentication-Results: {RECEIVER}; dmarc=fail")
    message = box.message(box.receive(forged))
    assert (message["sender_status"], message["is_verified"]) == ("pending", False)


def test_references_reach_no_ticket_of_another_organization(box: Desk) -> None:
    first = box.receive(question())
    out = answer(box, first)
    ledger = box.receive(question(2, f"In-Reply-To: {out}"), "help@other.test")
    assert (ledger["outcome"], ledger["organization_id"]) == ("new_ticket", box.other)


def test_of_several_threads_the_one_that_knows_the_sender_wins(box: Desk) -> None:
    anns = box.receive(question(1))
    bobs = box.receive(question(2, sender="bob@else.test", body="Mine too"))
    both = "References: <1@customer.test> <2@customer.test>"
    assert box.receive(question(3, both))["ticket_id"] == anns["ticket_id"]
    assert box.receive(question(4, both, sender="bob@else.test"))["ticket_id"] == bobs["ticket_id"]


def test_a_new_subject_in_a_thread_is_recorded(box: Desk) -> None:
    first = box.receive(question())
    raw = mail("Message-ID: <2@x.test>", "Subject: Re: Invoice 7", f"In-Reply-To: {answer(box, first)}")
    ledger = box.receive(raw)
    assert ledger["ticket_id"] == first["ticket_id"]
    assert ledger["decision"]["subject_changed"] is True


def test_an_answer_waits_for_the_mail_it_answers(box: Desk) -> None:
    box.post(question(1), "help@acme.test")
    second = box.post(question(2, "In-Reply-To: <1@customer.test>", sender="bob@else.test"), "help@acme.test")[1]
    job = box.row("select id from private.jobs order by id desc limit 1")["id"]
    box.admin.execute("update private.jobs set state = 'published' where id = %s", [job])
    assert jobs.run(jobs.Consumer("intake", consumer.handle), job) == "waiting"
    box.work()
    box.admin.execute("update private.jobs set run_at = now() where state = 'waiting'")
    box.work()
    assert box.ledger(second["mails"][0]["id"])["outcome"] == "threaded"
    assert box.count("public.tickets") == 1


def test_a_colleagues_mail_into_a_ticket_is_a_note(box: Desk) -> None:
    first = box.receive(question())
    user = new_user(box.admin, "agent@customer.test")
    box.admin.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')", [box.acme, user]
    )
    out = answer(box, first)
    note = box.receive(question(2, VERIFIED, f"In-Reply-To: {out}", sender="agent@customer.test"))
    message = box.message(note)
    assert (note["outcome"], message["sender"], message["member_id"], message["is_internal"]) == (
        "note",
        "member",
        user,
        True,
    )
    # Whoever only claims to be the colleague is no colleague.
    forged = question(
        3, f"Authentication-Results: {RECEIVER}; dmarc=fail", f"In-Reply-To: {out}", sender="agent@customer.test"
    )
    message = box.message(box.receive(forged))
    assert (message["sender"], message["sender_status"]) == ("contact", "pending")


def test_a_wrong_decision_is_undone_by_an_agent(box: Desk, desk: Settings) -> None:
    first = box.receive(question())
    ledger = box.receive(question(2, f"In-Reply-To: {answer(box, first)}", sender="bob@else.test"))
    agent, stranger = new_member(box.admin, box.acme, "agent"), new_member(box.admin, box.other, "owner")
    with not_there():
        call_as(desk, stranger, "select public.split_mail(%s)", ledger["message_id"])
    call_as(desk, agent, "select public.split_mail(%s)", ledger["message_id"])
    ledger = box.ledger(str(ledger["id"]))
    assert ledger["ticket_id"] != first["ticket_id"]
    assert ledger["decision"]["undone"]["was_in"] == str(first["ticket_id"])
    message = box.message(ledger)
    assert (message["ticket_id"], message["seq"], message["sender_status"]) == (ledger["ticket_id"], 1, "known")
    # What follows stays with it.
    third = box.receive(question(3, "In-Reply-To: <2@customer.test>", sender="bob@else.test"))
    assert third["ticket_id"] == ledger["ticket_id"]


# ---- machines


def test_an_automatic_reply_joins_its_thread_and_opens_nothing(box: Desk) -> None:
    first = box.receive(question())
    away = question(2, "Auto-Submitted: auto-replied", f"In-Reply-To: {answer(box, first)}")
    ledger = box.receive(away)
    assert (ledger["verdict"], ledger["outcome"]) == ("auto_reply", "threaded")
    assert box.message(ledger)["is_machine"]
    alone = box.receive(question(3, "Auto-Submitted: auto-replied"))
    assert (alone["state"], alone["outcome"], alone["ticket_id"]) == ("done", "recorded", None)


def test_a_bounce_becomes_a_note_and_stops_mail_to_the_address(box: Desk) -> None:
    first = box.receive(question())
    out = answer(box, first)
    line, body = multipart(
        "report; report-type=delivery-status",
        "\nSorry",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; ann@customer.test\n"
        "Action: failed\nStatus: 5.1.1",
        f"Content-Type: text/rfc822-headers\n\nMessage-ID: {out}",
    )
    raw = mail(line, "Return-Path: <>", body=body, sender="MAILER-DAEMON@mx.test")
    ledger = box.receive(raw)
    assert (ledger["outcome"], ledger["ticket_id"]) == ("note", first["ticket_id"])
    message = box.message(ledger)
    assert (message["sender"], message["is_internal"], message["is_machine"]) == ("system", True, True)
    assert message["body_text"] == "Mail to ann@customer.test failed.\nStatus 5.1.1"
    assert box.row("select suppressed_at from public.contacts where email = 'ann@customer.test'")["suppressed_at"]
    unknown = box.receive(raw.replace(b"out1@", b"out9@"))
    assert (unknown["outcome"], unknown["ticket_id"]) == ("recorded", None)
    assert box.count("public.tickets") == 1


def test_list_mail_is_seen_as_a_ticket_of_a_machine(box: Desk) -> None:
    ledger = box.receive(question(1, "List-Id: <news.shop.test>"))
    assert (ledger["verdict"], ledger["outcome"]) == ("list", "new_ticket")
    assert box.message(ledger)["is_machine"]


def test_our_own_mail_coming_back_is_recorded_only(box: Desk) -> None:
    ledger = box.receive(question(1, "X-Pgdesk-Ticket: 1", sender="help@acme.test"))
    assert (ledger["verdict"], ledger["outcome"]) == ("loop", "recorded")
    assert box.count("public.tickets") == 0


# ---- quarantine


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"Subject: nothing\r\n\r\n"])
def test_what_cannot_be_read_is_quarantined_and_announced(box: Desk, raw: bytes) -> None:
    ledger = box.receive(raw)
    assert ledger["state"] == "quarantined"
    assert ledger["reason"]
    assert box.row("select type, audience from public.events") == {"type": "mail.quarantined", "audience": "agents"}


def test_an_admin_retries_what_was_quarantined(box: Desk, desk: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: bytes) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(consumer, "parse", fail)
        patch.setattr(consumer, "LAST_ATTEMPT", 1)
        ledger = box.receive(question())
    assert (ledger["state"], ledger["reason"]) == ("quarantined", "reading failed: RuntimeError: a defect")
    manager, admin = new_member(box.admin, box.acme, "manager"), new_member(box.admin, box.acme, "admin")
    with not_there():
        call_as(desk, manager, "select public.retry_inbound_mail(%s)", ledger["id"])
    call_as(desk, admin, "select public.retry_inbound_mail(%s)", ledger["id"])
    box.work()
    ledger = box.ledger(str(ledger["id"]))
    assert (ledger["state"], ledger["outcome"]) == ("done", "new_ticket")


def test_mail_without_any_sender_is_still_a_ticket(box: Desk) -> None:
    ledger = box.receive(mail(sender=None))
    assert ledger["outcome"] == "new_ticket"
    assert box.row("select email from public.contacts")["email"] is None


def test_a_repeated_job_files_nothing_twice(box: Desk) -> None:
    ledger = box.receive(question())
    box.admin.execute(
        "select private.enqueue(%s, 'intake', jsonb_build_object('inbound_mail_id', %s::uuid))",
        [box.acme, ledger["id"]],
    )
    box.work()
    assert box.count("public.messages") == 1
