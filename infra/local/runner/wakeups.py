"""Functions invoked by PostgreSQL: NOTIFY stands in for the HTTP call that pg_net makes on the platform."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from infra.local.runner.containers import ACCOUNT, Function, FunctionError

log = logging.getLogger("infra.local.runner")


class Wakeup:
    """Calls for one function, at most one running and one pending: a further call is one with the pending one."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._pending = asyncio.Event()
        self._detail: dict[str, str] = {}

    def call(self, channel: str, payload: str) -> None:
        self._detail = {"channel": channel, "payload": payload}
        self._pending.set()

    async def run(self) -> None:
        while True:
            await self._pending.wait()
            self._pending.clear()
            try:
                await self._function.invoke(_event(self._detail), f"notify {self._detail['channel']}")
            except FunctionError as error:
                log.error("%s, woken by %s, failed: %s", self._function.name, self._detail["channel"], error)


class Listener:
    """Listens on the channels of `wakeups` (channel → function). After each connect every function is woken once,
    since nobody knows what was missed.
    """

    def __init__(self, url: str, wakeups: Mapping[str, str], functions: dict[str, Function]) -> None:
        if unknown := sorted(set(wakeups.values()) - set(functions)):
            raise ValueError(f"wake-ups name functions that the app has not: {', '.join(unknown)}")
        self._url = url
        self._wakeups = {channel: Wakeup(functions[name]) for channel, name in wakeups.items()}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for wakeup in self._wakeups.values():
                tasks.create_task(wakeup.run())
            if self._wakeups:
                tasks.create_task(self._listen())

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    for channel in self._wakeups:
                        await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                    pause = 0.1
                    for channel, wakeup in self._wakeups.items():
                        wakeup.call(channel, "")
                    async for notice in connection.notifies():
                        self._wakeups[notice.channel].call(notice.channel, notice.payload)
            except psycopg.OperationalError as error:
                log.warning(
                    "the database is away: %s", str(error).strip().splitlines()[0] if str(error) else "no reason"
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


def _event(detail: dict[str, str]) -> dict[str, Any]:
    """An event that handlers of schedules and plain functions both understand."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Wake-up",
        "source": "local.postgres",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }
