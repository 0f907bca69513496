"""Subscriptions to row changes: what one asks for, checked against the catalog before it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection, sql

from infra.local.realtime import catalog, filters
from infra.local.realtime.authorization import Identity
from infra.local.realtime.catalog import Entity
from infra.local.realtime.filters import Filter
from infra.local.realtime.frames import Version
from infra.local.realtime.typed import Typed
from infra.local.realtime.wal import Change

ACTIONS = ("INSERT", "UPDATE", "DELETE")


class SubscriptionError(ValueError):
    """The subscription cannot be made; the message goes to the client."""


class Listener(Protocol):
    """Whoever a change is handed to."""

    topic: str
    version: Version

    def send(self, frame: bytes) -> None: ...


@dataclass(frozen=True)
class Interest:
    """What a subscription is for. `schema` and `table` may be `*`, `action` too; changes are judged with `role`."""

    role: str
    action: str
    schema: str
    table: str
    filters: tuple[Filter, ...] = ()
    select: frozenset[str] | None = None

    def wants(self, change: Change) -> bool:
        return (
            self.action in {"*", change.action}
            and self.table in {"*", change.relation.table}
            and self.schema in {"*", change.relation.schema}
        )


@dataclass(frozen=True)
class Subscription:
    """One interest of one listener. Changes are judged with `claims` (JSON text)."""

    id: int
    listener: Listener
    claims: str
    interest: Interest


async def make(
    connection: AsyncConnection[tuple[Any, ...]],
    wanted: tuple[dict[str, Any], ...],
    identity: Identity,
    listener: Listener,
) -> list[Subscription]:
    """Check what a client wants and return its subscriptions, all of them or none. Raises SubscriptionError."""
    made = []
    for parameters in wanted:
        interest = _read(parameters, identity.role)
        tables = await catalog.published(connection, interest.schema, interest.table)
        if not tables:
            raise SubscriptionError(
                "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given "
                f"connect parameters: [{_described(interest, parameters)}]"
            )
        entities = await catalog.entities(connection, list(tables.values()), [identity.role])
        for entity in entities.values():
            try:
                interest = await _checked(connection, interest, entity)
            except (SubscriptionError, psycopg.errors.DataError, psycopg.errors.ProgrammingError) as error:
                reason = error.diag.message_primary if isinstance(error, psycopg.Error) else str(error)
                raise SubscriptionError(
                    "Unable to subscribe to changes with given parameters. An exception happened so please check your "
                    f"connect parameters: [{_described(interest, parameters)}]. Exception: {reason}"
                ) from error
        made.append(Subscription(parameters["id"], listener, identity.claims_json, interest))
    return made


def _read(parameters: Mapping[str, Any], role: str) -> Interest:
    event, schema, table = (parameters.get(name) for name in ("event", "schema", "table"))
    if not isinstance(schema, str | None) or not isinstance(table, str | None) or (schema or table) is None:
        raise SubscriptionError(
            "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: "
            f"{sorted(parameters)}"
        )
    text, select = parameters.get("filter"), parameters.get("select")
    if isinstance(text, str) and table is None:
        raise SubscriptionError("Error parsing `filter` params: a filter needs a table")
    if isinstance(select, str):
        raise SubscriptionError("Error parsing `select` params: expected a list of column name strings")
    columns = frozenset(name for name in select if isinstance(name, str)) if isinstance(select, list) else None
    schema, table = schema or "public", table or "*"
    if columns and "*" in {schema, table}:
        raise SubscriptionError(
            "Column selection is not supported for wildcard subscriptions. Provide an explicit schema and table name."
        )
    try:
        rules = tuple(filters.parse(text)) if isinstance(text, str) else ()
    except filters.FilterError as error:
        raise SubscriptionError(f"Error parsing `filter` params: {error}") from error
    action = event.upper() if isinstance(event, str) and event.upper() in ACTIONS else "*"
    return Interest(role, action, schema, table, rules, columns or None)


async def _checked(connection: AsyncConnection[tuple[Any, ...]], interest: Interest, entity: Entity) -> Interest:
    """The interest with its filters' values in canonical form, all of them applicable to the table's columns."""
    readable = entity.readable.get(interest.role, frozenset())
    for name in sorted(interest.select or ()):
        if name not in readable:
            raise SubscriptionError(f"invalid column for select {name}")
    checked = []
    for rule in interest.filters:
        column = entity.column(rule.column)
        if column is None or rule.column not in readable:
            raise SubscriptionError(f"invalid column for filter {rule.column}")
        if rule.operator == "is" and rule.value != "null" and column.type_name != "bool":
            raise SubscriptionError(f"is {rule.value} filter requires a boolean column, got {column.type_name}")
        oid = column.array_oid if rule.operator == "in" else column.type_oid
        value = Typed(None if rule.operator == "is" else rule.value, oid)
        # Tried on a null of the column's type: fails where the type has no such operator or the value is no such value.
        trial = sql.SQL("select format('%%s', {}), cardinality({}), {}").format(
            sql.SQL("%s"),
            sql.SQL("%s" if rule.operator == "in" else "'{}'::int[]"),
            sql.SQL(rule.expression("%s", "%s")),
        )
        shown = Typed(None, column.type_oid)
        pattern = [value] if rule.operator in {"match", "imatch"} else []
        if pattern:
            await connection.execute("select '' ~ %s::text", [rule.value])
        parameters = [value, *([value] if rule.operator == "in" else []), shown]
        row = await (
            await connection.execute(trial, parameters if rule.operator == "is" else [*parameters, value])
        ).fetchone()
        assert row is not None
        if rule.operator == "in" and row[1] > filters.IN_LIMIT:
            raise SubscriptionError(f"too many values for `in` filter. Maximum {filters.IN_LIMIT}")
        checked.append(rule if rule.operator == "is" else replace(rule, value=row[0]))
    return replace(interest, filters=tuple(checked))


def _described(interest: Interest, parameters: Mapping[str, Any]) -> str:
    return (
        f"event: {interest.action}, schema: {interest.schema}, table: {interest.table}, "
        f"filters: {parameters.get('filter')}, select: {parameters.get('select')}"
    )
