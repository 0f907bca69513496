"""A snapshot held open keeps every state that a job has left; the queue must not read them all again and again."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from infra.local.settings import Settings
from tests.people import Connection, connect, new_organization

# Three states of each stay in the indexes: 12,000 entries to read, where all are read.
THROUGH = 4000
FEW = 200


@pytest.fixture
def bloated(desk: Settings) -> Iterator[tuple[Connection, UUID]]:
    """A queue through which THROUGH jobs went while somebody's snapshot was open, as it still is."""
    with (
        connect(desk, "supabase_admin") as db,
        psycopg.connect(desk.database_url("postgres")) as holder,
    ):
        organization = new_organization(db, "acme")
        db.execute("update private.consumers set in_flight = 100")
        holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        holder.execute("select from private.jobs")
        db.execute(
            "insert into private.jobs (organization_id, consumer, run_at)"
            " select %s, 'triage', now() - interval '1 minute' from generate_series(1, %s)",
            [organization, THROUGH],
        )
        db.execute("analyze private.jobs")
        while claim(db):
            finish_all(db)
        yield db, organization


def claim(db: Connection) -> list[UUID]:
    return [row["id"] for row in db.execute("select id from private.claim_jobs(100)")]


def finish_all(db: Connection) -> None:
    db.execute(
        "select private.finish_job(b.id, b.token) from private.jobs as j, private.begin_job(j.id) as b"
        " where j.state = 'published'"
    )


def entries_read(db: Connection, statement: str, *parameters: object) -> int:
    """Entries of indexes on jobs that a statement walks over, those of states long left included."""
    read = (
        "select coalesce(sum(pg_stat_get_xact_tuples_returned(indexrelid)), 0)::integer as n from pg_index"
        " where indrelid = 'private.jobs'::regclass"
    )
    with db.transaction():
        before = db.execute(read).fetchone()
        db.execute(statement, parameters)
        after = db.execute(read).fetchone()
    assert before
    assert after
    return int(after["n"]) - int(before["n"])


def look_at_everything_again(db: Connection) -> None:
    """As if the seconds had passed for which a claim's mark is good."""
    db.execute("update private.claim_marks set good_until = now()")


def enqueue(db: Connection, organization: UUID, **options: object) -> UUID:
    row = db.execute(
        "select private.enqueue(%s, 'triage', order_key => %s) as id", [organization, options.get("order")]
    ).fetchone()
    assert row
    return UUID(str(row["id"]))


def test_the_next_job_is_claimed_begun_and_finished_without_reading_all_that_is_done(
    bloated: tuple[Connection, UUID],
) -> None:
    db, organization = bloated
    look_at_everything_again(db)
    assert entries_read(db, "select private.claim_jobs()") > THROUGH
    job = enqueue(db, organization)
    assert entries_read(db, "select private.claim_jobs()") <= FEW
    assert entries_read(db, "select private.finish_job(id, token) from private.begin_job(%s)", job) <= FEW
    assert db.execute("select state from private.jobs where id = %s", [job]).fetchone() == {"state": "done"}


def test_what_an_order_key_held_back_goes_on_at_once(bloated: tuple[Connection, UUID]) -> None:
    db, organization = bloated
    first, second = enqueue(db, organization, order="one"), enqueue(db, organization, order="one")
    assert claim(db) == [first]
    db.execute("update private.jobs set run_at = now() - interval '1 hour' where id = %s", [second])
    finish_all(db)
    assert claim(db) == [second]


def test_a_job_that_came_late_is_found_when_everything_is_looked_at_again(bloated: tuple[Connection, UUID]) -> None:
    db, organization = bloated
    late = enqueue(db, organization)
    db.execute("update private.jobs set run_at = now() - interval '1 hour' where id = %s", [late])
    assert claim(db) == []
    look_at_everything_again(db)
    assert claim(db) == [late]
