"""Follows the write-ahead log of one database and hands on what was committed, in commit order.

The log is read from a temporary slot that belongs to one session, by SQL on an ordinary connection. When the session
dies (server restart, pg_terminate_backend) a new one with a new slot takes over: what was committed in between is lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection

from infra.local.realtime import pgoutput

log = logging.getLogger(__name__)

PUBLICATIONS = "supabase_realtime,supabase_realtime_messages_publication"
PATIENCE = 0.5  # seconds that one wait for new log lasts on the server
# Seconds between two looks during such a wait: while there was news lately, and after a while without.
PAUSE, LAZY_PAUSE = 0.004, 0.02
LATELY = 2.0
BREATH = 0.005  # seconds at least between two decodings: each sets up and tears down a decoding context
UNHEARD = 1.0  # seconds between two decodings while nobody listens: only so that the server may recycle its log
RETRY = (0.05, 0.2, 0.5, 1.0)  # seconds before each try to connect again; the last one repeats
STABLE = 5.0  # seconds after which a session counts as good, and the next failure as the first
BATCH = 2000  # changes after which one decoding stops at the next commit

WAIT = "select (realtime.wait_for_wal('0/0'::pg_lsn + %s::numeric, %s, %s, %s) - '0/0'::pg_lsn)::bigint"
WRITTEN = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"
FLUSHED = "select (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"
DECODE = (
    "select data from pg_logical_slot_get_binary_changes(%s, null, %s, 'proto_version', '1', 'publication_names', %s)"
)


@dataclass(frozen=True)
class Change:
    """One committed row change. `old` has the columns of the table's replica identity, as far as the log has them.

    `xid` is that of its transaction, without epoch.
    """

    action: Literal["INSERT", "UPDATE", "DELETE"]
    relation: pgoutput.Relation
    new: pgoutput.Row
    old: pgoutput.Row
    committed_at: datetime
    xid: int = 0


class Follower:
    """Calls `deliver` with the changes of each decoding, and `restored` once a lost session has been replaced,
    with the new one and the time of the loss (Unix seconds).

    `heard` says whether anybody listens; while nobody does, the log is read only once a second.
    """

    def __init__(
        self,
        url: str,
        deliver: Callable[[list[Change]], Awaitable[None]],
        restored: Callable[[AsyncConnection[tuple[Any, ...]], float], Awaitable[None]],
        heard: Callable[[], bool],
    ) -> None:
        self._url = url
        self._deliver = deliver
        self._restored = restored
        self._heard = heard
        self._wake = asyncio.Event()
        self._following = asyncio.Event()
        self._position = 0
        self._hurry = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="realtime-wal")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """Someone listens now: read at full pace."""
        self._wake.set()

    def is_following(self) -> bool:
        return self._following.is_set()

    async def following(self) -> None:
        """Wait until a slot exists, so that whatever is committed from now on will be delivered."""
        await self._following.wait()

    async def reach(self, connection: AsyncConnection[tuple[Any, ...]]) -> None:
        """Wait until everything committed before this call has been handed on."""
        await self.following()
        target = await _number(connection, WRITTEN if self._hurry else FLUSHED)
        self._wake.set()
        if target > self._position:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((target, future))
            await future

    async def _run(self) -> None:
        failures = 0
        lost_at: float | None = None
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                # TCP keepalives notice a server that vanished without a word.
                async with await AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5, keepalives_idle=10, application_name="realtime wal"
                ) as connection:
                    slot = await self._create_slot(connection)
                    self._following.set()
                    if lost_at is not None:
                        await self._restored(connection, lost_at)
                        lost_at = None
                    try:
                        await self._follow(connection, slot)
                    except asyncio.CancelledError:
                        # It would go with the session, but a database with a slot cannot be dropped for that long.
                        with suppress(psycopg.Error):
                            await connection.execute("select pg_drop_replication_slot(%s)", [slot])
                        raise
            except (psycopg.Error, pgoutput.ProtocolError, OSError) as error:
                if loop.time() - began > STABLE:
                    failures = 0
                if not failures:
                    log.warning("the change stream was interrupted: %s", str(error).strip())
            self._following.clear()
            lost_at = lost_at or time.time()
            await asyncio.sleep(RETRY[min(failures, len(RETRY) - 1)])
            failures += 1

    async def _create_slot(self, connection: AsyncConnection[tuple[Any, ...]]) -> str:
        slot = f"realtime_{uuid4().hex}"
        await connection.execute("set datestyle to iso; set timezone to utc; set intervalstyle to postgres")
        await connection.execute("set extra_float_digits to 1; set bytea_output to hex; set statement_timeout to 0")
        row = await (await connection.execute("show synchronous_commit")).fetchone()
        self._hurry = row is not None and row[0] == "off"
        await connection.execute("set synchronous_commit to on")
        await connection.execute("select pg_create_logical_replication_slot(%s, 'pgoutput', true)", [slot])
        self._advance(await _number(connection, FLUSHED))
        for _, future in self._waiting:  # what they waited for was lost with the old slot
            future.set_result(None)
        self._waiting = []
        return slot

    async def _follow(self, connection: AsyncConnection[tuple[Any, ...]], slot: str) -> None:
        decoder = pgoutput.Decoder()
        loop = asyncio.get_running_loop()
        news_at = loop.time()
        while True:
            started = loop.time()
            if not self._heard() and not self._waiting:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), UNHEARD)
                reached = await _number(connection, FLUSHED)
            else:
                pause = PAUSE if self._waiting or started - news_at < LATELY else LAZY_PAUSE
                reached = await _number(connection, WAIT, [self._position, PATIENCE, self._hurry, pause])
            if reached > self._position:
                news_at = started
                await self._decode(connection, slot, decoder)
                self._advance(reached)
                await asyncio.sleep(max(0.0, BREATH - (loop.time() - started)))

    async def _decode(self, connection: AsyncConnection[tuple[Any, ...]], slot: str, decoder: pgoutput.Decoder) -> None:
        async with connection.cursor(binary=True) as cursor:
            while True:
                await cursor.execute(DECODE, [slot, BATCH, PUBLICATIONS], prepare=True)
                rows = await cursor.fetchall()
                changes = read_changes(decoder, [bytes(row[0]) for row in rows])
                if changes:
                    await self._deliver(changes)
                if len(rows) < BATCH:
                    return

    def _advance(self, position: int) -> None:
        self._position = position
        still = []
        for target, future in self._waiting:
            if target > position:
                still.append((target, future))
            elif not future.done():
                future.set_result(None)
        self._waiting = still


def read_changes(decoder: pgoutput.Decoder, messages: list[bytes]) -> list[Change]:
    """The row changes in the messages of whole transactions."""
    changes = []
    committed_at, xid = pgoutput.POSTGRES_EPOCH, 0
    for data in messages:
        match decoder.decode(data):
            case pgoutput.Begin(committed_at=committed_at, xid=xid):
                pass
            case pgoutput.Insert(relation, new):
                changes.append(Change("INSERT", relation, new, {}, committed_at, xid))
            case pgoutput.Update(relation, old, new):
                if old is None:  # the identity is unchanged, so the new row has it
                    old = {column.name: new[column.name] for column in relation.columns if column.in_identity}
                changes.append(Change("UPDATE", relation, new, old, committed_at, xid))
            case pgoutput.Delete(relation, old):
                changes.append(Change("DELETE", relation, {}, old, committed_at, xid))
            case _:
                pass
    return changes


async def _number(
    connection: AsyncConnection[tuple[Any, ...]], query: str, parameters: list[object] | None = None
) -> int:
    row = await (await connection.execute(query, parameters)).fetchone()
    assert row is not None
    return int(str(row[0]))
