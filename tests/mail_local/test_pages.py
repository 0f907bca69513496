"""The mailbox page shows a stranger's mail and runs nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from infra.local.mail.mailbox import Attachment, Message
from infra.local.mail.service import MailService
from infra.local.settings import Settings
from tests.serving import serve

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def service(tmp_path: Path) -> MailService:
    return MailService(Settings(data=tmp_path))


@pytest.fixture
def client(service: MailService) -> Iterator[httpx.Client]:
    with serve(Starlette(routes=service.routes)) as base, httpx.Client(base_url=base) as client:
        yield client


def evil() -> Message:
    return Message(
        sender=f"{EVIL} <a@b.example>", to=(f"{EVIL}@b.example",), subject=EVIL, text=EVIL,
        html=f'{EVIL}<img src="cid:logo"><img src="http://tracker.example/x.png">',
        headers={"X-E": EVIL}, tags={"t": EVIL},
        attachments=(
            Attachment(f'{EVIL}"\r\nX-Injected: 1', EVIL.encode(), "text/html"),
            Attachment("logo.png", b"\x89PNG", "image/png", "logo"),
        ),
    )  # fmt: skip


def test_nothing_that_a_mail_says_becomes_markup_of_the_page(service: MailService, client: httpx.Client) -> None:
    sent = service.mailbox.deliver(evil())
    for path in ("/", f"/?q={EVIL}", f"/messages/{sent.id}"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]


def test_html_mail_is_shown_in_a_closed_frame(service: MailService, client: httpx.Client) -> None:
    sent = service.mailbox.deliver(evil())
    page = client.get(f"/messages/{sent.id}").text
    assert f'<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" src="/messages/{sent.id}/html"' in page
    frame = client.get(f"/messages/{sent.id}/html")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy
    assert "data:image/png;base64,iVBORw==" in frame.text


def test_a_file_is_only_ever_downloaded(service: MailService, client: httpx.Client) -> None:
    sent = service.mailbox.deliver(evil())
    file = client.get(f"/messages/{sent.id}/attachments/0")
    assert file.content == EVIL.encode()
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith("attachment;")
    assert "x-injected" not in file.headers
    assert client.get(f"/messages/{sent.id}/attachments/2").status_code == 404


def test_programs_find_mail_by_recipient(service: MailService, client: httpx.Client) -> None:
    sent = service.mailbox.deliver(Message(sender="a@b.example", to=("Ann <ann@example.com>",), subject="Hi", text="x"))
    service.mailbox.deliver(Message(sender="a@b.example", to=("bob@example.com",), subject="Hi", text="y"))
    found = client.get("/api/messages", params={"to": "ann@example.com"}).json()
    assert [mail["id"] for mail in found] == [sent.id]
    assert client.get(f"/api/messages/{sent.id}").json() == found[0]
    assert client.get("/api/messages/none").status_code == 404
    raw = client.get(f"/messages/{sent.id}/raw")
    assert raw.content.startswith(b"From: a@b.example\r\n")
    assert client.delete("/api/messages").status_code == 204
    assert client.get("/api/messages").json() == []


def test_an_empty_mailbox_says_so(client: httpx.Client) -> None:
    assert "No mail yet" in client.get("/").text
    assert client.get("/messages/none").status_code == 404
    assert client.get("/style.css").headers["content-type"].startswith("text/css")


def test_older_mail_is_one_link_away(service: MailService, client: httpx.Client) -> None:
    for number in range(101):
        service.mailbox.deliver(Message(sender="a@b.example", to=("c@d.example",), subject=f"No. {number}", text=""))
    assert "Older mail" in client.get("/").text
    assert "No. 0 " in client.get("/?start=100").text


def test_a_page_that_gave_its_name_to_this_machine_reads_no_mail(service: MailService, client: httpx.Client) -> None:
    service.mailbox.deliver(
        Message(sender="a@b.example", to=("ann@example.com",), subject="Your code: 123456", text="")
    )
    for path in ("/", "/api/messages", "/emails"):
        answer = client.get(path, headers={"Host": "attacker.example"})
        assert answer.status_code == 400
        assert "123456" not in answer.text
    assert client.get("/", headers={"Host": "localhost:54324"}).status_code == 200
