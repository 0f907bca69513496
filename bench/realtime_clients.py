"""Realtime's clients for `bench.realtime`: many WebSockets in one process, with as little work per frame as can be.

Reads a task as one line of JSON, says `ready` when all have joined, and answers each further line (what to wait for)
with one line of JSON: how many arrived, how late, how many were missing or came twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any, cast

import uvloop

JOINING = 16  # sockets that join at once
PATIENCE = 30  # seconds for what should arrive
MARK = b'"mark":"'
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PUSH = 3  # a user's broadcast in protocol 2.0.0


class Client(asyncio.Protocol):
    """One socket, speaking protocol 2.0.0. `marks` are those seen: who sent what when, as `name;seconds`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rest = b""
        self._open = asyncio.Event()
        self._events: list[tuple[bytes, asyncio.Future[bytes]]] = []
        self.marks: list[str] = []
        self.delays: list[float] = []
        self.lost = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        head = f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.transport.write(f"{head}Sec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        if not self._open.is_set():
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._open.set()
        while len(data) - at >= 2:
            size, start = data[at + 1], at + 2
            if size >= 126:
                wide = 2 if size == 126 else 8
                size, start = int.from_bytes(data[start : start + wide]), start + wide
            if len(data) < start + size:
                break
            self._frame(data[at] & 15, data[start : start + size])
            at = start + size
        self._rest = data[at:]

    def _frame(self, kind: int, payload: bytes) -> None:
        begin = payload.find(MARK) + len(MARK)
        if begin >= len(MARK):
            mark = payload[begin : payload.find(b'"', begin)].decode()
            self.delays.append(time.time() - float(mark.rpartition(";")[2]))
            self.marks.append(mark)
        elif kind == PING:
            self._send(PONG, payload)
        for wanted, future in self._events:
            if wanted in payload and not future.done():
                future.set_result(payload)

    async def event(self, wanted: bytes) -> bytes:
        """The next frame that holds these bytes."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._events.append((wanted, future))
        try:
            return await asyncio.wait_for(future, PATIENCE)
        finally:
            self._events.remove((wanted, future))

    async def join(self, topic: str, token: str, config: dict[str, Any]) -> None:
        frame = ["1", "1", f"realtime:{topic}", "phx_join", {"access_token": token, "config": config}]
        await asyncio.wait_for(self._open.wait(), PATIENCE)
        last = b"Subscribed to PostgreSQL" if config.get("postgres_changes") else b"phx_reply"
        joined = asyncio.create_task(self.event(last))
        await asyncio.sleep(0)
        self._send(TEXT, json.dumps(frame).encode())
        answer = await joined
        assert b'"ok"' in answer, answer

    def broadcast(self, topic: str, mark: str) -> None:
        fields = [b"1", b"2", f"realtime:{topic}".encode(), b"said", b""]
        payload = json.dumps({"mark": f"{mark};{time.time():.4f}", "text": "x" * 80}, separators=(",", ":"))
        head = bytes([PUSH, *(len(one) for one in fields), 1])
        self._send(BINARY, head + b"".join(fields) + payload.encode())

    def beat(self) -> None:
        self._send(TEXT, b'[null,"9","phoenix","heartbeat",{}]')

    def _send(self, kind: int, payload: bytes) -> None:
        # A mask of zeros is a mask (RFC 6455 section 5.3 asks for one, this is a measurement on loopback).
        size = len(payload)
        head = bytes([0x80 | kind, 0x80 | size]) if size < 126 else bytes([0x80 | kind, 0xFE]) + size.to_bytes(2)
        self.transport.write(head + b"\0\0\0\0" + payload)


@dataclass
class Crowd:
    """All clients of a task. `task`: port, path, tokens, topics, config."""

    task: dict[str, Any]
    clients: list[Client] = field(default_factory=list)

    async def gather(self) -> None:
        free = asyncio.Semaphore(JOINING)

        async def one(number: int) -> Client:
            async with free:
                loop = asyncio.get_running_loop()
                make: Callable[[], Client] = lambda: Client(self.task["path"])  # noqa: E731
                _, client = await loop.create_connection(make, "127.0.0.1", self.task["port"])
                topics, tokens = self.task["topics"], self.task["tokens"]
                await client.join(topics[number % len(topics)], tokens[number], self.task["config"])
                return client

        self.clients = await asyncio.gather(*(one(number) for number in range(len(self.task["tokens"]))))

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(20)
            for client in self.clients:
                client.beat()

    async def talk(self, rate: float, seconds: float) -> int:
        """Members of every topic speak in turn, `rate` messages a second in all; returns how many were said."""
        topics = self.task["topics"]
        total, started = int(rate * seconds), time.monotonic()
        for number in range(total):
            if (ahead := started + number / rate - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            self.clients[number % len(self.clients)].broadcast(topics[number % len(topics)], f"all {number}")
        return total

    async def arrived(self, expected: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while sum(len(each.marks) for each in self.clients) < expected and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)  # whatever comes twice

    def report(self, expected: list[Counter[str]]) -> dict[str, Any]:
        """`expected[n]`: names that clients n, n + len(expected), … should have seen once each."""
        missing = twice = 0
        for number, client in enumerate(self.clients):
            seen = Counter(mark.rpartition(";")[0] for mark in client.marks)
            wanted = expected[number % len(expected)]
            missing += (wanted - seen).total()
            twice += (seen - wanted).total()
        delays = sorted(delay * 1000 for client in self.clients for delay in client.delays)
        cuts = quantiles(delays, n=100) if len(delays) > 1 else [0.0] * 99
        dropped = sum(client.lost for client in self.clients)
        for client in self.clients:
            client.marks, client.delays = [], []
        return {
            "arrived": len(delays), "missing": missing, "twice": twice, "dropped": dropped,
            "p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": delays[-1] if delays else 0.0,
            "cpu": sum(os.times()[:2]),
        }  # fmt: skip


async def main() -> None:
    """Serve one task given on standard input."""
    loop = asyncio.get_running_loop()
    lines: asyncio.StreamReader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    crowd = Crowd(json.loads(await lines.readline()))
    await crowd.gather()
    beating = asyncio.create_task(crowd.beat())
    print("ready", flush=True)
    while line := await lines.readline():
        order = json.loads(line)
        if "rate" in order:
            said = await crowd.talk(order["rate"], order["seconds"])
            topics = len(crowd.task["topics"])
            expected = [Counter(f"all {n}" for n in range(said) if n % topics == topic) for topic in range(topics)]
        else:
            expected = [Counter(names) for names in order["expected"]]
        reach = sum(expected[number % len(expected)].total() for number in range(len(crowd.clients)))
        await crowd.arrived(reach)
        print(json.dumps(crowd.report(expected) | {"expected": reach}), flush=True)
    beating.cancel()


if __name__ == "__main__":
    uvloop.run(main())
