"""API Gateway in front of the functions, and Lambda's own Invoke call."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from infra.local.plan import FUNCTIONS_HEALTH
from infra.local.runner import gateway_events
from infra.local.runner.application import API_HANDLER
from infra.local.runner.containers import Function, FunctionError
from infra.local.runner.gateway_events import BODY_BYTES, ERROR_TEMPLATE, INTEGRATION_SECONDS, HttpAnswer, HttpRequest
from infra.local.serving import read_body

INVOKE = "/2015-03-31/functions/"  # Lambda's API: POST …/{name}/invocations
log = logging.getLogger("infra.local.runner")


class FunctionsService:
    """An ASGI application that answers for the routes of one Chalice app."""

    def __init__(
        self,
        chalice: Any,
        functions: dict[str, Function],
        limit_seconds: float = INTEGRATION_SECONDS,
        error_template: str = ERROR_TEMPLATE,
    ) -> None:
        self._chalice = chalice
        self._functions = functions
        self._limit_seconds = limit_seconds
        self._error_template = error_template
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        if request.url.path == FUNCTIONS_HEALTH:
            response: Response = JSONResponse({"status": "ok", "functions": sorted(self._functions)})
        elif request.url.path.startswith(INVOKE) and request.method == "POST":
            response = await self._invoke(request)
        else:
            response = await self._route(request)
        await response(scope, receive, send)

    async def _route(self, request: Request) -> Response:
        body = await read_body(request, BODY_BYTES)
        if body is None:
            return _response(self._error("REQUEST_TOO_LARGE"))
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        asked = HttpRequest(
            method=request.method,
            path=raw_path.decode("ascii", "replace").split("?")[0],
            query=request.url.query,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw),
            body=body,
            source_ip=request.headers.get("x-forwarded-for", "127.0.0.1").rsplit(",", 1)[-1].strip(),
        )
        return _response(await self._answer(asked))

    async def _answer(self, asked: HttpRequest) -> HttpAnswer:
        routes, binary_types = self._chalice.routes, self._chalice.api.binary_types
        found = gateway_events.match(list(routes), asked.path)
        if found is None:
            return self._error("MISSING_AUTHENTICATION_TOKEN")
        resource, parameters = found
        if asked.method == "OPTIONS" and "OPTIONS" not in routes[resource]:
            return _preflight(routes[resource]) or self._error("MISSING_AUTHENTICATION_TOKEN")
        if asked.method not in routes[resource]:
            return self._error("MISSING_AUTHENTICATION_TOKEN")
        event = gateway_events.to_event(asked, resource, parameters, binary_types)
        if gateway_events.is_too_large(event):
            return self._error("REQUEST_TOO_LARGE")
        task = asyncio.create_task(self._functions[API_HANDLER].invoke(event, f"{asked.method} {resource}"))
        self._under_way.add(task)  # the function goes on when API Gateway no longer waits
        task.add_done_callback(self._finished)
        done, _ = await asyncio.wait({task}, timeout=self._limit_seconds)
        if not done:
            return self._error("INTEGRATION_TIMEOUT")
        if task.exception():
            return self._error("DEFAULT_5XX")
        return gateway_events.from_answer(task.result(), asked.header("accept"), binary_types, self._error_template)

    def _error(self, kind: str) -> HttpAnswer:
        return gateway_events.error(kind, self._error_template)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # logged by the function; marks it as seen

    async def _invoke(self, request: Request) -> Response:
        name = request.url.path.removeprefix(INVOKE).removesuffix("/invocations")
        function = self._functions.get(name)
        if function is None:
            return JSONResponse({"Type": "User", "Message": f"Function not found: {name}"}, 404)
        event = json.loads(await request.body() or b"{}")
        if request.headers.get("x-amz-invocation-type") == "Event":
            task = asyncio.create_task(function.invoke(event, "Invoke"))
            self._under_way.add(task)
            task.add_done_callback(self._finished)
            return Response(status_code=202)
        try:
            return JSONResponse(await function.invoke(event, "Invoke"))
        except FunctionError as error:
            return JSONResponse(error.as_payload(), headers={"X-Amz-Function-Error": "Unhandled"})


def _preflight(methods: dict[str, Any]) -> HttpAnswer | None:
    """The OPTIONS answer that Chalice has API Gateway give for a resource with `cors` set on a route; else None."""
    entry = next((entry for entry in methods.values() if entry.cors is not None), None)
    if entry is None:
        return None
    allowed = ",".join(sorted({*methods, "OPTIONS"}))
    headers = {"Access-Control-Allow-Methods": allowed, **entry.cors.get_access_control_headers()}
    return HttpAnswer(200, tuple(headers.items()), b"")


def _response(answer: HttpAnswer) -> Response:
    response = Response(answer.body, answer.status)
    kept = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    response.raw_headers = [pair for pair in kept if pair[0] != b"content-length"]
    response.raw_headers.append((b"content-length", str(len(answer.body)).encode()))
    return response
