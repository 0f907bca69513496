"""Ports for a stack that lives for a test or a measurement."""

from __future__ import annotations

import contextlib
import secrets
import socket

# Below those that systems give to outgoing connections (Linux: from 32768), one of which could take a port between its
# being found free and its being used.
USABLE = range(10_000, 32_768)


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Different ports that nobody listens on. Chosen at random, so that two who ask at once hardly get the same."""
    with contextlib.ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            port = secrets.choice(USABLE)
            try:
                held.enter_context(socket.create_server((host, port)))
            except OSError:
                continue
            found.append(port)
    return found
