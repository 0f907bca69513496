"""`pgdesk up` as a process, looked at and stopped from other ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.ports import free_ports
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("API", "DB", "MAIL", "QUEUE", "FUNCTIONS")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    tmp_path.chmod(0o755)
    (tmp_path / "data").mkdir(mode=0o755)
    ports = {f"PGDESK_{name}_PORT": str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    return os.environ | ports | {"PGDESK_DATA_FOLDER": str(tmp_path / "data"), "NO_COLOR": "1"}


@pytest.fixture
def running(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`pgdesk up`, once it says that it is there."""
    said = tmp_path / "up.txt"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pgdesk", "up"], stdout=out, stderr=out, cwd=ROOT, env=environment
        )
        try:
            until(lambda: "Ctrl-C stops it." in said.read_text() or process.poll() is not None, 90)
            assert process.poll() is None, said.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def pgdesk(environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "pgdesk", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.full
def test_a_stack_is_started_seen_used_and_stopped_from_the_command_line(
    environment: dict[str, str], running: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    code, out, _ = pgdesk(environment, "status", "--json")
    told = json.loads(out)
    assert (code, told["running"], told["pid"]) == (0, True, running.pid)
    assert told["ports"]["api"] == int(environment["PGDESK_API_PORT"])
    code, out, _ = pgdesk(environment, "status")
    assert f"127.0.0.1:{environment['PGDESK_API_PORT']}" in out
    assert pgdesk(environment, "doctor")[0] == 0

    code, out, err = pgdesk(environment, "up")
    assert (code, len(err.splitlines())) == (1, 1)
    assert f"a stack is running already over {environment['PGDESK_DATA_FOLDER']} (process {running.pid})" in err

    mail = tmp_path / "a.eml"
    mail.write_text("From: a@x.example\n\nhello")
    code, _, err = pgdesk(environment, "mail", "send", str(mail), "--rcpt", "nobody@x.example")
    assert code == 1
    assert "unknown_address" in err

    code, out, _ = pgdesk(environment, "down")
    assert (code, out.strip()) == (0, "stopped")
    assert running.wait(30) == 0
    assert pgdesk(environment, "status")[0] == 1
    assert pgdesk(environment, "reset", "--yes")[0] == 0
    assert list(Path(environment["PGDESK_DATA_FOLDER"]).iterdir()) == []


@pytest.mark.full
def test_ctrl_c_stops_everything_cleanly(running: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    note = json.loads((Path(environment["PGDESK_DATA_FOLDER"]) / "stack" / "stack.json").read_text())
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 0
    for pid in note["processes"].values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
