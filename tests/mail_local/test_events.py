"""What becomes of a mail is told as Resend tells it."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import resend
from chalicelib.kit import standard_webhooks
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from infra.local.mail import events
from infra.local.mail.service import MailService
from infra.local.settings import Settings
from tests.serving import serve

SECRET = standard_webhooks.new_secret()


@dataclass
class Receiver:
    """Who hears. Answers with the statuses of `script`, then 200."""

    script: list[int] = field(default_factory=list)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await Starlette()(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        webhook_id = standard_webhooks.verify([SECRET], dict(request.headers), body)
        status = self.script.pop(0) if self.script else 200
        if status == 200:
            self.heard.append((webhook_id, json.loads(body)))
        else:
            self.refused.append(webhook_id)
        await Response(status_code=status)(scope, receive, send)
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, count: int) -> list[str]:
        """The types of the first events."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, 20), self.heard
        return [event["type"] for _, event in self.heard]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def running(service: MailService) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    return Starlette(routes=service.routes, lifespan=lifespan)


@pytest.fixture
def mail_url(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serve(receiver) as url:
        service = MailService(Settings(data=tmp_path, mail_webhook_url=f"{url}/hook", mail_webhook_secret=SECRET))
        with serve(running(service)) as base:
            monkeypatch.setattr(resend, "api_url", base)
            monkeypatch.setattr(resend, "api_key", "re_test")
            yield base


def send(to: str, key: str | None = None) -> str:
    params: Any = {
        "from": "a@acme.example", "to": [to], "subject": "Hello", "text": "x",
        "tags": [{"name": "kind", "value": "reply"}],
    }  # fmt: skip
    options: Any = {"idempotency_key": key} if key else None
    return str(resend.Emails.send(params, options)["id"])


def test_a_mail_is_told_as_sent_and_then_delivered(mail_url: str, receiver: Receiver) -> None:
    identity = send("ann@customer.example")
    assert receiver.wait_for(2) == ["email.sent", "email.delivered"]
    told: Any = resend.Emails.get(identity)
    for _, event in receiver.heard:
        data = event["data"]
        assert (data["email_id"], data["message_id"], data["tags"]) == (identity, told["message_id"], {"kind": "reply"})
    assert told["last_event"] == "delivered"


@pytest.mark.parametrize(
    ("to", "types"),
    [
        ("bounced@resend.dev", ["email.sent", "email.bounced"]),
        ("Bounced+ann@resend.dev", ["email.sent", "email.bounced"]),
        ("complained@resend.dev", ["email.sent", "email.delivered", "email.complained"]),
        ("suppressed@resend.dev", ["email.suppressed"]),
        ("delivered+1@resend.dev", ["email.sent", "email.delivered"]),
    ],
)
def test_resends_test_addresses_have_their_fate(mail_url: str, receiver: Receiver, to: str, types: list[str]) -> None:
    identity = send(to)
    assert receiver.wait_for(len(types)) == types
    told: Any = resend.Emails.get(identity)
    assert f"email.{told['last_event']}" == types[-1]
    if types[-1] == "email.bounced":
        assert receiver.heard[-1][1]["data"]["bounce"]["type"] == "Permanent"
    for path in ("/", f"/messages/{identity}"):
        assert types[-1].removeprefix("email.") in httpx.get(f"{mail_url}{path}").text


def test_a_receiver_that_fails_is_told_again_under_the_same_id(
    mail_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAUSES", (0.0, 0.01, 0.01))
    receiver.script = [503, 500]
    send("ann@customer.example")
    assert receiver.wait_for(2) == ["email.sent", "email.delivered"]
    assert receiver.refused == [receiver.heard[0][0]] * 2


def test_one_that_never_takes_an_event_still_hears_the_next(
    mail_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAUSES", (0.0, 0.01))
    receiver.script = [500, 500]
    send("ann@customer.example")
    assert receiver.wait_for(1) == ["email.delivered"]


def test_a_repeated_request_is_no_second_mail_and_tells_nothing(mail_url: str, receiver: Receiver) -> None:
    assert send("ann@customer.example", "key") == send("ann@customer.example", "key")
    send("bob@customer.example")
    receiver.wait_for(4)
    assert len({event["data"]["email_id"] for _, event in receiver.heard}) == 2
    assert len(receiver.heard) == 4


def test_without_an_address_nobody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = MailService(Settings(data=tmp_path))
    with serve(running(service)) as base:
        monkeypatch.setattr(resend, "api_url", base)
        monkeypatch.setattr(resend, "api_key", "re_test")
        assert send("ann@customer.example")
