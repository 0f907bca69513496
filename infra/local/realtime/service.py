"""Realtime's WebSocket and HTTP interface, relative to /realtime/v1."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from infra.local import tokens
from infra.local.realtime import authorization, subscriptions
from infra.local.realtime.authorization import Identity, Pool, TokenError, Unavailable
from infra.local.realtime.channels import PAYLOAD_LIMIT, Channel
from infra.local.realtime.dispatch import Dispatcher
from infra.local.realtime.frames import Broadcast, Version, dumps, loads
from infra.local.realtime.hub import Hub
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

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database_url(ROLE)
        self.hub = Hub()
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
            Route("/api/broadcast", self._broadcast_many, methods=["POST"]),
            Route("/api/broadcast/{rest:path}", self._broadcast_one, methods=["POST"]),
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
            await websocket.send_denial_response(JSONResponse({"error": "Unsupported protocol version"}, 400))
            return
        try:
            if token is None:
                raise TokenError("MissingAPIKey", "API key is missing")
            self.identify(token, headers)
        except TokenError as error:
            await websocket.send_denial_response(JSONResponse({"error": str(error)}, 401))
            return
        await websocket.accept()
        socket = Socket(websocket, version, headers)
        await socket.run(Session(self, socket, token))

    async def _broadcast_many(self, request: Request) -> Response:
        identity = self._caller(request)
        if identity is None:
            return JSONResponse({"message": "Unauthorized"}, 401)
        try:
            body = loads(await request.body())
        except (ValueError, RecursionError):
            return JSONResponse({"errors": {"messages": ["the body is not JSON"]}}, 422)
        messages = body.get("messages") if isinstance(body, dict) else None
        if not isinstance(messages, list) or not messages:
            return JSONResponse({"errors": {"messages": ["can't be blank"]}}, 422)
        errors = [_errors(message) for message in messages]
        if any(errors):
            return JSONResponse({"errors": {"messages": errors}}, 422)
        for message in messages:
            topic, private = message["topic"], message.get("private") in {True, "true"}
            if private and not await self._may_send(identity, topic):
                continue  # dropped without a word, as on the platform
            words = {"type": "broadcast", "event": message["event"], "payload": message["payload"]}
            self.hub.broadcast((topic, private), dumps(words))
        return Response(status_code=202)

    async def _broadcast_one(self, request: Request) -> Response:
        identity = self._caller(request)
        if identity is None:
            return JSONResponse({"message": "Unauthorized"}, 401)
        address = _topic_and_event(request)
        if address is None:
            return JSONResponse({"message": "Not Found"}, 404)
        topic, event = address
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        body = await request.body()
        if kind == "application/octet-stream":
            content: str | bytes = body
        elif kind == "application/json":
            try:
                content = dumps(loads(body))
            except (ValueError, RecursionError):
                return JSONResponse({"errors": {"payload": ["is not JSON"]}}, 422)
        else:
            words = "Unsupported Media Type. Use application/json or application/octet-stream"
            return JSONResponse({"error": words}, 415)
        if len(body) > PAYLOAD_LIMIT:
            return JSONResponse({"errors": {"payload": ["Payload size exceeds tenant limit"]}}, 422)
        private = request.query_params.get("private") == "true"
        if private and not await self._may_send(identity, topic):
            return JSONResponse({"message": "Unauthorized"}, 403)
        self.hub.broadcast((topic, private), Broadcast(event, content))
        return Response(status_code=202)

    def _caller(self, request: Request) -> Identity | None:
        headers = request.headers
        token = tokens.resolve(self._settings.keys, headers.get("apikey"), headers.get("authorization"))
        try:
            return None if token is None else self.identify(token, dict(headers))
        except TokenError:
            return None

    async def _may_send(self, identity: Identity, topic: str) -> bool:
        try:
            return await authorization.may_write(self.pool, identity, topic, "broadcast")
        except Unavailable:
            return False

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


def _errors(message: object) -> dict[str, list[str]]:
    """What is wrong with one message of a batch, by field."""
    if not isinstance(message, dict):
        return {"message": ["is invalid"]}
    errors = {}
    for name, kind in (("topic", str), ("event", str), ("payload", dict)):
        value = message.get(name)
        if value is None or value == "":
            errors[name] = ["can't be blank"]
        elif not isinstance(value, kind):
            errors[name] = ["is invalid"]
    if not errors and len(dumps(message["payload"])) > PAYLOAD_LIMIT:
        errors["payload"] = ["Payload size exceeds tenant limit"]
    return errors


def _topic_and_event(request: Request) -> tuple[str, str] | None:
    """From the path as it was sent: an escaped slash belongs to a name."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    parts = raw.partition(b"/api/broadcast/")[2].split(b"/")
    if len(parts) != 3 or parts[1] != b"events" or not parts[0] or not parts[2]:
        return None
    try:
        return unquote_to_bytes(parts[0]).decode(), unquote_to_bytes(parts[2]).decode()
    except UnicodeDecodeError:
        return None
