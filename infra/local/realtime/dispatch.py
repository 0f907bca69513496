"""From the log to the clients: stored messages at once, row changes after they were judged."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection

from infra.local.realtime import changes, replay
from infra.local.realtime.changes import Delivery
from infra.local.realtime.channels import Channel
from infra.local.realtime.frames import Version, dumps, encode
from infra.local.realtime.hub import Hub
from infra.local.realtime.typed import Typed, TypedDumper
from infra.local.realtime.wal import Change
from infra.local.websocket import framed

log = logging.getLogger(__name__)

BACKLOG = 50  # batches waiting to be judged; beyond, the log waits in the slot
AT_ONCE = 500  # changes judged together
POLICY_SECONDS = 3  # one question to the policies of all subscribers may take this long
RETRY = 0.2  # seconds
REST = 0.05  # seconds at most between two judgements
REMEMBERED = 20_000  # messages
GOING = (psycopg.errors.AdminShutdown, psycopg.errors.CrashShutdown, psycopg.errors.CannotConnectNow)
MARGIN = 60  # seconds: a message bears the time at which its transaction began


class Dispatcher:
    """Judging has its own connection and its own pace: slow policies of one table do not hold up broadcasts."""

    def __init__(self, url: str, hub: Hub) -> None:
        self._url = url
        self._hub = hub
        self._backlog: asyncio.Queue[list[Change]] = asyncio.Queue(BACKLOG)
        self._connection: AsyncConnection[tuple[Any, ...]] | None = None
        self._seen: dict[str, None] = {}  # messages sent on lately, oldest first
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="realtime-changes")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._connection is not None:
            await self._connection.close()

    async def take(self, found: list[Change]) -> None:
        """Take what was committed, in order."""
        rest = []
        for change in found:
            if change.relation.schema == "realtime" and change.relation.table == "messages":
                if change.action == "INSERT":
                    self._pass_on(change)
            else:
                rest.append(change)
        for start in range(0, len(rest), AT_ONCE):
            if self._hub.subscriptions:
                await self._backlog.put(rest[start : start + AT_ONCE])

    async def restored(self, connection: AsyncConnection[tuple[Any, ...]], lost_at: float) -> None:
        """After an interruption that began at `lost_at` (seconds of the Unix epoch): make up for it as far as possible.

        Messages are stored, so those that nobody was sent are sent now, once. Row changes are not: clients are told
        that they are followed again, and can look for what they missed.
        """
        await self._backlog.join()  # what was read before the loss comes before the word that it goes on
        since = datetime.fromtimestamp(lost_at - MARGIN, UTC).replace(tzinfo=None)
        for message_id, address, message in await replay.stored_since(connection, since):
            if message_id not in self._seen:
                self._remember(message_id)
                self._hub.broadcast(address, message)
        for member in self._hub.subscriptions:
            if isinstance(member, Channel):
                member.system("postgres_changes", "ok", "Subscribed to PostgreSQL")

    def _pass_on(self, change: Change) -> None:
        message_id, sendable = str(change.new["id"]), replay.from_row(change.new)
        if message_id not in self._seen and sendable is not None:
            meters, (address, message) = self._hub.meters, sendable
            if len(message.payload) > meters.limits.payload:
                log.error("UnableToBroadcastChanges: payload_size_exceeded (%s)", address[0])
            elif meters.messages.exceeded:
                log.error("UnableToBroadcastChanges: too_many_requests (%s)", address[0])
            else:
                self._hub.broadcast(address, message)
        self._remember(message_id)

    def _remember(self, message_id: str) -> None:
        self._seen[message_id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

    async def _run(self) -> None:
        while True:
            batch, taken = await self._gathered()
            began = asyncio.get_running_loop().time()
            while batch:
                try:
                    await self._judge(batch)
                except (psycopg.Error, OSError) as error:
                    log.warning("row changes wait for the database: %s", str(error).strip())
                    if self._connection is not None:
                        await self._connection.close()
                    self._connection = None
                    await asyncio.sleep(RETRY)
            for _ in range(taken):
                self._backlog.task_done()
            # As long a rest as the work took: what is committed meanwhile is judged together, which costs little more.
            await asyncio.sleep(min(REST, asyncio.get_running_loop().time() - began))

    async def _gathered(self) -> tuple[list[Change], int]:
        """Wait for changes, and take all that are there; also how many entries of the backlog they were."""
        batch, taken = list(await self._backlog.get()), 1
        while len(batch) < AT_ONCE and not self._backlog.empty():
            batch += self._backlog.get_nowait()
            taken += 1
        return batch, taken

    async def _judge(self, batch: list[Change]) -> None:
        """Deliver a batch, which is empty then. A change that cannot be judged is left out, alone.

        Raises where the database cannot be asked; what was delivered is not in the batch any more.
        """
        connection = await self._connected()
        try:
            self._send(await changes.judge(connection, batch, self._hub.subscriptions.groups))
            batch.clear()
        except psycopg.Error as error:
            if connection.closed or _is_gone(error):
                raise
            while batch:
                await self._judge_alone(batch[0])
                del batch[0]

    async def _judge_alone(self, change: Change) -> None:
        connection = await self._connected()
        try:
            self._send(await changes.judge(connection, [change], self._hub.subscriptions.groups))
        except psycopg.Error as error:
            if connection.closed or _is_gone(error):
                raise
            log.exception("a change of %s.%s could not be delivered", change.relation.schema, change.relation.table)

    def _send(self, deliveries: list[Delivery]) -> None:
        """Hand out what was decided to those who are still there; what is the same for many is put in a frame once."""
        frames: dict[tuple[Version, str, bool, tuple[int, ...], str], bytes] = {}
        for delivery in deliveries:
            listener = delivery.listener
            if listener not in self._hub.subscriptions:
                continue
            same = (listener.version, listener.topic, listener.legacy, tuple(delivery.ids), delivery.data)
            if same not in frames:
                frames[same] = framed(_frame(delivery))
            listener.send(frames[same])

    async def _connected(self) -> AsyncConnection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            # Read-only, as a GET through the REST API is: a policy that writes has no business here.
            # Rows are asked for by key, again and again and in memory: an index is right whatever a young table's size.
            options = (
                f"-c statement_timeout={POLICY_SECONDS}s -c default_transaction_read_only=on -c timezone=utc "
                "-c enable_seqscan=off -c jit=off"
            )
            self._connection = await AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=5, options=options, application_name="realtime changes"
            )
            self._connection.adapters.register_dumper(Typed, TypedDumper)
        return self._connection


def _is_gone(error: psycopg.Error) -> bool:
    """Whether the server, not the question, is the trouble: its last words may come before the connection ends."""
    return isinstance(error, GOING) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None)


def _frame(delivery: Delivery) -> str:
    listener, data = delivery.listener, delivery.data
    if listener.legacy:
        return encode(listener.version, listener.topic, delivery.action, data)
    return encode(
        listener.version, listener.topic, "postgres_changes", f'{{"data":{data},"ids":{dumps(delivery.ids)}}}'
    )
