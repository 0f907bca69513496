"""Routes that list objects: by offset (v1), and by cursor (v2)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from infra.local.settings import Keys
from infra.local.storage import rows
from infra.local.storage.bodies import flag, number, read_json, sorting, text
from infra.local.storage.callers import Caller, Database
from infra.local.storage.errors import invalid_parameter
from infra.local.storage.rendering import entry_json, route

PAGE = 1000
TIMES = {"created_at", "updated_at"}


class ListRoutes:
    """Handlers take the request and its caller; rendering.route() makes them routes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self, keys: Keys) -> list[BaseRoute]:
        return [
            route("/object/list/{bucket}", keys, {"POST": self.search}),
            route("/object/list-v2/{bucket}", keys, {"POST": self.search_pages}),
        ]

    async def search(self, request: Request, caller: Caller) -> Response:
        """One level below the folder `prefix`; `search` narrows it to names that begin so."""
        body = await read_json(request)
        prefix = text(body, "prefix")
        if prefix and not prefix.endswith("/"):
            prefix += "/"
        column, descending = sorting(body, {"name", "last_accessed_at"} | TIMES)
        async with self._database.as_caller(caller, "storage.object.list") as db:
            found = await rows.search(
                db, request.path_params["bucket"], prefix, text(body, "search", ""),
                number(body.get("limit"), "body/limit", 100, 1), number(body.get("offset"), "body/offset", 0, 0),
                column, "desc" if descending else "asc",
            )  # fmt: skip
        return JSONResponse([entry_json(row) for row in found])

    async def search_pages(self, request: Request, caller: Caller) -> Response:
        body = await read_json(request)
        limit = number(body.get("limit"), "body/limit", PAGE, 1, PAGE)
        column, descending = sorting(body, {"name"} | TIMES)
        cursor = text(body, "cursor", "")
        if cursor:
            column, descending, after = _decode(cursor)
        prefix, delimited = text(body, "prefix", ""), flag(body, "with_delimiter", default=False)
        async with self._database.as_caller(caller, "storage.object.list_v2") as db:
            found = await rows.search_pages(
                db, request.path_params["bucket"], prefix, limit + 1, column,
                descending=descending, delimited=delimited, after=after if cursor else None,
            )  # fmt: skip
        page = found[:limit]
        level = prefix.count("/") if delimited else None
        answer: dict[str, Any] = {
            "hasNext": len(found) > limit,
            "folders": [_line(row, level) for row in page if row["id"] is None],
            "objects": [_line(row, level) for row in page if row["id"] is not None],
        }
        if len(found) > limit:
            last = page[-1]["key"].removesuffix("/") if page[-1]["id"] is None else page[-1]["key"]
            answer |= {"nextCursor": _encode(page[-1], column, descending), "nextCursorKey": last}
        return JSONResponse(answer)


def _line(row: dict[str, Any], level: int | None) -> dict[str, Any]:
    """A file or folder; where they are told apart, `key` is the part of the name at that level."""
    line = entry_json(row | {"name": row["key"]})
    return line if level is None else line | {"key": row["key"].split("/")[level]}


def _encode(row: dict[str, Any], column: str, descending: bool) -> str:
    value = row[column].isoformat() if column in TIMES else row["key"]
    return urlsafe_b64encode(json.dumps([column, descending, value, row["key"]]).encode()).decode()


def _decode(cursor: str) -> tuple[str, bool, tuple[str, str]]:
    """Column, direction and place of a cursor. The client could have written it: all is checked."""
    try:
        column, descending, value, key = json.loads(urlsafe_b64decode(cursor.encode()))
        if column in TIMES:
            datetime.fromisoformat(value)
        elif column != "name":
            raise ValueError(column)
    except (ValueError, TypeError, RecursionError):
        raise invalid_parameter("Invalid Parameter continuation token") from None
    if not isinstance(descending, bool) or not isinstance(value, str) or not isinstance(key, str):
        raise invalid_parameter("Invalid Parameter continuation token")
    return column, descending, (value, key)
