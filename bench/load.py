"""A load of HTTP/1.1 requests over kept connections, by a client that costs little: it finds an answer's end, no more.

One event loop; each connection sends its next request as soon as the answer to its last one is whole.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import cast

import uvloop

PATIENCE = 20.0  # for the answers still under way in the end; TimeoutError after that


@dataclass
class Run:
    """What came of one load. Latencies are in seconds; `client_cpu` is what this process spent on it, in seconds."""

    seconds: float = 0.0
    client_cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)  # answers of a status that was not expected

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        return quantiles(self.latencies, n=100)[percent - 1] * 1000


def drive(port: int, request: Callable[[int], bytes], status: int, connections: int, seconds: float) -> Run:
    """Send `request(0)`, `request(1)`, … to `port` over `connections` for `seconds`; each must be answered `status`.

    Raises OSError where the server does not take, or cuts, a connection.
    """
    return uvloop.run(_drive(port, request, b"HTTP/1.1 %d " % status, connections, seconds))


async def _drive(port: int, request: Callable[[int], bytes], status: bytes, connections: int, seconds: float) -> Run:
    loop = asyncio.get_running_loop()
    run, numbers = Run(), itertools.count()
    before, started = time.process_time(), time.perf_counter()
    clients = [_Client(run, numbers, request, status, started + seconds) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    async with asyncio.timeout(seconds + PATIENCE):
        await asyncio.gather(*(client.done for client in clients))
    run.seconds = time.perf_counter() - started
    run.client_cpu = time.process_time() - before
    return run


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(
        self, run: Run, numbers: itertools.count[int], request: Callable[[int], bytes], status: bytes, deadline: float
    ) -> None:
        self._run, self._numbers, self._request = run, numbers, request
        self._status, self._deadline = status, deadline
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if not _whole(self._received):
            return
        now = time.perf_counter()
        self._run.latencies.append(now - self._sent)
        if not self._received.startswith(self._status):
            self._run.refused.append(self._received)
        self._received = b""
        if now < self._deadline:
            self._send()
        else:
            assert self._transport
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error or time.perf_counter() < self._deadline:
            self.done.set_exception(error or ConnectionError("the server closed a connection"))
        else:
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport
        self._sent = time.perf_counter()
        self._transport.write(self._request(next(self._numbers)))


def _whole(answer: bytes) -> bool:
    """Whether `answer` is all there: by its length, by the last chunk, or because it has no body."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    fields = answer[:head].lower()
    at = fields.find(b"\r\ncontent-length:")
    if at >= 0:
        return len(answer) - head - 4 >= int(fields[at + 17 : head].split(b"\r\n", 1)[0])
    if b"\r\ntransfer-encoding: chunked" in fields:
        return answer.endswith(b"0\r\n\r\n")
    return True
