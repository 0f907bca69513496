"""REST of the embedded stack beside @supabase/lite and beside what psycopg can do at all.

One PostgreSQL, one database, one process each, the same requests of a signed-in member over the same tables under
row-level security. @supabase/lite 0.10.0 comes from npm and runs as `lite start` with its `postgres` driver; without
Node that comparison is skipped. The ceiling is a bare ASGI application that does the statements which PostgreSQL's log
shows of ours. Load goes to one server at a time, in turn, and in another order each round; figures are medians of
rounds. CPU is each side's own, user and system, per request: it says more than rates on a machine that is busy.

Bars: at least 1.5 × lite's requests a second with a p99 no worse, and at least half of the ceiling's.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench.footprint import cpu_seconds, family
from bench.load import Run, drive
from bench.rest_ceiling import NUMBER, Statements, logged
from bench.rest_servers import ceiling, gateway, lite, lite_is_there, log_statements
from bench.server import data_folder
from infra.local import tokens
from infra.local.postgres import Cluster, create_database
from infra.local.settings import Settings

FULL = os.environ.get("FULL") == "1"
ROUNDS, SECONDS = (7, 4.0) if FULL else (3, 1.0)
WARM_UP_REQUESTS, WARM_UP_TRIES = 1000, 10  # of each kind; a second each try: Node compiles what it has run often
CONNECTIONS = int(os.environ.get("CONNECTIONS", "16"))
LITE_BAR, CEILING_BAR = 1.5, 0.5
MEMBER = "00000000-0000-4000-8000-000000000001"
FOREVER = 4102444800
PROJECTS, ROWS = 2000, 100
OURS, LITE, CEILING = "ours", "lite", "ceiling"


@dataclass(frozen=True)
class Scenario:
    """One kind of request. `path` and `body` are made from the request's number."""

    name: str
    status: int
    path: Callable[[int], str]
    body: Callable[[int], Any] | None = None


@dataclass
class Measured:
    """Rounds of one scenario against one server. CPU is in seconds."""

    runs: list[Run] = field(default_factory=list)
    server_cpu: float = 0.0
    database_cpu: float = 0.0

    @property
    def rate(self) -> float:
        return median(run.rate for run in self.runs)

    def percentile(self, percent: int) -> float:
        return median(run.percentile(percent) for run in self.runs)

    def microseconds(self, cpu: float) -> float:
        """`cpu` per request."""
        return cpu / sum(len(run.latencies) for run in self.runs) * 1e6

    @property
    def client_cpu(self) -> float:
        return sum(run.client_cpu for run in self.runs)


def _own(number: int) -> int:
    """A project that the member owns."""
    return 1 + number * 2 % PROJECTS


SCENARIOS = (
    Scenario("get", 200, lambda n: f"projects?id=eq.{_own(n)}"),
    Scenario("embed", 200, lambda n: f"projects?select=id,name,tasks(id,title,done)&id=eq.{_own(n)}"),
    Scenario(
        "list", 200,
        lambda n: f"tasks?select=id,title,priority&project_id=gte.{_own(n)}&done=is.false&order=project_id,id&limit=25",
    ),
    Scenario("insert", 201, lambda n: "notes", lambda n: {"kind": "one", "body": f"note {n}"}),
    Scenario(
        "bulk insert", 201, lambda n: "notes", lambda n: [{"kind": "many", "body": f"{n}.{i}"} for i in range(ROWS)]
    ),
    Scenario("rpc", 200, lambda n: "rpc/open_tasks", lambda n: {"project": _own(n)}),
)  # fmt: skip


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console = Console()
    with data_folder() as settings, _database(settings), ExitStack() as stack:
        statements = _recorded(settings)
        # Ports that the gateway alone leaves free.
        ports = {OURS: settings.api_port, CEILING: settings.functions_port, LITE: settings.queue_port}
        processes = {OURS: stack.enter_context(gateway(settings))}
        processes[CEILING] = stack.enter_context(ceiling(settings, statements, ports[CEILING]))
        if lite_is_there():
            processes[LITE] = stack.enter_context(lite(settings, ports[LITE]))
            _once(ports[LITE], _request(settings, SCENARIOS[0], 0), SCENARIOS[0])  # it sets itself up with the first
        else:
            console.print("rest: Node and npm are not here: the comparison with @supabase/lite is skipped")
        measured = [_measure(settings, scenario, ports, processes) for scenario in SCENARIOS]
    console.print(
        f"rest: {CONNECTIONS} connections, medians of {ROUNDS} rounds of {SECONDS:.0f} s,"
        f" CPU in µs per request (server + PostgreSQL + client)"
    )
    console.print(_table(measured))
    return _report(console, measured)


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    server = Cluster(settings)
    server.start()
    try:
        create_database(settings)
        with psycopg.connect(settings.database_url("postgres"), autocommit=True) as connection:
            connection.execute(Path(__file__).with_name("rest_load.sql").read_bytes())
            connection.execute("analyze public.projects, public.tasks, public.notes")
        yield
    finally:
        server.stop()


def _recorded(settings: Settings) -> dict[str, Statements]:
    """What the gateway sends for each scenario, by PostgreSQL's log."""
    log, found = settings.data / "postgres.log", {}
    log_statements(settings, "all")
    with gateway(settings):
        for scenario in SCENARIOS:
            request = _request(settings, scenario, (int(NUMBER) - 1) // 2)  # _own() of it is NUMBER
            _once(settings.api_port, request, scenario)  # may look something up that it keeps
            before = log.stat().st_size
            _once(settings.api_port, request, scenario)
            sent = log.read_bytes()[before:].decode()
            body = request.partition(b"\r\n\r\n")[2].decode()
            found[scenario.name.replace(" ", "-")] = logged(sent, body or None)
    log_statements(settings, "none")
    return found


def _once(port: int, request: bytes, scenario: Scenario) -> None:
    run = drive(port, lambda _: request, scenario.status, connections=1, seconds=0)
    assert not run.refused, run.refused


def _measure(
    settings: Settings, scenario: Scenario, ports: dict[str, int], processes: dict[str, int]
) -> tuple[Scenario, dict[str, Measured]]:
    """All rounds of `scenario`."""
    measured = {name: Measured() for name in processes}
    names = list(processes)
    for name in names:
        _warm_up(settings, scenario, name, ports[name])
    for number in range(ROUNDS):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            _empty(settings)
            before, busy = cpu_seconds([processes[name]]), _database_cpu(settings)
            kept = measured[name]
            kept.runs.append(_load(settings, scenario, name, ports[name], SECONDS))
            kept.server_cpu += cpu_seconds([processes[name]]) - before
            kept.database_cpu += _database_cpu(settings) - busy
    return scenario, measured


def _warm_up(settings: Settings, scenario: Scenario, name: str, port: int) -> None:
    answered = 0
    for _ in range(WARM_UP_TRIES):
        answered += len(_load(settings, scenario, name, port, 1.0).latencies)
        if answered > WARM_UP_REQUESTS:
            return


def _load(settings: Settings, scenario: Scenario, name: str, port: int, seconds: float) -> Run:
    """Requests of one kind to one server, all of which it must answer as expected."""
    status = 200 if name == CEILING else scenario.status
    prefix = f"/{scenario.name.replace(' ', '-')}/" if name == CEILING else None
    run = drive(port, lambda n: _request(settings, scenario, n, prefix), status, CONNECTIONS, seconds)
    assert not run.refused, f"{scenario.name} by {name}: {run.refused[0]!r}"
    return run


def _request(settings: Settings, scenario: Scenario, number: int, ceiling_prefix: str | None = None) -> bytes:
    """The request's bytes: as supabase-js makes it, or bare for the ceiling."""
    body = json.dumps(scenario.body(number)) if scenario.body else ""
    method = "POST" if scenario.body else "GET"
    if ceiling_prefix:
        own = json.loads(body).get("project", 0) if scenario.name == "rpc" else _own(number)
        path, lines = f"{ceiling_prefix}{own}", ""
    else:
        path = f"/rest/v1/{scenario.path(number)}"
        lines = _headers(settings)
    if body:
        lines += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}\r\n{body}".encode()


_made: dict[str, str] = {}


def _headers(settings: Settings) -> str:
    if "headers" not in _made:
        claims = {"role": "authenticated", "aud": "authenticated", "sub": MEMBER, "exp": FOREVER}
        _made["headers"] = (
            f"apikey: {settings.keys.publishable_key}\r\n"
            f"authorization: Bearer {tokens.sign_shared(settings.keys, claims)}\r\n"
            "accept: application/json\r\nuser-agent: bench\r\n"
        )
    return _made["headers"]


def _database_cpu(settings: Settings) -> float:
    pid = Cluster(settings).running_pid()
    return cpu_seconds(family(pid)) if pid else 0.0


def _empty(settings: Settings) -> None:
    with psycopg.connect(settings.database_url("postgres"), autocommit=True) as connection:
        connection.execute("truncate public.notes")


def _table(measured: list[tuple[Scenario, dict[str, Measured]]]) -> Table:
    table = Table("", "", "requests/s", "p50 ms", "p99 ms", "CPU µs")
    for scenario, found in measured:
        for name, each in found.items():
            cpu = (each.microseconds(spent) for spent in (each.server_cpu, each.database_cpu, each.client_cpu))
            table.add_row(
                scenario.name, name, f"{each.rate:,.0f}", f"{each.percentile(50):.1f}", f"{each.percentile(99):.1f}",
                " + ".join(f"{spent:.0f}" for spent in cpu),
            )  # fmt: skip
    return table


def _report(console: Console, measured: list[tuple[Scenario, dict[str, Measured]]]) -> int:
    good = True
    for scenario, found in measured:
        ours, top = found[OURS], found[CEILING]
        share = ours.rate / top.rate
        passed = share >= CEILING_BAR
        told = f"  {scenario.name}: {share:.2f} of the ceiling (bar >= {CEILING_BAR})"
        if LITE in found:
            peer = found[LITE]
            faster, late, its = ours.rate / peer.rate, ours.percentile(99), peer.percentile(99)
            passed = passed and faster >= LITE_BAR and late <= its
            told += f", {faster:.2f} × lite (bar >= {LITE_BAR}), p99 {late:.1f} ms beside {its:.1f} (bar: no worse)"
        console.print(f"{told} {'ok' if passed else 'MISSED'}")
        good = good and passed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
