"""A provider that refuses, is busy, breaks, or forgets."""

from __future__ import annotations

from typing import Any

import pytest
from chalicelib.email import by_resend

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


def later(post: Post, time: str) -> None:
    """So long after the attempt."""
    post.world.db.execute(f"update public.outgoing_mails set attempted_at = attempted_at - interval '{time}'")


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


def test_a_provider_that_takes_the_mail_and_never_answers_is_asked_again_and_the_mail_is_one(
    answered: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_resend, "TIMEOUT", 0.5)
    answered.provider.script = ["late"]
    assert answered.run() == ["waiting"]
    assert answered.run() == ["done"]
    assert len(answered.provider.sent) == 1


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


def test_once_the_provider_has_forgotten_the_key_it_is_asked_for_the_mail(answered: Post) -> None:
    answered.provider.script = ["lost"]
    assert answered.run() == ["waiting"]
    later(answered, "23 h 1 min")
    assert answered.run() == ["done"]
    (sent,) = answered.provider.sent
    kept = answered.mails()[0]
    assert (kept["status"], kept["provider_id"], kept["message_id_header"]) == ("sent", sent.id, sent.message_id)


def test_what_it_does_not_list_then_was_never_taken_and_is_sent(answered: Post) -> None:
    answered.provider.script = [refusal(502, "bad_gateway")]
    assert answered.run() == ["waiting"]
    later(answered, "23 h 1 min")
    assert answered.run() == ["done"]
    assert len(answered.provider.sent) == 1
    assert answered.mails()[0]["status"] == "sent"


def test_where_it_cannot_tell_a_person_looks_and_nothing_is_sent_again(answered: Post) -> None:
    answered.provider.script = ["lost", refusal(401, "restricted_api_key")]
    assert answered.run() == ["waiting"]
    later(answered, "23 h 1 min")
    assert answered.run() == ["done"]
    assert answered.mails()[0]["status"] == "unknown"
    assert len(answered.provider.sent) == 1
    assert answered.world.one("select * from public.events where type = 'mail.unknown'")


def test_neither_is_it_when_somebody_gives_the_dead_job_another_life(answered: Post) -> None:
    answered.provider.script = ["lost", refusal(500, "application_error")]
    answered.run()
    later(answered, "2 days")
    answered.world.db.execute("update private.jobs set attempt = 0 where state = 'waiting'")
    assert answered.run() == ["done"]
    assert answered.mails()[0]["status"] == "unknown"
    assert len(answered.provider.sent) == 1


def test_a_mail_that_waited_for_days_without_an_attempt_is_simply_sent(answered: Post) -> None:
    answered.provider.script = [refusal(429, "rate_limit_exceeded")]
    assert answered.run() == ["waiting"]
    answered.world.db.execute("update public.outgoing_mails set created_at = now() - interval '3 days'")
    assert answered.run() == ["done"]
    assert len(answered.provider.sent) == 1


def test_a_refusal_to_try_again_says_nothing_of_the_attempt_before(answered: Post) -> None:
    answered.provider.script = ["lost", refusal(429, "rate_limit_exceeded")]
    assert answered.run() == ["waiting"]
    assert answered.run() == ["waiting"]
    assert answered.mails()[0]["attempted_at"] is not None


def test_another_job_about_the_same_mail_tries_by_the_same_key(answered: Post) -> None:
    answered.provider.script = ["lost"]
    assert answered.run() == ["waiting"]
    first = answered.world.one("select * from private.jobs where consumer = 'send_mail'")
    answered.world.db.execute("delete from private.jobs")
    answered.world.enqueue("send_mail", **first["payload"])
    assert answered.run() == ["done"]
    assert [key for method, key in answered.provider.requests if method == "POST"] == [str(first["id"])] * 2
    assert len(answered.provider.sent) == 1


def test_a_mail_that_was_taken_in_an_older_form_is_found_and_not_called_failed(answered: Post) -> None:
    answered.provider.script = ["lost"]
    assert answered.run() == ["waiting"]
    answered.world.db.execute("update public.outgoing_mails set body_text = body_text || 'as another release has it'")
    assert answered.run() == ["done"]
    assert answered.mails()[0]["status"] == "sent"
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
