"""Webhooks out on the whole stack: relay, SQS (moto), consumers in the runner, a receiver over HTTPS on loopback.

A burst: so many events are committed at once, and the rate counts from that commit to the last webhook's arrival. A
steady load: each event in a transaction of its own, at the rate, whatever the desk does; from each commit to its
webhook's arrival. Receiver and load are processes beside the stack, on the same cores.

Bars: at least 300 deliveries/s; first attempt p95 < 500 ms after commit.
"""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID, uuid4

import psycopg
from chalicelib.kit import database, secrets, standard_webhooks
from chalicelib.kit.database import queries
from chalicelib.kit.settings import settings as functions_settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.rows import dict_row
from rich.console import Console

from bench.server import data_folder
from infra.local.settings import Settings
from pgdesk.environment import functions_environment
from pgdesk.up import build_stack

FULL = os.environ.get("FULL") == "1"
ORGANIZATIONS = 5  # with an endpoint each
BURST = 15_000 if FULL else 5_000
RATE = 300
SECONDS = 60 if FULL else 15
LOADERS = 4
RATE_BAR, LATENCY_BAR_MS = 300, 500
PATIENCE = 120  # seconds until what has not arrived counts as lost
SQL = queries(__file__)


@dataclass
class Receiver:
    """The process that is told, and when it was told of which event first."""

    process: subprocess.Popen[str]
    port: int
    arrived: dict[str, float] = field(default_factory=dict)
    repeats: int = 0

    def read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            event, at = line.split()
            self.repeats += event in self.arrived
            self.arrived.setdefault(event, float(at))

    def wait_for(self, events: list[str]) -> None:
        until = time.monotonic() + PATIENCE
        while any(event not in self.arrived for event in events) and time.monotonic() < until:
            time.sleep(0.05)


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console = Console()
    with data_folder() as settings, receiving(settings.data) as receiver:
        os.environ |= {"PGDESK_WEBHOOK_ALLOW": "127.0.0.1", "PGDESK_WEBHOOK_CA": str(settings.data / "receiver.pem")}
        with build_stack(settings):
            organizations = _endpoints(settings, f"https://127.0.0.1:{receiver.port}/")
            _burst(settings, receiver, organizations, 500)  # connections open, code loaded
            started, events = _burst(settings, receiver, organizations, BURST)
            lost = sum(event not in receiver.arrived for event in events)
            rate = len(events) / (
                max(receiver.arrived[event] for event in events if event in receiver.arrived) - started
            )
            committed = _steady(settings, organizations)
            receiver.wait_for(list(committed))
            lost += sum(event not in receiver.arrived for event in committed)
            waits = [(receiver.arrived[e] - at) * 1000 for e, at in committed.items() if e in receiver.arrived]
            sent = len(committed) / (max(committed.values()) - min(committed.values()))
    late = quantiles(waits, n=20)[-1]
    console.print(
        f"webhooks: {ORGANIZATIONS} endpoints over HTTPS; {lost} lost, {receiver.repeats} repeated, of"
        f" {len(events) + len(committed)}"
    )
    verdicts = [
        _say(console, f"burst of {len(events)}", f"{rate:.0f}/s", f">= {RATE_BAR}/s", rate >= RATE_BAR),
        _say(
            console,
            f"commit to arrival at {sent:.0f}/s",
            f"median {median(waits):.0f} ms, p95 {late:.0f} ms",
            f"< {LATENCY_BAR_MS} ms at {RATE}/s",
            late < LATENCY_BAR_MS and sent > 0.95 * RATE,
        ),
    ]
    return 0 if all(verdicts) and lost == 0 else 1


def _say(console: Console, name: str, figures: str, bar: str, good: bool) -> bool:
    console.print(f"  {name}: {figures} (bar {bar}) {'ok' if good else 'MISSED'}")
    return good


@contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """The receiver, with a certificate of its own that it leaves in `folder`."""
    _certificate(folder / "receiver.pem")
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.webhook_receiver", str(folder / "receiver.pem")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    with process:
        receiver = Receiver(process, int(process.stdout.readline()))
        reading = threading.Thread(target=receiver.read)
        reading.start()
        try:
            yield receiver
        finally:
            process.stdin.close()
            reading.join(10)


def _endpoints(settings: Settings, url: str) -> list[UUID]:
    """Organizations with an endpoint each, whose secrets are sealed as the route does."""
    os.environ |= functions_environment(settings)
    functions_settings.cache_clear()
    made = []
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row, autocommit=True) as connection:
        for number in range(ORGANIZATIONS):
            row = connection.execute(SQL["webhook_endpoint"], {"slug": f"desk-{number}", "url": url}).fetchone()
            assert row
            key, secret_id = secrets.sealing_key(row["organization_id"]), uuid4()
            sealed = key.seal("private.webhook_secrets", secret_id, standard_webhooks.new_secret())
            connection.execute(
                SQL["webhook_secret"], {**row, "id": secret_id, "sealed": sealed, "version": key.version}
            )
            made.append(row["organization_id"])
    database.close()
    return made


def _burst(settings: Settings, receiver: Receiver, organizations: list[UUID], count: int) -> tuple[float, list[str]]:
    """Commit `count` events at once and wait for their webhooks. Returns when, and the events' ids."""
    with psycopg.connect(settings.database_url("postgres")) as connection:
        rows = connection.execute(SQL["webhook_burst"], {"organizations": organizations, "count": count}).fetchall()
    started = time.monotonic()
    events = [row[0].hex for row in rows]
    receiver.wait_for(events)
    return started, events


def _steady(settings: Settings, organizations: list[UUID]) -> dict[str, float]:
    """Commit events one by one at the rate, over a few connections. Returns when each was committed."""
    committed: dict[str, float] = {}
    started = time.monotonic()

    def load(first: int) -> None:
        with psycopg.connect(settings.database_url("postgres"), autocommit=True) as connection:
            for number in range(first, RATE * SECONDS, LOADERS):
                time.sleep(max(0.0, started + number / RATE - time.monotonic()))
                organization = organizations[number % len(organizations)]
                row = connection.execute(SQL["webhook_event"], {"organization_id": organization}).fetchone()
                assert row
                committed[row[0].hex] = time.monotonic()

    loaders = [threading.Thread(target=load, args=[first]) for first in range(LOADERS)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    return committed


def _certificate(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


if __name__ == "__main__":
    sys.exit(main())
