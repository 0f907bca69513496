"""The fixed ports that the suites have written down: a network namespace of our own, where the system lends one."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence

from tests.conformance.suite import ConformanceError

INSIDE = "CONFORMANCE_INSIDE"  # set in the process that runs in the namespace
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def may_isolate() -> bool:
    """Whether `unshare --net` works here: Linux, as root, and not forbidden by a container."""
    if os.environ.get(INSIDE) or not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0


def run_isolated(arguments: Sequence[str]) -> int:
    """Run this program once more, with `arguments`, where every port is free and nothing but loopback is there."""
    command = ["unshare", "--net", sys.executable, "-P", "-m", "tests.conformance", *arguments]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode


def raise_loopback() -> None:
    """A new namespace has a loopback interface that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0).ljust(40, b"\0")
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request)[:18])[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP).ljust(40, b"\0"))


def refuse_taken(ports: Sequence[int], host: str = "127.0.0.1") -> None:
    """Raise ConformanceError, naming the first of `ports` that somebody listens on."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise ConformanceError(
                    f"port {port} is taken, and the suite has it written down: stop what listens there"
                ) from None
