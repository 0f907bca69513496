"""The official Resend client cannot tell the mailbox from Resend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import resend
from resend.exceptions import InvalidApiKeyError, MissingRequiredFieldsError, ResendError, ValidationError
from starlette.applications import Starlette

from infra.local.mail.mailbox import Mailbox
from infra.local.mail.service import MailService
from infra.local.settings import Settings
from tests.serving import serve

MAIL: dict[str, Any] = {
    "from": "Acme Support <support@acme.example>",
    "to": ["Ann <ann@example.com>"],
    "subject": "Re: Where is my order?",
    "text": "On its way.",
    "html": "<p>On its way.</p>",
}


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    service = MailService(Settings(data=tmp_path))
    with serve(Starlette(routes=service.routes)) as base:
        monkeypatch.setattr(resend, "api_url", base)
        monkeypatch.setattr(resend, "api_key", "re_test")
        yield base


def send(key: str | None = None, **changes: Any) -> str:
    params: Any = MAIL | changes
    options: Any = {"idempotency_key": key} if key else None
    return str(resend.Emails.send(params, options)["id"])


def test_a_sent_mail_can_be_read_back_whole(url: str, tmp_path: Path) -> None:
    identity = send(
        cc="boss@example.com", bcc=["archive@acme.example"], reply_to="support+token@acme.example",
        headers={"In-Reply-To": "<1@example.com>", "Auto-Submitted": "auto-replied"},
        tags=[{"name": "ticket", "value": "42"}],
        attachments=[{"filename": "bill.pdf", "content": list(b"%PDF-1.7")}],
    )  # fmt: skip
    read: Any = resend.Emails.get(identity)
    assert (read["from"], read["to"], read["cc"]) == (MAIL["from"], MAIL["to"], ["boss@example.com"])
    assert (read["text"], read["html"], read["last_event"]) == (MAIL["text"], MAIL["html"], "delivered")
    assert read["message_id"].startswith("<")
    assert read["tags"] == [{"name": "ticket", "value": "42"}]
    kept = Mailbox(tmp_path / "mailbox").get(identity)
    assert kept is not None
    assert kept.headers == {"In-Reply-To": "<1@example.com>", "Auto-Submitted": "auto-replied"}
    assert kept.attachments[0].content == b"%PDF-1.7"
    assert kept.bcc == ("archive@acme.example",)


def test_the_same_key_and_body_send_one_mail(url: str, tmp_path: Path) -> None:
    assert send("job-1") == send("job-1")
    assert len(Mailbox(tmp_path / "mailbox").list()) == 1
    assert send("job-2") != send("job-1")


def test_a_key_used_with_another_body_is_a_conflict(url: str) -> None:
    send("job-1")
    with pytest.raises(ResendError) as caught:
        send("job-1", subject="Other")
    assert (caught.value.code, caught.value.error_type) == (409, "invalid_idempotent_request")


@pytest.mark.parametrize("key", ["", "k" * 257])
def test_a_key_has_1_to_256_characters(url: str, key: str) -> None:
    headers = {"Authorization": "Bearer re_test", "Idempotency-Key": key}
    answer = httpx.post(f"{url}/emails", json=MAIL, headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (400, "invalid_idempotency_key")


@pytest.mark.parametrize("missing", ["from", "to", "subject"])
def test_a_missing_field_is_named(url: str, missing: str) -> None:
    params: Any = {name: value for name, value in MAIL.items() if name != missing}
    with pytest.raises(MissingRequiredFieldsError, match=missing):
        resend.Emails.send(params)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"to": ["ann"]}, "`to`"),
        ({"to": ["a@b.example\r\nBcc: victim@example.com"]}, "`to`"),
        ({"to": [f"a{n}@b.example" for n in range(51)]}, "at most 50"),
        ({"subject": "Hi\nBcc: victim@example.com"}, "subject"),
        ({"headers": {"X-A": "1\r\nBcc: victim@example.com"}}, "header"),
        ({"headers": {"X A": "1"}}, "header"),
        ({"tags": [{"name": "a b", "value": "c"}]}, "Tags"),
        ({"scheduled_at": "in 1 hour"}, "scheduled_at"),
    ],
)
def test_a_wrong_field_is_refused_and_nothing_is_sent(
    url: str, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        send(**changes)
    assert Mailbox(tmp_path / "mailbox").list() == ()


def test_an_attachment_is_never_fetched_from_an_address(url: str) -> None:
    with pytest.raises(ResendError, match="path"):
        send(attachments=[{"filename": "x", "path": f"{url}/api/messages"}])


def test_a_request_without_a_key_of_resend_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert httpx.post(f"{url}/emails", json=MAIL).json()["name"] == "missing_api_key"
    monkeypatch.setattr(resend, "api_key", "sk_wrong")
    with pytest.raises(InvalidApiKeyError):
        send()


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b'"text"', b'{"from": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_no_mail_gets_an_error_of_resends_shape(url: str, body: bytes) -> None:
    answer = httpx.post(f"{url}/emails", content=body, headers={"Authorization": "Bearer re_test"})
    assert answer.status_code in {400, 422}
    assert answer.json().keys() == {"statusCode", "name", "message"}


def test_mails_are_listed_newest_first_in_pages(url: str) -> None:
    sent = [send(subject=f"Mail {number}") for number in range(5)]
    first: Any = resend.Emails.list({"limit": 2})
    assert ([mail["id"] for mail in first["data"]], first["has_more"]) == ([sent[4], sent[3]], True)
    rest: Any = resend.Emails.list({"limit": 3, "after": sent[3]})
    assert ([mail["id"] for mail in rest["data"]], rest["has_more"]) == ([sent[2], sent[1], sent[0]], False)
    before: Any = resend.Emails.list({"limit": 2, "before": sent[1]})
    assert ([mail["id"] for mail in before["data"]], before["has_more"]) == ([sent[3], sent[2]], True)


def test_a_batch_is_kept_whole_or_not_at_all(url: str, tmp_path: Path) -> None:
    batch: Any = [MAIL, MAIL | {"to": "bob@example.com"}]
    options: Any = {"idempotency_key": "batch-1"}
    sent = [mail["id"] for mail in resend.Batch.send(batch, options)["data"]]
    assert [mail["id"] for mail in resend.Batch.send(batch, options)["data"]] == sent
    broken: Any = [MAIL, MAIL | {"to": "nobody"}]
    with pytest.raises(ValidationError, match=r"\[1\]"):
        resend.Batch.send(broken)
    assert {mail.id for mail in Mailbox(tmp_path / "mailbox").list()} == set(sent)


def test_a_permissive_batch_sends_the_good_and_names_the_bad(url: str) -> None:
    batch: Any = [MAIL | {"to": "nobody"}, MAIL]
    answer: Any = resend.Batch.send(batch, {"batch_validation": "permissive"})
    assert len(answer["data"]) == 1
    assert answer["errors"][0]["index"] == 0


def test_an_unknown_mail_is_not_found(url: str) -> None:
    with pytest.raises(ResendError) as caught:
        resend.Emails.get("0190e0d0-0000-7000-8000-000000000000")
    assert caught.value.code == 404
