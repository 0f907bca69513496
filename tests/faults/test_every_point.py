"""The long version: 200 mails at a time, and a death at every point of the functions that a mail passes."""

from __future__ import annotations

import random

import pytest

from tests.faults.conftest import SEED, NewReplay, judge
from tests.faults.mailbox import mailbox
from tests.faults.points import ANSWER, ITSELF, SESSION, WAY, Order
from tests.faults.provider import Provider
from tests.faults.queue import Queue
from tests.faults.rig import Rig

pytestmark = pytest.mark.full
MAILS = 200  # where processes die; half of them where only sessions and answers are lost
# The points that must be among those found, so that a change of names cannot empty the test.
KNOWN = {
    "door ran accept", "door committed accept", "relay ran claim_jobs", "relay committed claim_jobs",
    "relay calls SendMessageBatch", "relay called SendMessageBatch", "relay ran mark_published",
    "relay committed mark_published", "intake called POST /storage", "intake ran file", "reply ran record_draft",
    "send_mail calls POST /emails", "send_mail called POST /emails", "send_mail ran mark_sent",
    *(f"{consumer} {what}" for consumer in WAY[2:] for what in ("ran finish_job", "committed finish_job")),
}  # fmt: skip


@pytest.fixture(scope="module")
def survey() -> list[str]:
    """Filled by the first test: every point that mail passes while nothing goes wrong."""
    return []


def test_points_are_found_by_a_replay_in_which_nothing_dies(new_replay: NewReplay, rig: Rig, survey: list[str]) -> None:
    replay = new_replay(mailbox(SEED, 30))
    replay.run()
    judge(replay, "nothing dies")
    # What is observed once a minute is on no mail's way.
    survey += [p for p in rig.orders.reached() if p.split()[0] in WAY and not p.endswith(" queue_status")]
    print(f"{len(survey)} points")
    assert set(survey) >= KNOWN


def test_whoever_reaches_a_point_dies_there(new_replay: NewReplay, rig: Rig, survey: list[str]) -> None:
    _at_all_of_them(new_replay, [Order(point, ITSELF) for point in survey], SEED + 1, "kill -9 at every point")


@pytest.mark.parametrize("victim", ["postgres", SESSION, ANSWER])
def test_postgres_its_session_or_its_answer_is_gone_after_every_statement_and_every_commit(
    new_replay: NewReplay, survey: list[str], victim: str
) -> None:
    points = [point for point in survey if point.split()[1] in ("ran", "committed")]
    seed = SEED + 2 + [SESSION, ANSWER, "postgres"].index(victim)
    mails = MAILS if victim == "postgres" else MAILS // 2
    orders = [Order(point, victim) for point in points]
    _at_all_of_them(new_replay, orders, seed, f"no {victim} at every statement", mails)


def test_queue_and_gateway_die_before_and_after_every_call(new_replay: NewReplay, survey: list[str]) -> None:
    calls = [point for point in survey if point.split()[1] in ("calls", "called")]
    # Where the queues are is asked once in the life of a process.
    orders = [Order(point, "queue") for point in calls if point.endswith("SendMessageBatch")]
    orders += [Order(point, "gateway") for point in calls if "/storage" in point]
    orders += [Order(point, "gateway") for point in survey if point.startswith("door")]
    _at_all_of_them(new_replay, orders, SEED + 5, "queue and gateway at every call", MAILS // 2)


@pytest.mark.parametrize("seed", [SEED + 10, SEED + 11, SEED + 12])
def test_parts_die_at_random_while_queue_and_provider_misbehave(
    new_replay: NewReplay, provider: Provider, queue: Queue, seed: int
) -> None:
    provider.share, queue.share = 0.25, 0.2
    replay = new_replay(mailbox(seed, MAILS))
    parts = ["postgres", "queue", "gateway", "runner0", "runner1"]
    replay.run(lambda: replay.kill_at_random(parts, 20, random.Random(seed)))
    judge(replay, f"seed {seed}, 20 deaths at random; queue: {queue.faults}")


def _at_all_of_them(new_replay: NewReplay, orders: list[Order], seed: int, what: str, mails: int = MAILS) -> None:
    """Carry out every order while a mailbox goes through; what no mail has reached is tried again over another."""
    left = orders
    for again in range(3):
        replay = new_replay(mailbox(seed + 100 * again, mails if again == 0 else 30), left)
        replay.run()
        left, replay.missed = replay.missed, []
        judge(replay, f"seed {seed + 100 * again}, {what}: {len(replay.hit)} of {len(orders)}")
        if not left:
            return
    assert left == [], "no mail has reached these"
