"""uvicorn's WebSocket protocol with a way past ASGI: messages already framed, written to the transport at once.

ASGI has a message sent for every client pass two coroutines and be framed again. A frame from a server has no mask
(RFC 6455 section 5.1), so what goes to many clients is framed once and shared.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "infra.local.direct"  # in the scope's extensions
TEXT, BINARY = 0x81, 0x82  # first byte of a frame that is a whole message


class Direct(Protocol):
    """What the extension offers, once the connection is accepted."""

    def write(self, frame: bytes) -> None:
        """Hand over a frame. Never waits; after the end of the connection it is thrown away."""

    def unsent(self) -> int:
        """Bytes that the client has not taken yet."""

    def abort(self) -> None:
        """End the connection without a word; what is unsent is thrown away."""


class DirectProtocol(WebSocketsSansIOProtocol):
    """Offers itself as `Direct` in the scope of every connection."""

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # a refused handshake has none
            extensions: dict[str, Any] = cast("dict[str, Any]", self.scope["extensions"])
            extensions[EXTENSION] = self

    def write(self, frame: bytes) -> None:
        if not self.disconnected and not self.close_sent:
            self.transport.write(frame)

    def unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        self.transport.abort()


def framed(message: str | bytes) -> bytes:
    """One whole message as a frame, ready to be written."""
    kind, payload = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 1 << 16:
        return bytes((kind, 126)) + size.to_bytes(2, "big") + payload
    return bytes((kind, 127)) + size.to_bytes(8, "big") + payload
