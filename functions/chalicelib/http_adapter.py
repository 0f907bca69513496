"""The one place where Chalice's HTTP meets plain requests and responses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalice.app import Chalice, CORSConfig
from chalice.app import Response as ChaliceResponse
from psycopg import OperationalError

from chalicelib.kit import rates
from chalicelib.kit.http import HttpError, Request, Response, Route, error_response, require_content_type, trace_of
from chalicelib.kit.logging import kind_of, log, unit_of_work
from chalicelib.kit.metrics import embedded

# What Supabase's clients send besides what Chalice allows.
OPEN = CORSConfig(allow_headers=["apikey", "x-client-info"])


def register(app: Chalice, route: Route, prefix: str = "") -> None:
    """Serve `route` with Chalice, below `prefix`. Errors become JSON with code, message, hint; defects a bare 500."""

    def view(**parameters: str) -> ChaliceResponse:
        given: Any = app.current_request
        request = Request(
            method=given.method,
            path=route.path,
            query=_query(given),
            headers={name.lower(): value for name, value in given.headers.items()},
            body=given.raw_body or b"",
            parameters=parameters,
            address=given.context.get("identity", {}).get("sourceIp") or "",
        )
        answer = answer_to(route, request)
        return ChaliceResponse(body=_body(app, answer), status_code=answer.status, headers=dict(answer.headers))

    name = f"{route.method.lower()}{route.path.replace('/', '_').replace('{', '').replace('}', '')}"
    view.__name__ = name
    # Any content type reaches answer_to: Chalice's own refusal has another shape than ours.
    decorate: Callable[..., Any] = app.route(
        prefix + route.path,
        methods=[route.method],
        name=name,
        content_types=["*/*"],
        cors=OPEN if route.cors else False,
    )
    decorate(view)


def answer_to(route: Route, request: Request) -> Response:
    """Run the route's handler and turn what it raises into an answer, whose `x-trace-id` is that of the log lines."""
    name, trace = f"{route.method} {route.path}", str(trace_of(request))
    started = time.perf_counter()
    with unit_of_work("request", route=name, trace_id=trace, bytes=len(request.body)) as said:
        answer = _answer(route, request)
        spent = round((time.perf_counter() - started) * 1000, 1)
        said.update(outcome="done" if answer.status < 500 else "failed", status=answer.status)
        said.update(embedded("route", name, RequestMs=spent))
        return replace(answer, headers={**answer.headers, "x-trace-id": trace})


def _answer(route: Route, request: Request) -> Response:
    try:
        rates.admit(request)
        require_content_type(request, route.content_types)
        answer = route.handler(request)
        if route.limit is not None:
            rates.note_believed(request, route.limit)
        return answer
    except HttpError as error:
        return error_response(rates.note_refused(request, error))
    except OperationalError as error:
        log("request.unreachable", level="error", error=kind_of(error))
        return error_response(HttpError(503, "unavailable", "the database does not answer", "Try again."))
    except Exception as error:
        log("request.defect", level="error", error=kind_of(error))
        return error_response(HttpError(500, "internal", "the request failed; it was logged"))


def _body(app: Chalice, answer: Response) -> bytes | str:
    """API Gateway takes bytes (in base64) for the binary types only, and text for all others."""
    return answer.body if answer.headers.get("content-type") in app.api.binary_types else answer.body.decode()


def _query(given: Any) -> dict[str, list[str]]:
    parameters = given.query_params
    return {name: parameters.getlist(name) for name in parameters} if parameters else {}
