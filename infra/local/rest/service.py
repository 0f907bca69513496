"""The REST protocol over HTTP: a thin shell around the engine, and the cache of the schema that it works with."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from infra.local.rest import catalog, cors, errors
from infra.local.rest.auth import Authenticator
from infra.local.rest.catalog import Snapshot
from infra.local.rest.config import Configuration
from infra.local.rest.engine import Engine
from infra.local.rest.errors import ApiError
from infra.local.rest.flight import Connection
from infra.local.rest.request import Request
from infra.local.rest.response import Response
from infra.local.rest.timing import Timing
from infra.local.settings import Settings

log = logging.getLogger(__name__)

LOGIN = "authenticator"
POOL_SIZE = 10  # the platform's default
ACQUIRE_SECONDS = 10
RECONNECT_SECONDS = 1.0
GATHER_SECONDS = 0.01
RELOADS = frozenset({"", "reload schema", "reload config"})  # all of them read everything; others mean nothing


class RestService:
    """`routes` go under /rest/v1, `admin_routes` under /rest-admin/v1.

    `start` reads the schema and listens for `notify pgrst` until `stop`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._authenticator = Authenticator(settings.keys)
        self._engine: Engine | None = None
        self._listener: asyncio.Task[None] | None = None
        self._listens = False
        self._pool = AsyncConnectionPool(
            settings.database_url(LOGIN),
            connection_class=Connection,
            min_size=1,
            max_size=POOL_SIZE,
            timeout=ACQUIRE_SECONDS,
            open=False,
            kwargs={"autocommit": True, "application_name": "rest"},
        )
        self.endpoint = _Endpoint(self)
        self.routes: list[BaseRoute] = [Route("/{path:path}", self.endpoint)]
        self.admin_routes: list[BaseRoute] = [Route("/live", self._live), Route("/ready", self._ready)]

    async def start(self) -> None:
        await self._pool.open()
        listening = asyncio.Event()
        self._listener = asyncio.create_task(self._listen(listening))
        ready = asyncio.create_task(listening.wait())
        await asyncio.wait({self._listener, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._listener.done():
            await self._pool.close()
            await self._listener  # raises what kept it from listening

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        await self._pool.close()

    @property
    def snapshot(self) -> Snapshot | None:
        """The state of the schema that requests are answered with now."""
        return self._engine.snapshot if self._engine else None

    async def answer(self, request: Request, apikey: str | None, authorization: str | None) -> Response:
        """The answer to `request`, errors included."""
        configuration = self._engine.snapshot.configuration if self._engine else Configuration()
        origin = request.header("origin")
        ahead = cors.preflight(request, origin, configuration.allowed_origins) if origin is not None else None
        answer = ahead or await self._answer(request, apikey, authorization)
        if origin is not None and ahead is None:
            answer = cors.opened(answer, origin, configuration.allowed_origins)
        trace = configuration.trace_header
        if trace is not None:
            answer.headers.append((trace, request.header(trace) or ""))
        return answer

    async def _answer(self, request: Request, apikey: str | None, authorization: str | None) -> Response:
        authenticated, verbose = False, True
        try:
            if self._engine is None:
                raise ApiError(503, "PGRST002", "Could not query the database for the schema cache. Retrying.")
            configuration = self._engine.snapshot.configuration
            verbose = configuration.verbose_errors
            timing = Timing() if configuration.timing_shown else None
            caller = self._authenticator.identify(configuration, apikey, authorization)
            authenticated = caller.authenticated
            if timing is not None:
                timing.lap("jwt")
            return await self._engine.answer(request, caller, timing)
        except ApiError as error:
            return _refused(error, verbose=verbose)
        except PoolTimeout as error:
            return _refused(self._without_connection(error), verbose=verbose)
        except psycopg.Error as error:
            return _refused(errors.from_database(error, authenticated=authenticated), verbose=verbose)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return _refused(ApiError(500, "PGRSTX00", "Internal error"), verbose=verbose)

    def _without_connection(self, error: PoolTimeout) -> ApiError:
        if not self._listens:  # nor has the listener one: the database is away
            return ApiError(503, "PGRST000", "Database connection error.", str(error))
        return ApiError(504, "PGRST003", "Timed out acquiring connection from connection pool.")

    async def _live(self, _: HttpRequest) -> HttpResponse:
        return HttpResponse()

    async def _ready(self, _: HttpRequest) -> HttpResponse:
        """Whether the schema is known, and its changes are heard of."""
        return HttpResponse(status_code=200 if self._engine is not None and self._listens else 503)

    async def _listen(self, listening: asyncio.Event) -> None:
        """Keep the engine at the schema's present state, through losses of the connection."""
        while True:
            try:
                async with await AsyncConnection.connect(
                    self._settings.database_url(LOGIN), autocommit=True
                ) as connection:
                    await connection.execute("listen pgrst")
                    await self._load(connection)
                    listening.set()
                    self._listens = True
                    while True:
                        told = [each.payload async for each in connection.notifies(stop_after=1)]
                        # A migration notifies with every statement: what comes together is one reload.
                        told += [each.payload async for each in connection.notifies(timeout=GATHER_SECONDS)]
                        if not RELOADS.isdisjoint(told):
                            await self._load(connection)
            except psycopg.OperationalError as error:
                self._listens = False
                if not listening.is_set():
                    raise
                log.warning("The connection that listens for schema changes was lost: %s", error)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _load(self, connection: AsyncConnection[Any]) -> None:
        try:
            previous = self._engine.snapshot.configuration if self._engine else None
            snapshot = await catalog.read(connection, self._settings.schemas, previous)
        except psycopg.OperationalError:
            raise
        except Exception:
            # Most likely something was dropped while it was being read: the notification of that is on its way.
            log.warning("The schema could not be read; the one known before stays in use", exc_info=True)
            return
        if self._engine is not None and self._engine.snapshot != snapshot:
            # Statements that were prepared on the old connections have the old types.
            await self._pool.drain()
        self._engine = Engine(snapshot, self._pool)


class _Endpoint:
    """The ASGI end: no more of Starlette than its routing, which is all that is needed here."""

    def __init__(self, service: RestService) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.decode("latin-1"), value.decode(errors="replace")) for name, value in scope["headers"]]
        method: str = scope["method"]
        request = Request(
            method,
            _path(scope),
            scope["query_string"].decode("latin-1"),
            headers,
            await _body(receive) if method in ("POST", "PUT", "PATCH") else b"",
        )
        answer = await self._service.answer(request, request.header("apikey"), request.header("authorization"))
        shown = [(_header(name.lower()), _header(value)) for name, value in answer.headers]
        names = {name for name, _ in shown}
        if method != "HEAD" and answer.status not in (204, 304):
            shown.append((b"content-length", str(len(answer.body)).encode()))
        if b"vary" not in names and b"proxy-status" not in names:  # an error has none
            shown.append((b"vary", b"Accept, Prefer, Range"))
        await send({"type": "http.response.start", "status": answer.status, "headers": shown})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


def _path(scope: Scope) -> str:
    """What stands below the API's root, still encoded."""
    root, raw = scope["root_path"], scope["raw_path"].decode("latin-1")
    below: str = raw[len(root) :] if raw.startswith(root) else quote("/" + scope["path_params"]["path"])
    return below or "/"


def _header(text: str) -> bytes:
    """`text` as it may stand in a header: some of it comes from clients and functions."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return text.encode()


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _refused(error: ApiError, *, verbose: bool) -> Response:
    headers = [("Content-Type", "application/json; charset=utf-8"), ("Proxy-Status", f"PostgREST; error={error.code}")]
    if error.status == 503:
        headers.append(("Retry-After", "1"))
    return Response(error.status, headers + error.headers, error.body(verbose=verbose))
