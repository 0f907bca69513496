"""A mailbox goes through the desk while things die, and the whole history is judged when it has come to rest."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.faults.history import History
from tests.faults.hooks import Hooks
from tests.faults.mta import Mta
from tests.faults.points import ANSWER, ITSELF, SESSION, Order
from tests.faults.provider import Provider
from tests.faults.rig import Rig
from tests.faults.rows import collect
from tests.waiting import until

HIT_SECONDS = 60.0  # for an order, while mail flows
QUIET_SECONDS = 1.5  # nothing has moved for so long: what was lost on the way is given its time
STUCK_SECONDS = 120.0
LOOK_SECONDS = 0.05
STATE = """
select count(*) filter (where j.state in ('waiting', 'published', 'running')) as unfinished,
  count(*) filter (where j.state in ('waiting', 'published', 'running') and j.run_at <= now()) as due,
  coalesce(sum(j.attempt), 0) as attempts, count(*) as jobs
from private.jobs as j
"""


@dataclass
class Replay:
    """`orders` are carried out one after the other; `missed` are those that no mail has reached."""

    rig: Rig
    provider: Provider
    mta: Mta
    hooks: Hooks
    orders: Sequence[Order] = ()
    hit: list[Order] = field(default_factory=list)
    missed: list[Order] = field(default_factory=list)

    def run(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Send everything, carry out the orders and do `meanwhile` on the way; return once nothing is left to do."""
        with self.mta.sending(), self.hooks.telling():
            for order in self.orders:
                (self.hit if self._carry_out(order) else self.missed).append(order)
            self.rig.orders.disarm()
            meanwhile()
            self.mta.allow(len(self.mta.mails))
            self.come_to_rest()

    def history(self) -> History:
        return collect(self.rig.database, self.mta.promised.values(), self.provider.taken, self.hooks.answered)

    def _carry_out(self, order: Order) -> bool:
        """Let mail flow until somebody reaches the point, then mend what died of it."""
        restarts = self.rig.restarts
        self.rig.orders.arm(order)
        deadline = time.monotonic() + HIT_SECONDS
        last, moved = None, time.monotonic()
        while not self.rig.orders.was_hit:
            self.rig.mend()
            state = self._state()
            if state["due"] == 0 and self.mta.sent == self.mta.allowed:
                if self.mta.allowed == len(self.mta.mails):
                    break
                self.mta.allow(1)
            if state != last:
                last, moved = state, time.monotonic()
            elif time.monotonic() - moved > QUIET_SECONDS:
                self.rig.pass_time()
                moved = time.monotonic()
            if time.monotonic() > deadline:
                break
            _look_again(lambda: self.rig.orders.was_hit)
        self.rig.orders.disarm()
        if not self.rig.orders.was_hit:
            return False
        self.rig.count("runner" if order.victim == ITSELF else order.victim)
        if order.victim not in (SESSION, ANSWER):
            # The death may have been mended already, by whoever missed the part first.
            until(lambda: self.rig.mend() or self.rig.restarts > restarts, 30, lambda: f"{order.victim} lives on")
        self.rig.pass_time()
        return True

    def kill_at_random(self, parts: Sequence[str], times: int, chance: random.Random) -> None:
        """kill -9, now and then, while mail flows; what dies is mended at once."""
        for _ in range(times):
            self.mta.allow(max(1, len(self.mta.mails) // times))
            pause = time.monotonic() + chance.uniform(0.02, 0.8)
            while time.monotonic() < pause:
                time.sleep(0.01)
            part = chance.choice(parts)
            self.rig.kill(part)
            self.rig.mend()
            if chance.random() < 0.5:
                self.rig.pass_time()

    def come_to_rest(self) -> None:
        """Return once every mail has its 2xx and every job has ended; AssertionError, naming what is left, if never."""
        last, moved, helped = None, time.monotonic(), time.monotonic()
        while True:
            self.rig.mend()
            state = self._state()
            if self.mta.finished and state["unfinished"] == 0 and self.hooks.finished:
                return
            if (now := (state, self.mta.sent, len(self.hooks.answered))) != last:
                last, moved, helped = now, time.monotonic(), time.monotonic()
            if 0 == state["due"] < state["unfinished"] or time.monotonic() - helped > QUIET_SECONDS:
                self.rig.pass_time()
                helped = time.monotonic()
            assert time.monotonic() - moved < STUCK_SECONDS, f"stuck: {self.what_is_left()}"
            _look_again(lambda: False)

    def what_is_left(self) -> str:
        rows = self.rig.ask(
            "select consumer, state::text, attempt, run_at - now() as due_in, lease_until - now() as lease, error"
            " from private.jobs where state in ('waiting', 'published', 'running') limit 20"
        )
        return f"{self.mta.sent} of {len(self.mta.mails)} mails sent; {rows}; {self.hooks.refused[:2]}"

    def _state(self) -> dict[str, int]:
        return dict(self.rig.ask(STATE)[0])


def _look_again(is_over: object) -> None:
    until = time.monotonic() + LOOK_SECONDS
    while time.monotonic() < until and not (callable(is_over) and is_over()):
        time.sleep(0.005)
