"""A subscription's filters and columns against the table, before it is taken: what the platform's trigger refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from infra.local.realtime import filters
from infra.local.realtime.catalog import Entity
from infra.local.realtime.filters import Filter
from infra.local.realtime.typed import Column, Typed

Connection = AsyncConnection[tuple[Any, ...]]

TYPE = "select %s::oid::regtype::text"
# Of the patterns' operators only those that the column's type has by itself count: a varchar has none.
LIKE = "select exists (select from pg_operator where oprname = '~~' and oprleft = %s::oid)"
MATCH = """
select exists (
  select from pg_operator
  where oprname = %s and oprleft = %s::oid and oprright = oprleft and oprresult = 'boolean'::regtype
)
"""


class Refused(ValueError):  # noqa: N818
    """The filter or column cannot be; the message says why."""


async def check(
    connection: Connection, entity: Entity, role: str, rules: tuple[Filter, ...], select: frozenset[str] | None
) -> tuple[Filter, ...]:
    """The filters with their values in canonical form. Raises Refused; psycopg.Error where a value is of no such type.

    Columns are those that `role` may select.
    """
    readable = entity.readable.get(role, frozenset())
    checked = []
    for rule in rules:
        column = entity.column(rule.column)
        if column is None or rule.column not in readable:
            raise Refused(f"invalid column for filter {rule.column}")
        checked.append(await _checked(connection, column, rule))
    for name in sorted(select or ()):
        if name not in readable:
            raise Refused(f"invalid column for select {name}")
    return tuple(checked)


async def _checked(connection: Connection, column: Column, rule: Filter) -> Filter:
    match rule.operator:
        case "is":
            if rule.value not in filters.KEYWORDS:
                raise Refused("invalid value for is filter: must be null, true, false, or unknown")
            if rule.value != "null" and column.type_name != "bool":
                shown = await _one(connection, TYPE, [column.type_oid])
                raise Refused(f"is {rule.value} filter requires a boolean column, got {shown}")
            return rule
        case "like" | "ilike" | "match" | "imatch":
            await _check_pattern(connection, column, rule)
            return rule
        case "in":
            value = Typed(rule.value, column.array_oid)
            canonical, count = await _row(
                connection, "select format('%%s', {}), coalesce(cardinality({}), 0)", [value, value]
            )
            if count > filters.IN_LIMIT:
                raise Refused(f"too many values for `in` filter. Maximum {filters.IN_LIMIT}")
            return replace(rule, value=canonical)
    wanted = Typed(rule.value, column.type_oid)
    # Tried on a null of the column's type: fails where the type has no such operator.
    trial = "select format('%%s', {}), " + rule.expression("{}", "{}")
    canonical, _ = await _row(connection, trial, [wanted, Typed(None, column.type_oid), wanted])
    return replace(rule, value=canonical)


async def _check_pattern(connection: Connection, column: Column, rule: Filter) -> None:
    if rule.operator in {"like", "ilike"}:
        known = await _one(connection, LIKE, [column.type_oid])
    else:
        known = await _one(connection, MATCH, [filters.OPERATORS[rule.operator], column.type_oid])
    if not known:
        shown = await _one(connection, TYPE, [column.type_oid])
        raise Refused(f"operator {rule.operator} requires a text-compatible column type, got {shown}")
    if rule.operator in {"match", "imatch"}:
        try:
            await connection.execute("select '' ~ %s::text", [rule.value])
        except psycopg.Error as error:
            words = error.diag.message_primary
            raise Refused(f"invalid regular expression for {rule.operator} filter: {words}") from error


async def _one(connection: Connection, query: str, parameters: list[Any]) -> Any:
    row = await (await connection.execute(query.encode(), parameters)).fetchone()
    assert row is not None
    return row[0]


async def _row(connection: Connection, query: str, parameters: list[Typed]) -> tuple[Any, ...]:
    composed = sql.SQL(query).format(*(sql.SQL("%s") for _ in parameters))
    row = await (await connection.execute(composed, parameters)).fetchone()
    assert row is not None
    return row
