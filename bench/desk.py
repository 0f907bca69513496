"""What an agent does all day, on a desk of a thousand tickets and on one of a hundred thousand (FULL=1: a million).

Under row-level security: each request is SQL in a transaction of its own, as `authenticated` with the agent's claims
set, the way PostgREST runs it, over one connection. The list is the newest fifty open tickets with contact and
assignee; a ticket is opened with its last fifty messages and events.

Bar: no median is more than 1.5 times as long as on the small desk, measured in turn.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from contextlib import ExitStack
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
AGENT = {"role": "authenticated", "sub": "00000000-0000-7000-9000-000000000001"}
LOAD = Path(__file__).with_name("desk_load.sql")
SQL = queries(__file__)
Connection = psycopg.Connection[dict[str, Any]]

# What is typed into the search field.
SEARCHES = {
    "search, common word": "word1",
    "search, middling word": "word40",
    "search, one ticket's contact": "contact500@people.example",
    "search, beginning of a word": "wor",
    "search, two words": "word2 word15",
}


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console = Console()
    with throwaway_server(durable=False) as platform, ExitStack() as stack:
        desks = {}
        for tickets in SIZES:
            started = time.monotonic()
            desks[tickets] = stack.enter_context(load(platform, tickets))
            console.print(f"desk: {tickets:,} tickets loaded in {time.monotonic() - started:.0f} s")
        tasks = ["inbox list", "ticket open", *SEARCHES]
        figures = {task: _measure(task, desks) for task in tasks}
    good = True
    for task, by_size in figures.items():
        ratio = by_size[SIZES[-1]] / by_size[SIZES[0]]
        good = good and ratio <= RATIO_BAR
        sizes = ", ".join(f"{tickets:,}: {milliseconds:.2f} ms" for tickets, milliseconds in by_size.items())
        mark = "ok" if ratio <= RATIO_BAR else "MISSED"
        console.print(f"  {task}: {sizes}; {ratio:.2f} × (bar <= {RATIO_BAR} ×) {mark}")
    return 0 if good else 1


def load(platform: Settings, tickets: int) -> Connection:
    """A database with so many tickets; the connection to it is PostgREST's."""
    settings = clone_database(platform, f"desk_{tickets}")
    schema.declare(settings.database_url("postgres"))
    with psycopg.connect(settings.database_url("supabase_admin"), autocommit=True) as connection:
        connection.execute("select set_config('bench.tickets', %s, false)", [str(tickets)])
        for statement in LOAD.read_text().split(";\n\n"):
            connection.execute(statement.encode())
    return psycopg.connect(settings.database_url("authenticator"), row_factory=dict_row)


def _measure(task: str, desks: dict[int, Connection]) -> dict[int, float]:
    """The median milliseconds on each desk. They take turns, so that a busy moment of the machine meets all of them."""
    chance = random.Random(11)
    milliseconds: dict[int, list[float]] = {tickets: [] for tickets in desks}
    for _ in range(ROUNDS):
        for tickets, connection in desks.items():
            # One of the hundred long conversations.
            number = chance.randrange(1, 101) * (tickets // 100)
            milliseconds[tickets].append(_request(connection, task, number))
    return {tickets: median(each) for tickets, each in milliseconds.items()}


def _request(connection: Connection, task: str, number: int) -> float:
    started = time.perf_counter()
    with connection.transaction():
        connection.execute(SQL["act_as_agent"], {"claims": json.dumps(AGENT)})
        if task == "inbox list":
            found = connection.execute(SQL["inbox"], {"organization": ORGANIZATION}).fetchall()
            assert len(found) == 50
        elif task == "ticket open":
            values = {"organization": ORGANIZATION, "number": number}
            ticket = connection.execute(SQL["ticket"], values).fetchone()
            assert ticket
            messages = connection.execute(SQL["messages"], {"ticket": ticket["id"]}).fetchall()
            assert len(messages) == 50
            assert len(connection.execute(SQL["events"], {"ticket": ticket["id"]}).fetchall()) == 50
        else:
            values = {"organization": ORGANIZATION, "query": SEARCHES[task]}
            assert connection.execute(SQL["search"], values).fetchall()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
