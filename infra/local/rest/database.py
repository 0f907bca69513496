"""One transaction per request, in as few round trips as it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg_pool import AsyncConnectionPool

from infra.local.rest.errors import ApiError
from infra.local.rest.flight import Connection, Step
from infra.local.rest.render import Statement

COMMIT, ROLLBACK = Step("COMMIT"), Step("ROLLBACK")
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
    """What a transaction does. `settings`, `role` among them, are set first; a `check` that raises undoes it all."""

    role: str
    settings: list[tuple[str, str]]
    statement: Statement
    read_only: bool
    pre_request: str | None = None
    explain: Statement | None = None
    isolation: str = "READ COMMITTED"
    keep: bool = True
    check: Callable[[Result], None] | None = None
    is_plan: bool = False
    prepare: bool = True


async def perform(pool: AsyncConnectionPool[Connection], work: Work) -> Result:
    """Do `work` on a connection of `pool`. Raises psycopg.Error, or what its check raises; then nothing was done."""
    connection = await pool.getconn()
    try:
        try:
            return await _run(connection, work)
        except (psycopg.Error, ApiError):
            if not connection.closed and connection.pgconn.transaction_status != TransactionStatus.IDLE:
                await connection.fly([ROLLBACK], "")
            raise
        except BaseException:
            await connection.close()  # cut off in the middle: nobody knows what it is at
            raise
    finally:
        await pool.putconn(connection)


async def _run(connection: Connection, work: Work) -> Result:
    """One round trip where nothing can object to the result, else a second one that ends the transaction."""
    alone = work.explain is None and (work.read_only or (work.keep and work.check is None))
    access = " READ ONLY" if work.read_only else ""
    steps = [Step(f"BEGIN ISOLATION LEVEL {work.isolation}{access}"), _set(work.settings)]
    if work.pre_request:
        steps.append(Step(work.pre_request))
    asked = len(steps)
    steps.append(Step(work.statement.text, work.statement.parameters))
    if work.explain:
        steps.append(Step(work.explain.text, work.explain.parameters))
    if alone:
        steps.append(COMMIT)
    answers = await connection.fly(steps, work.role, prepare=work.prepare)
    result = _read(answers[asked], work, _planned_rows(answers[asked + 1]) if work.explain else None)
    if work.check is not None and not work.is_plan:
        work.check(result)
    if not alone:
        ending = [COMMIT if work.keep else ROLLBACK]
        if not work.keep and not work.read_only:
            ending.insert(0, Step("SET CONSTRAINTS ALL IMMEDIATE"))
        await connection.fly(ending, "")
    return result


def _set(settings: list[tuple[str, str]]) -> Step:
    calls = ", ".join(f"set_config(${2 * place + 1}, ${2 * place + 2}, true)" for place in range(len(settings)))
    return Step(f"SELECT {calls}", [text for pair in settings for text in pair])


def _read(answer: PGresult, work: Work, planned_total: int | None) -> Result:
    # Bytes as they came: the body is passed on, not looked at.
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


def _planned_rows(answer: PGresult) -> int:
    plan = json.loads(answer.get_value(0, 0) or b"[]")
    return int(plan[0]["Plan"]["Plan Rows"])
