"""The queue of one socket."""

from __future__ import annotations

import asyncio
from typing import cast

from starlette.websockets import WebSocket

from infra.local.realtime import sockets
from infra.local.realtime.frames import Inbound, Version
from infra.local.realtime.sockets import Socket


class Deaf:
    """A client that says nothing, and takes the first frame and then no more."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def receive(self) -> None:
        await asyncio.Event().wait()

    async def send_text(self, frame: str) -> None:
        if self.taken:
            await asyncio.Event().wait()
        self.taken.append(frame)


class Nobody:
    def __init__(self) -> None:
        self.is_gone = False

    async def handle(self, message: Inbound) -> None:
        raise AssertionError(message)

    def gone(self) -> None:
        self.is_gone = True


def drop(frame: str, count: int) -> tuple[Deaf, Nobody]:
    async def scene() -> tuple[Deaf, Nobody]:
        deaf, handler = Deaf(), Nobody()
        socket = Socket(cast("WebSocket", deaf), Version.V2, {})
        ending = asyncio.create_task(socket.run(handler))
        for _ in range(count):
            socket.send(frame)  # never waits
        await asyncio.wait_for(ending, 10)
        return deaf, handler

    return asyncio.run(scene())


def test_a_client_that_does_not_read_is_dropped_once_its_queue_is_full() -> None:
    deaf, handler = drop("x", sockets.QUEUE_FRAMES + 2)
    assert handler.is_gone
    assert len(deaf.taken) <= 1


def test_a_client_that_does_not_read_is_dropped_once_its_queue_is_heavy() -> None:
    _, handler = drop("x" * (sockets.QUEUE_BYTES // 3), 6)
    assert handler.is_gone
