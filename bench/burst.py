"""A burst through the whole desk, no language model: mails handed over at once, measured until the last job is done.

Bars: at least 15 mails a second, each filed, triaged and drafted (or spam); the whole stack stays under 1 GB, with
PostgreSQL and this process.
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
from pgdesk.demo import database, wait_until_done
from pgdesk.seed import seed
from pgdesk.up import build_stack

FULL = os.environ.get("FULL") == "1"
MAILS = 1500 if FULL else 300
WARM_UP = 30
RATE_BAR, MEMORY_BAR = 15, 1_000_000_000
SQL = queries(__file__)


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console = Console()
    with data_folder() as settings, build_stack(settings):
        desk = seed(settings)
        with database(settings) as connection:
            wait_until_done(connection)
            send(settings, [mail(n, desk.address, "warm.example") for n in range(WARM_UP)], desk.address)
            wait_until_done(connection)
            mails = [mail(n, desk.address, "bench.example") for n in range(MAILS)]
            before, started = footprint().cpu, time.time()
            send(settings, mails, desk.address)
            wait_until_done(connection)
            after = footprint()
            rows = connection.execute(SQL["steps"]).fetchall()
            row = connection.execute(SQL["last_job"]).fetchone()
    assert row
    rate = MAILS / (row["finished_at"].timestamp() - started)
    handled = sum(each["drafted_ms"] is not None or each["is_spam"] for each in rows)
    good = handled == MAILS and rate >= RATE_BAR
    console.print(
        f"burst: {MAILS:,} mails, {handled:,} filed, triaged and drafted (or spam): {rate:.1f}/s"
        f" (bar >= {RATE_BAR}/s) {'ok' if good else 'MISSED'}; {(after.cpu - before) / MAILS * 1000:.0f} ms of CPU each"
    )
    small = after.total_memory < MEMORY_BAR
    parts = ", ".join(f"{name} {bytes_ / 1e6:.0f}" for name, bytes_ in sorted(after.memory.items()))
    console.print(
        f"  memory {after.total_memory / 1e6:.0f} MB (bar < {MEMORY_BAR / 1e6:.0f} MB) {'ok' if small else 'MISSED'}:"
        f" {parts}"
    )
    return 0 if good and small else 1


if __name__ == "__main__":
    sys.exit(main())
