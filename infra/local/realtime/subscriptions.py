"""Subscriptions to row changes: what one asks for, checked against the catalog before it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection

from infra.local.realtime import catalog, filters
from infra.local.realtime.authorization import Identity
from infra.local.realtime.checking import Refused, check
from infra.local.realtime.elixir import condition, inspect
from infra.local.realtime.filters import Filter
from infra.local.realtime.frames import Version
from infra.local.realtime.wal import Change

ACTIONS = ("INSERT", "UPDATE", "DELETE")


class SubscriptionError(ValueError):
    """The subscription cannot be made; the message goes to the client."""


class Listener(Protocol):
    """Whoever a change is handed to."""

    topic: str
    version: Version
    legacy: bool

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
        interest = asked = _read(parameters, identity.role)
        tables = await catalog.published(connection, interest.schema, interest.table)
        if not tables:
            raise SubscriptionError(_described(asked, "Please check Realtime is enabled for the given"))
        entities = await catalog.entities(connection, list(tables.values()), [identity.role])
        for entity in entities.values():
            try:
                rules = await check(connection, entity, interest.role, asked.filters, asked.select)
            except (Refused, psycopg.errors.DataError, psycopg.errors.ProgrammingError) as error:
                words = _described(asked, "An exception happened so please check your")
                raise SubscriptionError(f"{words}. Exception: {_exception(error)}") from error
            interest = replace(asked, filters=tuple(sorted(rules)))
        made.append(Subscription(parameters["id"], listener, identity.claims_json, interest))
    return made


def _read(parameters: Mapping[str, Any], role: str) -> Interest:
    schema, table, text = (parameters.get(name) for name in ("schema", "table", "filter"))
    select = parameters.get("select")
    if isinstance(select, str):
        raise SubscriptionError(
            'Error parsing `select` params: expected a list of column name strings, e.g. select: ["col1", "col2"]'
        )
    columns = frozenset(name for name in select if isinstance(name, str)) if isinstance(select, list) else None
    if not _named(parameters):
        shown = "<redacted>" if {"user_token", "auth_token"} & set(parameters) else inspect(_without_id(parameters))
        raise SubscriptionError(
            f"No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: {shown}"
        )
    try:
        rules = tuple(filters.parse(text)) if isinstance(text, str) else ()
    except filters.FilterError as error:
        raise SubscriptionError(f"Error parsing `filter` params: {error}") from error
    schema, table = schema or "public", table or "*"
    if columns and "*" in {schema, table}:
        raise SubscriptionError(
            "Column selection is not supported for wildcard subscriptions. Provide an explicit schema and table name."
        )
    event = parameters.get("event")
    action = event.upper() if isinstance(event, str) and event.upper() in ACTIONS else "*"
    return Interest(role, action, schema, table, rules, columns or None)


def _named(parameters: Mapping[str, Any]) -> bool:
    """Whether there is a schema, a table or both, and a filter only beside both; what is there has to be text."""
    there = {"schema", "table", "filter"} & set(parameters)
    return (
        bool(there)
        and there != {"filter"}
        and ("filter" not in there or len(there) == 3)
        and all(isinstance(parameters[name], str) for name in there)
    )


def _without_id(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name != "id"}


def _described(interest: Interest, wanted: str) -> str:
    rules = [(rule.column, rule.operator, rule.value, rule.negated) for rule in interest.filters]
    select = None if interest.select is None else sorted(interest.select)
    shown = (
        f"event: {interest.action}, schema: {interest.schema}, table: {interest.table}, "
        f"filters: {inspect(rules)}, select: {inspect(select)}"
    )
    return f"Unable to subscribe to changes with given parameters. {wanted} connect parameters: [{shown}]"


def _exception(error: psycopg.Error | Refused) -> str:
    """An error as the platform's driver words it."""
    if isinstance(error, Refused):
        return f"ERROR P0001 (raise_exception) {error}"
    return f"ERROR {error.sqlstate} ({condition(type(error).__name__)}) {error.diag.message_primary}"
