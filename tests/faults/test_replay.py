"""A mailbox goes through the desk while every part of it dies: nothing is lost, doubled or stuck."""

from __future__ import annotations

from tests.faults.conftest import SEED, NewReplay, judge
from tests.faults.points import ANSWER, ITSELF, SESSION, Order
from tests.faults.provider import Provider
from tests.faults.queue import Queue
from tests.faults.rig import Rig, until

# Every part once, and an end of every kind: before and after the calls outside, before and after commits.
ONE_OF_EACH = [
    Order("door committed accept", ANSWER),
    Order("intake calls POST /storage", "gateway"),
    Order("relay called SendMessageBatch", ITSELF),
    Order("intake ran file", SESSION),
    Order("triage ran record_triage", "postgres"),
    Order("relay ran mark_published", "queue"),
    Order("send_mail called POST /emails", ITSELF),
    Order("reply ran record_draft", SESSION),
    Order("send_mail committed finish_job", ANSWER),
]


def test_a_replay_in_which_every_part_dies_once_loses_and_doubles_nothing(
    new_replay: NewReplay, provider: Provider, queue: Queue
) -> None:
    provider.share, queue.share = 0.25, 0.15
    replay = new_replay(SEED, 20, ONE_OF_EACH)
    replay.run()
    judge(replay, f"seed {SEED}, every part once, queue: {queue.faults}")


def test_a_queue_that_loses_everything_costs_time_and_nothing_else(
    new_replay: NewReplay, rig: Rig, queue: Queue
) -> None:
    replay = new_replay(SEED + 50, 6)

    def lose_everything() -> None:
        queue.is_deaf = True
        replay.mta.allow(6)
        until(lambda: replay.mta.finished, 30)
        until(lambda: rig.ask("select from private.jobs where state = 'published'"), 30)
        queue.is_deaf = False

    replay.run(lose_everything)
    judge(replay, "every wake-up is lost")


def test_while_functions_may_not_log_in_nothing_is_promised_and_nothing_lost(new_replay: NewReplay, rig: Rig) -> None:
    replay = new_replay(SEED + 51, 6)

    def lock_out() -> None:
        rig.ask("alter role pgdesk_functions nologin")
        rig.ask("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'pgdesk_functions'")
        replay.mta.allow(6)
        until(lambda: replay.mta.attempts > 8, 30)
        assert replay.mta.sent == 0
        rig.ask("alter role pgdesk_functions login")

    replay.run(lock_out)
    judge(replay, "no database for a while")
