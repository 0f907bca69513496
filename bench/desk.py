"""What a team does all day, on a desk of a thousand tickets and on one of a hundred thousand (FULL=1: a million).

Under row-level security: each request is SQL in a transaction of its own, as `authenticated` with a member's claims
set, the way PostgREST runs it, over one connection; what the clocks do is run as they run it. What changes rows is
undone, which is in its time. The inbox is the newest fifty open tickets with contact and assignee; a ticket is opened
with its last fifty messages and events; a round of assignment gives away the tickets that wait in line, about seventy
on each desk; the reports are of ninety days.

Bar: no median is more than 1.5 times as long as on the small desk, measured in turn. But for the report by agent: it
reads a row for each day on which an agent did something, and a thousand tickets do not fill twenty agents' ninety days.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from chalicelib.kit.database import queries
from psycopg.rows import dict_row
from rich.console import Console

from bench.server import throwaway_server
from infra.local.postgres import clone_database
from infra.local.settings import Settings
from pgdesk import schema

FULL = os.environ.get("FULL") == "1"
SIZES = (1_000, 100_000, 1_000_000) if FULL else (1_000, 100_000)
ROUNDS = 200 if FULL else 100
RATIO_BAR = 1.5
ORGANIZATION = "00000000-0000-7000-8000-000000000000"
MEMBER = {"role": "authenticated", "sub": "00000000-0000-7000-9000-000000000001"}
LOAD = Path(__file__).with_name("desk_load.sql")
SQL = queries(__file__)
Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """One thing that is done: statements of queries.sql, and how many rows each has to give."""

    name: str
    statements: tuple[str, ...]
    rows: int
    values: tuple[tuple[str, str], ...] = ()
    by_clock: bool = False
    rounds: int = ROUNDS
    has_bar: bool = True


def _task(name: str, *statements: str, rows: int = 1, **more: Any) -> Task:
    own = {key: more.pop(key) for key in ("by_clock", "rounds", "has_bar") if key in more}
    return Task(name, statements, rows, tuple(more.items()), **own)


TASKS = (
    _task("inbox list", "inbox", rows=50),
    _task("ticket open", "messages", "events", rows=50),
    _task("queue view", "view", rows=50, view="My teams"),
    _task("queue view, sorted by due time", "view", rows=50, view="Late"),
    _task("counts of all views", "view_counts", rows=4),
    _task("search, common word", "search", query="word1"),
    _task("search, middling word", "search", query="word40"),
    _task("search, one ticket's contact", "search", query="contact500@people.example"),
    _task("search, beginning of a word", "search", query="wor"),
    _task("search, two words", "search", query="word2 word15"),
    _task("search in messages", "search_messages", query="word2 word15"),
    _task("search for contacts", "search_contacts", query="contact50"),
    _task("take the next ticket", "take_next"),
    _task("round of assignment", "assign", by_clock=True, rounds=ROUNDS // 10),
    _task("SLA clocks of one ticket", "run_sla", by_clock=True),
    _task("numbers of one ticket", "ticket_metrics"),
    _task("report", "report", by="organization", per="total"),
    _task("report by team", "report", by="team", per="total"),
    _task("report by agent", "report", by="agent", per="total", has_bar=False),
    _task("report by day", "report", by="organization", per="day"),
    _task("backlog by team", "backlog"),
    _task("numbers follow ten tickets", "measure", by_clock=True),
)


@dataclass(frozen=True)
class Desk:
    """`members` is PostgREST's connection, `clock` the one of the schema's owner."""

    members: Connection
    clock: Connection


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console = Console()
    with throwaway_server(durable=False) as platform, ExitStack() as stack:
        desks = {}
        for tickets in SIZES:
            started = time.monotonic()
            desks[tickets] = load(platform, tickets, stack)
            console.print(f"desk: {tickets:,} tickets loaded in {time.monotonic() - started:.0f} s")
        good = True
        for task in TASKS:
            by_size = _measure(task, desks)
            ratio = by_size[SIZES[-1]] / by_size[SIZES[0]]
            bar = f"(bar <= {RATIO_BAR} ×) {'ok' if ratio <= RATIO_BAR else 'MISSED'}" if task.has_bar else "(no bar)"
            good = good and (ratio <= RATIO_BAR or not task.has_bar)
            sizes = ", ".join(f"{tickets:,}: {milliseconds:.2f} ms" for tickets, milliseconds in by_size.items())
            console.print(f"  {task.name}: {sizes}; {ratio:.2f} × {bar}")
    return 0 if good else 1


def load(platform: Settings, tickets: int, stack: ExitStack) -> Desk:
    """A database with so many tickets."""
    settings = clone_database(platform, f"desk_{tickets}")
    schema.declare(settings.database_url("postgres"))
    with psycopg.connect(settings.database_url("supabase_admin"), autocommit=True) as connection:
        connection.execute("select set_config('bench.tickets', %s, false)", [str(tickets)])
        for statement in LOAD.read_text().split(";\n\n"):
            connection.execute(statement.encode())

    def connected(role: str) -> Connection:
        return stack.enter_context(psycopg.connect(settings.database_url(role), row_factory=dict_row))

    return Desk(connected("authenticator"), connected("postgres"))


def _measure(task: Task, desks: dict[int, Desk]) -> dict[int, float]:
    """The median milliseconds on each desk. They take turns, so that a busy moment of the machine meets all of them."""
    chance = random.Random(11)
    milliseconds: dict[int, list[float]] = {tickets: [] for tickets in desks}
    for _ in range(task.rounds):
        for tickets, desk in desks.items():
            # One of the hundred long conversations.
            number = chance.randrange(1, 101) * (tickets // 100)
            milliseconds[tickets].append(_request(desk, task, number))
    return {tickets: median(each) for tickets, each in milliseconds.items()}


def _request(desk: Desk, task: Task, number: int) -> float:
    values = {"organization": ORGANIZATION, "number": number, "claims": json.dumps(MEMBER), **dict(task.values)}
    connection = desk.clock if task.by_clock else desk.members
    started = time.perf_counter()
    with connection.transaction(force_rollback=True):
        connection.execute(SQL["act_as_clock" if task.by_clock else "act_as_agent"], values)
        ticket = connection.execute(SQL["ticket"], values).fetchone()
        assert ticket
        for statement in task.statements:
            found = connection.execute(SQL[statement], values | {"ticket": ticket["id"]}).fetchall()
            assert len(found) >= task.rows, (task.name, len(found))
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
