"""The whole desk under a steady load: 5 mails a second, no language model.

The desk is warm: a dozen mails went through it before, so that models are loaded and connections open.

Bars: accepted to visible at a Realtime subscriber p95 < 500 ms; accepted to triaged and drafted p95 < 3 s.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from statistics import median, quantiles

from chalicelib.kit.database import queries
from rich.console import Console

from infra.local.settings import Settings
from pgdesk.demo import database, wait_until_done
from pgdesk.environment import RECEIVER
from pgdesk.listener import Listener
from pgdesk.mail import client, post
from pgdesk.seed import DEMO, Desk, seed
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
    with tempfile.TemporaryDirectory(prefix="pgdesk-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        settings = _settings(Path(folder))
        with build_stack(settings):
            desk = seed(settings)
            with database(settings) as connection:
                wait_until_done(connection)
            with Listener(settings, desk) as listener:
                _load(settings, desk, WARM_UP, "warm")
                with database(settings) as connection:
                    wait_until_done(connection)
                accepted = _load(settings, desk, RATE * SECONDS, "bench")
                with database(settings) as connection:
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


def _settings(folder: Path) -> Settings:
    names = ("api_port", "db_port", "mail_port", "queue_port", "functions_port")
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}
    for probe in probes:
        probe.close()
    return replace(Settings(data=folder), **ports)


def _load(settings: Settings, desk: Desk, count: int, domain: str) -> dict[str, float]:
    """Send `count` mails at the rate whatever the desk does; returns when each mail was accepted, by ledger id."""
    examples = [json.loads(line) for line in (DEMO / "examples.jsonl").read_text().splitlines()]
    chance = random.Random(7)
    accepted = {}
    started = time.monotonic()
    with client(settings) as http:
        for number in range(count):
            time.sleep(max(0.0, started + number / RATE - time.monotonic()))
            answer = post(
                http, _mail(number, chance.choice(examples)["text"], desk.address, f"{domain}.example"), [desk.address]
            )
            answer.raise_for_status()
            accepted[answer.json()["mails"][0]["id"]] = time.monotonic()
    return accepted


def _mail(number: int, text: str, to: str, domain: str) -> bytes:
    mail = EmailMessage()
    mail["Authentication-Results"] = f"{RECEIVER}; dmarc=pass header.from={domain}"
    mail["From"] = f"Customer {number} <customer{number}@{domain}>"
    mail["To"] = to
    mail["Subject"] = " ".join(text.split()[:6])
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=domain)
    mail.set_content(f"Hello,\n\n{text} My order number is {40000 + number}.\n\nBest regards\nCustomer {number}\n")
    return mail.as_bytes()


if __name__ == "__main__":
    sys.exit(main())
