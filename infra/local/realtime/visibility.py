"""Whose policies show which rows: asked once for all callers of a role and up to 200 rows of a table."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from infra.local.realtime.catalog import Entity
from infra.local.realtime.pgoutput import Relation

log = logging.getLogger(__name__)

Connection = AsyncConnection[tuple[Any, ...]]
Key = tuple[str, ...]
"""A row's primary key, in text."""

ROWS_AT_ONCE = 200
PATIENCE, PAUSE = 5.0, 0.002  # seconds
SNAPSHOT = "select pg_current_snapshot()::text"
ASK = "select n, answer from realtime.who_sees(%s, %s, %s)"


async def who_sees(
    connection: Connection, relation: Relation, entity: Entity, role: str, claims: Iterable[str], keys: list[Key]
) -> dict[Key, set[str]]:
    """For each row the claims that it is shown to, as they are committed now.

    A caller whose policies raise an error sees those rows that alone raise none: it silences nobody else.
    """
    seen: dict[Key, set[str]] = {key: set() for key in keys}
    callers = sorted(claims)
    for start in range(0, len(keys), ROWS_AT_ONCE):
        await _ask(connection, (relation, entity, role), callers, keys[start : start + ROWS_AT_ONCE], seen)
    return seen


async def until_visible(connection: Connection, xids: set[int]) -> None:
    """Wait until what these transactions (without epoch) wrote can be seen.

    A commit is in the log, and can be read there, a moment before the server counts its transaction as ended.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        row = await (await connection.execute(SNAPSHOT, prepare=True)).fetchone()
        assert row is not None
        if all(_in_snapshot(xid, row[0]) for xid in xids):
            return
        if time.monotonic() > deadline:
            log.error("transactions that are committed in the log are still running: %s", sorted(xids))
            return
        await asyncio.sleep(PAUSE)


def _in_snapshot(xid: int, snapshot: str) -> bool:
    """Whether a transaction of lately is among those that a snapshot (`xmin:xmax:running,…`) shows."""
    _, xmax, running = snapshot.split(":")
    # Both without epoch: numbers go round, and half of them lie behind any one.
    if (int(xmax) - xid - 1) & 0xFFFFFFFF >= 1 << 31:
        return False
    return all(int(each) & 0xFFFFFFFF != xid for each in running.split(",") if each)


async def _ask(
    connection: Connection,
    where: tuple[Relation, Entity, str],
    callers: list[str],
    keys: list[Key],
    seen: dict[Key, set[str]],
) -> None:
    relation, entity, role = where
    query = _query(relation, entity.key, keys).as_string(connection)
    everyone = "{" + ",".join(map(_element, callers)) + "}"
    try:
        answers = await (await connection.execute(ASK, [query, role, everyone], prepare=True)).fetchall()
    except psycopg.errors.QueryCanceled:  # the time-out: a policy that takes too long
        answers = [(n, None) for n in range(1, len(callers) + 1)]
    failed = []
    for n, found in answers:
        if found is None:
            failed.append(callers[n - 1])
        else:
            for position in found:
                seen[keys[position - 1]].add(callers[n - 1])
    if len(callers) > 1:
        for caller in failed:
            await _ask(connection, where, [caller], keys, seen)
    elif failed and len(keys) > 1:
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            await _ask(connection, where, failed, half, seen)


def _query(relation: Relation, key: tuple[str, ...], keys: list[Key]) -> sql.Composed:
    """SQL for the positions, from 1, of those keys whose rows can be seen; null where none can."""
    names = [sql.Identifier(name) for name in key]
    tests = [
        sql.SQL(" and ").join(
            sql.SQL("{} = {}").format(name, sql.Literal(value)) for name, value in zip(names, values, strict=True)
        )
        for values in keys
    ]
    if len(names) == 1:  # in a form that an index serves, however many
        array = sql.Literal("{" + ",".join(_element(values[0]) for values in keys) + "}")
        condition = sql.SQL("{} = any ({})").format(names[0], array)
    else:
        condition = sql.SQL(" or ").join(sql.SQL("({})").format(test) for test in tests)
    cases = sql.SQL(" ").join(sql.SQL("when {} then {}").format(test, n) for n, test in enumerate(tests, 1))
    return sql.SQL("select array_agg(case {} end) from {} where {}").format(
        cases, sql.Identifier(relation.schema, relation.table), condition
    )


def _element(value: str) -> str:
    """A text as an element of an array literal."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
