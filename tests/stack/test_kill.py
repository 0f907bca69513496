"""kill -9 of any part: the stack mends itself, or the next start does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from infra.local.postgres import Cluster
from infra.local.process import ROOT, StackError, command_of
from infra.local.settings import Keys, Settings
from infra.local.stack import Stack, ask_to_stop, status
from tests.waiting import until

Seen = Callable[..., list[dict[str, Any]]]


def processes(stack: Stack) -> dict[str, int]:
    """Who runs now, without those that are just being restarted."""
    found = stack.status()
    assert found
    return {name: pid for name, pid in found.processes.items() if pid and command_of(pid)}


def kill_and_wait(stack: Stack, name: str) -> None:
    """Kill one part and return once another one runs in its place."""
    before = processes(stack)[name]
    os.kill(before, signal.SIGKILL)
    until(lambda: processes(stack).get(name, before) != before)


def ok(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def answers(stack: Stack) -> bool:
    """Whether a function can be called through the gateway."""
    return ok(f"{stack.settings.api_url}/functions/echo/x")


@pytest.mark.parametrize("name", ["gateway", "runner"])
def test_a_killed_part_is_started_again(stack: Stack, name: str) -> None:
    kill_and_wait(stack, name)
    until(lambda: answers(stack))


def test_a_killed_queue_comes_back_with_its_queues_and_is_polled_again(stack: Stack, sqs: Any, seen: Seen) -> None:
    kill_and_wait(stack, "queue")
    until(lambda: ok(f"{stack.plan.queue_url}/health"))
    url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody='{"do": "ok", "id": "after the queue was killed"}')
    until(lambda: seen("work", body={"do": "ok", "id": "after the queue was killed"}))


def test_a_killed_postgres_comes_back_with_what_was_committed_and_wakes_functions_again(
    stack: Stack, seen: Seen
) -> None:
    url = stack.settings.database_url("postgres")
    busy = psycopg.connect(url, autocommit=True)
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as select 42 as answer")
    # A session too busy to notice that its server has died keeps the next one from starting.
    busy.pgconn.send_query(b"do $$ begin loop perform 1; end loop; end $$")
    woken = len(seen("woken"))
    kill_and_wait(stack, "postgres")
    busy.close()

    def answer() -> Any:
        try:
            with psycopg.connect(url, connect_timeout=2) as connection:
                return connection.execute("select answer from kept").fetchone()
        except psycopg.OperationalError:
            return None

    assert until(answer) == (42,)
    until(lambda: len(seen("woken")) > woken)


def test_a_server_that_has_lost_its_lock_file_is_ended_before_another_starts(
    new_settings: Callable[[], Settings],
) -> None:
    cluster = Cluster(new_settings(), throwaway=True)
    cluster.start()
    lost = cluster.running_pid()
    (cluster.folder / "postmaster.pid").unlink()
    cluster.start()
    try:
        assert cluster.running_pid() not in (None, lost)
        assert not Path(f"/proc/{lost}").exists()  # ended and collected
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def own(new_settings: Callable[[], Settings]) -> Settings:
    """The settings of another stack, which these tests start and end as they like."""
    settings = new_settings()
    return replace(settings, keys=Keys.load_or_create(settings.data / "keys.json"))


@contextmanager
def run(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A stack in a process of its own, up when this yields."""
    ports = [settings.api_port, settings.db_port, settings.mail_port, settings.queue_port, settings.functions_port]
    command = [sys.executable, "-m", "tests.stack.parent", str(settings.data), *map(str, ports)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        try:
            assert parent.stdout
            assert parent.stderr
            assert parent.stdout.readline() == "up\n", parent.stderr.read()
            yield parent
        finally:
            if parent.poll() is None:
                parent.terminate()


def gone(pids: list[int]) -> bool:
    return not any(command_of(pid) for pid in pids)


def test_a_killed_parent_takes_its_parts_along_and_the_next_start_finds_everything_and_stops_when_asked(
    own: Settings,
) -> None:
    url = own.database_url("postgres")
    with run(own) as parent:
        running = status(own.data)
        assert running
        with psycopg.connect(url) as connection:
            connection.execute("create table kept as select 42 as answer")
        parent.kill()
        parent.wait()
        assert status(own.data) is None
        # At once, while the orphans may still be ending.
        with run(own) as again:
            with psycopg.connect(url) as connection:
                assert connection.execute("select answer from kept").fetchone() == (42,)
            assert gone([pid for pid in running.processes.values() if pid])
            assert ask_to_stop(own.data) is True
            assert again.wait(10) == 0


def test_ctrl_c_ends_everything_within_seconds_and_a_second_start_is_refused_meanwhile(own: Settings) -> None:
    with run(own) as parent:
        running = status(own.data)
        assert running
        assert running.pid == parent.pid
        with pytest.raises(StackError) as error:
            Stack(own, Path(__file__).with_name("app"), {}, [], {}).start()
        assert str(error.value) == f"a stack is running already over {own.data} (process {parent.pid}): stop it first"
        parent.send_signal(signal.SIGINT)
        assert parent.wait(10) == 0
        assert gone([pid for pid in running.processes.values() if pid])
        assert ask_to_stop(own.data) is False
