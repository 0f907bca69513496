"""The whole desk under a steady load: 5 mails a second, no language model.

The desk is warm: a dozen mails went through it before, so that models are loaded and connections open.

Bars: accepted to visible at a Realtime subscriber p95 < 500 ms; accepted to triaged and drafted p95 < 3 s.
"""

from __future__ import annotations

import os
import random
import sys
import time
from statistics import median, quantiles

from chalicelib.kit.database import queries
from rich.console import Console

from bench.mails import mail, texts
from bench.server import data_folder
from infra.local.settings import Settings
from pgdesk.demo import database, wait_until_done
from pgdesk.listener import Listener
from pgdesk.mail import client, post
from pgdesk.seed import Desk, seed
from pgdesk.up import build_stack

FULL = os.environ.get("FULL") == "1"
SECONDS = 60 if FULL else 15
RATE = 5
WARM_UP = 12
VISIBLE_BAR_MS, DRAFTED_BAR_MS = 500, 3000
SQL = queries(__file__)


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console = Console()
    with data_folder() as settings, build_stack(settings):
        desk = seed(settings)
        with database(settings) as connection:
            wait_until_done(connection)
            with Listener(settings, desk) as listener:
                _load(settings, desk, WARM_UP, "warm.example")
                wait_until_done(connection)
                accepted = _load(settings, desk, RATE * SECONDS, "bench.example")
                wait_until_done(connection)
                rows = connection.execute(SQL["steps"]).fetchall()
    visible = [
        (listener.heard[str(row["message_id"])] - accepted[str(row["id"])]) * 1000
        for row in rows
        if str(row["message_id"]) in listener.heard and str(row["id"]) in accepted
    ]
    drafted = [row["drafted_ms"] for row in rows if row["drafted_ms"] is not None]
    spam = sum(row["is_spam"] for row in rows)  # gets no draft
    sent = RATE * SECONDS
    became = f"{len(rows)} filed, {len(visible)} seen, {len(drafted)} drafted, {spam} spam"
    console.print(f"pipeline: {sent} mails at {RATE}/s: {became}")
    good = len(rows) == sent and len(visible) == sent and len(drafted) + spam == sent
    for name, figures, bar in (
        ("accepted to visible", visible, VISIBLE_BAR_MS),
        ("accepted to triaged and drafted", drafted, DRAFTED_BAR_MS),
    ):
        late = quantiles(figures, n=20)[-1]
        good = good and late < bar
        mark = "ok" if late < bar else "MISSED"
        console.print(f"  {name}: median {median(figures):.0f} ms, p95 {late:.0f} ms (bar < {bar} ms) {mark}")
    return 0 if good else 1


def _load(settings: Settings, desk: Desk, count: int, domain: str) -> dict[str, float]:
    """Send `count` mails at the rate whatever the desk does; returns when each mail was accepted, by ledger id."""
    chance = random.Random(7)
    accepted = {}
    started = time.monotonic()
    with client(settings) as http:
        for number in range(count):
            time.sleep(max(0.0, started + number / RATE - time.monotonic()))
            body = mail(number, desk.address, domain, chance.choice(texts()))
            answer = post(http, body, [desk.address])
            answer.raise_for_status()
            accepted[answer.json()["mails"][0]["id"]] = time.monotonic()
    return accepted


if __name__ == "__main__":
    sys.exit(main())
