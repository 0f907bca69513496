"""A client that reads too slowly."""

from __future__ import annotations

import asyncio
import socket
from typing import cast
from urllib.parse import urlsplit

import pytest
from starlette.websockets import WebSocket

from infra.local.realtime import sockets
from infra.local.realtime.frames import Version
from infra.local.realtime.sockets import Socket
from infra.local.websocket import EXTENSION
from tests.realtime.client import client
from tests.realtime.conftest import Stack
from tests.realtime.test_channels import play


class Pipe:
    """What a socket writes to; nobody reads it."""

    def __init__(self) -> None:
        self.written = 0
        self.aborted = False
        self.scope = {"extensions": {EXTENSION: self}}

    def write(self, frame: bytes) -> None:
        assert not self.aborted
        self.written += len(frame)

    def unsent(self) -> int:
        return self.written

    def abort(self) -> None:
        self.aborted = True


def test_a_client_that_does_not_read_is_dropped_once_too_much_is_unsent() -> None:
    pipe = Pipe()
    sending = Socket(cast("WebSocket", pipe), Version.V2, {})
    for _ in range(10):
        sending.send(b"x" * (sockets.UNSENT_BYTES // 4))  # never waits
    assert pipe.aborted
    assert pipe.written == sockets.UNSENT_BYTES


def test_one_message_larger_than_all_that_may_be_unsent_still_goes_out() -> None:
    pipe = Pipe()
    Socket(cast("WebSocket", pipe), Version.V2, {}).send(b"x" * (sockets.UNSENT_BYTES + 1))
    assert not pipe.aborted


def test_nobody_waits_for_a_client_that_does_not_read(shared: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "UNSENT_BYTES", 1_000_000)

    async def scene() -> None:
        async with client(shared, "1.0.0") as one, client(shared, "1.0.0") as other:
            deaf = await asyncio.to_thread(join_and_stop_reading, shared)
            try:
                await one.join("crowd", broadcast={"self": False})
                await other.join("crowd")
                for number in range(40):
                    said = {"type": "broadcast", "event": "e", "payload": {"n": number, "text": "x" * 200_000}}
                    await one.send("realtime:crowd", "broadcast", said)
                    assert (await other.expect("broadcast")).payload["payload"]["n"] == number
                # It was cut off: what it can still read is less than what was said.
                assert await asyncio.to_thread(read_to_the_end, deaf) < 40 * 200_000
            finally:
                deaf.close()

    play(scene())


def join_and_stop_reading(stack: Stack) -> socket.socket:
    """A member of the topic `crowd` with small buffers, which has read the answer to its join and nothing since."""
    address = urlsplit(stack.url)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    deaf.settimeout(10)
    deaf.connect((address.hostname, address.port))
    key = stack.settings.keys.publishable_key
    deaf.sendall(
        f"GET /realtime/v1/websocket?apikey={key}&vsn=1.0.0 HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode()
    )
    join = b'{"topic":"realtime:crowd","event":"phx_join","ref":"1","payload":{}}'
    read = b""
    while b"\r\n\r\n" not in read:
        read += deaf.recv(4096)
    deaf.sendall(bytes([0x81, 0x80 | len(join)]) + b"\0\0\0\0" + join)
    while b'"status":"ok"' not in read:
        read += deaf.recv(4096)
    return deaf


def read_to_the_end(deaf: socket.socket) -> int:
    count = 0
    try:
        while data := deaf.recv(1 << 16):
            count += len(data)
    except ConnectionResetError:
        pass
    return count
