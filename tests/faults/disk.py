"""A disk that is full, for one process and its children: the operating system lets none of their files grow further."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SEGMENT = 16 * 1024 * 1024  # of PostgreSQL's write-ahead log: written in place, never longer


@contextmanager
def full_disk(pid: int, limit: int) -> Iterator[None]:
    """No file of process `pid` and its children may grow beyond `limit` bytes (RLIMIT_FSIZE): writing fails.

    What is smaller goes on growing: for PostgreSQL the limit is a segment of its log, so that it can tell what failed.
    """
    for each in _family(pid):
        _limit(each, str(limit))
    try:
        yield
    finally:
        for each in _family(pid):
            _limit(each, "unlimited")


def _limit(pid: int, soft: str) -> None:
    try:
        owner = Path(f"/proc/{pid}").stat()
    except FileNotFoundError:
        return
    # Root may lack the right to limit a process of somebody else's; its owner has it.
    lend = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
    command = [*(lend if owner.st_uid != os.geteuid() else []), "prlimit", f"--pid={pid}", f"--fsize={soft}:"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not Path(f"/proc/{pid}").exists(), done.stderr


def _family(pid: int) -> list[int]:
    """A process, then its children, which were born with its limits."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found
