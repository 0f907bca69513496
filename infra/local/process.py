"""Child processes of the stack: started with a log file, ended with their parent, asked before they are killed."""

from __future__ import annotations

import errno
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WATCH_PARENT = "LOCAL_STACK_WATCH_PARENT"
STOP_SECONDS = 5
LOG_BYTES = 10_000_000


class StackError(Exception):
    """The stack cannot run; the message is one line that says what to do."""


@dataclass
class Child:
    """A Python module run as a process of its own; its output is appended to `log`."""

    name: str
    module: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process. Its standard input is a pipe that nobody writes to: it closes when this process dies."""
        self.close()
        _rotate(self.log)
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", self.module, *self.arguments],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/", start_new_session=True,
                env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **self.environment, WATCH_PARENT: "1"},
            )  # fmt: skip

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def ended(self) -> int | None:
        """The exit code, or None while it runs. A child never started has not ended."""
        return self.process.poll() if self.process else None

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def close(self) -> None:
        """Return once the process is gone: within `STOP_SECONDS` by itself, else killed."""
        if self.process is None:
            return
        self.ask_to_stop()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        self.process = None

    def last_words(self) -> str:
        """The last line it logged, for an error of one line."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else "it said nothing"


def end_with_parent() -> None:
    """Called by a child: when the parent is gone, however it went, this process is asked to end, then ends."""
    if os.environ.pop(WATCH_PARENT, None) is None:
        return

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS / 2)
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def refuse_taken_port(host: str, port: int, variable: str) -> None:
    """Raise StackError where another process listens on `port`; `variable` is the setting that would move ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StackError(f"port {port} is taken: stop what listens there, or set {variable}") from None
            raise StackError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; the process ends with one line where it cannot be had."""
    try:
        return socket.create_server((host, port), backlog=512)
    except OSError as error:
        raise SystemExit(f"cannot listen on {host}:{port}: {error.strerror}") from None


def answers(host: str, port: int, path: str) -> bool:
    """Whether a GET of `path` is answered with 200 within two seconds."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def command_of(pid: int) -> str | None:
    """The command line of a living process, None where there is none (or it only waits to be collected)."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None
        ps = ["/bin/ps", "-o", "command=", "-p", str(pid)]
        listed = subprocess.run(ps, capture_output=True, text=True, check=False)
        command = listed.stdout.strip()
    except OSError:
        return None
    return command or None


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
