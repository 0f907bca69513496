"""How long the embedded stack takes to start, and what it holds when nothing happens.

By itself: PostgreSQL, gateway, queue and runner for an app of one route, over an empty folder and once more over the
same. With pgdesk on it: `pgdesk up`, as `make up` runs it. Time is from the command to every part answering, Python's
start and imports included; memory is proportional (Pss) and counts the command itself and everything below it, a few
seconds after it was ready.

Bars: ready in less than 3 s, for the stack itself over a new folder and an old one, and for pgdesk over an old one
(over a new one it makes its schema first); the stack itself idle below 250 MB.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from bench.footprint import Footprint, footprint
from bench.server import PORTS, data_folder
from infra.local.plan import QueueDefinition
from infra.local.settings import Keys, Settings
from infra.local.stack import Stack
from pgdesk.environment import ROOT

FULL = os.environ.get("FULL") == "1"
ROUNDS = 5 if FULL else 3
SETTLE_SECONDS = 5
START_SECONDS = 120
BOOT_BAR, MEMORY_BAR = 3.0, 250e6
READY = "Ctrl-C stops it."
NAMES = {"api_port": "API", "db_port": "DB", "mail_port": "MAIL", "queue_port": "QUEUE", "functions_port": "FUNCTIONS"}
APP = """
from chalice import Chalice
app = Chalice(app_name="one")

@app.route("/v1")
def index():
    return {}
"""


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console, good = Console(), True
    itself = ["-c", "from bench.boot import run; run()"]
    for what, command in (("the stack itself", itself), ("pgdesk up", ["-m", "pgdesk", "up"])):
        news, olds, idle = [], [], []
        for _ in range(ROUNDS):
            with data_folder() as settings:
                with _started(settings, command) as (process, seconds):
                    news.append(seconds)
                with _started(settings, command) as (process, seconds):
                    olds.append(seconds)
                    time.sleep(SETTLE_SECONDS)
                    idle.append(footprint(process.pid))
        good &= _told(console, f"{what}, over a new folder", median(news), BOOT_BAR if command == itself else None)
        good &= _told(console, f"{what}, over its own", median(olds), BOOT_BAR)
        middle = sorted(idle, key=lambda each: each.total_memory)[ROUNDS // 2]
        good &= _remembered(console, what, middle, MEMORY_BAR if command == itself else None)
    return 0 if good else 1


def run() -> None:
    """The stack without pgdesk, for one process of this measurement; its settings are in the environment."""
    folder = Path(os.environ["PGDESK_DATA_FOLDER"])
    app = folder / "app"
    app.mkdir(exist_ok=True)
    (app / "app.py").write_text(APP)
    settings = Settings(data=folder, keys=Keys.load_or_create(folder / "keys.json"))
    ports: dict[str, Any] = {name: int(os.environ[f"PGDESK_{NAMES[name]}_PORT"]) for name in PORTS}
    stack = Stack(replace(settings, **ports), app, {}, [QueueDefinition("work")], {})
    stack.run(lambda: print(READY, flush=True))


@contextmanager
def _started(settings: Settings, command: list[str]) -> Iterator[tuple[subprocess.Popen[str], float]]:
    """The command's process and the seconds until it was ready; it is stopped in the end."""
    ports = {f"PGDESK_{NAMES[name]}_PORT": str(getattr(settings, name)) for name in PORTS}
    environment = {**os.environ, **ports, "PGDESK_DATA_FOLDER": str(settings.data), "NO_COLOR": "1"}
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
        env=environment,
    ) as process:  # fmt: skip
        try:
            assert process.stdout
            said = []
            for line in process.stdout:
                said.append(line)
                if READY in line:
                    break
            else:
                raise RuntimeError("".join(said))
            yield process, time.monotonic() - began
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_SECONDS)


def _told(console: Console, what: str, seconds: float, bar: float | None) -> bool:
    kept = bar is None or seconds < bar
    mark = "(no bar)" if bar is None else f"(bar < {bar:.0f} s) {'ok' if kept else 'MISSED'}"
    console.print(f"boot: {what}: ready after {seconds:.2f} s {mark}")
    return kept


def _remembered(console: Console, what: str, found: Footprint, bar: float | None) -> bool:
    kept = bar is None or found.total_memory < bar
    shares = ", ".join(f"{name} {memory / 1e6:.0f}" for name, memory in found.memory.items())
    judged = f"(bar < {bar / 1e6:.0f} MB) {'ok' if kept else 'MISSED'}" if bar else "(no bar)"
    console.print(f"idle: {what}: {found.total_memory / 1e6:.0f} MB {judged}: {shares}")
    return kept


if __name__ == "__main__":
    sys.exit(main())
