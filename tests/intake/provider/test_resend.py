"""Resend: a signed webhook tells of a mail, the API hands it over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from chalicelib.intake.mime import parse
from chalicelib.intake.provider import consumer, held, resend
from chalicelib.kit import standard_webhooks

from tests.intake.mails import mail, multipart, read
from tests.intake.provider.conftest import Post
from tests.intake.provider.outside import Answer, as_json
from tests.people import not_there

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MAIL_ID = "56761188-7520-42d8-8898-ff6fc54ce618"
RAW = mail(
    "To: help@acme.test",
    "Message-ID: <1@customer.test>",
    "Subject: Lamp",
    body="My lämp is broken.\n".encode("latin-1"),
)


@pytest.fixture
def resend_post(post: Post) -> Post:
    post.configure(
        resend_inbound_secret=f"{standard_webhooks.new_secret()} {SECRET}",
        resend_api_key="re_test",
        resend_url=post.outside.url,
    )
    return post


def event(mail_id: str = MAIL_ID, *, to: list[str] | None = None, kind: str = "email.received") -> bytes:
    """The body of a webhook."""
    data = {
        "email_id": mail_id, "created_at": "2026-11-21T23:41:11.894719+00:00", "from": "Ann <ann@customer.test>",
        "to": to or ["Help <help@acme.test>"], "bcc": [], "cc": [], "message_id": "<1@customer.test>",
        "subject": "Lamp", "attachments": [],
    }  # fmt: skip
    return json.dumps({"type": kind, "created_at": "2026-11-21T23:41:12.126Z", "data": data}).encode()


def tell(post: Post, body: bytes | None = None, *, webhook_id: str | None = None, **changes: str) -> tuple[int, Any]:
    """Post a signed webhook, with headers changed after it was signed."""
    body = event() if body is None else body
    signed = standard_webhooks.headers([SECRET], webhook_id or f"msg_{uuid4().hex}", int(time.time()), body)
    headers = {name.replace("webhook", "svix"): value for name, value in signed.items()}
    return post.call(resend.receive, body, headers | {f"svix-{name}": value for name, value in changes.items()})


def has(post: Post, raw: bytes | None = RAW, **details: Any) -> dict[str, Any]:
    """Let Resend have the mail. Without `raw` only its parts."""
    told: dict[str, Any] = {
        "object": "email", "id": MAIL_ID, "to": ["help@acme.test"], "from": "Ann <ann@customer.test>",
        "created_at": "2026-11-21 23:41:11.894719+00", "subject": "Lamp", "html": None, "text": "hello",
        "bcc": [], "cc": [], "reply_to": [], "received_for": ["help@acme.test"], "message_id": "<1@customer.test>",
        "headers": {}, "attachments": [], "raw": None,
    }  # fmt: skip
    if raw is not None:
        post.outside.pages["/raw/1"] = Answer(200, raw)
        told["raw"] = {"download_url": f"{post.outside.url}/raw/1?signature=x", "expires_at": "2026-11-22T00:00:00Z"}
    told |= details
    post.outside.pages[f"/emails/receiving/{MAIL_ID}"] = as_json(told)
    return told


# ---- from the webhook to the ticket


def test_a_received_mail_is_fetched_kept_byte_for_byte_and_becomes_a_ticket(resend_post: Post) -> None:
    has(resend_post)
    assert tell(resend_post) == (200, {"status": "taken"})
    assert resend_post.box.count("public.inbound_mails") == 0  # the webhook itself asks nobody
    assert resend_post.work() == ["done"]
    assert resend_post.raw() == [RAW]
    held, ledger = resend_post.held(), resend_post.box.row("select * from public.inbound_mails")
    assert (held["state"], held["provider_id"], held["inbound_mail_id"]) == ("kept", MAIL_ID, ledger["id"])
    assert (ledger["state"], ledger["outcome"], ledger["recipients"]) == ("done", "new_ticket", ["help@acme.test"])
    assert resend_post.outside.asked[0].headers["authorization"] == "Bearer re_test"
    assert "authorization" not in resend_post.outside.asked[-1].headers  # the key is not shown to the store


def test_a_webhook_that_comes_twice_is_believed_once(resend_post: Post) -> None:
    has(resend_post)
    body = event()
    assert tell(resend_post, body, webhook_id="msg_1")[1] == {"status": "taken"}
    assert tell(resend_post, body, webhook_id="msg_1") == (200, {"status": "repeated"})
    assert resend_post.work() == ["done"]


def test_another_webhook_about_the_same_mail_makes_no_second_one(resend_post: Post) -> None:
    has(resend_post)
    for _ in range(2):
        assert tell(resend_post)[0] == 200
    resend_post.work()
    assert tell(resend_post)[0] == 200
    resend_post.work()
    assert resend_post.box.count("public.inbound_mails") == 1
    assert resend_post.box.count("public.tickets") == 1


def test_a_mail_posted_by_another_way_too_is_still_one(resend_post: Post) -> None:
    has(resend_post)
    resend_post.box.receive(RAW)
    tell(resend_post)
    resend_post.work()
    assert resend_post.box.row("select deliveries from public.inbound_mails")["deliveries"] == 2
    assert resend_post.box.count("public.tickets") == 1


def test_a_job_that_is_repeated_after_it_was_done_changes_nothing(resend_post: Post) -> None:
    has(resend_post)
    tell(resend_post)
    resend_post.work()
    resend_post.box.admin.execute("update private.jobs set state = 'waiting', finished_at = null, run_at = now()")
    assert resend_post.work() == ["done"]
    assert resend_post.box.row("select deliveries from public.inbound_mails")["deliveries"] == 1


def test_a_fetch_that_is_killed_before_it_could_finish_is_done_again_and_the_mail_is_one(
    resend_post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    has(resend_post)
    tell(resend_post)
    keep = held.mark_kept

    def dies(*_: Any) -> None:
        raise psycopg.OperationalError("the server closed the connection")

    monkeypatch.setattr(consumer, "mark_kept", dies)
    assert resend_post.work() == ["waiting"]
    assert resend_post.box.count("public.inbound_mails") == 0
    monkeypatch.setattr(consumer, "mark_kept", keep)
    assert resend_post.again() == ["done"]
    assert resend_post.box.count("public.tickets") == 1


# ---- who is not believed


FORGED: list[dict[str, Any]] = [
    {"signature": "v1,AAAA"},
    {"signature": ""},
    {"id": "msg_other"},
    {"timestamp": str(int(time.time()) - 301)},
    {"timestamp": str(int(time.time()) + 400)},
    {"timestamp": "now"},
]


def test_a_forged_or_stale_webhook_is_refused_and_leaves_nothing(resend_post: Post) -> None:
    for changes in FORGED:
        status, answer = tell(resend_post, **changes)
        assert (status, answer["code"]) == (401, "bad_signature"), changes
    assert resend_post.is_untouched()


def test_another_body_under_a_good_signature_is_refused(resend_post: Post) -> None:
    signed = standard_webhooks.headers([SECRET], "msg_1", int(time.time()), event())
    assert resend_post.call(resend.receive, event("another"), signed)[0] == 401
    assert resend_post.is_untouched()


def test_without_a_secret_nobody_is_believed(post: Post) -> None:
    post.configure(resend_inbound_secret="")
    assert tell(post)[0] == 401


NEVER_SENT = [
        b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"type": "email.received"}',
        b'{"type": "email.received", "data": []}', b'{"type": "email.received", "data": {"email_id": 7}}',
        event("../../domains"), event("a/b"), event(""), event("x" * 65),
    ]  # fmt: skip


def test_what_resend_never_sends_is_a_clear_refusal_though_it_is_signed(resend_post: Post) -> None:
    for body in NEVER_SENT:
        status, answer = tell(resend_post, body)
        assert (status, answer["code"]) == (400, "malformed"), body[:100]
    assert resend_post.is_untouched()


def test_halves_of_letters_and_nul_cost_nothing(resend_post: Post) -> None:
    has(resend_post, received_for=["\ud800@x", "help@acme.test\0"])
    odd = event(to=["\ud800\0 <help@acme.test>", "\0"]) + b" "
    assert tell(resend_post, odd)[0] == 200
    assert resend_post.work() == ["done"]
    assert resend_post.held()["state"] == "kept"


def test_other_events_are_of_no_interest(resend_post: Post) -> None:
    assert tell(resend_post, event(kind="email.sent")) == (200, {"status": "ignored"})
    assert resend_post.is_untouched()


def test_a_huge_webhook_is_not_even_looked_at(resend_post: Post) -> None:
    assert tell(resend_post, b" " * 600_000)[0] == 413


# ---- whose mail it is


def test_mail_to_nobody_here_is_recorded_and_not_kept(resend_post: Post) -> None:
    has(resend_post, received_for=["who@acme.test"], to=["who@acme.test"])
    assert tell(resend_post, event(to=["who@acme.test"]))[0] == 200
    assert resend_post.work() == ["done"]
    held = resend_post.held()
    assert (held["state"], held["organization_id"], held["recipients"]) == ("unaddressed", None, ["who@acme.test"])
    assert resend_post.raw() == []


def test_a_blind_copy_finds_its_owner_by_whom_it_was_received_for(resend_post: Post) -> None:
    has(resend_post, received_for=["help@other.test"], to=["list@elsewhere.test"])
    tell(resend_post, event(to=["list@elsewhere.test"]))
    resend_post.work()
    held = resend_post.held()
    assert (held["state"], held["organization_id"]) == ("kept", resend_post.box.other)
    assert resend_post.box.row("select recipients from public.inbound_mails")["recipients"] == ["help@other.test"]


def test_a_mail_to_two_organizations_is_one_in_each_and_neither_sees_the_other(resend_post: Post) -> None:
    has(resend_post, received_for=["help@acme.test", "help@other.test"])
    tell(resend_post)
    resend_post.work()
    rows = resend_post.box.admin.execute("select * from public.provider_mails order by organization_id").fetchall()
    assert {(row["organization_id"], row["state"]) for row in rows} == {
        (resend_post.box.acme, "kept"),
        (resend_post.box.other, "kept"),
    }
    assert resend_post.box.count("public.tickets") == 2
    seen = resend_post.ask(resend_post.admin_of(resend_post.box.other), "select recipients from public.provider_mails")
    assert seen == [{"recipients": ["help@other.test"]}]


def test_an_address_that_is_given_up_meanwhile_does_not_lose_the_mail(resend_post: Post) -> None:
    has(resend_post)
    tell(resend_post)
    resend_post.box.admin.execute("delete from public.mail_addresses where address = 'help@acme.test'")
    assert resend_post.work() == ["done"]
    assert resend_post.held()["state"] == "kept"
    assert resend_post.box.row("select outcome from public.inbound_mails")["outcome"] == "new_ticket"


# ---- when Resend fails


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize(
    "answer",
    [
        as_json({"name": "application_error", "message": "it broke"}, 500),
        Answer(502, b"<html>bad gateway</html>", {"content-type": "text/html"}),
        as_json({"name": "restricted_api_key", "message": "may only send"}, 401),
        as_json({"name": "rate_limit_exceeded", "message": "slowly"}, 429, Retry_After="3"),
        Answer(403, b"expired"),
        Answer(200, b"x" * 1000, cut=True),
        Answer(302, headers={"location": "http://169.254.169.254/"}),
        Answer(hang=True),
    ],
    ids=["500", "502", "401", "429", "403", "half a body", "redirect", "silence"],
)
def test_a_provider_that_fails_is_asked_again_and_the_mail_is_one(
    resend_post: Post, impatient: Callable[[], None], answer: Answer, at: int
) -> None:
    impatient()
    has(resend_post)
    tell(resend_post)
    resend_post.outside.script = [None] * at + [answer]
    assert resend_post.work() == ["waiting"]
    assert resend_post.held()["state"] == "waiting"
    assert resend_post.raw() == []
    assert resend_post.again() == ["done"]
    assert resend_post.raw() == [RAW]
    assert resend_post.box.count("public.tickets") == 1


@pytest.mark.parametrize("at", [0, 1])
def test_a_busy_provider_is_left_alone_for_as_long_as_it_asks(resend_post: Post, at: int) -> None:
    has(resend_post)
    tell(resend_post)
    busy = as_json({"name": "rate_limit_exceeded", "message": "slowly"}, 429, Retry_After="77")
    resend_post.outside.script = [None] * at + [busy]
    assert resend_post.work() == ["waiting"]
    assert 70 < resend_post.wait <= 77


@pytest.mark.parametrize("at", [0, 1])
def test_a_mail_that_resend_no_longer_has_is_shown_to_admins_and_retried_by_them(resend_post: Post, at: int) -> None:
    has(resend_post)
    tell(resend_post)
    resend_post.outside.script = [None] * at + [as_json({"name": "not_found", "message": "Email not found"}, 404)]
    assert resend_post.work() == ["done"]
    admin = resend_post.admin_of(resend_post.box.acme)
    (seen,) = resend_post.ask(admin, "select id, state::text as state, reason, recipients from public.provider_mails")
    assert (seen["state"], seen["reason"]) == ("failed", "the provider no longer has it")
    heard = resend_post.box.row("select subject_id, data from public.events where type = 'mail.fetch_failed'")
    assert heard == {"subject_id": seen["id"], "data": {"provider": "resend", "reason": seen["reason"]}}
    stranger = resend_post.admin_of(resend_post.box.other)
    with not_there():
        resend_post.ask(stranger, "select public.retry_provider_mail(%s)", seen["id"])
    resend_post.ask(admin, "select public.retry_provider_mail(%s)", seen["id"])
    assert resend_post.work() == ["done"]
    assert resend_post.held()["state"] == "kept"


def test_after_a_day_of_failures_an_admin_is_told_why(resend_post: Post) -> None:
    has(resend_post)
    tell(resend_post)
    resend_post.box.admin.execute("update private.jobs set attempt = 15")
    resend_post.outside.script = [as_json({"name": "application_error", "message": "it broke"}, 500)]
    assert resend_post.work() == ["done"]
    held = resend_post.held()
    assert held["state"] == "failed"
    assert held["reason"] == "gave up after 16 attempts: the provider answers 500: it broke"


def test_the_last_attempt_is_the_consumers_last(resend_post: Post) -> None:
    row = resend_post.box.row("select max_attempts from private.consumers where name = 'fetch_mail'")
    assert row["max_attempts"] == consumer.LAST_ATTEMPT


def test_a_mail_beyond_forty_megabytes_is_not_taken_into_memory_and_is_told(resend_post: Post) -> None:
    has(resend_post, raw=b"x" * (41 * 1024 * 1024))
    tell(resend_post)
    assert resend_post.work() == ["done"]
    assert resend_post.held()["reason"] == f"it is larger than {40 * 1024 * 1024} octets"


ELSEWHERE: list[Any] = ["file:///etc/passwd", "https://evil.example/x", "ftp://x", "//x", 7]


def test_an_address_of_another_kind_than_the_apis_is_not_visited(resend_post: Post) -> None:
    for url in ELSEWHERE:
        resend_post.outside.pages[f"/emails/receiving/{MAIL_ID}"] = as_json({"raw": {"download_url": url}})
        tell(resend_post)
        assert resend_post.work() == ["done"], url
        assert resend_post.held()["state"] == "failed", url


# ---- a mail in parts


def parts(post: Post) -> dict[str, Any]:
    """A mail with a page, a picture in it and a file, without its raw form."""
    attachments: list[dict[str, Any]] = [
        {"id": "a1", "filename": "lamp.png", "content_type": "image/png", "content_disposition": "inline",
         "content_id": "img1", "size": 4},
        {"id": "a2", "filename": 'evil"\r\nBcc: x@y.test; é.pdf', "content_type": "application/pdf\r\nX: y",
         "content_disposition": "attachment", "content_id": None, "size": 5},
    ]  # fmt: skip
    for number, (each, data) in enumerate(zip(attachments, (b"\x89PNG", b"%PDF-"), strict=True)):
        told = each | {"download_url": f"{post.outside.url}/file/{number}", "object": "attachment"}
        post.outside.pages[f"/emails/receiving/{MAIL_ID}/attachments/{each['id']}"] = as_json(told)
        post.outside.pages[f"/file/{number}"] = Answer(200, data)
    return has(
        post, raw=None, text="Grüße\n.", html='<p>Grüße <img src="cid:img1"></p>', attachments=attachments,
        headers={
            "date": "Sat, 21 Nov 2026 10:00:00 +0000", "In-Reply-To": "<0@acme.test>", "references": "<0@acme.test>",
            "content-type": "multipart/mixed; boundary=theirs", "subject": "Grüße\r\nBcc: injected@evil.test",
        },
    )  # fmt: skip


def test_a_mail_that_comes_in_parts_is_put_together_faithfully(resend_post: Post) -> None:
    parts(resend_post)
    tell(resend_post)
    assert resend_post.work() == ["done"]
    (raw,) = resend_post.raw()
    parsed = read(raw)
    assert (parsed.subject, parsed.message_id) == ("Grüße Bcc: injected@evil.test", "<1@customer.test>")
    assert [address.email for address in parsed.to] == ["help@acme.test"]
    assert parsed.in_reply_to == ["<0@acme.test>"]
    assert parsed.text.startswith("Grüße")
    assert "cid:img1" in (parsed.html or "")
    assert [(file.type, file.data, file.content_id, file.inline) for file in parsed.attachments] == [
        ("image/png", b"\x89PNG", "img1", True),
        ("application/octet-stream", b"%PDF-", "", False),
    ]
    assert parsed.attachments[1].name.endswith("é.pdf")
    assert b"\nBcc:" not in raw


def test_the_same_parts_are_the_same_mail(resend_post: Post) -> None:
    parts(resend_post)
    tell(resend_post)
    resend_post.work()
    resend_post.box.admin.execute("update public.provider_mails set state = 'failed'")
    tell(resend_post)
    resend_post.work()
    assert resend_post.box.row("select deliveries from public.inbound_mails")["deliveries"] == 2


def test_parts_without_any_text_are_a_mail_too(resend_post: Post) -> None:
    has(resend_post, raw=None, text=None, html=None)
    tell(resend_post)
    resend_post.work()
    assert parse(resend_post.raw()[0]) is not None


def test_a_large_mail_with_a_file_comes_whole(resend_post: Post) -> None:
    kind, body = multipart("mixed", "\nsee the file", b"Content-Type: image/png\n\n" + bytes(range(256)) * 40_000)
    raw = mail("To: help@acme.test", kind, body=body)
    has(resend_post, raw=raw)
    tell(resend_post)
    assert resend_post.work() == ["done"]
    assert resend_post.raw() == [raw]
    assert len(next(iter(resend_post.box.files.values()))) > 10_000_000
