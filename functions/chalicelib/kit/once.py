"""Things that a container makes once and keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import TypeVar

Made = TypeVar("Made")


def once(make: Callable[[], Made]) -> Callable[[], Made]:
    """Call `make` the first time it is needed and keep what it made.

    As functools.cache, but where several threads play containers of one process, one makes it and the others wait,
    instead of all doing the same work.
    """
    lock = threading.Lock()
    kept = cache(make)

    def made() -> Made:
        with lock:
            return kept()

    return made
