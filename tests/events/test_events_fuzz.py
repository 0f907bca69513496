"""A client that follows events_since ends up with what the database has, whatever happens on the way.

Thousands of steps of several sessions with open transactions, which commit late, out of order, or not at all, and of a
client that loses answers, starts again from an old cursor and whose token expires at the gateway. The schedule is drawn
from a seed and run by one thread: a red run is red again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from infra.local import tokens
from infra.local.settings import Settings
from tests.data_model.shop import Shop, new_shop
from tests.people import Actor, Connection, act_as, connect
from tests.rest.conftest import serving

STEPS = 10_000
WRITERS = 5
TICKETS = 4  # of each writer: nobody waits for another's row
COLUMNS = {
    "contacts": "id,name",
    "tickets": "id,status,priority,tags,assignee_id,last_seq",
    "messages": "id,ticket_id,seq,is_internal,body_text",
}
Rows = dict[str, dict[str, Any]]


class Wire:
    """How the client asks, as one member: over SQL as the gateway does it, or over the gateway."""

    def __init__(self, shop: Shop, db: Connection, viewer: Actor, http: httpx.Client | None = None) -> None:
        self.shop, self.db, self.viewer = shop, db, viewer
        self.http = http
        self.refused = 0
        self.renew(600)

    def events(self, cursor: str | None, page: int) -> dict[str, Any]:
        asked = {"organization_id": str(self.shop.organization), "cursor": cursor, "max_events": page}
        if self.http:
            return dict(self._asked("POST", "/rpc/events_since", json=asked))
        return dict(
            self._run("select public.events_since(%(organization_id)s, %(cursor)s, %(max_events)s) as a", asked)[0]["a"]
        )

    def rows(self, table: str, ids: set[str]) -> list[dict[str, Any]]:
        if not ids:
            return []
        if self.http:
            wanted = {"id": f"in.({','.join(sorted(ids))})", "select": COLUMNS[table]}
            return list(self._asked("GET", f"/{table}", params=wanted))
        query = f"select {COLUMNS[table]} from public.{table} where id = any (%(ids)s::uuid[])"
        return self._run(f"select to_jsonb(r) as r from ({query}) as r", {"ids": sorted(ids)}, "r")

    def _run(self, statement: str, parameters: dict[str, Any], column: str = "") -> list[dict[str, Any]]:
        with self.db.transaction():
            act_as(self.db, self.viewer)
            found = self.db.execute(statement, parameters).fetchall()
        return [row[column] for row in found] if column else found

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        assert self.http
        while True:
            headers = {"apikey": self.shop.settings.keys.publishable_key, "authorization": f"Bearer {self.token}"}
            answer = self.http.request(method, path, headers=headers, **more)
            if answer.status_code != 401:
                assert answer.is_success, answer.text
                return answer.json()
            self.refused += 1
            self.renew(600)

    def renew(self, seconds: int) -> None:
        claims = self.viewer.claims | {"aud": "authenticated", "exp": int(time.time()) + seconds}
        self.token = tokens.sign(self.shop.settings.keys, claims)


@dataclass
class Client:
    """What docs/events.md tells a client to do, and no more. `saved` is what it would find after a restart."""

    wire: Wire
    page: int
    cursor: str | None = None
    rows: dict[str, Rows] = field(default_factory=lambda: {table: {} for table in COLUMNS})
    seen: set[str] = field(default_factory=set)
    repeats: int = 0
    saved: tuple[str | None, dict[str, Rows]] = (None, {})

    def begin(self) -> None:
        """The cursor first, then everything there is."""
        self.cursor = self.wire.events(None, self.page)["cursor"]

    def read(self, wire: Wire | None = None, *, lost: bool = False) -> dict[str, Any]:
        """One answer, and the rows that it speaks of. One that is lost on its way changes nothing."""
        wire = wire or self.wire
        answer = wire.events(self.cursor, self.page)
        if lost:
            return answer
        new = [event for event in answer["events"] if event["id"] not in self.seen]
        self.repeats += len(answer["events"]) - len(new)
        told = {
            "contacts": {e["subject_id"] for e in new if e["type"] == "contact.created"},
            "tickets": {e["ticket_id"] for e in new if e["ticket_id"]},
            "messages": {e["subject_id"] for e in new if "seq" in e["data"]},
        }
        for table, ids in told.items():
            self.rows[table] |= {row["id"]: row for row in wire.rows(table, ids)}
        self.seen |= {event["id"] for event in new}
        self.cursor = answer["cursor"]
        return answer

    def catch_up(self) -> None:
        for _ in range(10_000):
            answer = self.read()
            if not answer["more"] and not answer["provisional"]:
                return
        pytest.fail("it never came to an end")

    def save(self) -> None:
        self.saved = (self.cursor, {table: dict(rows) for table, rows in self.rows.items()})

    def restart(self) -> None:
        """What it had in memory is gone."""
        self.cursor, rows = self.saved
        self.rows, self.seen = {table: dict(rows[table]) for table in COLUMNS}, set()


@dataclass
class Desk:
    """Sessions that write, each in its own tickets."""

    shop: Shop
    sessions: list[Connection]
    dice: random.Random
    member: UUID
    tickets: list[list[UUID]] = field(default_factory=list)
    opener: int | None = None  # numbering a ticket waits for who has numbered one and not committed
    waiting: list[UUID] = field(default_factory=list)

    def write(self, who: int) -> None:
        db, ticket, dice = self.sessions[who], self.dice.choice(self.tickets[who]), self.dice
        organization = self.shop.organization
        what = dice.choices(
            ["contact", "tags", "priority", "status", "say", "note", "open"], [45, 15, 15, 10, 10, 3, 2]
        )[0]
        if what == "contact":
            db.execute(
                "insert into public.contacts (organization_id, name) values (%s, %s)",
                [organization, str(dice.random())],
            )
        elif what == "open" and self.opener in (None, who):
            self.opener = who
            contact = self.shop.value("select contact_id from public.tickets where id = %s", self.tickets[0][0])
            row = db.execute(
                "insert into public.tickets (organization_id, channel, contact_id) values (%s, 'api', %s) returning id",
                [organization, contact],
            ).fetchone()
            assert row
            self.waiting.append(row["id"])
        elif what in ("say", "note"):
            db.execute(
                "insert into public.messages (organization_id, ticket_id, sender, member_id, is_internal, body_text)"
                " values (%s, %s, 'member', %s, %s, %s)",
                [organization, ticket, self.member, what == "note", str(dice.random())],
            )
        else:
            value = {
                "priority": dice.choice(["low", "normal", "high", "urgent"]),
                "status": dice.choice(["open", "pending", "solved"]),
            }.get(what, [str(dice.randint(0, 9))])
            column = what if what in ("priority", "status") else "tags"
            db.execute(f"update public.tickets set {column} = %s where id = %s".encode(), [value, ticket])

    def end(self, who: int, *, commits: bool) -> None:
        self.sessions[who].commit() if commits else self.sessions[who].rollback()
        if self.opener == who:
            if commits:
                self.tickets[who] += self.waiting
            self.opener, self.waiting = None, []

    def rows(self, table: str) -> Rows:
        found = self.shop.db.execute(
            f"select to_jsonb(r) as r from (select {COLUMNS[table]} from public.{table}"
            " where organization_id = %s) as r".encode(),
            [self.shop.organization],
        )
        return {row["r"]["id"]: row["r"] for row in found}


@pytest.fixture
def writers(desk: Settings) -> Iterator[list[Connection]]:
    opened = [psycopg.connect(desk.database_url("postgres"), row_factory=psycopg.rows.dict_row) for _ in range(WRITERS)]
    for connection in opened:
        connection.execute("set lock_timeout = '50ms'")
        connection.commit()
    yield opened
    for connection in opened:
        connection.close()


def follow(settings: Settings, writers: list[Connection], steps: int, seed: int) -> tuple[Client, Wire]:
    """Run the schedule of `seed`. AssertionError where the client's rows are not the database's when all is quiet."""
    dice = random.Random(seed)
    with (
        connect(settings, "supabase_admin") as admin,
        connect(settings, "authenticator") as reading,
        serving(settings) as gateway,
        httpx.Client(base_url=gateway) as http,
    ):
        shop = new_shop(settings, admin)
        viewer, member = shop.member("viewer"), shop.member("agent").user_id
        assert member
        admin.execute(
            "insert into private.rate_limits (organization_id, user_writes, user_reads) values (%s, 1e6, 1e6)",
            [shop.organization],
        )
        client = Client(Wire(shop, reading, viewer), page=dice.randint(5, 60))
        remote = Wire(shop, reading, viewer, http)
        client.begin()
        client.save()
        work = Desk(shop, writers, dice, member)
        work.tickets = [[shop.ticket() for _ in range(TICKETS)] for _ in writers]
        # Tags are made by who names them first: all ten, before anybody could wait for another.
        admin.execute(
            "update public.tickets set tags = %s where id = %s", [[str(n) for n in range(10)], work.tickets[0][0]]
        )
        for step in range(1, steps + 1):
            who = dice.randrange(WRITERS)
            what = dice.choices(
                ["write", "commit", "roll back", "read", "read by the gateway", "lose", "save", "restart", "expire"],
                [50, 18, 5, 14, 2, 2, 4, 1, 4],
            )[0]
            match what:
                case "write":
                    try:
                        work.write(who)
                    except psycopg.errors.LockNotAvailable:
                        work.end(who, commits=False)
                case "commit" | "roll back":
                    work.end(who, commits=what == "commit")
                case "read":
                    client.read()
                case "read by the gateway":
                    client.read(remote)
                case "lose":
                    client.read(lost=True)
                case "save":
                    client.save()
                case "restart":
                    client.restart()
                case "expire":
                    remote.renew(-3600)
            if step % (steps // 10) == 0:
                for each in range(WRITERS):
                    work.end(each, commits=dice.random() < 0.9)
                client.catch_up()
                for table, rows in client.rows.items():
                    assert rows == work.rows(table), f"{table} after step {step} of seed {seed}"
    return client, remote


def test_the_clients_state_is_the_databases(desk: Settings, writers: list[Connection]) -> None:
    seed = int(os.environ.get("SEED", "1")) if os.environ.get("FULL") != "1" else random.randrange(10**6)
    client, remote = follow(desk, writers, STEPS, seed)
    # The schedule had what it is about.
    assert len(client.seen) > 0
    assert client.repeats > 100
    assert remote.refused > 10
    assert all(len(rows) > 25 for rows in client.rows.values())


MUTATIONS = {
    "the cursor moves past open transactions": (
        "pg_snapshot_xmin(pg_current_snapshot())",
        "pg_snapshot_xmax(pg_current_snapshot())",
    ),
    "the end of a page is taken for settled": ("elsif cut and reach_txid < horizon then", "elsif cut then"),
}


@pytest.mark.parametrize("bug", MUTATIONS)
def test_the_fuzz_finds_a_bug_that_is_put_there(desk: Settings, writers: list[Connection], bug: str) -> None:
    right, wrong = MUTATIONS[bug]
    with connect(desk, "supabase_admin") as admin:
        found = admin.execute(
            "select pg_get_functiondef('public.events_since(uuid, text, integer)'::regprocedure) as text"
        ).fetchone()
        assert found
        assert right in found["text"]
        admin.execute(found["text"].replace(right, wrong).encode())
    with pytest.raises(AssertionError, match="after step"):
        follow(desk, writers, 2000, 1)
