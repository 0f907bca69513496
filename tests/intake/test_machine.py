"""Humans and machines told apart."""

from __future__ import annotations

import pytest
from chalicelib.intake.machine import judge

from .mails import mail, multipart, read


@pytest.mark.parametrize(
    "headers",
    [
        ["Auto-Submitted: no"],
        ["Subject: Re: Automatic reply: holidays"],
        ["Precedence: first-class"],
        ["Subject: Delivery problem with my parcel"],
        ["Subject: Office chair is out of office supplies"],
    ],
)
def test_people_are_people(headers: list[str]) -> None:
    verdict = judge(read(mail(*headers)))
    assert (verdict.kind, verdict.answerable) == ("human", True)


@pytest.mark.parametrize(
    "headers",
    [
        ["Auto-Submitted: auto-replied"],
        ["Auto-Submitted: auto-replied (vacation); owner-email=x"],
        ["Auto-Submitted: auto-generated", "Subject: Automatic reply: Lamp", "X-Auto-Response-Suppress: All"],
        ["Auto-Submitted: auto-generated", "In-Reply-To: <1@acme.test>"],
        ["X-Autoreply: yes"],
        ["X-Autorespond: away"],
        ["Precedence: auto_reply"],
        ["Delivered-To: Autoresponder"],
        ["Subject: Abwesenheitsnotiz: Lampe"],
        ["Subject: Réponse automatique : Lampe"],
        ["Return-Path: <>", "In-Reply-To: <1@acme.test>"],
        ["Content-Type: multipart/report; report-type=disposition-notification; boundary=b"],
    ],
)
def test_automatic_replies_are_told_and_never_answered(headers: list[str]) -> None:
    verdict = judge(read(mail(*headers)))
    assert (verdict.kind, verdict.answerable) == ("auto_reply", False)
    assert verdict.evidence


@pytest.mark.parametrize(
    "headers",
    [
        ["List-Id: <users.lists.test>"],
        ["List-Unsubscribe: <https://x.test>"],
        ["Precedence: bulk"],
        ["Precedence: List"],
        ["Auto-Submitted: auto-generated"],
        ["Return-Path: <>"],
    ],
)
def test_lists_bulk_and_notifications_are_told_and_never_answered(headers: list[str]) -> None:
    verdict = judge(read(mail(*headers)))
    assert (verdict.kind, verdict.answerable) == ("list", False)


@pytest.mark.parametrize("sender", ["no-reply@shop.test", "noreply@shop.test", "do-not-reply@shop.test"])
def test_a_sender_that_takes_no_reply_gets_none(sender: str) -> None:
    verdict = judge(read(mail(sender=sender)))
    assert (verdict.kind, verdict.answerable) == ("human", False)


@pytest.mark.parametrize("mark", ["Auto-Submitted: auto-replied", "X-Pgdesk-Ticket: 1", "Return-Path: <>"])
def test_our_own_mail_coming_back_is_a_loop(mark: str) -> None:
    own = mail(mark, sender="Help@acme.test")
    assert judge(read(own), own_addresses={"help@acme.test"}).kind == "loop"


def test_what_another_desk_sends_is_no_loop() -> None:
    assert judge(read(mail("X-Pgdesk-Ticket: 1")), own_addresses={"help@acme.test"}).kind == "human"


def test_mail_from_our_own_address_is_kept_but_not_answered() -> None:
    verdict = judge(read(mail(sender="help@acme.test")), own_addresses={"help@acme.test"})
    assert (verdict.kind, verdict.answerable) == ("human", False)


def test_the_envelope_sender_counts_where_the_receiver_passes_it_on() -> None:
    assert judge(read(mail("Return-Path: <>")), envelope_from="ann@customer.test").kind == "human"
    assert judge(read(mail()), envelope_from="<>").kind == "list"


def report(*status: str, copy: str = "Message-ID: <out1@acme.test>\nSubject: Your ticket") -> bytes:
    line, body = multipart(
        "report; report-type=delivery-status",
        "Content-Type: text/plain\n\nYour message could not be delivered.",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n" + "\n\n".join(status),
        f"Content-Type: text/rfc822-headers\n\n{copy}\n",
    )
    return mail(line, "Subject: Undelivered Mail", "Return-Path: <>", body=body, sender="MAILER-DAEMON@mx.test")


def test_a_delivery_report_names_recipient_status_and_our_mail() -> None:
    failed = "Final-Recipient: rfc822; Ann@customer.test\nAction: failed\nStatus: 5.1.1\n"
    verdict = judge(read(report(failed + "Diagnostic-Code: smtp; 550 no such user")))
    assert (verdict.kind, verdict.answerable) == ("bounce", False)
    assert verdict.bounce is not None
    assert verdict.bounce.action == "failed"
    assert verdict.bounce.permanent
    assert verdict.bounce.recipients == ["ann@customer.test"]
    assert verdict.bounce.status == "5.1.1"
    assert verdict.bounce.diagnostic == "smtp; 550 no such user"
    assert verdict.bounce.original_ids == ["<out1@acme.test>"]


def test_a_delay_is_no_failure_and_one_failure_among_many_counts() -> None:
    delayed = "Final-Recipient: rfc822; ann@customer.test\nAction: delayed\nStatus: 4.4.1"
    failed = "Final-Recipient: rfc822; bob@customer.test\nAction: failed\nStatus: 5.2.2"
    bounce = judge(read(report(delayed))).bounce
    assert bounce is not None
    assert (bounce.action, bounce.permanent) == ("delayed", False)
    bounce = judge(read(report(delayed, failed))).bounce
    assert bounce is not None
    assert (bounce.action, bounce.recipients) == ("failed", ["bob@customer.test"])


def test_qmail_bounces_are_read() -> None:
    body = (
        "Hi. This is the qmail-send program at mx.test.\nI'm afraid I wasn't able to deliver your message to the "
        "following addresses.\n\n<ann@customer.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\nReturn-Path: <help@acme.test>\nMessage-ID: <out1@acme.test>\n"
        "To: ann@customer.test\n\nHello"
    )
    bounce = judge(read(mail("Subject: failure notice", body=body, sender="MAILER-DAEMON@mx.test"))).bounce
    assert bounce is not None
    assert (bounce.action, bounce.status) == ("failed", "5.1.1")
    assert bounce.recipients == ["ann@customer.test"]
    assert bounce.original_ids == ["<out1@acme.test>"]


def test_exchange_bounces_without_a_report_are_read() -> None:
    body = "Your message couldn't be delivered to the following recipients:\n\nann@customer.test\n\nUser unknown 5.1.10"
    raw = mail(
        "Subject: Unzustellbar: Ihr Ticket", "In-Reply-To: <out1@acme.test>", body=body, sender="postmaster@x.test"
    )
    bounce = judge(read(raw)).bounce
    assert bounce is not None
    assert bounce.recipients == ["ann@customer.test"]
    assert bounce.original_ids == ["<out1@acme.test>"]


def test_x_failed_recipients_are_read() -> None:
    raw = mail("X-Failed-Recipients: ann@customer.test", "Subject: Mail delivery failed", sender="Mailer-Daemon@x.test")
    bounce = judge(read(raw)).bounce
    assert bounce is not None
    assert bounce.recipients == ["ann@customer.test"]


def test_a_customer_who_writes_about_undelivered_mail_is_no_bounce() -> None:
    raw = mail("Subject: Undeliverable", body="My mail to you could not be delivered: user unknown. What now?")
    assert judge(read(raw)).kind == "human"
