"""The mail service of the stack: Resend's API, the mailbox as web pages, and as JSON for programs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from infra.local.mail import pages, resend
from infra.local.mail.events import Announcer, fate
from infra.local.mail.mailbox import Mailbox, Message
from infra.local.mail.mime import as_mime
from infra.local.settings import Settings

FOLDER = "mailbox"
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
CLOSED = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class MailService:
    """Routes for settings.mail_port. `mailbox` is what other services of the stack deliver into."""

    def __init__(self, settings: Settings) -> None:
        self._announcer = Announcer(settings.mail_webhook_url, settings.mail_webhook_secret)
        self._is_announcing = bool(settings.mail_webhook_url)
        self.mailbox = Mailbox(settings.data / FOLDER, on_delivery=self._announcer.tell)
        # A page elsewhere can make its own name resolve to this machine, but not make the browser send another name.
        guard = Middleware(TrustedHostMiddleware, allowed_hosts=[settings.host, *LOCAL_NAMES], www_redirect=False)
        self.routes: list[BaseRoute] = [Mount("", routes=self._inner_routes(), middleware=[guard])]

    def _inner_routes(self) -> list[BaseRoute]:
        return [
            *resend.routes(self.mailbox),
            Route("/", self._list_page),
            Route("/style.css", _style),
            Route("/messages/{id}", self._message_page),
            Route("/messages/{id}/html", self._mail_frame),
            Route("/messages/{id}/raw", self._raw),
            Route("/messages/{id}/attachments/{number:int}", self._attachment),
            Route("/api/messages", self._search, methods=["GET"]),
            Route("/api/messages", self._clear, methods=["DELETE"]),
            Route("/api/messages/{id}", self._message, methods=["GET"]),
        ]

    async def start(self) -> None:
        """From now on somebody hears what becomes of mail, where somebody is to."""
        if self._is_announcing:
            await self._announcer.start()

    async def stop(self) -> None:
        """What was delivered is on disk already; what was not told by then is lost."""
        if self._is_announcing:
            await self._announcer.stop()

    async def _list_page(self, request: Request) -> Response:
        query, start = request.query_params.get("q", ""), request.query_params.get("start", "0")
        found = await run_in_threadpool(self.mailbox.search, None, query)
        return _page(pages.list_page(found, query, int(start) if start.isascii() and start.isdigit() else 0))

    async def _message_page(self, request: Request) -> Response:
        message = await self._find(request)
        return _page(pages.message_page(message)) if message else _page(pages.not_found_page(), 404)

    async def _mail_frame(self, request: Request) -> Response:
        message = await self._find(request)
        if message is None or message.html is None:
            return _page(pages.not_found_page(), 404)
        headers = CLOSED | {"Content-Security-Policy": pages.MAIL_POLICY}
        return HTMLResponse(pages.mail_frame(message), headers=headers)

    async def _raw(self, request: Request) -> Response:
        message = await self._find(request)
        if message is None:
            return _page(pages.not_found_page(), 404)
        return _download(as_mime(message), f"{message.id}.eml", "message/rfc822")

    async def _attachment(self, request: Request) -> Response:
        message = await self._find(request)
        number = request.path_params["number"]
        if message is None or number >= len(message.attachments):
            return _page(pages.not_found_page(), 404)
        attachment = message.attachments[number]
        # Never shown, and never under the type that a sender chose: it is a stranger's file.
        return _download(attachment.content, attachment.filename, "application/octet-stream")

    async def _search(self, request: Request) -> Response:
        """`to` is a bare address, `q` words of the headline; newest first."""
        found = await run_in_threadpool(
            self.mailbox.search, request.query_params.get("to"), request.query_params.get("q")
        )
        return JSONResponse([as_json(message) for message in found], headers=CLOSED)

    async def _message(self, request: Request) -> Response:
        message = await self._find(request)
        if message is None:
            return JSONResponse({"message": "no such mail"}, 404, headers=CLOSED)
        return JSONResponse(as_json(message), headers=CLOSED)

    async def _clear(self, _: Request) -> Response:
        await run_in_threadpool(self.mailbox.clear)
        return Response(status_code=204)

    async def _find(self, request: Request) -> Message | None:
        return await run_in_threadpool(self.mailbox.get, request.path_params["id"])


def as_json(message: Message) -> dict[str, Any]:
    """A mail for programs: every field, attachments without their bytes."""
    return {
        "id": message.id,
        "message_id": message.message_id,
        "created_at": message.created_at.isoformat(),
        "from": message.sender,
        "to": message.to,
        "cc": message.cc,
        "bcc": message.bcc,
        "reply_to": message.reply_to,
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "headers": message.headers,
        "tags": message.tags,
        "events": fate(message),
        "attachments": [
            {"filename": a.filename, "content_type": a.content_type, "content_id": a.content_id, "size": len(a.content)}
            for a in message.attachments
        ],
    }


async def _style(_: Request) -> Response:
    return PlainTextResponse(pages.STYLE, media_type="text/css", headers=CLOSED)


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, headers=CLOSED | {"Content-Security-Policy": pages.POLICY})


def _download(content: bytes, filename: str, media_type: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
    headers = CLOSED | {"Content-Disposition": disposition, "Content-Security-Policy": "sandbox; default-src 'none'"}
    return Response(content, media_type=media_type, headers=headers)
