"""One transaction per request, in as few round trips as it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from infra.local.rest.render import Statement

Connection = psycopg.AsyncConnection[Any]
BYTEA = 17


@dataclass(frozen=True)
class Result:
    """The one row that every statement of `render` gives. `lines` are those of a plan instead."""

    total: int | None = None
    page_total: int = 0
    location: list[str] = field(default_factory=list)
    body: bytes = b""
    headers: str | None = None
    status: str | None = None
    inserted: int | None = None
    lines: list[bytes] = field(default_factory=list)
    planned_total: int | None = None


@dataclass(frozen=True)
class Work:
    """What a transaction does. `settings` are set first, in order; `check` may raise, which undoes everything."""

    settings: list[tuple[str, str]]
    statement: Statement
    read_only: bool
    pre_request: str | None = None
    explain: Statement | None = None
    isolation: str = "READ COMMITTED"
    keep: bool = True
    check: Callable[[Result], None] | None = None
    is_plan: bool = False


async def perform(pool: AsyncConnectionPool[Connection], work: Work) -> Result:
    """Do `work` on a connection of `pool`. Raises psycopg.Error, or what its check raises; then nothing was done."""
    connection = await pool.getconn()
    try:
        try:
            result = await _run(connection, work)
        except BaseException:
            if not connection.closed:
                await connection.execute("ROLLBACK")
            raise
        return result
    finally:
        await pool.putconn(connection)


async def _run(connection: Connection, work: Work) -> Result:
    access = " READ ONLY" if work.read_only else ""
    alone = work.read_only and work.explain is None
    async with connection.pipeline():
        await connection.execute(f"BEGIN ISOLATION LEVEL {work.isolation}{access}")
        await connection.execute(*_set(work.settings))
        if work.pre_request:
            await connection.execute(work.pre_request)
        cursor = await connection.execute(work.statement.text, work.statement.parameters)
        explained = await connection.execute(work.explain.text, work.explain.parameters) if work.explain else None
        if alone:
            await connection.execute("COMMIT")  # there is nothing that a refusal would have to undo
    result = _read(cursor, work, _planned_rows(explained))
    if work.check is not None and not work.is_plan:
        try:
            work.check(result)
        except BaseException:
            if not alone:
                await connection.execute("ROLLBACK")
            raise
    if not alone:
        if not work.keep and not work.read_only:
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        await connection.execute("COMMIT" if work.keep else "ROLLBACK")
    return result


def _set(settings: list[tuple[str, str]]) -> tuple[str, list[str]]:
    calls = ", ".join(f"set_config(${2 * place + 1}, ${2 * place + 2}, true)" for place in range(len(settings)))
    return f"SELECT {calls}", [text for pair in settings for text in pair]


def _read(cursor: psycopg.AsyncCursor[Any], work: Work, planned_total: int | None) -> Result:
    # Bytes as they came: the body is passed on, not looked at.
    answer = cursor.pgresult
    assert answer is not None
    if work.is_plan:
        return Result(lines=[answer.get_value(row, 0) or b"" for row in range(answer.ntuples)])
    if not answer.ntuples:
        return Result(total=0)
    total, page_total, location, body, headers, status, inserted = (answer.get_value(0, column) for column in range(7))
    if answer.ftype(3) == BYTEA and body is not None:
        body = bytes.fromhex(body[2:].decode())
    return Result(
        total=int(total) if total is not None else None,
        page_total=int(page_total or 0),
        location=json.loads(location) if location else [],
        body=body or b"",
        headers=headers.decode() if headers is not None else None,
        status=status.decode() if status is not None else None,
        inserted=int(inserted) if inserted is not None else None,
        planned_total=planned_total,
    )


def _planned_rows(cursor: psycopg.AsyncCursor[Any] | None) -> int | None:
    if cursor is None or cursor.pgresult is None:
        return None
    plan = json.loads(cursor.pgresult.get_value(0, 0) or b"[]")
    return int(plan[0]["Plan"]["Plan Rows"])
