"""Realtime under load: subscribers with a user each, on WebSockets of their own, beside a REST client.

Everybody follows one table whose policy shows most rows to five of them, and some to all; then they talk in rooms of
ten. The gateway is the stack's own process, the clients are one process; PostgreSQL, both of them and this one share
the machine.

Bars: a row is seen by all who may see it, once, p95 < 150 ms after the statement that inserts it was sent; as many
broadcasts as 5,000 deliveries a second, p95 < 150 ms, none lost; REST answers meanwhile, p95 < 150 ms.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import psycopg
from rich.console import Console

from bench.footprint import footprint
from bench.server import data_folder
from infra.local import tokens
from infra.local.plan import VARIABLE, Plan
from infra.local.postgres import Cluster, create_database
from infra.local.settings import Settings

FULL = os.environ.get("FULL") == "1"
SUBSCRIBERS = 500 if FULL else 100
SECONDS = 20 if FULL else 5
SEEN_BY, ROOM = 5, 10
RATE, RATE_ALL = 100, 10  # changes a second: seen by five, seen by all
DELIVERIES = 5000  # a second
REST_EVERY = 0.05  # seconds
BAR = 150  # ms

SCHEMA = """
create table public.desk (id bigint generated always as identity primary key, party text not null, mark text not null);
alter table public.desk enable row level security;
grant select on public.desk to authenticated, service_role;
create policy "a party sees its rows" on public.desk for select to authenticated
using (party in ('all', (select auth.jwt() ->> 'party')));
alter publication supabase_realtime add table public.desk;
"""


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    with stack() as settings:
        with psycopg.connect(settings.database_url("postgres"), autocommit=True) as connection:
            connection.execute(SCHEMA)
            connection.execute("notify pgrst, 'reload schema'")
            good = changes(settings, connection)
        return 0 if broadcasts(settings) and good else 1


def changes(settings: Settings, connection: psycopg.Connection[Any]) -> bool:
    """Rows inserted one by one, each judged for every subscriber."""
    config = {"postgres_changes": [{"event": "*", "schema": "public", "table": "desk"}]}
    parties = SUBSCRIBERS // SEEN_BY
    with Crowd(settings, ["desk"], config, [f"party {n % parties}" for n in range(SUBSCRIBERS)]) as crowd:
        crowd.expect(insert(connection, parties, 1))  # plans, caches
        before, started = footprint(), time.monotonic()
        with Rest(settings) as rest:
            expected = insert(connection, parties, SECONDS)
            found = crowd.expect(expected)
        used = footprint().cpu - before.cpu
    return _say(
        f"{SUBSCRIBERS} subscribers, {RATE} changes/s each seen by {SEEN_BY}, {RATE_ALL}/s by all", found, rest.late,
        used / (time.monotonic() - started),
    )  # fmt: skip


def insert(connection: psycopg.Connection[Any], parties: int, seconds: float) -> list[list[str]]:
    """Insert at the rates; returns for each party what it should have seen."""
    expected: list[list[str]] = [[] for _ in range(parties)]
    rate, started = RATE + RATE_ALL, time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        to_all = number % (rate // RATE_ALL) == 0
        name = f"{started:.3f} {number}"
        party = "all" if to_all else f"party {number % parties}"
        connection.execute(
            "insert into public.desk (party, mark) values (%s, %s)", [party, f"{name};{time.time():.4f}"]
        )
        for names in expected if to_all else [expected[number % parties]]:
            names.append(name)
    return expected


def broadcasts(settings: Settings) -> bool:
    """Members of rooms speak in turn; all in the room hear them, the speaker too."""
    topics = [f"room {n}" for n in range(SUBSCRIBERS // ROOM)]
    with Crowd(settings, topics, {"broadcast": {"self": True}}, ["none"] * SUBSCRIBERS) as crowd:
        crowd.order({"rate": DELIVERIES / ROOM, "seconds": 1})
        before, started = footprint(), time.monotonic()
        with Rest(settings) as rest:
            found = crowd.order({"rate": DELIVERIES / ROOM, "seconds": SECONDS})
        used = footprint().cpu - before.cpu
    return _say(
        f"{SUBSCRIBERS} in rooms of {ROOM}, {DELIVERIES:,} broadcast deliveries/s", found, rest.late,
        used / (time.monotonic() - started),
    )  # fmt: skip


def _say(what: str, found: dict[str, Any], rest: list[float], cores: float) -> bool:
    lost, late = found["missing"], quantiles(rest, n=20)[-1]
    good = not lost and not found["twice"] and not found["dropped"] and found["p95"] < BAR and late < BAR
    Console().print(
        f"realtime: {what}: {found['arrived']:,} deliveries, {lost} lost (bar 0), {found['twice']} twice (bar 0), "
        f"{found['dropped']} sockets dropped (bar 0), p50 {found['p50']:.0f} ms, p95 {found['p95']:.0f} ms "
        f"(bar < {BAR} ms), p99 {found['p99']:.0f} ms, REST meanwhile p95 {late:.0f} ms (bar < {BAR} ms) "
        f"{'ok' if good else 'MISSED'}; {cores:.2f} cores in all"
    )
    return good


class Crowd:
    """The clients' process, each client with a token of its own that names its party."""

    def __init__(self, settings: Settings, topics: list[str], config: dict[str, Any], parties: list[str]) -> None:
        until = int(time.time()) + 3600
        signed = [
            tokens.sign_shared(
                settings.keys,
                {"role": "authenticated", "aud": "authenticated", "sub": f"user {n}", "party": party, "exp": until},
            )
            for n, party in enumerate(parties)
        ]
        path = f"/realtime/v1/websocket?apikey={settings.keys.publishable_key}&vsn=2.0.0"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.realtime_clients"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._tell({"port": settings.api_port, "path": path, "tokens": signed, "topics": topics, "config": config})

    def __enter__(self) -> Crowd:
        assert self._listen() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def expect(self, names: list[list[str]]) -> dict[str, Any]:
        """Wait until client n has seen what `names[n % len(names)]` says."""
        return self.order({"expected": names})

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        self._tell(order)
        return dict(json.loads(self._listen()))

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _listen(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the clients' process ended"
        return line


class Rest:
    """One client of the REST API, asking all the while. `late` in ms."""

    def __init__(self, settings: Settings) -> None:
        self._base = f"http://127.0.0.1:{settings.api_port}/rest/v1"
        self._headers = {"apikey": settings.keys.secret_key}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.late: list[float] = []

    def __enter__(self) -> Rest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._base, headers=self._headers) as http:
            while not self._stop.wait(REST_EVERY):
                started = time.perf_counter()
                http.get("/desk?select=id&limit=1", timeout=10).raise_for_status()
                self.late.append((time.perf_counter() - started) * 1000)


@contextmanager
def stack() -> Iterator[Settings]:
    """PostgreSQL and the gateway, as the stack runs them."""
    with data_folder() as settings:
        cluster = Cluster(settings)
        cluster.start()
        try:
            create_database(settings)
            plan = settings.data / "plan.json"
            Plan(settings, app=Path("functions")).write(plan)
            with (settings.data / "gateway.log").open("wb") as log:
                gateway = subprocess.Popen(
                    [sys.executable, "-m", "infra.local.gateway"], stdin=subprocess.PIPE, stdout=log, stderr=log,
                    env=os.environ | {VARIABLE: str(plan)},
                )  # fmt: skip
                try:
                    _wait_for(settings.api_port)
                    yield settings
                finally:
                    gateway.terminate()
                    gateway.communicate(timeout=10)
        finally:
            cluster.stop()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with closing(socket.create_connection(("127.0.0.1", port), 1)):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
