"""The whole stack over one data folder: started in order, watched, mended, stopped."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from infra.local.plan import FUNCTIONS_HEALTH, VARIABLE, Plan, QueueDefinition
from infra.local.postgres import Cluster, ClusterError, create_database
from infra.local.process import Child, StackError, answers, command_of, refuse_taken_port
from infra.local.runner.gateway_events import ERROR_TEMPLATE
from infra.local.settings import Settings

START_SECONDS = 60
WATCH_SECONDS = 0.2
BACKOFF_SECONDS = (0.1, 10.0)  # between restarts of a child that keeps dying: first, longest
SETTLED_SECONDS = 30.0  # a child that lived this long starts again without waiting
LEFTOVER_SECONDS = 4.0
LOCK_SECONDS = 0.3  # somebody asking for the status holds the lock for a moment
# The settings that move a port, for errors.
PORTS = {
    "api_port": "PGDESK_API_PORT",
    "db_port": "PGDESK_DB_PORT",
    "pages_port": "PGDESK_PAGES_PORT",
    "mail_port": "PGDESK_MAIL_PORT",
    "queue_port": "PGDESK_QUEUE_PORT",
    "functions_port": "PGDESK_FUNCTIONS_PORT",
}
log = logging.getLogger("infra.local.stack")


@dataclass(frozen=True)
class Status:
    """A running stack, as its `stack.json` describes it."""

    pid: int
    ports: dict[str, int]
    processes: dict[str, int | None]


class Stack:
    """PostgreSQL, gateway, queue and runner for one Chalice app.

    `environment` is what the functions get beside the addresses of the queue; `wakeups` maps channels to functions;
    `migrate` is called with the database's URL (as `postgres`) whenever the stack starts; `error_template` is the body
    of API Gateway's own errors. Usable as a context manager.
    """

    def __init__(
        self,
        settings: Settings,
        app: Path,
        environment: Mapping[str, str],
        queues: Sequence[QueueDefinition],
        wakeups: Mapping[str, str],
        version: int = 16,
        *,
        migrate: Callable[[str], object] | None = None,
        concurrency: Mapping[str, int] | None = None,
        error_template: str = ERROR_TEMPLATE,
    ) -> None:
        settings = replace(settings, data=settings.data.resolve())
        self.settings = settings
        self.plan = Plan(settings, app.resolve(), tuple(queues), dict(wakeups), dict(concurrency or {}), error_template)
        self.cluster = Cluster(settings, version)
        self._migrate = migrate
        self._lock: int | None = None
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None
        common = {VARIABLE: str(self._folder / "plan.json")}
        self._children = [
            self._child("queue", "infra.local.queue", common),
            self._child("gateway", "infra.local.gateway", common),
            self._child("runner", "infra.local.runner", common | self.plan.aws_environment | dict(environment)),
        ]
        self._backoff = dict.fromkeys((child.name for child in self._children), BACKOFF_SECONDS[0])
        self._born: dict[str, float] = {}

    @property
    def _folder(self) -> Path:
        return self.settings.data / "stack"

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return once every part answers. StackError, one line, where that cannot be; nothing is left running then."""
        try:
            self._take_lock()
            self._end_leftovers()
            self._refuse_taken_ports()
            self.plan.write(self._folder / "plan.json")
            self._start_parts()
        except (ClusterError, psycopg.Error, OSError) as error:
            self.stop()
            raise StackError(str(error).strip().splitlines()[0]) from error
        except BaseException:
            self.stop()
            raise
        self._watcher = threading.Thread(target=self._watch, name="watch-stack", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """End everything. Does nothing where nothing runs."""
        self._stopping.set()
        if self._watcher:
            self._watcher.join()
            self._watcher = None
        for child in reversed(self._children):  # the runner first: what it is doing still needs the others
            child.close()
        if self._lock is not None:
            if self.cluster.folder.exists() and not self.settings.platform:
                self.cluster.stop()
            (self._folder / "stack.json").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
        self._stopping.clear()

    def run(self, ready: Callable[[], object] = lambda: None) -> None:
        """Start, call `ready`, and keep running until SIGINT or SIGTERM; then stop. For the main thread."""
        asked = threading.Event()

        def ask(number: int, frame: FrameType | None) -> None:
            if asked.is_set() or not self._watcher:
                raise KeyboardInterrupt
            asked.set()

        with _handling({signal.SIGINT: ask, signal.SIGTERM: ask}), self:
            ready()
            asked.wait()

    def status(self) -> Status | None:
        return status(self.settings.data)

    @property
    def _ports(self) -> dict[str, str]:
        """Those that something listens on."""
        return {name: variable for name, variable in PORTS.items() if name != "pages_port" or self.settings.pages}

    def _child(self, name: str, module: str, environment: Mapping[str, str]) -> Child:
        return Child(name, module, self.settings.data / "logs" / f"{name}.log", environment)

    def _take_lock(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StackError(f"cannot keep data in {self.settings.data}: {error.strerror}") from None
        deadline = time.monotonic() + LOCK_SECONDS
        while not _locked(lock) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not _locked(lock):
            os.close(lock)
            other = _read_note(self.settings.data)
            whose = f" (process {other.pid})" if other else ""
            raise StackError(f"a stack is running already over {self.settings.data}{whose}: stop it first") from None
        self._lock = lock

    def _end_leftovers(self) -> None:
        """End the children of a stack that was killed; they end by themselves, this makes sure of it."""
        note = _read_note(self.settings.data)
        left = {pid for pid in (note.processes.values() if note else ()) if pid and _is_ours(pid)}
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while left := {pid for pid in left if _is_ours(pid)}:
            if time.monotonic() > deadline:
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                deadline += LEFTOVER_SECONDS
            time.sleep(0.02)

    def _refuse_taken_ports(self) -> None:
        for name, variable in self._ports.items():
            if name != "db_port":  # an old server of ours may hold it still: the cluster takes it over, or refuses it
                refuse_taken_port(self.settings.host, getattr(self.settings, name), variable)

    def _start_parts(self) -> None:
        queue, gateway, runner = self._children
        self._start_child(queue)  # while it imports moto, PostgreSQL starts
        self._start_database()
        self._start_child(gateway)
        self._start_child(runner)
        for child in self._children:
            self._wait_for(child)

    def _start_database(self) -> None:
        if not self.settings.platform:
            self.cluster.start()
            create_database(self.settings)
        if self._migrate:
            self._migrate(self.settings.database_url("postgres"))

    def _start_child(self, child: Child) -> None:
        child.start()
        self._born[child.name] = time.monotonic()
        self._note()

    def _wait_for(self, child: Child) -> None:
        port, path = self._health_of(child)
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.settings.host, port, path):
            if child.ended() is not None or time.monotonic() > deadline:
                raise StackError(f"the {child.name} did not start: {child.last_words()} (all of it in {child.log})")
            time.sleep(0.02)

    def _health_of(self, child: Child) -> tuple[int, str]:
        settings = self.settings
        return {
            "queue": (settings.queue_port, "/health"),
            "gateway": (settings.api_port, "/health"),
            "runner": (settings.functions_port, FUNCTIONS_HEALTH),
        }[child.name]

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            try:
                self._mend()
            except (ClusterError, OSError) as error:
                log.error("%s", error)
                self._stopping.wait(BACKOFF_SECONDS[1])

    def _mend(self) -> None:
        """Start again what has died."""
        if not self.settings.platform and self.cluster.running_pid() is None:
            log.warning("PostgreSQL ended: starting it again")
            self.cluster.start()
            self._note()
        for child in self._children:
            code = child.ended()
            if code is None:
                continue
            first, longest = BACKOFF_SECONDS
            if time.monotonic() - self._born[child.name] > SETTLED_SECONDS:
                self._backoff[child.name] = first
            log.warning("the %s ended with %d: starting it again (%s)", child.name, code, child.log)
            if self._stopping.wait(self._backoff[child.name]):
                return
            self._backoff[child.name] = min(self._backoff[child.name] * 2, longest)
            self._start_child(child)

    def _postgres(self) -> dict[str, int | None]:
        return {} if self.settings.platform else {"postgres": self.cluster.running_pid()}

    def _note(self) -> None:
        """Write down who runs where, for `status` and for whoever comes after a crash."""
        note = {
            "pid": os.getpid(),
            "ports": {name.removesuffix("_port"): getattr(self.settings, name) for name in self._ports},
            "processes": self._postgres() | {each.name: each.pid for each in self._children},
        }
        fresh = self._folder / "stack.json.new"
        fresh.write_text(json.dumps(note, indent=1))
        fresh.replace(self._folder / "stack.json")


def status(data: Path) -> Status | None:
    """The stack running over `data`, or None."""
    try:
        lock = os.open(data / "stack" / "lock", os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return None if _locked(lock) else _read_note(data)
    finally:
        os.close(lock)


def ask_to_stop(data: Path, seconds: float = 30.0) -> bool:
    """Ask the stack running over `data` to stop and wait for it. Returns whether one was running."""
    running = status(data)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while status(data) is not None:
        if time.monotonic() > deadline:
            raise StackError(f"the stack (process {running.pid}) does not stop: see {data / 'logs'}")
        time.sleep(0.05)
    return True


def _locked(lock: int) -> bool:
    """Take the lock, or keep it. False where another process has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_note(data: Path) -> Status | None:
    try:
        note = json.loads((data / "stack" / "stack.json").read_text())
        return Status(int(note["pid"]), dict(note["ports"]), dict(note["processes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_ours(pid: int) -> bool:
    return "infra.local." in (command_of(pid) or "")


@contextlib.contextmanager
def _handling(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
