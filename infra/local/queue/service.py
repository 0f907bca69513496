"""The SQS protocol (AWS JSON 1.0) over HTTP, with long polling that wakes at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.local.queue import engine

LONGEST_WAIT = 20.0  # seconds, SQS' own limit
WAKING = {
    "SendMessage",
    "SendMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "StartMessageMoveTask",
}


class QueueService:
    """An ASGI application. Every call to the engine happens in its event loop, so none overlaps another."""

    def __init__(self) -> None:
        self._arrived: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._closing = False

    def close(self) -> None:
        """Let every long poll answer now."""
        self._closing = True
        for event in self._arrived.values():
            event.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            response = await self._answer(request)
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.url.path == "/health":
            return JSONResponse({"status": "ok"})
        action = request.headers.get("x-amz-target", "").removeprefix("AmazonSQS.")
        body = await request.body()
        try:
            parameters = json.loads(body or b"{}")
        except ValueError:
            action = ""
        if not action:
            error = {
                "__type": "com.amazon.coral.service#SerializationException",
                "message": "AWS JSON 1.0 is spoken here",
            }
            return JSONResponse(error, 400)
        host = request.headers.get("host", "localhost")
        if action == "ReceiveMessage":
            return await self._receive(request, parameters, host)
        response = _call(action, body, host)
        name = engine.queue_name(parameters)
        if action in WAKING or name.endswith(".fifo"):  # there a deletion frees the message's group
            self._wake(name)
        return response

    async def _receive(self, request: Request, parameters: dict[str, Any], host: str) -> Response:
        deadline = time.monotonic() + min(engine.wait_seconds(parameters), LONGEST_WAIT)
        at_once = json.dumps(parameters | {"WaitTimeSeconds": 0}).encode()
        gone = asyncio.create_task(_disconnected(request))
        try:
            while True:
                response = _call("ReceiveMessage", at_once, host)
                left = deadline - time.monotonic()
                if left <= 0 or self._closing or response.status_code != 200 or response.body != b"{}":
                    return response
                due = engine.seconds_to_next(parameters)
                pause = left if due is None else min(left, due + 0.002)
                arrived = asyncio.create_task(self._arrived[engine.queue_name(parameters)].wait())
                await asyncio.wait({arrived, gone}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                arrived.cancel()
                if gone.done():  # a message handed to a client that left would be hidden for nothing
                    return response
        finally:
            gone.cancel()

    def _wake(self, queue: str) -> None:
        self._arrived.pop(queue, asyncio.Event()).set()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _call(action: str, body: bytes, host: str) -> Response:
    status, headers, answer = engine.call(action, body, host)
    return Response(answer, status, {name: str(value) for name, value in headers.items() if name != "date"})
