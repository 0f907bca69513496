"""HTTP connections that do not wait for ever: for a request's head, for its body, or for somebody to read the answer.

uvicorn bounds none of these. A client that sends one byte a minute, or reads none, would keep its connection, its
request and its buffers for as long as it likes; enough of them and nobody else gets an answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024  # request line and headers; twice what the platform's gateway takes
HEAD_SECONDS = 15.0  # until all of them are there
BODY_SECONDS = 20.0  # between two pieces of a body
BODY_RATE = 256  # bytes a second, on average, of a body that takes longer than that
READ_SECONDS = 30.0  # in which the client reads nothing of what waits for it
TOO_LARGE = b"431 Request Header Fields Too Large"
TOO_SLOW = b"408 Request Timeout"


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's, with limits. `look_at_the_clock` has to be called every now and then."""

    flow: FlowControl

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_since: float | None = None
        self._head_bytes = 0
        self._body_since: float | None = None
        self._body_seen = 0.0
        self._body_bytes = 0
        self._unread = 0
        self._unread_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_since is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_since, self._head_bytes = self.loop.time(), 0

    def on_headers_complete(self) -> None:
        self._head_since = None
        self._body_since = self._body_seen = self.loop.time()
        self._body_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_seen = self.loop.time()
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_since = None
        super().on_message_complete()

    def look_at_the_clock(self, now: float) -> None:
        """End the connection where the client has been too slow."""
        if self._reads_nothing(now):
            self.transport.abort()
        elif self.transport.is_closing():
            return
        elif self._head_since is not None:
            if now - self._head_since > HEAD_SECONDS:
                self._refuse(TOO_SLOW)
        elif self._body_since is not None:
            self._watch_body(self._body_since, now)

    def _watch_body(self, since: float, now: float) -> None:
        if self.flow.read_paused:  # it is us who do not read
            self._body_seen = now
            return
        late = now - self._body_seen > BODY_SECONDS
        trickles = now - since > BODY_SECONDS and self._body_bytes < BODY_RATE * (now - since)
        if late or trickles:
            self._refuse(TOO_SLOW)

    def _reads_nothing(self, now: float) -> bool:
        unread = self.transport.get_write_buffer_size()
        if unread == 0 or unread != self._unread:
            self._unread, self._unread_since = unread, now
        return unread > 0 and now - self._unread_since > READ_SECONDS

    def _refuse(self, status: bytes) -> None:
        """Answer, unless an answer is under way, and close."""
        if self.transport.is_closing():
            return
        if self._body_since is None or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()
