"""How long the steps of an answer took (Server-Timing), where the settings have it shown."""

from __future__ import annotations

import time

STEPS = ("jwt", "parse", "plan", "transaction", "response")


class Timing:
    """Steps follow each other: a `lap` ends one and begins the next."""

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self._milliseconds = dict.fromkeys(STEPS, 0.0)

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self._milliseconds[step] += (now - self._since) * 1000
        self._since = now

    def header(self) -> tuple[str, str]:
        told = (f"{step};dur={duration:.1f}" for step, duration in self._milliseconds.items())
        return "Server-Timing", ", ".join(told)
