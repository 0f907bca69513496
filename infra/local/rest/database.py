"""One transaction per request, in as few round trips as it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool

from infra.local.rest.errors import ApiError
from infra.local.rest.render import Statement

Connection = psycopg.AsyncConnection[Any]
Cursor = psycopg.AsyncCursor[Any]
BYTEA = 17
READ_COLUMNS = 6  # of the row that a statement gives; a write's has one more


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
            return await _run(connection, work)
        except (psycopg.Error, ApiError):
            if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
                await connection.execute("ROLLBACK")
            # What came behind the failure was skipped by the server: psycopg may take it for prepared all the same.
            connection._prepared.clear()
            raise
        except BaseException:
            await connection.close()  # cut off in the middle: nobody knows what it is at
            raise
    finally:
        await pool.putconn(connection)


async def _run(connection: Connection, work: Work) -> Result:
    alone = work.read_only and work.explain is None
    cursor, explained = await _send(connection, work, commit=alone)
    result = _read(cursor, work, _planned_rows(explained))
    if work.check is not None and not work.is_plan:
        work.check(result)
    if not alone:
        if not work.keep and not work.read_only:
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        await connection.execute("COMMIT" if work.keep else "ROLLBACK")
    return result


async def _send(connection: Connection, work: Work, *, commit: bool) -> tuple[Cursor, Cursor | None]:
    """Everything up to the statement, and for a read its end too, in one round trip."""
    access = " READ ONLY" if work.read_only else ""
    cursor = explained = failure = None
    try:
        async with connection.pipeline():
            try:
                await connection.execute(f"BEGIN ISOLATION LEVEL {work.isolation}{access}")
                await connection.execute(*_set(work.settings))
                if work.pre_request:
                    await connection.execute(work.pre_request)
                cursor = await connection.execute(work.statement.text, work.statement.parameters)
                if work.explain:
                    explained = await connection.execute(work.explain.text, work.explain.parameters)
                if commit:
                    await connection.execute("COMMIT")  # there is nothing that a refusal would have to undo
            except psycopg.Error as error:
                failure = error  # the first thing that went wrong; leaving the pipeline tells of what it aborted
    except psycopg.errors.PipelineAborted:
        if failure is None:
            raise
    if failure is not None:
        raise failure
    assert cursor is not None
    return cursor, explained


def _set(settings: list[tuple[str, str]]) -> tuple[str, list[str]]:
    calls = ", ".join(f"set_config(${2 * place + 1}, ${2 * place + 2}, true)" for place in range(len(settings)))
    return f"SELECT {calls}", [text for pair in settings for text in pair]


def _read(cursor: Cursor, work: Work, planned_total: int | None) -> Result:
    # Bytes as they came: the body is passed on, not looked at.
    answer = cursor.pgresult
    assert answer is not None
    if work.is_plan:
        return Result(lines=[answer.get_value(row, 0) or b"" for row in range(answer.ntuples)])
    if not answer.ntuples:
        return Result(total=0)
    columns = [answer.get_value(0, column) for column in range(answer.nfields)]
    location = columns.pop(2) if len(columns) > READ_COLUMNS else None
    total, page_total, body, headers, status, inserted = columns
    if answer.ftype(answer.nfields - 4) == BYTEA and body is not None:
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


def _planned_rows(cursor: Cursor | None) -> int | None:
    if cursor is None or cursor.pgresult is None:
        return None
    plan = json.loads(cursor.pgresult.get_value(0, 0) or b"[]")
    return int(plan[0]["Plan"]["Plan Rows"])
