"""Tickets a second through all rules of a desk, beside those of one that has written down none.

Tickets are opened with their first message by `open_ticket`, each a request of an agent's under row-level security,
over one connection; then the clocks that this asks for are run one by one as their consumer runs them (assignment, the
numbers, which would wait two minutes), until none is due. SLA clocks, routing and what else is a rule happen meanwhile.

Bar: the ruled desk takes at least a fifth of the tickets a second that the bare one does, both measured in turn.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from chalicelib.kit.database import queries
from psycopg.rows import dict_row
from rich.console import Console

from bench.desk import MEMBER
from bench.server import throwaway_server
from infra.local.postgres import clone_database
from pgdesk import schema

FULL = os.environ.get("FULL") == "1"
TICKETS = 1_000 if FULL else 150
ROUNDS = 3
RATIO_BAR = 0.2
ORGANIZATIONS = {
    "bare": "00000000-0000-7000-8000-000000000000",
    "ruled": "00000000-0000-7000-8000-000000000001",
}
LOAD = Path(__file__).with_name("desk_rules.sql")
SQL = queries(__file__)
Connection = psycopg.Connection[dict[str, Any]]


def main() -> int:
    """Measure and print; 1 where the bar is missed."""
    rates: dict[str, list[float]] = {name: [] for name in ORGANIZATIONS}
    with throwaway_server() as platform:
        settings = clone_database(platform, "rules")
        schema.declare(settings.database_url("postgres"))
        with psycopg.connect(settings.database_url("supabase_admin"), autocommit=True) as admin:
            admin.execute(LOAD.read_text().encode())
        with (
            psycopg.connect(settings.database_url("authenticator"), row_factory=dict_row) as members,
            psycopg.connect(settings.database_url("postgres"), row_factory=dict_row, autocommit=True) as clock,
        ):
            for organization in ORGANIZATIONS.values():  # once before it counts
                _rate(members, clock, organization, 20)
            for _ in range(ROUNDS):
                for name, organization in ORGANIZATIONS.items():
                    rates[name].append(_rate(members, clock, organization, TICKETS))
            kept = clock.execute(SQL["kept_rules"], {"organization": ORGANIZATIONS["ruled"]}).fetchone()
            expected = 20 + ROUNDS * TICKETS
            assert kept
            assert set(kept.values()) == {expected}, kept
    bare, ruled = (median(each) for each in rates.values())
    good = ruled >= RATIO_BAR * bare
    Console().print(
        f"desk rules: {ruled:.0f} tickets/s with all rules on, {bare:.0f} with none; {ruled / bare:.2f} ×"
        f" (bar >= {RATIO_BAR} ×) {'ok' if good else 'MISSED'}"
    )
    return 0 if good else 1


def _rate(members: Connection, clock: Connection, organization: str, tickets: int) -> float:
    started = time.perf_counter()
    for number in range(tickets):
        with members.transaction():
            members.execute(SQL["act_as_agent"], {"claims": json.dumps(MEMBER)})
            members.execute(SQL["open_ticket"], {"organization": organization, "number": number})
    _run_clocks(clock, organization)
    seconds = time.perf_counter() - started
    # A desk that keeps up. What follows from it is not counted.
    clock.execute(SQL["solve_all"], {"organization": organization})
    _run_clocks(clock, organization)
    return tickets / seconds


def _run_clocks(clock: Connection, organization: str) -> None:
    values = {"organization": organization}
    clock.execute(SQL["hasten_metrics"])
    while jobs := clock.execute(SQL["due_clocks"], values).fetchall():
        for job in jobs:
            with clock.transaction():
                clock.execute(SQL["act_as_clock"], values)
                # Before it rings: what it enqueues under its own key is another job then, as beside a running one.
                clock.execute(SQL["clock_done"], job)
                clock.execute(SQL["ring"], job)


if __name__ == "__main__":
    sys.exit(main())
