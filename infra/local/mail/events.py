"""What becomes of a mail, told by webhook as Resend tells it: signed by way of Svix, tried again while nobody answers.

Every mail arrives at once, except at Resend's own test addresses (https://resend.com/docs/dashboard/emails/send-test-emails):
bounced@, complained@ and suppressed@resend.dev, with or without a label behind a plus.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from infra.local.mail.mailbox import Message

PAUSES = (0.0, 1.0, 3.0, 10.0, 30.0)  # seconds before each try
AT_ONCE = 4
TIMEOUT = 30.0
MORE: dict[str, dict[str, Any]] = {
    "bounced": {
        "bounce": {
            "type": "Permanent",
            "subType": "General",
            "message": "The recipient's mail server permanently rejected the mail: 550 5.1.1 no such user here.",
        }
    },
    "suppressed": {
        "suppressed": {
            "type": "OnAccountSuppressionList",
            "message": "The recipient is on the account's suppression list.",
        }
    },
}

log = logging.getLogger(__name__)


def fate(message: Message) -> tuple[str, ...]:
    """The events of a mail, in the order in which they happen."""
    names = {
        local.partition("+")[0] for local, _, domain in (each.rpartition("@") for each in message.recipients)
        if domain == "resend.dev"
    }  # fmt: skip
    if "suppressed" in names:
        return ("suppressed",)
    if "bounced" in names:
        return ("sent", "bounced")
    return ("sent", "delivered", "complained") if "complained" in names else ("sent", "delivered")


def payload(message: Message, event: str) -> bytes:
    """The body of one webhook."""
    now = datetime.now(UTC).isoformat()
    data = {
        "created_at": message.created_at.isoformat(), "email_id": message.id, "message_id": message.message_id,
        "from": message.sender, "to": message.to, "subject": message.subject, "tags": message.tags,
        **MORE.get(event, {}),
    }  # fmt: skip
    return json.dumps({"type": f"email.{event}", "created_at": now, "data": data}).encode()


def signed(secret: str, webhook_id: str, body: bytes) -> dict[str, str]:
    """Svix's headers. `secret` is `whsec_…`."""
    stamp = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b".".join((webhook_id.encode(), stamp.encode(), body)), hashlib.sha256).digest()
    return {
        "svix-id": webhook_id,
        "svix-timestamp": stamp,
        "svix-signature": f"v1,{base64.b64encode(digest).decode()}",
        "content-type": "application/json",
    }


class Announcer:
    """Tells one address what becomes of every mail. What is not told when the process ends is not told any more."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = url, secret
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        self._loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def tell(self, message: Message) -> None:
        """Called from any thread, for a mail that was just taken."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, message)

    def _begin(self, message: Message) -> None:
        task = asyncio.ensure_future(self._tell_all(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_all(self, message: Message) -> None:
        for event in fate(message):
            await self._tell_one(f"msg_{message.id}_{event}", payload(message, event))

    async def _tell_one(self, webhook_id: str, body: bytes) -> None:
        for pause in PAUSES:
            await asyncio.sleep(pause)
            if await self._is_heard(webhook_id, body):
                return
        log.warning("nobody took the webhook %s at %s", webhook_id, self._url)

    async def _is_heard(self, webhook_id: str, body: bytes) -> bool:
        async with self._room:
            try:
                answer = await self._client.post(
                    self._url, content=body, headers=signed(self._secret, webhook_id, body)
                )
            except httpx.HTTPError:
                return False
        return answer.is_success
