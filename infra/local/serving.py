"""HTTP servers inside one event loop, stopped by a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.requests import Request

from infra.local.patience import PatientProtocol
from infra.local.websocket import DirectProtocol

GRACE_SECONDS = 2  # for answers under way when the process is asked to stop
MESSAGE_BYTES = (
    5_000_000  # of one message on a WebSocket, as the platform's Realtime takes; nothing is compressed there
)


class Server(uvicorn.Server):
    """uvicorn that ends connections which are too slow, without signal handlers of its own: two of them in one process
    would take each other's.
    """

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        now = asyncio.get_running_loop().time()
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, PatientProtocol):
                connection.look_at_the_clock(now)
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: Any) -> Server:
    """A server for one ASGI application without a lifespan."""
    return Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", http=PatientProtocol, ws=DirectProtocol,
            ws_max_size=MESSAGE_BYTES, ws_per_message_deflate=False, ws_ping_interval=None,
            timeout_graceful_shutdown=GRACE_SECONDS, server_header=False, proxy_headers=False,
        )
    )  # fmt: skip


async def serve_until_stopped(
    servers: dict[Server, socket.socket], stopping: Callable[[], object] = lambda: None
) -> None:
    """Answer on every socket until SIGTERM or SIGINT, then call `stopping` and let the answers under way finish."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping()
        for each in servers:
            each.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(each.serve(sockets=[listener]) for each, listener in servers.items()))


async def read_body(request: Request, limit: int) -> bytes | None:
    """The request's body, or None where it is longer than `limit` bytes; no more than that is ever held."""
    if int(request.headers.get("content-length", "0")) > limit:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)
