"""Realtime's WebSocket and HTTP interface, relative to /realtime/v1."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from infra.local import tokens
from infra.local.realtime import authorization, subscriptions
from infra.local.realtime.api import Api
from infra.local.realtime.authorization import Identity, Pool, TokenError, Unavailable
from infra.local.realtime.channels import Channel
from infra.local.realtime.dispatch import Dispatcher
from infra.local.realtime.frames import Version
from infra.local.realtime.hub import Hub
from infra.local.realtime.limits import Limits, Meters
from infra.local.realtime.session import Session
from infra.local.realtime.sockets import Socket
from infra.local.realtime.subscriptions import Subscription
from infra.local.realtime.typed import Typed, TypedDumper
from infra.local.realtime.wal import Follower
from infra.local.settings import Settings

log = logging.getLogger(__name__)

ROLE = "supabase_realtime_admin"
POLICY_SECONDS = 5  # one question to the policies may take this long
PARTITIONS_EVERY = 3600  # seconds
DATABASE_WAIT = 5.0  # seconds a join waits for a database connection


class RealtimeService:
    """Channels for one database. Start it on the event loop that serves its routes."""

    def __init__(self, settings: Settings, limits: Limits | None = None) -> None:
        self._settings = settings
        self._url = settings.database_url(ROLE)
        self.meters = Meters(limits or Limits())
        self.hub = Hub(self.meters)
        self.pool: Pool = AsyncConnectionPool(
            self._url,
            min_size=1,
            max_size=4,
            timeout=DATABASE_WAIT,
            open=False,
            check=AsyncConnectionPool.check_connection,
            configure=_configure,
            kwargs={"options": f"-c statement_timeout={POLICY_SECONDS}s", "application_name": "realtime"},
        )
        self._dispatcher = Dispatcher(self._url, self.hub)
        self._follower = Follower(
            self._url, self._dispatcher.take, self._dispatcher.restored, lambda: not self.hub.is_empty()
        )
        self._housekeeping: asyncio.Task[None] | None = None
        self.routes: list[BaseRoute] = [
            WebSocketRoute("/websocket", self._websocket),
            *Api(self, settings.keys, self._follower.is_following).routes,
        ]

    async def start(self) -> None:
        """Begin to follow the database. It need not answer yet: whoever joins waits until it does."""
        await self.pool.open(wait=False)
        self._dispatcher.start()
        self._follower.start()
        self._housekeeping = asyncio.create_task(self._keep_partitions(), name="realtime-partitions")

    async def stop(self) -> None:
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._housekeeping
        await self._follower.stop()
        await self._dispatcher.stop()
        await self.pool.close()

    # What channels need

    def identify(self, token: str, headers: dict[str, str]) -> Identity:
        return authorization.identify(self._settings.keys, token, headers)

    async def subscribe(self, channel: Channel) -> list[Subscription]:
        async with self.pool.connection() as connection:
            return await subscriptions.make(connection, channel.config.postgres_changes, channel.identity, channel)

    async def caught_up(self) -> None:
        try:
            async with asyncio.timeout(DATABASE_WAIT), self.pool.connection() as connection:
                await self._follower.reach(connection)
        except (TimeoutError, PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable("the change stream cannot be read") from error

    # Protocol

    async def _websocket(self, websocket: WebSocket) -> None:
        key = websocket.headers.get("x-api-key") or websocket.query_params.get("apikey")
        token = tokens.resolve(self._settings.keys, key, None)
        headers = {name: value for name, value in websocket.headers.items() if name.startswith("x-")}
        try:
            version = Version(websocket.query_params.get("vsn") or Version.V1)
        except ValueError:
            await websocket.send_denial_response(Response(status_code=403))
            return
        refusal = None
        try:
            if token is None:
                raise TokenError("MissingAPIKey", "API key is missing")
            self.identify(token, headers)
        except TokenError as error:
            words = "Token has expired" if str(error).startswith("Token has expired") else str(error)
            refusal = words, 401
        if refusal is None and self.meters.connections >= self.meters.limits.connections:
            refusal = "Too many connected users", 429
        if refusal is None and self.meters.joins.exceeded:
            refusal = "Too many joins per second", 429
        if refusal is not None:
            await websocket.send_denial_response(JSONResponse({"error": refusal[0]}, refusal[1]))
            return
        assert token is not None
        await websocket.accept()
        self.meters.connections += 1
        try:
            socket = Socket(websocket, version, headers)
            await socket.run(Session(self, socket, token))
        finally:
            self.meters.connections -= 1

    async def _keep_partitions(self) -> None:
        while True:
            try:
                async with self.pool.connection() as connection:
                    await connection.execute("select realtime.keep_partitions()")
            except (psycopg.Error, PoolTimeout) as error:
                log.warning("partitions of realtime.messages were not made: %s", error)
            await asyncio.sleep(PARTITIONS_EVERY)


async def _configure(connection: AsyncConnection[Any]) -> None:
    connection.adapters.register_dumper(Typed, TypedDumper)
    await connection.set_autocommit(True)
