"""Two sessions stepped by hand while the other's transaction is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Behind
from tests.people import Connection, connect, new_organization

Queue = tuple[Connection, Connection, UUID]


@pytest.fixture
def queue(desk: Settings) -> Iterator[Queue]:
    with connect(desk, "postgres") as one, connect(desk, "postgres") as other:
        yield one, other, new_organization(one, "acme")


def enqueue(db: Connection, organization: UUID, **options: Any) -> UUID:
    row = db.execute(
        "select private.enqueue(%s, %s, %s, dedupe_key => %s, order_key => %s,"
        " run_at => now() + make_interval(secs => %s)) as id",
        [
            organization, options.get("consumer", "triage"), options.get("payload", "{}"),
            options.get("dedupe"), options.get("order"), options.get("seconds", 0),
        ],
    ).fetchone()  # fmt: skip
    assert row
    return UUID(str(row["id"]))


def claim(db: Connection) -> list[UUID]:
    return [row["id"] for row in db.execute("select id from private.claim_jobs(100)")]


def begin(db: Connection, job: UUID) -> UUID | None:
    row = db.execute("select token from private.begin_job(%s)", [job]).fetchone()
    return row["token"] if row else None


def finish(db: Connection, job: UUID, token: UUID | None) -> None:
    db.execute("select private.finish_job(%s, %s)", [job, token])


def state(db: Connection, job: UUID) -> str:
    row = db.execute("select state from private.jobs where id = %s", [job]).fetchone()
    assert row
    return str(row["state"])


def expire(db: Connection, job: UUID) -> None:
    db.execute("update private.jobs set lease_until = now() - interval '1 s' where id = %s", [job])


def waits(observer: Connection, other: Connection) -> None:
    """Return once `other` waits for a lock."""
    for _ in range(2000):
        row = observer.execute(
            "select wait_event_type = 'Lock' as waiting from pg_stat_activity where pid = %s", [other.info.backend_pid]
        ).fetchone()
        if row and row["waiting"]:
            return
    pytest.fail("the other session never waited")


def test_two_relays_never_claim_the_same_job(queue: Queue, desk: Settings) -> None:
    one, other, organization = queue
    job = enqueue(one, organization)
    with connect(desk, "postgres") as observer:
        with one.transaction():
            assert claim(one) == [job]
            second = Behind(lambda: claim(other))
            waits(observer, other)
        assert second.get() == []


def test_a_claim_that_is_undone_can_be_claimed_again(queue: Queue) -> None:
    one, other, organization = queue
    job = enqueue(one, organization)
    with one.transaction(force_rollback=True):
        assert claim(one) == [job]
    assert claim(other) == [job]


def test_a_wake_up_sent_twice_begins_one_attempt(queue: Queue, desk: Settings) -> None:
    one, other, organization = queue
    job = enqueue(one, organization)
    claim(one)
    with connect(desk, "postgres") as observer:
        with one.transaction():
            assert begin(one, job)
            second = Behind(lambda: begin(other, job))
            waits(observer, other)
        assert second.get() is None


def test_an_attempt_that_fell_silent_cannot_finish_after_its_job_was_given_away(queue: Queue) -> None:
    one, other, organization = queue
    job = enqueue(one, organization)
    claim(one)
    stale = begin(one, job)
    expire(one, job)
    assert claim(other) == [job]
    fresh = begin(other, job)
    with pytest.raises(psycopg.DatabaseError, match="no longer held"):
        finish(one, job, stale)
    finish(other, job, fresh)
    assert state(one, job) == "done"


def test_expiry_lets_go_of_a_job_whose_finish_is_under_way(queue: Queue) -> None:
    one, other, organization = queue
    job = enqueue(one, organization)
    claim(one)
    token = begin(one, job)
    expire(one, job)
    with one.transaction():
        finish(one, job, token)
        # The row is locked by the finish: the relay skips it rather than wait.
        assert claim(other) == []
    assert state(other, job) == "done"
    assert claim(other) == []


def test_the_effects_of_a_lost_attempt_are_undone(queue: Queue) -> None:
    one, other, organization = queue
    job = enqueue(one, organization)
    claim(one)
    stale = begin(one, job)
    expire(one, job)
    claim(other)
    one.execute("begin")
    one.execute("insert into public.teams (organization_id, name) values (%s, 'effect')", [organization])
    with pytest.raises(psycopg.DatabaseError, match="no longer held"):
        finish(one, job, stale)
    one.execute("rollback")
    assert one.execute("select 1 from public.teams").fetchone() is None


def test_a_publication_that_got_lost_is_published_again(queue: Queue) -> None:
    one, other, organization = queue
    job = enqueue(one, organization)
    claim(one)
    one.execute("select private.mark_published(array[%s]::uuid[])", [job])
    assert claim(other) == []
    expire(one, job)
    assert claim(other) == [job]
    assert begin(one, job)
    assert begin(other, job) is None


def test_what_the_queue_refused_waits_again(queue: Queue) -> None:
    one, _, organization = queue
    job = enqueue(one, organization)
    claim(one)
    one.execute("select private.release_jobs(array[%s]::uuid[])", [job])
    assert state(one, job) == "waiting"
    assert begin(one, job) is None


def test_enqueueing_again_moves_a_waiting_job_and_waits_beside_a_running_one(queue: Queue) -> None:
    one, _, organization = queue
    first = enqueue(one, organization, dedupe="refit", payload='{"n": 1}')
    assert enqueue(one, organization, dedupe="refit", payload='{"n": 2}') == first
    claim(one)
    begin(one, first)
    second = enqueue(one, organization, dedupe="refit", payload='{"n": 3}')
    assert second != first
    assert enqueue(one, organization, dedupe="refit") == second


def test_jobs_with_one_order_key_go_one_after_the_other(queue: Queue) -> None:
    one, other, organization = queue
    first, second = (enqueue(one, organization, order="ticket") for _ in range(2))
    free = enqueue(one, organization, order="another")
    assert set(claim(one)) == {first, free}
    assert claim(other) == []
    finish(one, first, begin(one, first))
    assert claim(other) == [second]


def test_a_dead_job_lets_the_next_of_its_order_go_on_and_stays_visible(queue: Queue) -> None:
    one, _, organization = queue
    first, second = (enqueue(one, organization, order="ticket") for _ in range(2))
    claim(one)
    one.execute("select private.fail_job(%s, %s, 'poison', fatal => true)", [first, begin(one, first)])
    assert state(one, first) == "dead"
    assert claim(one) == [second]
    row = one.execute("select dead from private.queue_status() where consumer = 'triage'").fetchone()
    assert row == {"dead": 1}


def test_a_job_that_keeps_failing_dies_after_its_attempts(queue: Queue) -> None:
    one, _, organization = queue
    one.execute("update private.consumers set max_attempts = 3")
    job = enqueue(one, organization)
    for _ in range(3):
        assert claim(one) == [job]
        one.execute("select private.fail_job(%s, %s, 'no', '0 s')", [job, begin(one, job)])
    assert state(one, job) == "dead"
    assert claim(one) == []


def test_a_job_whose_consumer_keeps_dying_dies_too(queue: Queue) -> None:
    one, _, organization = queue
    one.execute("update private.consumers set max_attempts = 2")
    job = enqueue(one, organization)
    for _ in range(2):
        claim(one)
        assert begin(one, job)
        expire(one, job)
    assert claim(one) == []
    assert state(one, job) == "dead"


def test_no_consumer_has_more_in_flight_than_its_window(queue: Queue) -> None:
    one, _, organization = queue
    one.execute("update private.consumers set in_flight = 3")
    jobs = [enqueue(one, organization) for _ in range(10)]
    assert claim(one) == jobs[:3]
    assert claim(one) == []
    finish(one, jobs[0], begin(one, jobs[0]))
    assert claim(one) == [jobs[3]]


def test_a_job_for_later_is_not_claimed_before_its_time(queue: Queue) -> None:
    one, _, organization = queue
    job = enqueue(one, organization, seconds=3600)
    assert claim(one) == []
    one.execute("update private.jobs set run_at = now() where id = %s", [job])
    assert claim(one) == [job]


def test_a_finish_wakes_the_relay_when_more_is_due(queue: Queue) -> None:
    one, other, organization = queue
    one.execute("update private.consumers set in_flight = 1")
    jobs = [enqueue(one, organization) for _ in range(2)]
    claim(one)
    token = begin(one, jobs[0])
    other.execute("listen pgdesk_jobs")
    finish(one, jobs[0], token)
    assert [note.channel for note in other.notifies(timeout=5, stop_after=1)] == ["pgdesk_jobs"]


def test_cleaning_removes_old_finished_jobs_and_nothing_else(queue: Queue) -> None:
    one, _, organization = queue
    old, recent, waiting = (enqueue(one, organization) for _ in range(3))
    for job, age in ((old, "8 days"), (recent, "1 day")):
        one.execute(
            "update private.jobs set state = 'done', finished_at = now() - %s::interval where id = %s", [age, job]
        )
    one.execute("select private.maintain()")
    left = {row["id"] for row in one.execute("select id from private.jobs where consumer = 'triage'")}
    assert left == {recent, waiting}
