"""HTTP calls to the queue on the same machine: POST, keep-alive, bodies of a known length, and nothing else.

A general client costs more than all the rest of handing a message over.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

IDLE_AT_MOST = 64
SECONDS = 30.0  # longer than the longest poll


class CallError(Exception):
    """The other side is away, or does not speak as expected."""


class Caller:
    """Calls to one server. Connections are kept for the next call; one that was closed meanwhile is replaced."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises CallError where there is none."""
        lines = [f"POST / HTTP/1.1\r\nhost: {self._host}:{self._port}\r\ncontent-length: {len(body)}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
        request = "".join(lines).encode("ascii") + b"\r\n" + body
        try:
            async with asyncio.timeout(SECONDS):
                return await self._exchange(request)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:  # TimeoutError is an OSError
            raise CallError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        while self._idle:
            await _end(self._idle.pop()[1])

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        while self._idle:
            reader, writer = self._idle.pop()
            if reader.at_eof() or writer.is_closing():
                await _end(writer)
                continue
            break
        else:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(request)
            status, body, stays = await _answer(reader)
        except BaseException:  # cancelled too: an answer that is still to come belongs to no later call
            writer.close()
            raise
        if stays and len(self._idle) < IDLE_AT_MOST:
            self._idle.append((reader, writer))
        else:
            await _end(writer)
        return status, body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    """Status, body, and whether the connection can be used again (RFC 9112)."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    status = int(head[0].split(" ", 2)[1])
    body = await reader.readexactly(int(fields["content-length"])) if "content-length" in fields else b""
    return status, body, "content-length" in fields and fields.get("connection", "").lower() != "close"


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
