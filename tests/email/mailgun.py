"""A Mailgun on this machine: what it takes, what it tells of it, and every way in which it can fail on the way."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

KEY = "key-of-mailgun"


@dataclass
class Mailgun:
    """Each entry of `script` answers one attempt to send: a response instead of taking the mail; "lost" or "late" (it
    is taken, but the answer breaks off, or does not come); "taken" and a response (taken, whatever is said); None."""

    script: list[Response | str | tuple[str, Response] | None] = field(default_factory=list)
    # Instead of the log of events.
    log_script: list[Response] = field(default_factory=list)
    is_listing: bool = True
    sent: list[dict[str, str]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.asked.append(f"{request.method} {request.url.path}")
        if b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() != f"api:{KEY}":
            await JSONResponse({"message": "Invalid private key"}, 401)(scope, receive, send)
        elif request.method == "POST":
            await self._messages(request, send)
        else:
            await self._events(request, send)

    async def _messages(self, request: Request, send: Send) -> None:
        fields = {name: value[-1] for name, value in parse_qs((await request.body()).decode(), True).items()}
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Response):
            await step(request.scope, request.receive, send)
            return
        message_id = self.take(fields)
        if isinstance(step, tuple):
            await step[1](request.scope, request.receive, send)
        elif step == "lost":
            length = (b"content-length", b"1000")
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
        elif step == "late":
            while (await request.receive())["type"] != "http.disconnect":
                pass
        else:
            answer = JSONResponse({"id": message_id, "message": "Queued. Thank you."})
            await answer(request.scope, request.receive, send)

    def take(self, fields: dict[str, str]) -> str:
        """It is going out; Mailgun's own events tell of it."""
        self.sent.append(fields)
        self.note("accepted", fields)
        return fields["h:Message-Id"]

    def note(self, event: str, fields: dict[str, str], **more: Any) -> dict[str, Any]:
        """One more event in the log. Returns it, as a webhook has it in `event-data`."""
        noted = {
            "event": event, "id": uuid4().hex[:22], "timestamp": time.time(), "recipient": fields["to"],
            "message": {"headers": {"message-id": fields["h:Message-Id"].strip("<>"), "to": fields["to"]}},
            "user-variables": {name[2:]: value for name, value in fields.items() if name.startswith("v:")},
            **more,
        }  # fmt: skip
        self.log.append(noted)
        return noted

    async def _events(self, request: Request, send: Send) -> None:
        query = request.query_params
        if self.log_script:
            await self.log_script.pop(0)(request.scope, request.receive, send)
            return
        known = self.log if self.is_listing else []
        if "message-id" in query:
            assert float(query["begin"]) < time.time()
            known = [e for e in known if e["message"]["headers"]["message-id"] == query["message-id"]]
        items = sorted(known, key=lambda e: e["timestamp"], reverse=query["ascending"] == "no")[: int(query["limit"])]
        body = json.dumps({"items": items, "paging": {}}).encode()
        await Response(body, media_type="application/json")(request.scope, request.receive, send)


def says(status: int, message: str, **headers: str) -> Response:
    """An answer in Mailgun's shape."""
    return JSONResponse(
        {"message": message}, status, {name.replace("_", "-"): value for name, value in headers.items()}
    )
