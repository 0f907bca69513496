"""One client's connection: frames in, frames out, and the channels it has joined."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from infra.local.realtime import frames
from infra.local.realtime.frames import FrameError, Inbound, Version
from infra.local.websocket import EXTENSION, Direct

log = logging.getLogger(__name__)

SILENCE = 60  # seconds without a frame after which the client counts as gone; clients beat every 25
UNSENT_BYTES = 16 * 1024 * 1024


class Handler(Protocol):
    """Takes the frames of a socket, one after another, in order."""

    async def handle(self, message: Inbound) -> None: ...

    def gone(self) -> None:
        """The socket has ended."""


class Socket:
    """Sending never waits: a client that reads too slowly for what it is sent is dropped, and can join again."""

    def __init__(self, websocket: WebSocket, version: Version, headers: Mapping[str, str]) -> None:
        self._websocket = websocket
        self._direct: Direct = websocket.scope["extensions"][EXTENSION]
        self._dropped = False
        self._heard = 0.0
        self.version = version
        self.headers = dict(headers)

    def send(self, frame: bytes) -> None:
        """`frame` is framed for the wire already."""
        if self._dropped:
            return
        unsent = self._direct.unsent()
        if unsent and unsent + len(frame) > UNSENT_BYTES:
            log.warning("a client reads too slowly: dropped with %d bytes unsent", unsent)
            self._dropped = True
            self._direct.abort()
            return
        self._direct.write(frame)

    async def end(self) -> None:
        """Close the connection, as the platform does with a client that asks for too much."""
        await self._close(1000, "")

    async def run(self, handler: Handler) -> None:
        """Serve an accepted connection to its end."""
        loop = asyncio.get_running_loop()
        self._heard = loop.time()
        silence = asyncio.create_task(self._end_when_silent())
        try:
            await self._read(handler)
        except WebSocketDisconnect:
            pass
        except Exception:
            log.exception("a socket failed")
        finally:
            self._dropped = True
            silence.cancel()
            handler.gone()

    async def _read(self, handler: Handler) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._heard = loop.time()
            data = message.get("text") if message.get("text") is not None else message.get("bytes")
            try:
                inbound = frames.decode(self.version, data or "")
            except FrameError as error:
                await self._close(1007, str(error)[:120])
                return
            await handler.handle(inbound)

    async def _end_when_silent(self) -> None:
        loop = asyncio.get_running_loop()
        while (left := self._heard + SILENCE - loop.time()) > 0:  # noqa: ASYNC110 - silence has no event
            await asyncio.sleep(left)
        await self._close(1000, "no heartbeat")

    async def _close(self, code: int, reason: str) -> None:
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(code, reason)
