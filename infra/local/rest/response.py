"""Status and headers of an answer, out of what the statement gave."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from infra.local.rest import errors
from infra.local.rest.database import Result
from infra.local.rest.grammar.ast import Range
from infra.local.rest.media import MediaType
from infra.local.rest.prefer import Preferences
from infra.local.rest.schema import Routine

Headers = list[tuple[str, str]]


@dataclass
class Response:
    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


@dataclass(frozen=True)
class Context:
    """What the request asked for, as far as the answer's head depends on it. `profile` is the schema, if negotiated."""

    media: MediaType
    preferences: Preferences
    rows: Range
    profile: str | None = None
    head: bool = False
    verbose_errors: bool = True

    def typed(self) -> Headers:
        headers = [("Content-Type", self.media.content_type)]
        return [*headers, ("Content-Profile", self.profile)] if self.profile is not None else headers

    def applied(self, *names: str) -> Headers:
        told = self.preferences.applied(("count", "tx", "handling", "timezone", *names))
        return [("Preference-Applied", told)] if told else []


def of_read(context: Context, result: Result, resource: str, canonical: str) -> Response:
    total = _total(context, result)
    status, content_range = _range(context.rows, result.page_total, total)
    location = f"/{quote(resource)}{f'?{canonical}' if canonical else ''}"
    headers = [("Content-Range", content_range), ("Content-Location", location)]
    headers += [*context.typed(), *context.applied()]
    return _overridden(result, Response(status, headers, _body(context, result, status, total)))


def of_insert(context: Context, result: Result, resource: str, *, resolves: bool) -> Response:
    """`resolves` is whether there was a key on which a conflict could be resolved."""
    headers: Headers = []
    if result.location:
        pairs = (map(_quoted, pair.split("=", 1)) for pair in result.location)
        headers.append(("Location", f"/{quote(resource)}?" + "&".join(map("=".join, pairs))))
    headers.append(("Content-Range", f"*/{result.page_total if context.preferences.counts else '*'}"))
    headers += context.applied("return", "missing", *(["resolution"] if resolves else []))
    merged = context.preferences.resolution == "merge-duplicates" and (result.inserted or 0) <= 0
    return _overridden(result, _written(context, result, headers, 200 if merged else 201, without_body=None))


def _quoted(text: str) -> str:
    return quote(text, safe="")


def of_put(context: Context, result: Result) -> Response:
    status = 201 if (result.inserted or 0) > 0 else 200
    return _overridden(result, _written(context, result, context.applied("return"), status, without_body=204))


def of_update(context: Context, result: Result) -> Response:
    counted = result.page_total if context.preferences.counts else None
    headers = [("Content-Range", _content_range(0, result.page_total - 1, counted))]
    headers += context.applied("return", "missing", "max-affected")
    return _overridden(result, _written(context, result, headers, 200, without_body=204))


def of_delete(context: Context, result: Result) -> Response:
    headers = [("Content-Range", f"*/{result.page_total if context.preferences.counts else '*'}")]
    headers += context.applied("return", "max-affected")
    return _overridden(result, _written(context, result, headers, 200, without_body=204))


def of_call(context: Context, result: Result, routine: Routine) -> Response:
    total = _total(context, result)
    status, content_range = _range(context.rows, result.page_total, total)
    headers = [("Content-Range", content_range), *context.applied("max-affected")]
    if routine.returns_void:
        return _overridden(result, Response(204, headers))
    body = _body(context, result, status, total)
    return _overridden(result, Response(status, headers + context.typed(), body))


def of_plan(context: Context, result: Result) -> Response:
    return Response(200, context.typed(), b"".join(line + b"\n" for line in result.lines))


def _total(context: Context, result: Result) -> int | None:
    """The count that was asked for: exact, the planner's, or the planner's where the exact one would be long."""
    if context.preferences.count == "planned" and result.planned_total is not None:
        return result.planned_total
    if context.preferences.count == "estimated" and result.planned_total is not None and result.total is not None:
        return max(result.total, result.planned_total)
    return result.total


def _range(rows: Range, page_total: int, total: int | None) -> tuple[int, str]:
    lower, upper = rows.lower, rows.lower + page_total - 1
    status = 200
    if total is not None and lower > total:
        status = 416
    elif total is not None and page_total < total:
        status = 206
    return status, _content_range(lower, upper, total)


def _content_range(lower: int, upper: int, total: int | None) -> str:
    shown = f"{lower}-{upper}" if total != 0 and lower <= upper else "*"
    return f"{shown}/{'*' if total is None else total}"


def _body(context: Context, result: Result, status: int, total: int | None) -> bytes:
    if context.head:
        return b""
    if status == 416:
        return errors.range_beyond_the_end(context.rows.lower, total or 0).body(verbose=context.verbose_errors)
    return result.body


def _written(context: Context, result: Result, headers: Headers, status: int, *, without_body: int | None) -> Response:
    if context.preferences.full:
        return Response(status, headers + context.typed(), result.body)
    return Response(without_body or status, headers)


def _overridden(result: Result, response: Response) -> Response:
    """Let what the database has set in response.status and response.headers win."""
    if result.status is not None:
        status = re.match(r"[1-9][0-9]{2}(?![0-9])", result.status)  # what follows the number is not looked at
        if status is None:
            raise errors.bad_response_status()
        response.status = int(status.group())
    if result.headers is not None:
        own = _own_headers(result.headers)
        names = {name.lower() for name, _ in own}
        response.headers = [pair for pair in response.headers if pair[0].lower() not in names] + own
    return response


def _own_headers(text: str) -> Headers:
    try:
        given = json.loads(text)
    except ValueError:
        raise errors.bad_response_headers() from None
    headers: Headers = []
    for each in given if isinstance(given, list) else [None]:
        pairs = list(each.items()) if isinstance(each, dict) else []
        if len(pairs) != 1 or not isinstance(pairs[0][1], str):
            raise errors.bad_response_headers()
        headers.append(pairs[0])
    return headers
