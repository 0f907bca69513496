"""One job, one relay, two consumers and a clock: every step from every state that any order of steps can reach."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from infra.local.settings import Settings
from tests.people import Connection, connect, new_organization

STEPS = ("claim", "begin A", "begin B", "finish A", "finish B", "fail A", "expire")


# What can differ: the job's state, whether its lease has run out, its effects, and whether each consumer's token is
# the current one, an old one, or none.
State = tuple[str, bool, int, str, str]


class Game:
    """The job and what each consumer believes. Steps run in savepoints and are undone, so that all are tried."""

    def __init__(self, connection: Connection, organization: UUID) -> None:
        self.db = connection
        self.organization = organization
        self.tokens: dict[str, UUID | None] = {"A": None, "B": None}
        self.seen: set[State] = set()
        self.steps = 0
        connection.execute("create temporary table effects (job_id uuid)")
        self.job = self._scalar("select private.enqueue(%s, 'triage', '{}')", organization)

    def _scalar(self, statement: str, *parameters: object) -> UUID:
        row = self.db.execute(statement, parameters).fetchone()
        assert row
        return UUID(str(next(iter(row.values()))))

    def take(self, step: str) -> None:
        verb, _, who = step.partition(" ")
        if verb == "claim":
            self.db.execute("select private.claim_jobs(10)")
        elif verb == "expire":
            self.db.execute(
                "update private.jobs set lease_until = now() - interval '1 s' where lease_until is not null"
            )
        elif verb == "begin":
            row = self.db.execute("select token from private.begin_job(%s)", [self.job]).fetchone()
            self.tokens[who] = row["token"] if row else self.tokens[who]
        elif verb == "finish" and self.tokens[who]:
            try:
                with self.db.transaction():
                    self.db.execute("insert into effects values (%s)", [self.job])
                    self.db.execute("select private.finish_job(%s, %s)", [self.job, self.tokens[who]])
            except psycopg.DatabaseError as error:
                if error.sqlstate != "PD001":
                    raise
            self.tokens[who] = None
        elif verb == "fail" and self.tokens[who]:
            self.db.execute("select private.fail_job(%s, %s, 'no', '0 s')", [self.job, self.tokens[who]])
            self.tokens[who] = None

    def state(self) -> State:
        """Where the game stands; fails where it must never stand."""
        row = self.db.execute(
            "select state, token, lease_until < now() is true as expired, (select count(*) from effects) as effects"
            " from private.jobs where id = %s",
            [self.job],
        ).fetchone()
        assert row
        assert row["effects"] == (1 if row["state"] == "done" else 0)
        assert (row["token"] is not None) == (row["state"] == "running")
        held = [
            "none" if token is None else "current" if token == row["token"] else "old" for token in self.tokens.values()
        ]
        return row["state"], row["expired"], row["effects"], held[0], held[1]

    def drive_home(self) -> None:
        """From any state, a relay and a consumer that do their work bring the job home, once."""
        with self.db.transaction(force_rollback=True):
            for step in ("expire", "claim", "begin A", "finish A"):
                self.take(step)
            row = self.db.execute(
                "select state, (select count(*) from effects) as effects from private.jobs where id = %s", [self.job]
            ).fetchone()
            assert row == {"state": "done", "effects": 1}

    def explore(self) -> None:
        """Take every step from here, and from wherever it leads that was not seen yet."""
        here = self.state()
        if here in self.seen:
            return
        self.seen.add(here)
        kept = dict(self.tokens)
        self.drive_home()
        self.tokens = dict(kept)
        for step in STEPS:
            self.steps += 1
            with self.db.transaction(force_rollback=True):
                self.take(step)
                self.explore()
            self.tokens = dict(kept)


@pytest.fixture
def game(desk: Settings) -> Iterator[Game]:
    with connect(desk, "postgres") as connection, connection.transaction(force_rollback=True):
        # max_attempts must not end the game.
        connection.execute("update private.consumers set max_attempts = 100")
        yield Game(connection, new_organization(connection, "acme"))


def test_a_job_takes_effect_once_in_every_order_of_steps(game: Game) -> None:
    game.explore()
    print(f"\n{game.steps} steps from {len(game.seen)} states")
    assert {state for state, *_ in game.seen} == {"waiting", "published", "running", "done"}
    # Both consumers were seen to hold the current token, and to hold an old one while the other was at work.
    assert {("running", "current", "old"), ("running", "old", "current")} <= {(s[0], s[3], s[4]) for s in game.seen}
