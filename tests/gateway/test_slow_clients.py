"""Clients that are too slow, send too much or send it twice: the listener of all services, its patience cut short."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from infra.local import patience
from infra.local.serving import Server, read_body, server
from tests.waiting import until

PATIENCE = 0.6
SECONDS = 20.0
LIMIT = 100_000
seen: list[bytes] = []


async def echo(request: Request) -> Response:
    try:
        body = await read_body(request, LIMIT)
    except ClientDisconnect:
        seen.append(b"gone")
        raise
    seen.append(request.url.path.encode())
    return Response("too large", 413) if body is None else Response(str(len(body)))


async def flood(request: Request) -> Response:
    async def pieces() -> object:
        try:
            for _ in range(10_000):
                yield b"x" * 65_536
        finally:
            seen.append(b"flood ended")

    return StreamingResponse(pieces())  # type: ignore[arg-type]


@contextmanager
def serving() -> Iterator[int]:
    app = Starlette(routes=[Route("/flood", flood), Route("/{path:path}", echo, methods=["GET", "POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    running: list[Server] = [server(app)]
    thread = threading.Thread(target=lambda: asyncio.run(running[0].serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        running[0].should_exit = True
        thread.join(SECONDS)
        listener.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HEAD_SECONDS", "BODY_SECONDS", "READ_SECONDS"):
            patch.setattr(patience, name, PATIENCE)
        with serving() as port:
            yield port


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What is read until the other side closes."""
    told = b""
    try:
        while piece := connection.recv(65_536):
            told += piece
    except ConnectionResetError:
        pass
    return told


def answer(port: int, *sent: bytes) -> bytes:
    with connected(port) as connection:
        try:
            for piece in sent:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return everything(connection)


def test_who_says_nothing_is_asked_to_leave(port: int) -> None:
    assert answer(port).startswith(b"HTTP/1.1 408 ")


def test_who_never_ends_the_headers_is_asked_to_leave(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n")
        done = threading.Event()

        def drip() -> None:
            while not done.wait(PATIENCE / 8):
                try:
                    connection.sendall(b"x-more: 1\r\n")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            told = everything(connection)
        finally:
            done.set()
            dripping.join()
    assert told.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stops_ends_the_request(port: int) -> None:
    seen.clear()
    told = answer(port, b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n", b"only this")
    assert told.startswith(b"HTTP/1.1 408 ")
    until(lambda: b"gone" in seen, SECONDS)


def test_a_body_that_trickles_ends_the_request(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        done = threading.Event()

        def drip() -> None:
            while not done.wait(PATIENCE / 8):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            told = everything(connection)
        finally:
            done.set()
            dripping.join()
    assert told.startswith(b"HTTP/1.1 408 ")


def test_a_slow_body_that_keeps_coming_is_waited_for(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 8000\r\n\r\n")
        for _ in range(8):
            time.sleep(PATIENCE / 6)  # slower than the patience altogether, faster than it between two pieces
            connection.sendall(b"x" * 1000)
        assert everything(connection).endswith(b"8000")


def test_who_reads_nothing_loses_the_connection(port: int) -> None:
    seen.clear()
    with connected(port) as connection:
        connection.sendall(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: b"flood ended" in seen, SECONDS)


def test_an_answer_that_takes_long_is_not_cut_off(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        time.sleep(
            PATIENCE * 1.5
        )  # idle between two requests: uvicorn's keep-alive counts, not the patience for a head
        connection.sendall(b"POST /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab")
        assert everything(connection).endswith(b"\r\n\r\n2")


def test_headers_without_end_are_refused_before_they_fill_the_memory(port: int) -> None:
    for head in (
        b"GET /" + b"a" * 300_000,
        b"GET / HTTP/1.1\r\nx: " + b"a" * 300_000,
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 50_000,
    ):
        assert answer(port, head).startswith(b"HTTP/1.1 431 ")


def test_thousands_of_headers_are_an_ordinary_request(port: int) -> None:
    head = b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + b"".join(
        b"x-%d: y\r\n" % each for each in range(3000)
    )
    assert answer(port, head, b"\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "length", [b"content-length: 100001\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"], ids=["told", "chunked"]
)
def test_a_body_beyond_the_limit_is_refused(port: int, length: bytes) -> None:
    body = b"x" * 100_001
    if b"chunked" in length:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    told = answer(port, b"POST /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + length, body)
    assert told.startswith(b"HTTP/1.1 413 ")


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: %d\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: %d\r\n\r\n0\r\n\r\n",
        b"content-length: %d\r\ncontent-length: 0\r\n\r\n",
        b"content-length: +%d\r\n\r\n",
        b"content-length: 0%dx\r\n\r\n",
        b"content-length: -%d\r\n\r\n",
        b"content-length : %d\r\n\r\n",
        b"transfer-encoding: xchunked%.0d\r\n\r\n0\r\n\r\n",
        b"transfer-encoding : chunked%.0d\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked%.0d\r\n\r\n0x\r\n\r\n",
        b"transfer-encoding: chunked%.0d\r\n\r\n-1\r\n\r\n",
        b"transfer-encoding: chunked%.0d\r\n\r\nffffffffffffffff1\r\n\r\n",
        b"x: y\rcontent-length: %d\r\n\r\n",
        b"x: y\x00\r\ncontent-length: %d\r\n\r\n",
    ],
)
def test_a_request_whose_end_can_be_read_two_ways_is_refused_and_nothing_behind_it_is_run(
    port: int, head: bytes
) -> None:
    seen.clear()
    told = answer(port, b"POST /first HTTP/1.1\r\nhost: x\r\n" + head % len(SMUGGLED) + SMUGGLED)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"/smuggled" not in seen
