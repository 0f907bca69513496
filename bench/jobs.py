"""Jobs beside two peers that live in Postgres too: no-op jobs, the same server, one process each.

Each queue is drained by its own worker as its documentation starts it; the rate counts from the first job begun to the
last one finished, by the database's clock. pgdesk claims, begins (a commit), does nothing and finishes (a commit), each
job for itself, on threads that take ids from a queue in the process, as its consumers take them from SQS. procrastinate
fetches and finishes each job for itself too; pgqueuer takes and logs ten at a time.

Bars: at least 4 × procrastinate and 0.4 × pgqueuer; the 95th percentile of a claim at most doubles while a session
holds a snapshot open, so that all jobs of that time leave their old versions behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator
from statistics import median, quantiles
from typing import Any
from uuid import UUID

import psycopg
from chalicelib.kit import database, jobs
from chalicelib.kit.database import queries
from chalicelib.kit.settings import settings as functions_settings
from psycopg.rows import dict_row
from rich.console import Console

from bench.server import throwaway_server
from infra.local.postgres import clone_database
from infra.local.settings import Settings
from pgdesk import schema

FULL = os.environ.get("FULL") == "1"
JOBS = 10_000 if FULL else 2_000
ROUNDS = 3
CHURN = 100_000 if FULL else 20_000
THREADS = 16  # the window of most consumers is 24
WINDOW = 100
PROCRASTINATE_BAR, PGQUEUER_BAR, CLAIM_BAR = 4.0, 0.4, 2.0
SQL = queries(__file__)
Connection = psycopg.Connection[dict[str, Any]]


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console = Console()
    with throwaway_server() as platform:
        ours = clone_database(platform, "ours")
        schema.declare(ours.database_url("postgres"))
        schema.admit_functions(ours.database_url("postgres"), platform.keys.service_password)
        peers = {"procrastinate": clone_database(platform, "one"), "pgqueuer": clone_database(platform, "other")}
        rates: dict[str, list[float]] = {"pgdesk": [], "procrastinate": [], "pgqueuer": []}
        for _ in range(ROUNDS):  # in turn, so that a busy moment of the machine meets all of them
            rates["procrastinate"].append(asyncio.run(_procrastinate(peers["procrastinate"])))
            rates["pgqueuer"].append(asyncio.run(_pgqueuer(peers["pgqueuer"])))
            rates["pgdesk"].append(_pgdesk(ours))
        free, held = _claims(ours, held=False), _claims(ours, held=True)
    return _report(console, {name: median(each) for name, each in rates.items()}, free, held)


def _report(console: Console, rates: dict[str, float], free: list[float], held: list[float]) -> int:
    console.print(
        f"jobs: {JOBS} no-ops, median of {ROUNDS} rounds, fsync and synchronous_commit on for all;"
        " pgdesk's begin does not wait for the disk, its finish does"
    )
    good = True
    for peer, bar in (("procrastinate", PROCRASTINATE_BAR), ("pgqueuer", PGQUEUER_BAR)):
        ratio = rates["pgdesk"] / rates[peer]
        good = good and ratio >= bar
        mark = "ok" if ratio >= bar else "MISSED"
        console.print(
            f"  pgdesk {rates['pgdesk']:,.0f}/s, {peer} {rates[peer]:,.0f}/s: {ratio:.2f} × (bar >= {bar} ×) {mark}"
        )
    usual, late = (quantiles(each, n=20)[-1] for each in (free, held))
    mark = "ok" if late <= CLAIM_BAR * usual else "MISSED"
    console.print(
        f"  claim over {CHURN:,} jobs, p95: {usual:.1f} ms, with a snapshot held open {late:.1f} ms:"
        f" {late / usual:.2f} × (bar <= {CLAIM_BAR} ×) {mark}"
    )
    return 0 if good and mark == "ok" else 1


async def _procrastinate(settings: Settings) -> float:
    import procrastinate

    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=settings.database_url("postgres")))

    @app.task(name="noop")
    async def noop() -> None: ...

    async with app.open_async():
        with connect(settings) as connection:
            if not _has(connection, "procrastinate_jobs"):
                await app.schema_manager.apply_schema_async()
            connection.execute("truncate procrastinate_jobs cascade")
            await noop.batch_defer_async(*[{} for _ in range(JOBS)])
            connection.execute("analyze")
            await app.run_worker_async(wait=False, install_signal_handlers=False)
            return _rate(connection, "procrastinate")


async def _pgqueuer(settings: Settings) -> float:
    from pgqueuer import PgQueuer, Queries
    from pgqueuer.db import PsycopgDriver
    from pgqueuer.models import Job
    from pgqueuer.types import QueueExecutionMode

    url = settings.database_url("postgres")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as own:
        with connect(settings) as connection:
            if not _has(connection, "pgqueuer"):
                await Queries(PsycopgDriver(own)).install()
            connection.execute("truncate pgqueuer, pgqueuer_log")
            await Queries(PsycopgDriver(own)).enqueue(["noop"] * JOBS, [None] * JOBS, [0] * JOBS)
            connection.execute("analyze")
            worker = PgQueuer.from_psycopg_connection(own)

            @worker.entrypoint("noop")
            async def noop(job: Job) -> None: ...

            await worker.qm.run(mode=QueueExecutionMode.drain)
            return _rate(connection, "pgqueuer")


def _pgdesk(settings: Settings) -> float:
    consumer = jobs.Consumer("noop", lambda job: None)
    with connect(settings) as connection, _functions_of(settings):
        connection.execute(SQL["fill"], {"jobs": JOBS, "window": WINDOW})
        connection.execute("analyze private.jobs")
        _drain(connection, consumer)
        return _rate(connection, "pgdesk")


def _drain(connection: Connection, consumer: jobs.Consumer) -> None:
    """A relay in this thread and consumers in others, with a queue between them."""
    ids: queue.SimpleQueue[UUID | None] = queue.SimpleQueue()

    def work() -> None:
        while (job := ids.get()) is not None:
            jobs.run(consumer, job)
        database.close()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    connection.execute("listen pgdesk_jobs")
    left = JOBS
    while left:
        claimed = connection.execute("select id from private.claim_jobs()").fetchall()
        left -= len(claimed)
        for row in claimed:
            ids.put(row["id"])
        if left and not claimed:  # until a finish makes room
            next(connection.notifies(timeout=5, stop_after=1), None)
    for _ in threads:
        ids.put(None)
    for thread in threads:
        thread.join()
    connection.execute("unlisten *")


def _claims(settings: Settings, *, held: bool) -> list[float]:
    """Milliseconds of each claim while CHURN jobs go through all their states, in the server."""
    with connect(settings) as connection, contextlib.ExitStack() as stack:
        connection.execute(SQL["fill"], {"jobs": CHURN, "window": WINDOW})
        connection.execute("vacuum analyze private.jobs")
        if held:
            holder = stack.enter_context(psycopg.connect(settings.database_url("postgres")))
            holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            holder.execute("select count(*) from private.jobs")
        connection.execute(SQL["churn"])
        return [float(row["ms"]) for row in connection.execute("select ms from claims").fetchall()]


def _has(connection: Connection, table: str) -> bool:
    return bool(connection.execute("select from pg_class where relname = %s", [table]).fetchall())


def _rate(connection: Connection, name: str) -> float:
    row = connection.execute(SQL[f"rate_of_{name}"]).fetchone()
    assert row
    assert row["done"] == JOBS, f"{name} finished {row['done']} of {JOBS}"
    return JOBS / float(row["seconds"])


@contextlib.contextmanager
def connect(settings: Settings) -> Iterator[Connection]:
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row, autocommit=True) as connection:
        yield connection


@contextlib.contextmanager
def _functions_of(settings: Settings) -> Iterator[None]:
    """The functions' own code, pointed at this database. Its log lines are written, and kept from the screen."""
    os.environ["PGDESK_DATABASE_URL"] = settings.database_url("pgdesk_functions")
    functions_settings.cache_clear()
    with contextlib.redirect_stdout(io.StringIO()):
        yield


if __name__ == "__main__":
    sys.exit(main())
