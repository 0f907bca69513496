"""What a desk costs on which nothing happens.

Bars: under 2 % of one core for the whole stack, PostgreSQL included, with and without an inbox open; over ten minutes
each (FULL=1) memory grows by less than 5 %, no table by a row, and the logs by little more than what the sweep measures
of each consumer once a minute.
"""

from __future__ import annotations

import os
import sys
import time

from chalicelib.kit.database import queries
from rich.console import Console

from bench.footprint import footprint
from bench.intake import send
from bench.mails import mail
from bench.server import data_folder
from infra.local.settings import Settings
from pgdesk.demo import database, wait_until_done
from pgdesk.listener import Listener
from pgdesk.seed import seed
from pgdesk.up import build_stack

FULL = os.environ.get("FULL") == "1"
SECONDS = 600 if FULL else 45
SETTLE = 15
CPU_BAR, GROWTH_BAR, LOG_BAR = 0.02, 0.05, 20_000
SQL = queries(__file__)


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    with data_folder() as settings, build_stack(settings):
        desk = seed(settings)
        with database(settings) as connection:
            wait_until_done(connection)
            send(settings, [mail(n, desk.address, "warm.example") for n in range(30)], desk.address)
            wait_until_done(connection)
            while (row := connection.execute(SQL["hasten_metrics"]).fetchone()) and row["waiting"]:
                time.sleep(0.5)
        alone = _watch("nobody looks", settings)
        with Listener(settings, desk):  # an inbox that is open
            watched = _watch("an inbox is open", settings)
    return 0 if alone and watched else 1


def _watch(what: str, settings: Settings) -> bool:
    time.sleep(SETTLE)
    rows, logged, before, started = _rows(settings), _logged(settings), footprint(), time.monotonic()
    time.sleep(SECONDS)
    after, seconds = footprint(), time.monotonic() - started
    share = (after.cpu - before.cpu) / seconds
    growth = after.total_memory / before.total_memory - 1
    more_rows, more_log = _rows(settings) - rows, (_logged(settings) - logged) / seconds * 60
    good = share < CPU_BAR and growth < GROWTH_BAR and more_rows == 0 and more_log < LOG_BAR
    Console().print(
        f"idle: {seconds:.0f} s, {what}: {share:.2%} of a core (bar < {CPU_BAR:.0%}), memory {growth:+.1%}"
        f" (bar < {GROWTH_BAR:.0%}), {more_rows:+d} rows (bar 0), {more_log:,.0f} bytes of log a minute"
        f" (bar < {LOG_BAR:,}) {'ok' if good else 'MISSED'}"
    )
    return good


def _rows(settings: Settings) -> int:
    with database(settings) as connection:
        row = connection.execute(SQL["all_rows"]).fetchone()
    assert row
    return int(row["rows"])


def _logged(settings: Settings) -> int:
    return sum(file.stat().st_size for file in settings.data.rglob("*.log"))


if __name__ == "__main__":
    sys.exit(main())
