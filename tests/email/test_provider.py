"""A provider that refuses, is busy, breaks, or forgets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.email.conftest import Post, refusal


@pytest.fixture
def answered(post: Post) -> Post:
    """One answer that waits to be mailed."""
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    return post


def job(post: Post) -> dict[str, Any]:
    return post.world.one(
        "select *, extract(epoch from run_at - now())::float as wait from private.jobs"
        " where consumer = 'send_mail' order by id desc limit 1"
    )


def test_what_the_provider_refuses_is_a_failed_mail_that_members_see(answered: Post) -> None:
    answered.provider.script = [refusal(422, "validation_error")]
    assert answered.run() == ["done"]
    (mail,) = answered.mails()
    assert (mail["status"], mail["reason"]) == ("failed", "the provider refuses: it says validation_error")
    heard = answered.world.one("select * from public.events where type = 'mail.failed'")
    assert heard["subject_id"] == mail["id"]
    assert answered.world.as_agent("select status from public.outgoing_mails")["status"] == "failed"
    assert answered.run() == []


def test_a_busy_provider_is_left_alone_for_as_long_as_it_asks(answered: Post) -> None:
    answered.provider.script = [refusal(429, "rate_limit_exceeded", Retry_After="77")]
    assert answered.run() == ["waiting"]
    assert 70 < job(answered)["wait"] <= 77
    assert answered.run() == ["done"]
    assert len(answered.provider.sent) == 1


def test_a_provider_that_stays_busy_is_asked_less_and_less(answered: Post) -> None:
    waits = []
    for _ in range(6):
        answered.provider.script = [refusal(429, "rate_limit_exceeded", Retry_After="1")]
        assert answered.run() == ["waiting"]
        waits.append(job(answered)["wait"])
    assert waits == sorted(waits)
    assert waits[-1] > 30


@pytest.mark.parametrize("status", [500, 502, 503, 401, 403, 409])
def test_a_provider_that_fails_is_asked_again_and_the_mail_is_one(answered: Post, status: int) -> None:
    answered.provider.script = [refusal(status, "application_error")]
    assert answered.run() == ["waiting"]
    assert answered.run() == ["done"]
    assert len(answered.provider.sent) == 1
    assert answered.mails()[0]["status"] == "sent"


def test_a_mail_that_was_taken_is_sent_even_if_the_provider_will_not_tell_its_message_id(answered: Post) -> None:
    answered.provider.script = [None, refusal(401, "restricted_api_key")]
    assert answered.run() == ["done"]
    (mail,) = answered.mails()
    assert (mail["status"], mail["message_id_header"]) == ("sent", None)


def test_a_message_id_that_cannot_be_told_now_is_asked_for_once_more(answered: Post) -> None:
    answered.provider.script = [None, refusal(500, "application_error")]
    assert answered.run() == ["waiting"]
    assert answered.run() == ["done"]
    (sent,) = answered.provider.sent
    assert answered.mails()[0]["message_id_header"] == sent.message_id


def test_an_unknown_outcome_is_not_sent_again_once_the_provider_has_forgotten_the_key(answered: Post) -> None:
    answered.provider.script = ["lost"]
    assert answered.run() == ["waiting"]
    answered.world.db.execute("update public.outgoing_mails set created_at = now() - interval '23 h 1 min'")
    assert answered.run() == ["done"]
    assert answered.mails()[0]["status"] == "unknown"
    assert len(answered.provider.sent) == 1
    assert answered.world.one("select * from public.events where type = 'mail.unknown'")


def test_neither_is_it_when_somebody_gives_the_dead_job_another_life(answered: Post) -> None:
    answered.provider.script = ["lost"]
    answered.run()
    answered.world.db.execute("update public.outgoing_mails set created_at = now() - interval '2 days'")
    answered.world.db.execute("update private.jobs set attempt = 0 where state = 'waiting'")
    assert answered.run() == ["done"]
    assert answered.mails()[0]["status"] == "unknown"
    assert len(answered.provider.sent) == 1


def test_a_wrong_key_costs_no_mail(answered: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.kit.settings import settings

    monkeypatch.setenv("PGDESK_RESEND_API_KEY", "wrong")
    settings.cache_clear()
    assert answered.run() == ["waiting"]
    assert answered.mails()[0]["status"] == "stored"
    monkeypatch.setenv("PGDESK_RESEND_API_KEY", "re_right")
    settings.cache_clear()
    assert answered.run() == ["done"]
    assert len(answered.provider.sent) == 1


def test_a_mail_that_is_rendered_stays_as_it_was_rendered(answered: Post) -> None:
    answered.provider.script = [refusal(500, "application_error")]
    answered.run()
    answered.world.db.execute("update public.organizations set name = 'Another Name'")
    answered.world.db.execute("update public.mail_addresses set display_name = 'Another Name'")
    answered.run()
    assert answered.provider.sent[0].sender == "Kestrel Support <support@kestrel.example>"
