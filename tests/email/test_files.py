"""What an agent attaches goes out with the reply, once it was looked at, and nothing is left out in silence."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from chalicelib.email import by_mailgun, files
from chalicelib.kit import storage

from tests.email.conftest import Post, refusal

NAMES = ("lamp.png", "../Rechnung\u202e.pdf")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Storage."""
    found: dict[str, bytes] = {}

    def get(_organization: UUID, _bucket: str, path: str) -> bytes:
        return found[path]

    monkeypatch.setattr(storage, "get", get)
    return found


def attach(post: Post, message: UUID, kept: dict[str, bytes], name: str, verdict: str = "clean", size: int = 5) -> None:
    organization = post.world.organization
    path = f"{organization}/uploads/u/{name}"
    kept[path] = b"x" * min(size, 5)
    post.world.db.execute(
        "insert into public.attachments (organization_id, ticket_id, message_id, file_name, content_type, bytes,"
        " storage_path, verdict, verdict_because, detected_type)"
        " select organization_id, ticket_id, id, %s, 'text/html', %s, %s, %s, 'Eicar', 'image/png'"
        " from public.messages where id = %s",
        [name, size, path, verdict, message],
    )


def replied(post: Post) -> UUID:
    ticket = post.ticket()
    post.drop_receipts()
    return post.reply(ticket)


def test_a_reply_carries_its_files_by_what_they_are(post: Post, kept: dict[str, bytes]) -> None:
    message = replied(post)
    for name in NAMES:
        attach(post, message, kept, name)
    assert post.run() == ["done"]
    (sent,) = post.provider.sent
    assert [(each.filename, each.content_type, bytes(each.content)) for each in sent.attachments] == [
        (name, "image/png", b"xxxxx") for name in NAMES
    ]


def test_a_mail_waits_for_a_file_that_is_being_looked_at(post: Post, kept: dict[str, bytes]) -> None:
    message = replied(post)
    attach(post, message, kept, "lamp.png", "waiting")
    assert post.run() == ["waiting"]
    assert post.provider.sent == []
    post.world.db.execute("update public.attachments set verdict = 'clean'")
    post.world.db.execute("update private.jobs set run_at = now() where state = 'waiting'")
    assert post.run() == ["done"]
    assert len(post.provider.sent[0].attachments) == 1


@pytest.mark.parametrize(("verdict", "size"), [("infected", 5), ("refused", 5), ("clean", files.MAX_BYTES + 1)])
def test_a_mail_with_a_file_that_may_not_go_out_fails_and_says_why(
    post: Post, kept: dict[str, bytes], verdict: str, size: int
) -> None:
    message = replied(post)
    attach(post, message, kept, "lamp.png", verdict, size)
    assert post.run() == ["done"]
    assert post.provider.sent == []
    (mail,) = post.mails()
    assert mail["status"] == "failed"
    assert ("lamp.png" if size == 5 else "MB") in mail["reason"]


def test_while_storage_is_away_the_mail_waits(
    post: Post, kept: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = replied(post)
    attach(post, message, kept, "lamp.png")

    def away(*_: Any) -> bytes:
        raise storage.Away("nobody there")

    monkeypatch.setattr(storage, "get", away)
    assert post.run() == ["waiting"]
    assert post.mails()[0]["attempted_at"] is None


def test_a_mail_that_was_sent_again_carried_the_same(post: Post, kept: dict[str, bytes]) -> None:
    message = replied(post)
    attach(post, message, kept, "lamp.png")
    post.provider.script.append(refusal(429, "rate_limit_exceeded"))
    assert post.run() == ["waiting"]
    post.world.db.execute("update private.jobs set run_at = now() where state = 'waiting'")
    assert post.run() == ["done"]
    assert [each.filename for each in post.provider.sent[0].attachments] == ["lamp.png"]


def test_mailgun_is_given_the_files_as_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def request(*_: Any, **content: Any) -> tuple[int, dict[str, str], dict[str, str]]:
        asked.append(content)
        return 200, {"id": "<1@kestrel.example>"}, {}

    monkeypatch.setattr(by_mailgun, "_request", request)
    mail = dict.fromkeys(("to_address", "subject", "body_text", "body_html", "reply_to", "kind"), "x") | {
        "id": UUID(int=1), "from_address": "support@kestrel.example", "headers": {}, "cc": [], "bcc": [],
        "files": [files.File("lamp.png", "image/png", b"x")],
    }  # fmt: skip
    by_mailgun.Mailgun().send(mail, "key", 1)
    assert asked[0]["files"] == [("attachment", ("lamp.png", b"x", "image/png"))]
