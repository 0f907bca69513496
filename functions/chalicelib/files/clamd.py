"""ClamAV's daemon, by its command INSTREAM.

https://docs.clamav.net/manual/Usage/Scanning.html#clamd
"""

from __future__ import annotations

import socket
import struct
import time
from urllib.parse import urlsplit

CHUNK = 65536
SECONDS = 60
MAX_ANSWER = 4096


class Away(Exception):  # noqa: N818  a moment, not a verdict
    """The scanner does not answer, or not to the question."""


class TooLarge(Exception):  # noqa: N818  it is an answer
    """The scanner takes no file of this size (its StreamMaxLength)."""


def scan(address: str, data: bytes) -> str | None:
    """The name of what was found in a file; None: nothing was. Raises Away and TooLarge.

    `address`: tcp://host:port or unix:///path.
    """
    ends = time.monotonic() + SECONDS
    try:
        with _connect(address) as talk:
            talk.sendall(b"zINSTREAM\0")
            try:
                for start in range(0, len(data), CHUNK):
                    talk.settimeout(max(ends - time.monotonic(), 0.001))
                    part = data[start : start + CHUNK]
                    talk.sendall(struct.pack("!I", len(part)) + part)
                talk.sendall(struct.pack("!I", 0))
            except (BrokenPipeError, ConnectionResetError):
                pass  # it had enough, and says why
            answer = _answer(talk, ends)
    except (OSError, ValueError) as error:
        raise Away(f"{type(error).__name__}: {error}") from error
    if answer == "stream: OK":
        return None
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        return answer.removeprefix("stream: ").removesuffix(" FOUND")[:200]
    if "size limit exceeded" in answer:
        raise TooLarge
    raise Away(f"the scanner says: {answer[:200]!r}")


def _connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        talk.settimeout(5)
        try:
            talk.connect(parts.path)
        except OSError:
            talk.close()
            raise
        return talk
    if parts.scheme != "tcp" or not parts.hostname:
        raise ValueError("PGDESK_CLAMD is tcp://host:port or unix:///path")
    return socket.create_connection((parts.hostname, parts.port or 3310), timeout=5)


def _answer(talk: socket.socket, ends: float) -> str:
    told = b""
    while b"\0" not in told and len(told) < MAX_ANSWER:
        talk.settimeout(max(ends - time.monotonic(), 0.001))
        part = talk.recv(CHUNK)
        if not part:
            break
        told += part
    return told.split(b"\0")[0].decode("utf-8", "replace").strip()
