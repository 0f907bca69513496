"""The platform's front door: REST, Auth, Realtime, Storage and the functions on one port, mail and pages on others.

`python -m infra.local.gateway` reads the stack's plan from the file that the environment names.
"""

from __future__ import annotations

import gc
import importlib
import logging
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import unquote_to_bytes

import httpx
import uvloop
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from infra.local.pages import Pages
from infra.local.plan import Plan
from infra.local.process import end_with_parent, listen
from infra.local.runner import gateway_events
from infra.local.serving import read_body, serve_until_stopped, server
from infra.local.settings import Settings

if TYPE_CHECKING:
    from infra.local.rest import RestService

SERVICES = ("rest", "auth", "realtime", "storage")
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
# What a browser may read of an answer of Auth, Realtime and Storage.
EXPOSED = [
    "Content-Encoding", "Content-Location", "Content-Range", "Content-Type", "Date", "Location", "Server",
    "Transfer-Encoding", "Range-Unit", "ETag", "X-Total-Count", "Link", "X-Supabase-Api-Version",
    "X-Transformations", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Complete",
    "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires",
]  # fmt: skip
PREFLIGHT_SECONDS = 3600
# Bytes of a body that the gateway lets through to services without a limit of their own: what the hosted platform's
# edge takes, and what Realtime's parser takes.
BODY_BYTES = {"rest": 100_000_000, "realtime": 8_000_000}
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
REST = "/rest/v1"
FUNCTIONS = "/functions"  # as the API Gateway stage of that name: the app's own paths begin with /v1
FUNCTION_BODY_BYTES = 10 * 1024 * 1024  # API Gateway's limit; the runner refuses what Lambda would not take
NOT_PUBLIC = (b"/_local/", b"/2015-03-31/")  # the runner's own health, and Lambda's Invoke call
FUNCTION_SECONDS = 35  # longer than API Gateway's 29 s, which the runner keeps
# Headers that belong to one connection (RFC 9110 section 7.6.1), and the length, which is counted anew.
PER_CONNECTION = {
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    b"content-length",
}  # fmt: skip
OPEN_FILES = 10_240  # Realtime's connections among them
log = logging.getLogger("infra.local.gateway")


class Service(Protocol):
    """One protocol of the platform."""

    routes: list[BaseRoute]

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class BodyTooLargeError(Exception):
    """Raised where a service reads on."""


class BoundedBodies:
    """Answers 413 to a body of more than `limit` bytes, as soon as it is known to be longer."""

    def __init__(self, app: Any, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] not in WITH_BODY:
            await self._app(scope, receive, send)
            return
        read = 0

        async def counting() -> Any:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise BodyTooLargeError
            return message

        try:
            if int(dict(scope["headers"]).get(b"content-length", b"0")) > self._limit:
                raise BodyTooLargeError
            await self._app(scope, counting, send)
        except BodyTooLargeError:
            refusal = JSONResponse({"message": "Payload too large"}, 413, {"connection": "close"})
            await refusal(scope, receive, send)


class StraightToRest:
    """Hands what is under /rest/v1 to REST past the layers that other requests go through.

    Such requests are many and small: two applications with routers and error handlers around them would be felt.
    """

    def __init__(self, rest: ASGIApp, others: ASGIApp) -> None:
        self._rest, self._others = rest, others

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path: str = scope.get("path", "")
        if scope["type"] == "http" and (path == REST or path.startswith(f"{REST}/")):
            below = {
                "root_path": REST,
                "path_params": {"path": path[len(REST) + 1 :]},
                "headers": _with_peer(scope),
            }
            await self._rest({**scope, **below}, receive, send)
        else:
            await self._others(scope, receive, send)


def _with_peer(scope: Any) -> list[tuple[bytes, bytes]]:
    """A request's headers, and where it came from, as the hosted platform's edge says it, whatever the client says."""
    headers = [pair for pair in scope["headers"] if pair[0] != b"cf-connecting-ip"]
    if scope.get("client"):
        headers.append((b"cf-connecting-ip", scope["client"][0].encode()))
    return headers


class FunctionsProxy:
    """Hands requests under /functions to the runner as they are, and its answers back as they are.

    CORS is left to the functions, as on API Gateway: a route that forgot it fails here as it would there.
    """

    def __init__(self, functions_url: str, error_template: str) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=32)
        self._client = httpx.AsyncClient(timeout=FUNCTION_SECONDS, limits=limits, trust_env=False)
        self._client.headers.clear()
        self._url = functions_url
        self._error_template = error_template

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        response = await self._forward(request)
        await response(scope, receive, send)

    async def close(self) -> None:
        await self._client.aclose()

    async def _forward(self, request: Request) -> Response:
        body = await read_body(request, FUNCTION_BODY_BYTES)
        if body is None:
            return self._error("REQUEST_TOO_LARGE")
        path: bytes = (request.scope.get("raw_path") or request.url.path.encode()).split(b"?")[0]
        target = path.removeprefix(FUNCTIONS.encode()) or b"/"
        if unquote_to_bytes(target).startswith(NOT_PUBLIC):  # as the runner reads it
            return self._error("MISSING_AUTHENTICATION_TOKEN")
        peer = request.client.host if request.client else "127.0.0.1"
        headers = [pair for pair in request.headers.raw if pair[0] not in PER_CONNECTION | {b"x-forwarded-for"}]
        forwarded = request.headers.get("x-forwarded-for")
        headers.append((b"x-forwarded-for", f"{forwarded}, {peer}".encode() if forwarded else peer.encode()))
        query: bytes = request.scope["query_string"]
        url = httpx.URL(self._url).copy_with(raw_path=target + (b"?" + query if query else b""))
        try:
            sent = self._client.build_request(request.method, url, content=body, headers=headers)
            answer = await self._client.send(sent, stream=True)
            content = b"".join([chunk async for chunk in answer.aiter_raw()])
        except httpx.TimeoutException:
            return self._error("INTEGRATION_TIMEOUT")
        except httpx.HTTPError as error:
            log.warning("the runner does not answer: %s", error or type(error).__name__)
            return self._error("INTEGRATION_FAILURE")
        response = Response(content, answer.status_code)
        response.raw_headers += [pair for pair in answer.headers.raw if pair[0].lower() not in PER_CONNECTION]
        return response

    def _error(self, kind: str) -> Response:
        answer = gateway_events.error(kind, self._error_template)
        return Response(answer.body, answer.status, dict(answer.headers))


class Gateway:
    """The services of one stack and the application in front of them."""

    def __init__(self, plan: Plan) -> None:
        names = () if plan.settings.platform else SERVICES
        self._services = {name: make_service(name, plan.settings) for name in names}
        self._functions = FunctionsProxy(plan.functions_url, plan.error_template)

    @property
    def app(self) -> ASGIApp:
        """The ASGI application. Start the gateway before it is served. REST says itself what browsers may do."""
        if not self._services:  # the platform is elsewhere
            return Starlette(routes=[Mount(FUNCTIONS, app=self._functions), Route("/health", self._health)])
        others = dict(self._services)
        rest = cast("RestService", others.pop("rest"))
        platform = Starlette(
            routes=[
                Route("/health", self._health),
                Mount("/rest-admin/v1", routes=rest.admin_routes),
                *(_mounted(name, service.routes) for name, service in others.items()),
            ],
            middleware=[
                Middleware(
                    CORSMiddleware, allow_origins=["*"], allow_methods=METHODS, allow_headers=["*"],
                    expose_headers=EXPOSED, max_age=PREFLIGHT_SECONDS,
                )
            ],
        )  # fmt: skip
        straight = BoundedBodies(rest.endpoint, BODY_BYTES["rest"])
        return StraightToRest(
            straight, Starlette(routes=[Mount(FUNCTIONS, app=self._functions), Mount("/", app=platform)])
        )

    async def start(self) -> None:
        """Start every service; where one cannot, those started before are stopped again."""
        started: list[Service] = []
        try:
            for service in self._services.values():
                await service.start()
                started.append(service)
        except BaseException:
            for service in reversed(started):
                await service.stop()
            raise

    async def stop(self) -> None:
        for service in reversed(self._services.values()):
            await service.stop()
        await self._functions.close()

    async def _health(self, request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "services": sorted(self._services)})


def _mounted(name: str, routes: list[BaseRoute]) -> Mount:
    if name in BODY_BYTES:
        return Mount(f"/{name}/v1", app=BoundedBodies(Router(routes), BODY_BYTES[name]))
    return Mount(f"/{name}/v1", routes=routes)


def make_service(name: str, settings: Settings) -> Service:
    """One of `SERVICES`, or `mail`, not started. Only what is made is imported."""
    module = importlib.import_module(f"infra.local.{name}.service")
    service: Service = getattr(module, f"{name.capitalize()}Service")(settings)
    return service


async def run(plan: Plan) -> None:
    """Serve until told to stop."""
    settings = plan.settings
    listeners = [listen(settings.host, port) for port in (settings.api_port, settings.mail_port)]
    pages = {server(Pages(Path(settings.pages))): listen(settings.host, settings.pages_port)} if settings.pages else {}
    gateway, mail = Gateway(plan), make_service("mail", settings)
    await gateway.start()
    try:
        await mail.start()
        try:
            mail_app = Starlette(routes=mail.routes)
            # What is here now stays: looked through at every collection it would cost tens of milliseconds each time.
            gc.collect()
            gc.freeze()
            await serve_until_stopped({server(gateway.app): listeners[0], server(mail_app): listeners[1], **pages})
        finally:
            await mail.stop()
    finally:
        await gateway.stop()


def _allow_many_connections() -> None:
    """Many a shell lets a process open no more than 256 or 1,024 files, and each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    end_with_parent()
    _allow_many_connections()
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvloop.run(run(Plan.read()))


if __name__ == "__main__":
    main()
