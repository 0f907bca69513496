"""A desk whose mail goes through the official client to the stack's Resend endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from chalicelib.email import consumer as email
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.local.mail.mailbox import Message
from infra.local.mail.service import MailService
from infra.local.settings import Settings
from tests.replies.world import World, functions_environment, open_world
from tests.serving import serve


@dataclass
class Provider:
    """The endpoint, with a script of failures in front. Each entry of `script` answers one request: a response instead
    of the mailbox, "lost" (the mail is taken, the answer is not its), "late" (nor comes any), or None (all is well)."""

    service: MailService
    script: list[Response | str | None] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # method and idempotency key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append((scope["method"], headers.get("idempotency-key")))
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Response):
            await step(scope, receive, send)
        elif step in ("lost", "late"):

            async def nowhere(_: Any) -> None:
                """The connection broke."""

            await self._app(scope, receive, nowhere)
            while step == "late" and (await receive())["type"] != "http.disconnect":
                pass
            await refusal(502, "bad_gateway")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def __post_init__(self) -> None:
        self._app = Starlette(routes=self.service.routes)

    @property
    def sent(self) -> list[Message]:
        """Oldest first."""
        return list(reversed(self.service.mailbox.list()))


def refusal(status: int, name: str, **headers: str) -> Response:
    """An error in Resend's shape."""
    body = {"statusCode": status, "name": name, "message": f"it says {name}"}
    return JSONResponse(body, status, headers={key.replace("_", "-"): value for key, value in headers.items()})


@dataclass
class Post:
    """The desk and its provider."""

    world: World
    provider: Provider

    def ticket(self, text: str = "Where is my parcel?", subject: str = "My parcel", **message: Any) -> UUID:
        """A ticket that came by mail and that triage has looked at."""
        ticket = self.world.ticket(text, subject, channel="email", verified=message.pop("is_verified", True))
        columns = {"message_id_header": "<1@customer.example>", **message}
        for name, value in columns.items():
            self.world.db.execute(
                f"update public.messages set {name} = %s where ticket_id = %s",
                [value, ticket],
            )
        self.world.db.execute(
            "select private.emit(organization_id, 'ticket.triaged', id, jsonb_build_object('is_spam', is_spam),"
            " 'agents', id) from public.tickets where id = %s",
            [ticket],
        )
        return ticket

    def drop_receipts(self) -> None:
        """Tests of answers do without them."""
        self.world.db.execute("delete from private.jobs where payload ->> 'type' = 'ticket.triaged'")

    def reply(self, ticket: UUID, body: str = "It arrives tomorrow.") -> UUID:
        """An agent answers. Returns the message's id."""
        row = self.world.as_agent("select id from public.send_reply(%s, %s, 1000)", ticket, body)
        return UUID(str(row["id"]))

    def ai_replies(self, ticket: UUID, body: str = "Look at the link in your mail.") -> UUID:
        row = self.world.one(
            "insert into public.messages (organization_id, ticket_id, sender, body_text) values (%s, %s, 'ai', %s)"
            " returning id",
            self.world.organization, ticket, body,
        )  # fmt: skip
        return UUID(str(row["id"]))

    def run(self) -> list[str]:
        """Every waiting job of the mail consumer."""
        return self.world.run_all(email.handle, "send_mail")

    def mails(self) -> list[dict[str, Any]]:
        return self.world.all("select * from public.outgoing_mails order by id")


class Front:
    """A server that lasts for a module, in front of each test's own provider."""

    url: str
    provider: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (Starlette() if scope["type"] == "lifespan" else self.provider)(scope, receive, send)


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    server = Front()
    with serve(server) as server.url:
        yield server


@pytest.fixture
def post(database_of_file: Settings, front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    front.provider = provider = Provider(MailService(Settings(data=tmp_path)))
    with (
        functions_environment(database_of_file, monkeypatch, resend_url=front.url, resend_api_key="re_test"),
        open_world(database_of_file) as world,
    ):
        yield Post(world, provider)
