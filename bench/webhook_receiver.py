"""`python -m bench.webhook_receiver CERTIFICATE`: answers every webhook with 204, over HTTPS with connections kept.

Prints its port, then for each webhook `<event id> <arrival by the monotonic clock>`; ends with its input.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import sys
import time

LENGTH = re.compile(rb"content-length: (\d+)")
EVENT = re.compile(rb'"evt_([0-9a-f]{32})"')
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection."""

    def __init__(self, arrived: list[str]) -> None:
        self._arrived, self._buffer = arrived, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        found = LENGTH.search(head) if end else None
        if found is None or len(rest) < int(found[1]):
            return
        body, self._buffer = rest[: int(found[1])], rest[int(found[1]) :]
        event = EVENT.search(body)
        self._arrived.append(f"{event[1].decode() if event else '-'} {time.monotonic()}")
        self._transport.write(ANSWER)


async def main(certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    arrived: list[str] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Receiver(arrived), "127.0.0.1", 0, ssl=context, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    done = loop.run_in_executor(None, sys.stdin.read)
    while not done.done():
        await asyncio.wait([done], timeout=0.1)
        if arrived:
            print("\n".join(arrived), flush=True)
            arrived.clear()
    server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
