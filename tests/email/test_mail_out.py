"""What reaches a contact's mailbox, and what does not."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from uuid import UUID

import pytest
from chalicelib.email import consumer as email
from chalicelib.kit.reply_token import read_token

from infra.local.mail.mime import as_mime
from tests.email.conftest import Post

SECRET = "a secret for reply addresses"


def test_an_answer_is_one_mail_however_often_its_job_runs(post: Post) -> None:
    ticket = post.ticket()
    post.drop_receipts()
    message = post.reply(ticket)
    assert post.run() == ["done"]
    again = post.world.enqueue("send_mail", type="message.sent", subject_id=message, ticket_id=ticket)
    assert post.world.run_job(email.handle, "send_mail", again) == "done"
    post.world.db.execute("update private.jobs set state = 'published' where consumer = 'send_mail'")
    for job in post.world.all("select id from private.jobs where consumer = 'send_mail'"):
        assert post.world.run_job(email.handle, "send_mail", job["id"]) == "done"
    (mail,) = post.provider.sent
    assert mail.subject == "Re: My parcel"
    assert mail.text == "It arrives tomorrow.\n\n-- \nKestrel · Request #1\n"
    assert [row["status"] for row in post.mails()] == ["sent"]


def test_the_jobs_id_is_the_idempotency_key(post: Post) -> None:
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    job = post.world.one("select id from private.jobs where consumer = 'send_mail'")
    post.run()
    assert post.provider.requests == [("POST", str(job["id"])), ("GET", None)]


def test_a_mail_whose_outcome_got_lost_is_still_one_mail(post: Post) -> None:
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    post.provider.script = ["lost"]
    assert post.run() == ["waiting"]
    assert post.run() == ["done"]
    assert len(post.provider.sent) == 1


def test_mail_names_the_thread_and_later_answers_find_it_by_the_providers_message_id(post: Post) -> None:
    ticket = post.ticket()
    post.drop_receipts()
    first = post.reply(ticket)
    post.run()
    post.world.writes(ticket, "Thanks. And the invoice?", message_id_header="<2@customer.example>")
    post.reply(ticket, "Attached to your order.")
    post.run()
    one, two = post.provider.sent
    assert one.headers["In-Reply-To"] == one.headers["References"] == "<1@customer.example>"
    assert two.headers["In-Reply-To"] == "<2@customer.example>"
    assert two.headers["References"] == f"<1@customer.example> {one.message_id} <2@customer.example>"
    kept = post.world.one("select message_id_header from public.messages where id = %s", first)
    assert kept["message_id_header"] == one.message_id
    found = post.world.one(
        "select ticket_id from private.tickets_by_message_id(%s, %s)", post.world.organization, [one.message_id]
    )
    assert found["ticket_id"] == ticket


def test_a_long_thread_keeps_its_root_and_its_latest_messages(post: Post) -> None:
    ticket = post.ticket()
    for number in range(2, 40):
        post.world.writes(ticket, "and another thing", message_id_header=f"<{number}@customer.example>")
    post.drop_receipts()
    post.reply(ticket)
    post.run()
    references = post.provider.sent[-1].headers["References"].split()
    assert len(references) == 20
    assert (references[0], references[-1]) == ("<1@customer.example>", "<39@customer.example>")


def test_only_mail_that_nobody_wrote_says_that_it_is_automatic(post: Post) -> None:
    post.reply(post.ticket())
    post.ai_replies(post.ticket())
    post.run()
    by_person = [m for m in post.provider.sent if "It arrives" in str(m.text)]
    by_machine = [m for m in post.provider.sent if "It arrives" not in str(m.text)]
    assert len(by_person) == 1
    assert len(by_machine) == 2  # the AI's answer and the first ticket's receipt
    assert "Auto-Submitted" not in by_person[0].headers
    assert {m.headers["Auto-Submitted"] for m in by_machine} == {"auto-replied"}


def test_the_reply_address_leads_to_the_ticket_and_only_for_its_recipient(post: Post) -> None:
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    post.run()
    (mail,) = post.provider.sent
    (address,) = mail.reply_to
    assert re.fullmatch(r"support\+[a-z2-7]{48}@kestrel\.example", address)
    token = read_token([SECRET], post.world.organization, [address], mail.to[0])
    assert token is not None
    assert (token.ticket_id, token.for_sender) == (ticket, True)
    stranger = read_token([SECRET], post.world.organization, [address], "eve@evil.example")
    assert stranger is not None
    assert not stranger.for_sender
    assert read_token([SECRET], UUID(int=7), [address], mail.to[0]) is None
    assert read_token(["another secret"], post.world.organization, [address], mail.to[0]) is None


@pytest.mark.parametrize(
    "nasty",
    [
        "Hello\r\nBcc: eve@evil.example",
        "Hello\nX-Evil: 1\n\nbody",
        "Hello\x00\x0b\x0c\x1c\x85\u2028Bcc: eve@evil.example",
        "\u202egnp.exe",
    ],
)
def test_a_subject_or_name_cannot_bring_headers(post: Post, nasty: str) -> None:
    storable = nasty.replace("\x00", "")
    ticket = post.ticket(subject=storable)
    post.world.db.execute("update public.contacts set name = %s", [storable])
    post.world.db.execute("update public.mail_addresses set display_name = %s", [re.sub(r"[\r\n]", "\x0b", storable)])
    post.drop_receipts()
    post.reply(ticket)
    assert post.run() == ["done"]
    (mail,) = post.provider.sent
    raw = message_from_bytes(as_mime(mail), policy=policy.default)
    assert "X-Evil" not in raw
    assert raw["Bcc"] is None
    assert raw["To"].count("@") == 1
    assert raw["From"].addresses[0].addr_spec == "support@kestrel.example"
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u202e]", mail.subject + mail.sender)


def test_a_message_id_that_is_none_never_gets_into_a_header(post: Post) -> None:
    ticket = post.ticket(message_id_header="<a@b>\r\nBcc: eve@evil.example")
    post.world.writes(ticket, "more", message_id_header="no brackets")
    post.world.writes(ticket, "more", message_id_header="<ok@customer.example>")
    post.drop_receipts()
    post.reply(ticket)
    assert post.run() == ["done"]
    assert post.provider.sent[0].headers["References"] == "<ok@customer.example>"


def test_what_people_and_models_write_is_text_in_the_html(post: Post) -> None:
    ticket = post.ticket(subject="<script>alert(1)</script>")
    post.world.db.execute("update public.organizations set name = '<b>Kestrel</b> & Co'")
    post.world.db.execute("update public.members set display_name = '<i>Tom</i>'")
    post.drop_receipts()
    post.reply(ticket, "Use <img src=x onerror=alert(1)> & {{ words.ai }}\nsecond line\n\nsecond paragraph")
    post.run()
    (mail,) = post.provider.sent
    html = str(mail.html)
    assert "Use &lt;img src=x onerror=alert(1)&gt; &amp; {{ words.ai }}<br>second line</p>" in html
    assert "<p>second paragraph</p>" in html
    assert "&lt;b&gt;Kestrel&lt;/b&gt; &amp; Co" in html
    assert "&lt;i&gt;Tom&lt;/i&gt;" in html
    assert "<script" not in html
    assert "Use <img src=x onerror=alert(1)> & {{ words.ai }}\nsecond line\n" in str(mail.text)


def test_nothing_is_mailed_to_a_contact_whose_address_bounced(post: Post) -> None:
    ticket = post.ticket()
    post.world.db.execute("update public.contacts set suppressed_at = now()")
    post.reply(ticket)
    assert set(post.run()) == {"done"}
    assert post.provider.requests == []
    assert {row["status"] for row in post.mails()} == {"suppressed"}
    heard = post.world.all("select data from public.events where type = 'mail.suppressed'")
    assert heard[-1]["data"]["reason"] == "the address bounced or complained"


def test_internal_notes_and_portal_tickets_are_not_mailed(post: Post) -> None:
    ticket = post.ticket()
    portal = post.world.ticket("from the portal", channel="portal")
    post.drop_receipts()
    post.world.as_agent("select id from public.send_reply(%s, 'between us', 1000, true)", ticket)
    post.reply(portal)
    post.run()
    assert post.provider.requests == []
    assert post.mails() == []


def test_a_mail_from_an_address_that_was_given_up_goes_out_from_the_organizations_own(post: Post) -> None:
    ticket = post.ticket()
    post.world.db.execute("delete from public.mail_addresses")
    post.drop_receipts()
    post.reply(ticket)
    assert post.run() == ["dead"]
    post.world.db.execute(
        "insert into public.mail_addresses (organization_id, address, is_default)"
        " values (%s, 'new@kestrel.example', true)",
        [post.world.organization],
    )
    post.world.db.execute("update private.jobs set state = 'waiting', attempt = 0 where state = 'dead'")
    assert post.run() == ["done"]
    assert post.provider.sent[0].sender == "Kestrel <new@kestrel.example>"


def test_a_mail_speaks_the_tickets_language(post: Post) -> None:
    ticket = post.ticket()
    post.world.db.execute("update public.tickets set language = 'de'")
    post.drop_receipts()
    post.ai_replies(ticket)
    post.run()
    assert "Diese Antwort hat unser Assistent geschrieben" in str(post.provider.sent[0].text)
    assert '<html lang="de">' in str(post.provider.sent[0].html)


def test_a_job_that_names_nothing_is_a_dead_letter(post: Post) -> None:
    job = post.world.enqueue("send_mail", type="ticket.assigned", subject_id="x")
    assert post.world.run_job(email.handle, "send_mail", job) == "dead"
