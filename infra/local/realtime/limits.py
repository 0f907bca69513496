"""How much one project may do, and what happens beyond: the platform's own limits and words.

Rates are averages over the last whole ticks of five seconds, as the platform counts them, so that a burst passes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

TICK = 5.0  # seconds
TICKS = 12  # that an average looks back on

TOO_MANY_MESSAGES = "Too many messages per second"
TOO_MANY_PRESENCES = "Too many presence messages per second"
TOO_MANY_CALLS = "Client presence rate limit exceeded"


@dataclass(frozen=True)
class Limits:
    """For one project. The defaults are those of the platform's largest plan, except `messages`: it says 2,500 there.

    `messages` counts each broadcast that a client or the API sends and each that a client is handed, a second;
    `joins` and `presences` are a second too. One client may track or untrack on a channel `presence_calls` times in
    `presence_window` seconds.
    """

    connections: int = 10_000
    channels: int = 100  # per connection
    joins: int = 2_500
    messages: int = 10_000
    presences: int = 1_000
    presence_calls: int = 5
    presence_window: float = 30.0
    payload: int = 3_000_500  # bytes of one broadcast or presence


@dataclass
class Rate:
    """Events a second."""

    limit: float
    clock: Callable[[], float] = time.monotonic
    _counts: deque[int] = field(default_factory=lambda: deque(maxlen=TICKS))
    _current: int = 0
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def add(self, count: int = 1) -> None:
        self._roll()
        self._current += count

    @property
    def average(self) -> float:
        self._roll()
        return sum(self._counts) / (len(self._counts) * TICK) if self._counts else 0.0

    @property
    def exceeded(self) -> bool:
        return self.average > self.limit

    def _roll(self) -> None:
        passed = int((self.clock() - self._began) / TICK)
        for _ in range(min(passed, TICKS + 1)):
            self._counts.append(self._current)
            self._current = 0
        self._began += passed * TICK


@dataclass
class Allowance:
    """So many calls in a window that begins with the first of them."""

    calls: int
    window: float
    clock: Callable[[], float] = time.monotonic
    _used: int = 0
    _until: float = float("-inf")

    def take(self) -> bool:
        """Use one call; whether there was one left."""
        now = self.clock()
        if now > self._until:
            self._used, self._until = 0, now + self.window
        if self._used >= self.calls:
            return False
        self._used += 1
        return True


@dataclass
class Meters:
    """What a project has used lately."""

    limits: Limits
    connections: int = 0
    joins: Rate = field(init=False)
    messages: Rate = field(init=False)
    presences: Rate = field(init=False)

    def __post_init__(self) -> None:
        self.joins = Rate(self.limits.joins)
        self.messages = Rate(self.limits.messages)
        self.presences = Rate(self.limits.presences)
