"""People in copy: what a member answers goes to them too, and what they answer comes back to the ticket."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from chalicelib.intake import consumer as intake
from chalicelib.intake import route as inbound
from chalicelib.kit.http import Request
from chalicelib.kit.reply_token import read_token
from chalicelib.kit.settings import settings

from tests.email.conftest import Post

SECRET = "a secret for reply addresses"
MAIL = (
    "From: {sender}\r\nTo: {to}\r\nCc: {cc}\r\nSubject: Re: Tents\r\nMessage-ID: <{name}@customer.example>\r\n"
    "{more}Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\n{name}\r\n"
)


@pytest.fixture
def desk(post: Post, monkeypatch: pytest.MonkeyPatch) -> Post:
    """Mail comes in too."""
    monkeypatch.setenv("PGDESK_INBOUND_SECRET", "inbound")
    settings.cache_clear()
    return post


def receive(
    desk: Post, name: str, sender: str, cc: str = "", answers: str = "", to: str = "support@kestrel.example"
) -> dict[str, Any]:
    """A mail arrives and is filed. Returns its ledger entry."""
    more = f"In-Reply-To: {answers}\r\n" if answers else ""
    raw = MAIL.format(sender=sender, to=to, cc=cc, name=name, more=more).encode()
    answer = inbound.receive(Request("POST", "/inbound/mime", {"rcpt": [to]}, {"authorization": "Bearer inbound"}, raw))
    assert answer.status == 202
    assert set(desk.world.run_all(intake.handle, "intake")) == {"done"}
    desk.drop_receipts()
    return desk.world.one("select * from public.inbound_mails where id = %s", json.loads(answer.body)["mails"][0]["id"])


def contact(desk: Post, email: str) -> UUID:
    return UUID(str(desk.world.one("select id from public.contacts where email = %s", email)["id"]))


def add(desk: Post, ticket: UUID, email: str, role: str = "cc") -> None:
    desk.world.as_agent(
        "select contact_id from public.add_participant(%s, email => %s, role => %s)", ticket, email, role
    )


def test_an_answer_goes_to_all_in_copy_and_theirs_come_back_to_the_ticket(desk: Post) -> None:
    opened = receive(desk, "first", "ann@customer.example", cc="Bea <bea@partner.example>")
    ticket = UUID(str(opened["ticket_id"]))
    add(desk, ticket, "Boss@kestrel-people.example", "bcc")
    desk.reply(ticket, "They dry overnight.")
    assert desk.run() == ["done"]
    (sent,) = desk.provider.sent
    assert (sent.to, sent.cc, sent.bcc) == (
        ("ann@customer.example",), ("bea@partner.example",), ("boss@kestrel-people.example",),
    )  # fmt: skip
    # Bea answers all, as her client does it: to the address of the answer, which several people know by now.
    (row,) = desk.mails()
    assert (row["cc"], row["bcc"]) == (["bea@partner.example"], ["boss@kestrel-people.example"])
    back = receive(
        desk, "second", "bea@partner.example", cc="ann@customer.example, cid@partner.example",
        answers=row["message_id_header"], to=row["reply_to"],
    )  # fmt: skip
    assert (back["outcome"], back["ticket_id"]) == ("threaded", ticket)
    message = desk.world.one("select * from public.messages where id = %s", back["message_id"])
    assert (message["sender_status"], message["contact_id"]) == ("known", contact(desk, "bea@partner.example"))
    assert not message["is_verified"]
    assert desk.world.one("select status from public.tickets where id = %s", ticket)["status"] == "open"


def test_an_address_that_several_people_can_read_proves_nobody(desk: Post) -> None:
    ticket = UUID(str(receive(desk, "first", "ann@customer.example")["ticket_id"]))
    tokens = []
    for number in range(2):
        desk.reply(ticket)
        desk.run()
        tokens.append(
            read_token([SECRET], desk.world.organization, [desk.mails()[-1]["reply_to"]], "ann@customer.example")
        )
        if number == 0:
            add(desk, ticket, "bea@partner.example")
    assert all(token and token.ticket_id == ticket for token in tokens)
    assert [token.for_sender for token in tokens if token] == [True, False]


def test_nothing_goes_by_itself_to_others_than_who_asked(desk: Post) -> None:
    ticket = UUID(str(receive(desk, "first", "ann@customer.example", cc="bea@partner.example")["ticket_id"]))
    desk.ai_replies(ticket)
    desk.run()
    (sent,) = desk.provider.sent
    assert (sent.cc, sent.bcc) == ((), ())


def test_who_bounced_or_was_taken_out_gets_no_copy(desk: Post) -> None:
    opened = receive(
        desk, "first", "ann@customer.example", cc="bea@partner.example, cid@partner.example, dan@p.example"
    )
    ticket = UUID(str(opened["ticket_id"]))
    desk.world.db.execute("update public.contacts set suppressed_at = now() where email = 'bea@partner.example'")
    desk.world.as_agent("select public.remove_participant(%s, %s)", ticket, contact(desk, "cid@partner.example"))
    desk.reply(ticket)
    desk.run()
    (sent,) = desk.provider.sent
    assert sent.cc == ("dan@p.example",)


def test_a_bounce_of_a_mail_with_copies_stops_mail_to_nobody(desk: Post) -> None:
    """The provider does not say whose it was."""
    ticket = UUID(str(receive(desk, "first", "ann@customer.example", cc="bea@partner.example")["ticket_id"]))
    desk.reply(ticket)
    desk.run()
    (row,) = desk.mails()
    desk.world.db.execute(
        "insert into public.mail_events (organization_id, outgoing_mail_id, provider, provider_event_id, type, bounce,"
        " at) values (%s, %s, 'resend', 'e', 'bounced', 'hard', now())",
        [desk.world.organization, row["id"]],
    )
    assert desk.world.all("select id from public.contacts where suppressed_at is not null") == []


def test_an_answer_that_waits_to_be_mailed_while_its_ticket_is_merged_is_mailed_once(desk: Post) -> None:
    first = UUID(str(receive(desk, "first", "ann@customer.example")["ticket_id"]))
    second = UUID(str(receive(desk, "second", "ann@customer.example")["ticket_id"]))
    desk.reply(second, "It is on its way.")
    desk.world.as_agent("select id from public.merge_tickets(%s, array[%s::uuid])", first, second)
    assert desk.run() == ["done"]
    (sent,) = desk.provider.sent
    assert "It is on its way." in str(sent.text)
    (row,) = desk.mails()
    assert (row["status"], row["ticket_id"]) == ("sent", first)
    # What answers it comes to where it is.
    back = receive(desk, "third", "ann@customer.example", answers=row["message_id_header"], to=row["reply_to"])
    assert back["ticket_id"] == first


def test_what_is_no_other_persons_address_is_refused(desk: Post) -> None:
    ticket = UUID(str(receive(desk, "first", "ann@customer.example")["ticket_id"]))
    for email in (
        "support@kestrel.example",
        "Support+x@kestrel.example",
        "nobody",
        "a@b, c@d",
        None,
        "ann@customer.example",
    ):
        with pytest.raises(psycopg.Error) as refused:
            desk.world.as_agent("select contact_id from public.add_participant(%s, email => %s)", ticket, email)
        assert refused.value.sqlstate in ("23514", "22023")
