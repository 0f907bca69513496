"""Mail out through a Mailgun that knows no idempotency keys and fails in every way: no mail is sent twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from chalicelib.email import by_mailgun
from chalicelib.email import consumer as email
from chalicelib.kit import database
from chalicelib.kit.jobs import Effects, Job
from chalicelib.kit.settings import settings as function_settings
from starlette.responses import JSONResponse, Response

from infra.local.settings import Settings
from tests.email.conftest import Front, Post
from tests.email.mailgun import KEY, Mailgun, says
from tests.replies.world import functions_environment, open_world


@pytest.fixture
def mailgun() -> Mailgun:
    return Mailgun()


@pytest.fixture
def answered(
    mailgun: Mailgun, front: Front, database_of_file: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Post]:
    """One answer that waits to be mailed through Mailgun."""
    front.provider, url = mailgun, front.url
    with (
        functions_environment(
            database_of_file, monkeypatch, mail_provider="mailgun", mailgun_url=url, mailgun_api_key=KEY,
        ),
        open_world(database_of_file) as world,
    ):  # fmt: skip
        post = Post(world, None)  # type: ignore[arg-type]
        ticket = post.ticket()
        post.drop_receipts()
        post.reply(ticket)
        yield post


def mail(post: Post) -> dict[str, Any]:
    return post.mails()[0]


def later(post: Post, time: str) -> None:
    """So long after the attempt."""
    post.world.db.execute(f"update public.outgoing_mails set attempted_at = attempted_at - interval '{time}'")


def another_mail(mailgun: Mailgun) -> None:
    """Of somebody else, taken now: so the log is known to reach up to now."""
    mailgun.note("accepted", {"to": "bob@customer.example", "h:Message-Id": "<another@kestrel.example>"})


def test_a_mail_goes_out_whole_with_the_message_id_that_we_chose(answered: Post, mailgun: Mailgun) -> None:
    assert answered.run() == ["done"]
    (sent,) = mailgun.sent
    kept = mail(answered)
    assert mailgun.asked == ["POST /v3/kestrel.example/messages"]
    assert sent["h:Message-Id"] == f"<{kept['id']}@kestrel.example>" == kept["message_id_header"]
    assert (kept["status"], kept["provider"], kept["provider_id"]) == (
        "sent", "mailgun", f"{kept['id']}@kestrel.example",
    )  # fmt: skip
    assert (sent["from"], sent["to"]) == ("Kestrel Support <support@kestrel.example>", kept["to_address"])
    assert (sent["h:Reply-To"], sent["h:In-Reply-To"]) == (kept["reply_to"], "<1@customer.example>")
    assert (sent["o:tag"], sent["v:outgoing_mail"]) == ("reply", str(kept["id"]))
    assert sent["text"].startswith("It arrives tomorrow.")
    message = answered.world.one("select message_id_header from public.messages where id = %s", kept["message_id"])
    assert message["message_id_header"] == kept["message_id_header"]


@pytest.mark.parametrize("outcome", ["lost", "late", ("taken", says(500, "oops")), ("taken", Response("ok", 200))])
def test_a_mail_that_was_taken_without_a_good_answer_is_found_in_the_log(
    answered: Post, mailgun: Mailgun, outcome: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_mailgun, "TIMEOUT", 0.5)
    mailgun.script = [outcome]
    assert answered.run() == ["waiting"]
    assert mail(answered)["status"] == "stored"
    assert answered.run() == ["done"]
    assert mail(answered)["status"] == "sent"
    assert len(mailgun.sent) == 1


def test_while_the_log_does_not_list_it_the_mail_waits_and_is_then_a_persons_to_decide(
    answered: Post, mailgun: Mailgun
) -> None:
    mailgun.script = ["lost"]
    mailgun.is_listing = False
    waits = []
    for _ in range(9):
        assert answered.run() == ["waiting"]
        waits.append(answered.world.one(
            "select extract(epoch from run_at - now())::float as wait from private.jobs where consumer = 'send_mail'"
        )["wait"])  # fmt: skip
        later(answered, f"{waits[-1]} s")
    assert 7100 < sum(waits) < 4 * 3600
    assert answered.run() == ["done"]
    assert mail(answered)["status"] == "unknown"
    assert "whether it took it" in mail(answered)["reason"]
    assert answered.world.one("select * from public.events where type = 'mail.unknown'")
    assert len(mailgun.sent) == 1
    assert mailgun.asked.count("POST /v3/kestrel.example/messages") == 1


def test_a_mail_that_the_settled_log_does_not_know_is_sent_then(answered: Post, mailgun: Mailgun) -> None:
    mailgun.script = [says(502, "bad gateway")]
    assert answered.run() == ["waiting"]
    another_mail(mailgun)
    later(answered, "29 min")
    assert answered.run() == ["waiting"]
    assert mailgun.sent == []
    later(answered, "2 min")
    assert answered.run() == ["done"]
    assert mail(answered)["status"] == "sent"
    assert len(mailgun.sent) == 1


def test_a_log_that_has_nothing_later_proves_nothing(answered: Post, mailgun: Mailgun) -> None:
    another_mail(mailgun)
    mailgun.script = ["lost"]
    assert answered.run() == ["waiting"]
    mailgun.log = mailgun.log[:1]
    mailgun.log[0]["timestamp"] -= 3600
    later(answered, "40 min")
    assert answered.run() == ["waiting"]
    assert len(mailgun.sent) == 1


def test_neither_does_one_that_may_have_forgotten(answered: Post, mailgun: Mailgun) -> None:
    mailgun.script = ["lost"]
    answered.run()
    mailgun.log.clear()
    another_mail(mailgun)
    later(answered, "2 days")
    assert answered.run() == ["done"]
    assert mail(answered)["status"] == "unknown"
    assert len(mailgun.sent) == 1


@pytest.mark.parametrize("answer", [says(500, "down"), says(401, "Forbidden"), Response("<html>", 200)])
def test_a_log_that_cannot_be_read_is_asked_again_and_nothing_is_sent(
    answered: Post, mailgun: Mailgun, answer: Response
) -> None:
    mailgun.script, mailgun.log_script = ["lost"], [answer]
    assert answered.run() == ["waiting"]
    another_mail(mailgun)
    later(answered, "45 min")
    assert answered.run() == ["waiting"]
    assert answered.run() == ["done"]
    assert mail(answered)["status"] == "sent"
    assert len(mailgun.sent) == 1


def test_a_log_that_tells_of_others_instead_is_not_believed(answered: Post, mailgun: Mailgun) -> None:
    mailgun.script = [says(502, "bad gateway")]
    answered.run()
    other = mailgun.note("delivered", {"to": "bob@customer.example", "h:Message-Id": "<another@kestrel.example>"})
    mailgun.log_script = [JSONResponse({"items": [other]})]
    assert answered.run() == ["waiting"]
    assert mail(answered)["status"] == "stored"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 301])
def test_what_the_operator_can_mend_costs_no_mail_and_leaves_no_doubt(
    answered: Post, mailgun: Mailgun, status: int
) -> None:
    mailgun.script = [says(status, "mend it", location="https://elsewhere.example/")]
    assert answered.run() == ["waiting"]
    assert mail(answered)["attempted_at"] is None
    assert answered.run() == ["done"]
    assert len(mailgun.sent) == 1
    assert {asked.split()[0] for asked in mailgun.asked} == {"POST"}


def test_a_busy_mailgun_is_left_alone_for_as_long_as_it_asks(answered: Post, mailgun: Mailgun) -> None:
    mailgun.script = [says(429, "slow down", Retry_After="77")]
    assert answered.run() == ["waiting"]
    wait = answered.world.one(
        "select extract(epoch from run_at - now())::float as wait from private.jobs where consumer = 'send_mail'"
    )["wait"]
    assert 70 < wait <= 77
    assert answered.run() == ["done"]
    assert len(mailgun.sent) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_what_mailgun_refuses_is_a_failed_mail_with_its_words(answered: Post, mailgun: Mailgun, status: int) -> None:
    mailgun.script = [says(status, "to parameter is not a valid address")]
    assert answered.run() == ["done"]
    assert (mail(answered)["status"], mail(answered)["reason"]) == (
        "failed", "the provider refuses: to parameter is not a valid address",
    )  # fmt: skip


def test_a_mailgun_that_cannot_be_reached_is_certain_not_to_have_it(
    answered: Post, mailgun: Mailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = function_settings().mailgun_url
    monkeypatch.setenv("PGDESK_MAILGUN_URL", "http://127.0.0.1:1")
    function_settings.cache_clear()
    assert answered.run() == ["waiting"]
    assert mail(answered)["attempted_at"] is None
    monkeypatch.setenv("PGDESK_MAILGUN_URL", url)
    function_settings.cache_clear()
    assert answered.run() == ["done"]
    assert len(mailgun.sent) == 1


@pytest.mark.parametrize("taken", [True, False])
def test_an_attempt_killed_between_its_note_and_its_end_is_looked_up(
    answered: Post, mailgun: Mailgun, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill leaves it: noted, perhaps sent, never finished."""

    class Killed(BaseException):
        pass

    def dies(self: Any, given: Any, key: str, attempt: int) -> Any:
        if taken:
            whole(self, given, key, attempt)
        raise Killed

    whole = by_mailgun.Mailgun.send
    with monkeypatch.context() as patch:
        patch.setattr(by_mailgun.Mailgun, "send", dies)
        with pytest.raises(Killed):
            answered.run()
    answered.world.db.execute("update private.jobs set lease_until = now() - interval '1 s' where state = 'running'")
    answered.world.db.execute("select private.expire_leases()")
    another_mail(mailgun)
    if not taken:
        assert answered.run() == ["waiting"]
        later(answered, "31 min")
    assert answered.run() == ["done"]
    assert mail(answered)["status"] == "sent"
    assert len(mailgun.sent) == 1


def test_one_who_was_stopped_before_the_call_and_comes_back_too_late_does_not_call(
    answered: Post, mailgun: Mailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "STALE", -1)
    assert answered.run() == ["waiting"]
    assert (mailgun.asked, mail(answered)["attempted_at"]) == ([], None)


def test_one_who_was_taken_for_dead_before_the_note_neither_notes_nor_sends(
    answered: Post, mailgun: Mailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads that the mail is to be sent, and stands still; its lease ends, another sends the mail; it goes on."""
    stored, outcomes = email._stored, []

    def other() -> None:
        outcomes.extend(answered.run())
        database.close()

    def stopped(job: Job) -> Effects | None:
        with database.transaction(job.tenant) as connection:
            seen = stored(connection, job)
        answered.world.db.execute("update private.jobs set lease_until = now() where id = %s", [job.id])
        answered.world.db.execute("select private.expire_leases()")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
        monkeypatch.setattr(email, "_stored", lambda *_: seen)
        return email.handle(job)

    job = answered.world.one("select id from private.jobs where consumer = 'send_mail' and state = 'waiting'")
    assert answered.world.run_job(stopped, "send_mail", job["id"]) == "superseded"
    assert outcomes == ["done"]
    assert len(mailgun.sent) == 1


def test_a_mail_in_doubt_is_asked_for_where_it_was_sent_whoever_is_chosen_now(
    answered: Post, mailgun: Mailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailgun.script = ["lost"]
    assert answered.run() == ["waiting"]
    monkeypatch.setenv("PGDESK_MAIL_PROVIDER", "resend")
    monkeypatch.setenv("PGDESK_RESEND_API_KEY", "re_test")
    monkeypatch.setenv("PGDESK_RESEND_URL", "http://127.0.0.1:1")
    function_settings.cache_clear()
    assert answered.run() == ["done"]
    assert (mail(answered)["status"], mail(answered)["provider"]) == ("sent", "mailgun")


def test_a_provider_without_its_key_is_named_and_nothing_is_lost(
    answered: Post, mailgun: Mailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGDESK_MAILGUN_API_KEY")
    function_settings.cache_clear()
    assert answered.run() == ["waiting"]
    error = answered.world.one("select error from private.jobs where consumer = 'send_mail'")["error"]
    assert "PGDESK_MAILGUN_API_KEY is missing" in error
    monkeypatch.setenv("PGDESK_MAILGUN_API_KEY", KEY)
    function_settings.cache_clear()
    assert answered.run() == ["done"]
    assert len(mailgun.sent) == 1
