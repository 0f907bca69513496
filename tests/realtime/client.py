"""A client that says exactly what a test tells it to, in either version of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from infra.local import tokens
from infra.local.settings import Settings
from tests.realtime.conftest import Stack

PATIENCE = 10  # seconds for anything that should happen


@dataclass(frozen=True)
class Frame:
    topic: str
    event: str
    payload: Any
    ref: str | None = None
    join_ref: str | None = None


class Client:
    """One socket. Frames that a test did not ask for are kept for later questions."""

    def __init__(self, socket: ClientConnection, version: str) -> None:
        self._socket = socket
        self._version = version
        self._refs = itertools.count(1)
        self._kept: list[Frame] = []

    async def send(self, topic: str, event: str, payload: Any = None, join_ref: str | None = None) -> str:
        ref = str(next(self._refs))
        join_ref = ref if event == "phx_join" else join_ref
        payload = {} if payload is None else payload
        named = {"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref}
        frame = named if self._version == "1.0.0" else [join_ref, ref, topic, event, payload]
        await self._socket.send(json.dumps(frame))
        return ref

    async def send_raw(self, data: str | bytes) -> None:
        await self._socket.send(data)

    async def receive(self) -> Frame:
        """The next frame of all."""
        if self._kept:
            return self._kept.pop(0)
        return self._read(await asyncio.wait_for(self._socket.recv(), PATIENCE))

    async def expect(self, event: str, topic: str | None = None) -> Frame:
        """The next frame with this event (and topic); others are kept."""
        for index, frame in enumerate(self._kept):
            if frame.event == event and topic in {None, frame.topic}:
                return self._kept.pop(index)
        while True:
            frame = self._read(await asyncio.wait_for(self._socket.recv(), PATIENCE))
            if frame.event == event and topic in {None, frame.topic}:
                return frame
            self._kept.append(frame)

    async def answer(self, ref: str) -> dict[str, Any]:
        """The payload of the reply to `ref`."""
        while True:
            frame = await self.expect("phx_reply")
            if frame.ref == ref:
                return dict(frame.payload)

    async def join(self, name: str, token: str | None = None, **config: Any) -> dict[str, Any]:
        """Join `realtime:name` and return the reply; row changes that were asked for are followed by then."""
        payload: dict[str, Any] = {"config": config}
        if token is not None:
            payload["access_token"] = token
        reply = await self.answer(await self.send(f"realtime:{name}", "phx_join", payload))
        if reply["status"] == "ok" and config.get("postgres_changes"):
            said = await self.expect("system", f"realtime:{name}")
            assert said.payload["status"] == "ok", said.payload
        return reply

    async def closed(self) -> tuple[int, str]:
        """Wait for the end of the connection: (code, reason)."""
        await asyncio.wait_for(self._socket.wait_closed(), PATIENCE)
        return self._socket.close_code or 0, self._socket.close_reason or ""

    def _read(self, data: str | bytes) -> Frame:
        if isinstance(data, bytes):
            kind, topic_size, event_size, meta_size, encoding = data[:5]
            assert kind == 4
            at = 5 + topic_size + event_size + meta_size
            topic, event = data[5 : 5 + topic_size], data[5 + topic_size : 5 + topic_size + event_size]
            meta = json.loads(data[at - meta_size : at] or "null")
            content = json.loads(data[at:]) if encoding else data[at:]
            return Frame(topic.decode(), "broadcast", {"event": event.decode(), "payload": content, "meta": meta})
        frame = json.loads(data)
        if self._version == "1.0.0":
            return Frame(frame["topic"], frame["event"], frame["payload"], frame["ref"])
        join_ref, ref, topic, event, payload = frame
        return Frame(topic, event, payload, ref, join_ref)


@contextlib.asynccontextmanager
async def client(stack: Stack, version: str = "2.0.0", key: str | None = None) -> AsyncIterator[Client]:
    address = stack.url.replace("http://", "ws://")
    key = stack.settings.keys.publishable_key if key is None else key
    async with connect(f"{address}/realtime/v1/websocket?apikey={key}&vsn={version}") as socket:
        yield Client(socket, version)


def token(
    settings: Settings, sub: str = "ada", *, role: str = "authenticated", seconds: float = 600, **claims: Any
) -> str:
    return tokens.sign(settings.keys, {"role": role, "sub": sub, "exp": int(time.time() + seconds), **claims})


def binary_broadcast(
    topic: str, event: str, payload: bytes, *, is_json: bool, ref: str = "9", join_ref: str = "1"
) -> bytes:
    """A user broadcast as realtime-js 2 sends it."""
    fields = [join_ref.encode(), ref.encode(), topic.encode(), event.encode(), b""]
    return bytes([3, *(len(field) for field in fields), int(is_json)]) + b"".join(fields) + payload
