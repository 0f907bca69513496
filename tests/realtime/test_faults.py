"""The gateway or PostgreSQL is killed while rows change and somebody listens, on servers of this file's own.

What the platform promises is kept: row changes of the time in which nobody listened are lost, and who joins again (or
is told "Subscribed to PostgreSQL" again) knows that. Nothing else may be lost, and nothing told twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, WebSocketException

from infra.local.plan import VARIABLE, Plan
from infra.local.ports import free_ports
from infra.local.postgres import Cluster, create_database
from infra.local.process import Child
from infra.local.settings import Settings
from tests.realtime.client import Client, client, token
from tests.realtime.conftest import SCHEMA, Stack
from tests.realtime.test_channels import play

EACH = 40  # rows between two events


class Writer:
    """Inserts rows 1, 2, 3, … that ada may see, each in a transaction of its own, through every restart."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url("postgres")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.committed: set[int] = set()
        self._last = 0

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def more(self, count: int) -> None:
        """Wait until so many more have been committed."""
        wanted = len(self.committed) + count
        async with asyncio.timeout(60):
            while len(self.committed) < wanted:  # noqa: ASYNC110 - another thread writes
                await asyncio.sleep(0.01)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    while not self._stop.wait(0.01):
                        self._last += 1
                        connection.execute("insert into notes (id, owner) values (%s, 'ada')", [self._last])
                        self.committed.add(self._last)
            except psycopg.OperationalError:
                self._stop.wait(0.05)


class Server:
    """PostgreSQL and the gateway, killed and started at will."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cluster = Cluster(settings, version=int(os.environ.get("PGDESK_POSTGRES", "16")))
        plan = settings.data / "plan.json"
        Plan(settings, settings.data).write(plan)
        self.gateway = Child("gateway", "infra.local.gateway", settings.data / "gateway.log", {VARIABLE: str(plan)})

    def kill_gateway(self) -> None:
        assert self.gateway.pid
        os.kill(self.gateway.pid, signal.SIGKILL)
        self.gateway.close()

    def kill_postgres(self) -> None:
        pid = self.cluster.running_pid()
        assert pid
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="pgdesk-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        api, database, mail = free_ports(3)
        one = Server(replace(Settings(data=Path(folder)), api_port=api, db_port=database, mail_port=mail))
        one.cluster.start()
        try:
            create_database(one.settings)
            with psycopg.connect(one.settings.database_url("postgres"), autocommit=True) as connection:
                connection.execute(SCHEMA.encode())
            one.gateway.start()
            try:
                yield one
            finally:
                one.gateway.close()
        finally:
            one.cluster.stop()


@contextlib.asynccontextmanager
async def joined(server: Server) -> AsyncIterator[Client]:
    """A client that follows ada's notes, once the gateway answers."""
    stack = Stack(f"http://127.0.0.1:{server.settings.api_port}", server.settings)
    changes = [{"event": "*", "schema": "public", "table": "notes"}]
    async with asyncio.timeout(30), contextlib.AsyncExitStack() as stack_of_clients:
        while True:
            try:
                one = await stack_of_clients.enter_async_context(client(stack))
                if (await one.join("c", token(server.settings), postgres_changes=changes))["status"] == "ok":
                    break
            except (OSError, WebSocketException):
                await asyncio.sleep(0.05)
        kept = stack_of_clients.pop_all()
    async with kept:
        yield one


async def listen(one: Client, heard: list[int | str]) -> None:
    """Note ids, and every time that the stream is said to go on anew, until the connection ends."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            with contextlib.suppress(TimeoutError):
                frame = await one.receive()
                if frame.event == "postgres_changes":
                    heard.append(frame.payload["data"]["record"]["id"])
                elif frame.event == "system":
                    assert frame.payload["status"] == "ok", frame.payload
                    heard.append("anew")


async def until_heard(heard: list[int | str], number: int) -> None:
    async with asyncio.timeout(30):
        while number not in heard:  # noqa: ASYNC110 - another task listens
            await asyncio.sleep(0.01)


def stretches(heard: list[int | str]) -> list[list[int]]:
    """The ids between the marks `anew`."""
    found: list[list[int]] = [[]]
    for each in heard:
        if isinstance(each, int):
            found[-1].append(each)
        else:
            found.append([])
    return found


@pytest.mark.full
def test_after_the_gateway_was_killed_nothing_is_told_twice_and_nothing_lost_after_joining_again(
    server: Server,
) -> None:
    async def scene() -> None:
        heard: list[int | str] = []
        with Writer(server.settings) as writer:
            for _ in range(3):
                async with joined(server) as one:
                    begun = max(writer.committed, default=0)
                    here: list[int | str] = []
                    listening = asyncio.create_task(listen(one, here))
                    await writer.more(EACH)
                    await asyncio.to_thread(server.kill_gateway)
                    await listening
                told = [each for each in here if isinstance(each, int)]
                # In order, once each, without a gap: what was committed after the join, up to the kill.
                assert told == list(range(told[0], told[-1] + 1))
                assert told[0] <= begun + 1
                heard += told
                await asyncio.to_thread(server.gateway.start)
            async with joined(server) as one:
                begun = max(writer.committed, default=0)
                here = []
                listening = asyncio.create_task(listen(one, here))
                await writer.more(EACH)
                await until_heard(here, max(writer.committed))
                listening.cancel()
                told = [each for each in here if isinstance(each, int)]
                assert told == list(range(told[0], told[-1] + 1))
                assert told[0] <= begun + 1
        assert len(set(heard)) == len(heard)
        assert await asyncio.to_thread(slots, server) == 1  # those of the dead are gone

    play(scene())


@pytest.mark.full
def test_after_postgres_was_killed_the_same_join_goes_on_with_a_word(server: Server) -> None:
    async def scene() -> None:
        heard: list[int | str] = []
        with Writer(server.settings) as writer:
            async with joined(server) as one:
                listening = asyncio.create_task(listen(one, heard))
                for times in range(1, 4):
                    await writer.more(EACH)
                    await asyncio.to_thread(server.kill_postgres)
                    await asyncio.to_thread(server.cluster.start)
                    async with asyncio.timeout(30):
                        while heard.count("anew") < times:  # noqa: ASYNC110 - another task listens
                            await asyncio.sleep(0.01)
                    await writer.more(EACH)
                await until_heard(heard, max(writer.committed))
                listening.cancel()
        told = [each for each in heard if isinstance(each, int)]
        assert told == sorted(set(told))
        for stretch in stretches(heard):
            lost = set(range(stretch[0], stretch[-1] + 1)) & writer.committed - set(stretch)
            assert not lost

    play(scene())


def slots(server: Server) -> int:
    with psycopg.connect(server.settings.database_url("postgres"), autocommit=True) as connection:
        row = connection.execute("select count(*) from pg_replication_slots").fetchone()
    assert row
    return int(row[0])
