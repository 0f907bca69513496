"""Resend's API for sending mail (https://resend.com/docs/api-reference), delivering into the mailbox.

The official client comes here when RESEND_API_URL (or `resend.api_url`) says so. Not offered: scheduled sending and
templates kept at Resend; both are refused, never half done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.mail.events import fate
from infra.local.mail.mailbox import KeyReusedError, Mailbox, Message
from infra.local.mail.validation import RefusedError, parse_email

MAX_BODY = 56 * 1024 * 1024  # bytes: 40 MB of mail in base64, and its JSON around it
MAX_BATCH = 100
PAGE = 20
MAX_KEY = 256

Handler = Callable[[Request], Awaitable[Response]]


def routes(mailbox: Mailbox) -> list[BaseRoute]:
    """POST /emails, POST /emails/batch, GET /emails, GET /emails/{id}."""
    api = _Api(mailbox)
    return [
        Route("/emails", _guarded({"POST": api.send, "GET": api.list_all}), methods=["POST", "GET"]),
        Route("/emails/batch", _guarded({"POST": api.send_batch}), methods=["POST"]),
        Route("/emails/{id}", _guarded({"GET": api.get}), methods=["GET"]),
    ]


def _guarded(by_method: dict[str, Handler]) -> Handler:
    """The key check before, and Resend's error shape around, the handler of the request's method."""

    async def handle(request: Request) -> Response:
        try:
            _check_key(request.headers.get("authorization"))
            method = "GET" if request.method == "HEAD" else request.method
            return await by_method[method](request)
        except RefusedError as refused:
            body = {"statusCode": refused.status, "name": refused.name, "message": refused.message}
            return JSONResponse(body, refused.status)

    return handle


def _check_key(authorization: str | None) -> None:
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise RefusedError(401, "missing_api_key", "Missing API key in the authorization header.")
    # No key is secret on loopback; one that could not be Resend's is a wrong setting, and is said to be.
    if not key.strip().startswith("re_") or len(key.strip()) <= len("re_"):
        raise RefusedError(403, "invalid_api_key", "API key is invalid")


class _Api:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def send(self, request: Request) -> Response:
        key = _idempotency_key(request)
        body = await _json(request)
        kept = await self._keep([parse_email(body)], key, body)
        return JSONResponse({"id": kept[0].id})

    async def send_batch(self, request: Request) -> Response:
        key = _idempotency_key(request)
        body = await _json(request)
        if not isinstance(body, list) or not 0 < len(body) <= MAX_BATCH:
            raise RefusedError(422, "validation_error", f"The body must be an array of 1 to {MAX_BATCH} emails.")
        permissive = request.headers.get("x-batch-validation") == "permissive"
        good: list[Message] = []
        errors: list[dict[str, Any]] = []
        for index, item in enumerate(body):
            try:
                good.append(parse_email(item, batch=True))
            except RefusedError as refused:
                if not permissive:
                    raise RefusedError(refused.status, refused.name, f"[{index}] {refused.message}") from None
                errors.append({"index": index, "message": refused.message})
        kept = await self._keep(good, key, body)
        answer: dict[str, Any] = {"data": [{"id": message.id} for message in kept]}
        return JSONResponse(answer | ({"errors": errors} if permissive else {}))

    async def get(self, request: Request) -> Response:
        message = await run_in_threadpool(self._mailbox.get, request.path_params["id"])
        if message is None:
            raise RefusedError(404, "not_found", "Email not found")
        tags = [{"name": name, "value": value} for name, value in message.tags.items()]
        return JSONResponse(
            {"object": "email"} | _summary(message) | {"html": message.html, "text": message.text, "tags": tags}
        )

    async def list_all(self, request: Request) -> Response:
        messages = await run_in_threadpool(self._mailbox.list)
        limit = _limit(request.query_params.get("limit"))
        after, before = request.query_params.get("after"), request.query_params.get("before")
        if after and before:
            raise RefusedError(422, "validation_error", "Only one of `after` and `before` may be given.")
        if after:  # ids sort by time and the list runs from new to old
            messages = tuple(message for message in messages if message.id < after)
        elif before:
            newer = tuple(message for message in messages if message.id > before)
            page = newer[-limit:]
            return _page(page, has_more=len(newer) > len(page))
        return _page(messages[:limit], has_more=len(messages) > limit)

    async def _keep(self, messages: list[Message], key: str | None, body: Any) -> tuple[Message, ...]:
        fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        try:
            return await run_in_threadpool(self._mailbox.deliver_all, messages, key, fingerprint)
        except KeyReusedError:
            raise RefusedError(
                409,
                "invalid_idempotent_request",
                "Same idempotency key used with a different request payload.",
            ) from None


def _page(messages: tuple[Message, ...], *, has_more: bool) -> Response:
    return JSONResponse({"object": "list", "has_more": has_more, "data": [_summary(message) for message in messages]})


def _summary(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "message_id": message.message_id,
        "to": message.to,
        "from": message.sender,
        "created_at": message.created_at.isoformat(),
        "subject": message.subject,
        "bcc": message.bcc,
        "cc": message.cc,
        "reply_to": message.reply_to,
        "last_event": fate(message)[-1],
        "scheduled_at": None,
    }


def _limit(asked: str | None) -> int:
    if asked is None:
        return PAGE
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) <= 100:
        raise RefusedError(422, "validation_error", "The `limit` must be a number from 1 to 100.")
    return int(asked)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= MAX_KEY:
        raise RefusedError(400, "invalid_idempotency_key", f"The key must be between 1-{MAX_KEY} chars.")
    return key


async def _json(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise RefusedError(422, "validation_error", "The email is larger than 40MB.")
    try:
        parsed = json.loads(bytes(body))
        json.dumps(parsed, ensure_ascii=False).encode()  # half of a surrogate pair is JSON, but no text
    except (ValueError, RecursionError):
        raise RefusedError(400, "validation_error", "The request body is not valid JSON.") from None
    return parsed
