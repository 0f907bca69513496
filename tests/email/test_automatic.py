"""Receipts and the limits of what goes out by itself."""

from __future__ import annotations

import threading

from chalicelib.email import consumer as email
from chalicelib.kit import database
from chalicelib.kit.jobs import Consumer, run

from tests.email.conftest import Post


def test_a_new_requester_gets_a_receipt_that_names_the_request(post: Post) -> None:
    post.ticket()
    assert post.run() == ["done"]
    (mail,) = post.provider.sent
    assert "We have received it" in str(mail.text)
    assert "Request #1" in str(mail.text)
    assert mail.headers["In-Reply-To"] == "<1@customer.example>"


def test_one_who_writes_again_within_the_hour_is_not_told_twice(post: Post) -> None:
    post.ticket()
    post.run()
    post.ticket()
    post.run()
    assert len(post.provider.sent) == 1
    post.world.db.execute("update public.outgoing_mails set created_at = now() - interval '61 min'")
    post.ticket()
    post.run()
    assert len(post.provider.sent) == 2


def test_receipts_of_tickets_that_come_at_once_are_one(post: Post) -> None:
    for _ in range(6):
        post.ticket()
    jobs = [row["id"] for row in post.world.all("select id from private.jobs where consumer = 'send_mail'")]
    post.world.db.execute("update private.jobs set state = 'published' where consumer = 'send_mail'")
    ready = threading.Barrier(len(jobs))

    def attempt(job: object) -> None:
        ready.wait(20)
        run(Consumer("send_mail", email.handle), job)  # type: ignore[arg-type]
        database.close()

    threads = [threading.Thread(target=attempt, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(post.provider.sent) == 1


def test_a_sender_who_is_not_verified_gets_no_receipt(post: Post) -> None:
    post.ticket(is_verified=False)
    assert post.run() == ["done"]
    assert post.provider.requests == []
    assert post.mails() == []


def test_machines_strangers_and_spam_get_no_receipt(post: Post) -> None:
    post.ticket(is_machine=True)
    post.ticket(sender_status="pending")
    post.ticket()
    post.world.db.execute("update public.tickets set is_spam = true")
    assert post.run() == ["done"] * 3
    assert post.provider.requests == []


def test_an_organization_can_do_without_receipts(post: Post) -> None:
    post.world.db.execute("""update public.organizations set settings = '{"receipts": false}'""")
    post.ticket()
    post.run()
    assert post.provider.requests == []


def test_two_machines_that_answer_each_other_come_to_rest(post: Post) -> None:
    ticket = post.ticket()
    for _ in range(30):
        post.world.writes(ticket, "I am out of office, and my mailer does not say so.")
        post.ai_replies(ticket)
        post.run()
    mails = post.provider.sent
    assert len([mail for mail in mails if "out of office" not in str(mail.text)]) == 3  # a receipt and two answers
    rest = [row for row in post.mails() if row["status"] == "suppressed"]
    assert {row["reason"] for row in rest} == {"too many automatic mails to this contact"}
    assert len(rest) == 28


def test_a_contact_gets_at_most_five_automatic_mails_in_a_day(post: Post) -> None:
    for _ in range(8):
        post.ai_replies(post.ticket())
        post.run()
    assert len(post.provider.sent) == 5


def test_a_person_may_write_as_often_as_they_like(post: Post) -> None:
    ticket = post.ticket()
    post.drop_receipts()
    for _ in range(8):
        post.reply(ticket)
        post.run()
    assert len(post.provider.sent) == 8
