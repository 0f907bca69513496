"""Mail that was accepted is never lost, doubled or mixed up."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from infra.local.mail.mailbox import Attachment, KeyReusedError, Mailbox, Message
from infra.local.mail.mime import as_mime
from tests.waiting import until

MAIL = Message(sender="Acme <support@acme.example>", to=("Ann <Ann@Example.com>",), subject="Hello", text="Hi Ann")


def test_mail_survives_a_restart(tmp_path: Path) -> None:
    sent = Mailbox(tmp_path).deliver(
        Message(
            sender="a@b.example", to=("c@d.example",), subject="ü", html="<b>x</b>", headers={"X-A": "1"},
            tags={"a": "b"}, attachments=(Attachment("a.bin", bytes(range(256)), content_id="logo"),),
        )
    )  # fmt: skip
    assert Mailbox(tmp_path).list() == (sent,)


def test_two_open_mailboxes_see_each_others_mail(tmp_path: Path) -> None:
    one, other = Mailbox(tmp_path), Mailbox(tmp_path)
    sent = one.deliver(MAIL)
    assert other.get(sent.id) == sent
    other.clear()
    assert one.list() == ()


def test_a_key_is_remembered_for_24_hours_across_restarts(tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    first = Mailbox(tmp_path, lambda: start).deliver_all([MAIL], "key", "print")
    later = Mailbox(tmp_path, lambda: start + timedelta(hours=23, minutes=59))
    assert later.deliver_all([MAIL], "key", "print") == first
    with pytest.raises(KeyReusedError):
        later.deliver_all([MAIL], "key", "other print")
    forgotten = Mailbox(tmp_path, lambda: start + timedelta(hours=24))
    assert forgotten.deliver_all([MAIL], "key", "print") != first


def test_one_key_from_many_threads_sends_one_mail(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: mailbox.deliver_all([MAIL], "key", "print")[0].id, range(64)))
    assert len(set(results)) == 1
    assert len(mailbox.list()) == 1


def test_a_writer_killed_at_any_moment_leaves_whole_mails_only(tmp_path: Path) -> None:
    writer = (
        "import sys; from pathlib import Path; from infra.local.mail.mailbox import *\n"
        "box = Mailbox(Path(sys.argv[1])); print('ready', flush=True)\n"
        "while True: box.deliver(Message(sender='a@b.example', to=('c@d.example',), subject='s', text='x' * 500_000))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", writer, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    until(lambda: process.poll() is not None or len(list(tmp_path.glob("*.json"))) >= 5)
    process.kill()
    process.wait()
    process.stdout.close()
    kept = Mailbox(tmp_path).list()
    assert len(kept) == len(list(tmp_path.glob("*.json"))) >= 5
    assert all(mail.text == "x" * 500_000 for mail in kept)


def test_a_file_that_is_no_delivery_hides_no_other_mail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sent = Mailbox(tmp_path).deliver(MAIL)
    (tmp_path / "broken.json").write_text('{"messages": [')
    (tmp_path / "other.json").write_text("[]")
    assert Mailbox(tmp_path).list() == (sent,)
    assert "broken.json" in caplog.text


def test_search_compares_bare_addresses_without_regard_to_case() -> None:
    mailbox = Mailbox()
    sent = mailbox.deliver(MAIL)
    hidden = mailbox.deliver(
        Message(sender="a@b.example", to=("x@y.example",), bcc=("ann@example.com",), subject="Copy")
    )
    assert mailbox.search(to="ann@example.com") == (hidden, sent)
    assert mailbox.search(to="nn@example.com") == ()
    assert mailbox.search(containing="HELLO acme") == (sent,)


def test_ids_sort_as_the_mails_came() -> None:
    mailbox = Mailbox()
    sent = [mailbox.deliver(MAIL).id for _ in range(500)]
    assert sent == sorted(sent)
    assert [mail.id for mail in mailbox.list()] == sent[::-1]


def test_the_raw_mail_is_what_the_recipient_gets() -> None:
    sent = Mailbox().deliver(
        Message(
            sender="Ácme <support@acme.example>", to=("ann@example.com",), bcc=("secret@acme.example",),
            subject="Grüße", text="Hi", html='<img src="cid:logo">', reply_to=("r@acme.example",),
            headers={"References": "<1@x> <2@x>", "Message-ID": "<mine@x>"},
            attachments=(
                Attachment("l.png", b"\x89PNG", "image/png", "logo"),
                Attachment("a.txt", b"hi", "text/plain"),
            ),
        )
    )  # fmt: skip
    mail = message_from_bytes(as_mime(sent), policy=policy.default)
    assert mail["Message-ID"] == sent.message_id
    assert mail["References"] == "<1@x> <2@x>"
    assert mail["Subject"] == "Grüße"
    assert "secret" not in as_mime(sent).decode()
    types = [part.get_content_type() for part in mail.walk()]
    assert types == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/octet-stream",
    ]  # fmt: skip
