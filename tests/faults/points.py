"""Named moments in the life of the functions, and what dies when one is reached.

The functions run as they are; only the process that plays Lambda for them begins with `watch()`, which looks over the
shoulder of the database driver and of every client that calls outside. Whoever reaches the moment that is armed takes
the order off the table and carries it out: kill -9 of this process or of another part, or the end of its own session.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "FAULTS_ORDERS"  # the folder where orders lie
ITSELF = "itself"  # the process that reaches the point
SESSION = "session"  # of PostgreSQL, ended by the server in the middle of its transaction
ANSWER = "answer"  # of PostgreSQL: the statement took effect, and nobody hears of it
# Through which hands a mail goes.
WAY = ("door", "relay", "intake", "triage", "reply", "send_mail")


@dataclass(frozen=True)
class Order:
    """`victim` ends when `point` is reached. A part of the stack, ITSELF, SESSION or ANSWER."""

    point: str
    victim: str


class Orders:
    """The table between a test and the functions: at most one order is armed, and one process takes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._number = 0

    def tell_pids(self, pids: dict[str, int]) -> None:
        """Whom to kill. Postgres, queue and gateway are other processes than the one that reaches a point."""
        _write(self.folder / "pids", pids)

    def arm(self, order: Order) -> None:
        self._number += 1
        _write(self.folder / "armed", {"point": order.point, "victim": order.victim, "number": self._number})

    def disarm(self) -> None:
        (self.folder / "armed").unlink(missing_ok=True)

    @property
    def was_hit(self) -> bool:
        """Whether the order armed last was carried out."""
        return (self.folder / f"hit-{self._number}").exists()

    def reached(self) -> list[str]:
        """Every point that any process has passed so far, in the order of a mail's way."""
        lines = [line for file in sorted(self.folder.glob("reached-*")) for line in file.read_text().splitlines()]
        return sorted(
            dict.fromkeys(lines), key=lambda point: WAY.index(point.split()[0]) if point.split()[0] in WAY else 9
        )

    def set_clock(self, ahead: float) -> None:
        """Let the functions believe that it is so many seconds later than it is."""
        _write(self.folder / "clock", ahead)


def _write(file: Path, content: Any) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(file)


class Watcher:
    """In the process of the functions: notes the points that are reached and carries out orders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: set[str] = set()
        self._here = threading.local()
        self._log = (folder / f"reached-{os.getpid()}").open("a", buffering=1)

    @property
    def unit(self) -> str:
        """Who is at work in this thread: a consumer, the relay, or the door (a request)."""
        return getattr(self._here, "unit", "door")

    @contextmanager
    def working_as(self, unit: str) -> Iterator[None]:
        before, self._here.unit = self.unit, unit
        try:
            yield
        finally:
            self._here.unit = before

    def reach(self, what: str, connection: Any = None) -> None:
        point = f"{self.unit} {what}"
        if point not in self._seen:
            self._seen.add(point)
            self._log.write(point + "\n")
        try:
            order = json.loads((self.folder / "armed").read_text())
        except FileNotFoundError:
            return
        if order["point"] != point:
            return
        try:
            (self.folder / "armed").rename(self.folder / f"hit-{order['number']}")
        except FileNotFoundError:
            return  # somebody else was faster
        self._carry_out(order["victim"], connection)

    def _carry_out(self, victim: str, connection: Any) -> None:
        import psycopg

        if victim == ANSWER:
            connection.close()
            raise psycopg.OperationalError("the connection was lost before the answer came")
        if victim == SESSION:
            with psycopg.connect(os.environ["FAULTS_ADMIN_URL"], autocommit=True) as session:
                session.execute("select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            return
        pids = json.loads((self.folder / "pids").read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(os.getpid() if victim == ITSELF else pids[victim], signal.SIGKILL)

    def database(self) -> None:
        """After each named statement, and after each commit, by the statement that stood last before it."""
        import psycopg
        from chalicelib.kit import database

        names: dict[bytes, str] = {}
        queries, execute = database.queries, psycopg.Connection.execute

        def named(module_file: str) -> Any:
            found = queries(module_file)
            names.update({text: name for name, text in found.items()})
            return found

        def watched(connection: Any, query: Any, *args: Any, **more: Any) -> Any:
            answer = execute(connection, query, *args, **more)
            if query == "commit":
                self.reach(f"committed {getattr(self._here, 'last', 'nothing')}", connection)
            elif isinstance(query, bytes) and (name := names.get(query)):
                self._here.last = name
                self.reach(f"ran {name}", connection)
            return answer

        database.queries = named
        connections: Any = psycopg.Connection
        connections.execute = watched

    def outside(self) -> None:
        """Before and after each call of SQS, Storage and the mail provider."""
        import botocore.client
        import httpx
        import requests

        def around(function: Callable[..., Any], name: Callable[..., str | None]) -> Callable[..., Any]:
            @functools.wraps(function)
            def called(*args: Any, **more: Any) -> Any:
                if (what := name(*args)) is None:
                    return function(*args, **more)
                self.reach(f"calls {what}")
                answer = function(*args, **more)
                self.reach(f"called {what}")
                return answer

            return called

        def of_url(_: Any, request: Any) -> str:
            return f"{request.method} /{urlsplit(str(request.url)).path.split('/')[1]}"

        def of_operation(_: Any, operation: str, *__: Any) -> str:
            return operation

        classes: Any = botocore.client.BaseClient
        classes._make_api_call = around(classes._make_api_call, of_operation)
        sessions: Any = requests.Session
        sessions.send = around(sessions.send, of_url)
        clients: Any = httpx.Client
        clients.send = around(clients.send, of_url)

    def clock(self) -> None:
        """The time of this process is the machine's and what the test has set it ahead by."""
        import time

        right = time.time

        def moved() -> float:
            try:
                return right() + float((self.folder / "clock").read_text())
            except FileNotFoundError:
                return right()

        time.time = moved

    def units(self) -> None:
        """Say who is at work."""
        from chalicelib.kit import jobs
        from chalicelib.relay import relay

        run, publish = jobs.run, relay.relay

        def run_as(consumer: Any, job_id: Any) -> str:
            with self.working_as(consumer.name):
                return run(consumer, job_id)

        def publish_as() -> int:
            with self.working_as("relay"):
                return publish()

        jobs.run = run_as
        relay.relay = publish_as


def watch() -> None:
    """Called before the functions are imported."""
    watcher = Watcher(Path(os.environ[VARIABLE]))
    watcher.clock()
    watcher.database()
    watcher.outside()
    watcher.units()
