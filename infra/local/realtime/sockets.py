"""One client's connection: frames in, frames out, and the channels it has joined."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from infra.local.realtime import frames
from infra.local.realtime.frames import FrameError, Inbound, Version

log = logging.getLogger(__name__)

SILENCE = 60  # seconds without a frame after which the client counts as gone; clients beat every 25
QUEUE_FRAMES = 2000
QUEUE_BYTES = 16 * 1024 * 1024


class Handler(Protocol):
    """Takes the frames of a socket, one after another, in order."""

    async def handle(self, message: Inbound) -> None: ...

    def gone(self) -> None:
        """The socket has ended."""


class Socket:
    """Sending never waits: a client that reads too slowly for its queue is dropped, and can join again."""

    def __init__(self, websocket: WebSocket, version: Version, headers: Mapping[str, str]) -> None:
        self._websocket = websocket
        self.version = version
        self.headers = dict(headers)
        self._queue: deque[str | bytes] = deque()
        self._queued = 0  # characters or bytes
        self._more = asyncio.Event()
        self._dropped = asyncio.Event()

    def send(self, frame: str | bytes) -> None:
        if self._dropped.is_set():
            return
        if len(self._queue) >= QUEUE_FRAMES or (self._queued + len(frame) > QUEUE_BYTES and self._queue):
            log.warning("a client reads too slowly: dropped with %d frames unsent", len(self._queue))
            self._queue.clear()
            self._dropped.set()
            return
        self._queue.append(frame)
        self._queued += len(frame)
        self._more.set()

    async def run(self, handler: Handler) -> None:
        """Serve an accepted connection to its end."""
        tasks = [
            asyncio.create_task(self._read(handler)),
            asyncio.create_task(self._write()),
            asyncio.create_task(self._dropped.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._dropped.set()
            handler.gone()
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                    log.error("a socket failed", exc_info=result)

    async def _read(self, handler: Handler) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self._websocket.receive(), SILENCE)
            except TimeoutError:
                await self._close(1000, "no heartbeat")
                return
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("text") if message.get("text") is not None else message.get("bytes")
            try:
                inbound = frames.decode(self.version, data or "")
            except FrameError as error:
                await self._close(1007, str(error)[:120])
                return
            await handler.handle(inbound)

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._queue:
                frame = self._queue.popleft()
                self._queued -= len(frame)
                if isinstance(frame, str):
                    await self._websocket.send_text(frame)
                else:
                    await self._websocket.send_bytes(frame)

    async def _close(self, code: int, reason: str) -> None:
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(code, reason)
