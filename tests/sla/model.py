"""SLA clocks told in another way: one walk through the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Opens = Callable[[datetime, datetime], timedelta]  # how long it is open between two instants


@dataclass
class Clock:
    started: datetime
    spent: timedelta = timedelta()
    since: datetime | None = None
    stopped: datetime | None = None

    def move(self, at: datetime, runs: bool, opens: Opens) -> None:
        if runs != (self.since is not None):
            self.spent += opens(self.since, at) if self.since is not None else timedelta()
            self.since = at if runs else None

    def stop(self, at: datetime, opens: Opens) -> None:
        self.move(at, False, opens)
        self.stopped = at


@dataclass
class Desk:
    """The clocks of one ticket, by metric and cycle."""

    pauses: bool
    ai_counts: bool
    opens: Opens
    clocks: dict[tuple[str, int], Clock] = field(default_factory=dict)
    turns: int = 0
    answers: int = 0

    def run(self, history: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], Clock]:
        before = None
        for step in history:
            self._step(step, before)
            before = step["status_category"]
        return {key: clock for key, clock in self.clocks.items() if clock.stopped != clock.started}

    def _step(self, step: Mapping[str, Any], before: str | None) -> None:
        at, category = step["at"], step["status_category"]
        runs = category == "open" or (category == "waiting" and not self.pauses)
        answers = step["wrote"] == "member" or (step["wrote"] == "ai" and self.ai_counts)
        resolves = category == "resolved" and before != "resolved"
        if before is None:
            self.clocks["resolution", 0] = Clock(at)
        if step["wrote"] == "contact":
            if not self.answers:
                self.clocks.setdefault(("first_response", 0), Clock(at))
            else:
                self.clocks.setdefault(("next_response", self.turns), Clock(at))
        for (metric, _), clock in self.clocks.items():
            if metric == "resolution":
                clock.stopped = None if category != "resolved" else clock.stopped or at
            elif clock.stopped is None and (answers or (resolves and metric == "next_response")):
                clock.stop(at, self.opens)
            if clock.stopped is None or (metric == "resolution" and resolves):
                clock.move(at, runs, self.opens)
        self.turns += answers or resolves
        self.answers += answers
