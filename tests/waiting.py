"""Waiting for a condition, never for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    condition: Callable[[], T | None], seconds: float = 60.0, otherwise: Callable[[], str] = lambda: "it did not happen"
) -> T:
    """What `condition` returns once that is true; AssertionError with `otherwise` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {otherwise()}"
        time.sleep(0.01)
    return found
