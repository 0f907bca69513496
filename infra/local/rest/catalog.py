"""Reads the schema cache and the configuration out of a database."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from infra.local.rest import config
from infra.local.rest.config import Configuration
from infra.local.rest.relationships import ForeignKey, ViewKeys, find
from infra.local.rest.schema import Column, Name, Parameter, Relationship, Routine, SchemaCache, Table
from infra.local.rest.views import View, origins

Rows = list[dict[str, Any]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """All that is read from the database ahead of requests, as of one moment."""

    configuration: Configuration
    cache: SchemaCache
    role_settings: dict[str, dict[str, str]]


@cache
def query(name: str) -> bytes:
    """The statement called `name` in catalog.sql."""
    parts = re.split(r"^-- (\w+) --$", Path(__file__).with_name("catalog.sql").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[name].strip().encode()


async def read(
    connection: psycopg.AsyncConnection[Any], schemas: tuple[str, ...], previous: Configuration | None = None
) -> Snapshot:
    """Read everything in one transaction. `schemas` are exposed unless the database says otherwise.

    A schema that does not exist exposes nothing. The `previous` configuration stays if what is stored makes no sense.
    """
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:

        async def rows(name: str, **parameters: object) -> Rows:
            await cursor.execute(query(name), parameters)
            return await cursor.fetchall()

        await cursor.execute("set transaction isolation level repeatable read read only")
        configuration = await _configuration(connection, schemas, previous)
        await cursor.execute("set local search_path to ''")
        settings: dict[str, dict[str, str]] = {}
        for row in await rows("role_settings"):
            settings.setdefault(row["role"], {})[row["name"]] = row["value"]
        await cursor.execute("select nspname::text from pg_catalog.pg_namespace")
        existing = {row["nspname"] for row in await cursor.fetchall()}
        exposed = [schema for schema in configuration.schemas if schema in existing]
        searched = [*exposed, *(schema for schema in configuration.extra_search_path if schema in existing)]
        cache_ = _build(
            configuration,
            await rows("tables"),
            await rows("columns", schemas=[_identifier(schema) for schema in exposed]),
            await rows("foreign_keys"),
            await rows("primary_keys"),
            await rows("views", schemas=exposed, searched=searched),
            await rows("functions", schemas=exposed),
            await rows("computed_relationships"),
            await rows("representations"),
            await rows("media_handlers", schemas=exposed),
        )
    return Snapshot(configuration, cache_, settings)


async def _configuration(
    connection: psycopg.AsyncConnection[Any], schemas: tuple[str, ...], previous: Configuration | None
) -> Configuration:
    """What the role and the database have stored; below that what the function `pgrst.db_pre_config` has set."""
    async with connection.cursor() as cursor:
        await cursor.execute(query("configuration"))
        stored = dict(await cursor.fetchall())
        function = stored.get("db_pre_config")
        if function:
            try:
                async with connection.transaction():
                    await cursor.execute(sql.SQL("select {}()").format(sql.Identifier(*function.split(".", 1))))
                    names = [*config.KNOWN, "jwt_secret", "jwt_secret_is_base64"]
                    settings = sql.SQL(", ").join(
                        sql.SQL("current_setting({}, true)").format(f"pgrst.{name}") for name in names
                    )
                    await cursor.execute(sql.SQL("select {}").format(settings))
                    found = zip(names, await cursor.fetchone() or (), strict=True)
                    stored = {name: value for name, value in found if value is not None} | stored
            except psycopg.Error:
                log.exception("db_pre_config failed: nothing that is configured in the database holds")
                stored = {}
    try:
        return config.read(schemas, stored)
    except ValueError as error:
        log.error("What is configured in the database is not in force: %s", error)
        return previous or Configuration(schemas=schemas)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _build(
    configuration: Configuration,
    tables: Rows,
    table_columns: Rows,
    foreign_keys: Rows,
    primary_keys: Rows,
    views: Rows,
    functions: Rows,
    computed: Rows,
    representations: Rows,
    media_handlers: Rows,
) -> SchemaCache:
    all_tables = _tables(tables, table_columns)
    numbered = {row["oid"]: row["columns"] for row in views}
    by_oid = {
        row["oid"]: View(
            row["oid"], Name(row["schema"], row["name"]), row["exposed"], origins(row["definition"], row["columns"])
        )
        for row in views
    }
    view_keys = ViewKeys(by_oid, numbered)
    for key in primary_keys:
        # A view that shows several tables has all their keys for its own. Where it shows one twice, the first counts.
        shown = dict(reversed(view_keys.showing(key["table_oid"], key["numbers"])))
        for view, columns in shown.items():
            all_tables[view] = replace(all_tables[view], primary_key=(*all_tables[view].primary_key, *columns))
    keys = [_foreign_key(row) for row in foreign_keys]
    relationships = find(keys, all_tables, view_keys, map(_computed, computed))
    exposed = set(configuration.schemas)
    routines: dict[Name, list[Routine]] = {}
    for row in functions:
        routine = _routine(row, configuration)
        routines.setdefault(routine.name, []).append(routine)
    for overloads in routines.values():
        overloads.sort(key=Routine.sort_key)
    return SchemaCache(
        tables={name: table for name, table in all_tables.items() if name.schema in exposed},
        relationships=_visible(relationships, exposed),
        routines=routines,
        representations={(row["source"], row["target"]): row["function"] for row in representations},
        media_handlers={
            (
                None if row["target_name"] == "anyelement" else Name(row["target_schema"], row["target_name"]),
                row["media_type"],
            ): Name(row["handler_schema"], row["handler_name"])
            for row in media_handlers
        },
    )


def _tables(tables: Rows, columns: Rows) -> dict[Name, Table]:
    by_table: dict[int, dict[str, Column]] = {}
    for row in columns:
        by_table.setdefault(row["table_oid"], {})[row["name"]] = Column(
            row["name"],
            row["description"],
            row["nullable"],
            row["type"],
            row["nominal_type"],
            row["max_length"],
            row["default_expression"],
            tuple(row["labels"]),
        )
    return {
        Name(row["schema"], row["name"]): Table(
            Name(row["schema"], row["name"]),
            row["description"],
            row["is_view"],
            row["insertable"],
            row["updatable"],
            row["deletable"],
            tuple(row["primary_key"]),
            by_table.get(row["oid"], {}),
        )
        for row in tables
    }


def _foreign_key(row: Mapping[str, Any]) -> ForeignKey:
    return ForeignKey(
        row["name"],
        row["table_oid"],
        row["foreign_oid"],
        Name(row["schema"], row["table_name"]),
        Name(row["foreign_schema"], row["foreign_name"]),
        row["numbers"],
        row["foreign_numbers"],
        tuple(row["columns"]),
        tuple(row["foreign_columns"]),
        row["is_unique"],
    )


def _computed(row: Mapping[str, Any]) -> Relationship:
    table, foreign = Name(row["schema"], row["table_name"]), Name(row["foreign_schema"], row["foreign_name"])
    return Relationship(
        table,
        foreign,
        table == foreign,
        "one-to-one" if row["to_one"] else "one-to-many",
        function=Name(row["function_schema"], row["function_name"]),
    )


def _routine(row: Mapping[str, Any], configuration: Configuration) -> Routine:
    settings = (entry.partition("=")[::2] for entry in row["settings"])
    hoisted = tuple((name, value) for name, value in settings if name in configuration.hoisted_settings)
    return Routine(
        Name(row["schema"], row["name"]),
        row["description"],
        tuple(Parameter(*parameter) for parameter in row["parameters"]),
        Name(row["return_schema"], row["return_name"]),
        row["returns_set"],
        row["returns_composite"],
        row["volatility"],
        row["variadic"],
        hoisted,
        row["oid"],
    )


def _visible(
    relationships: Mapping[tuple[Name, str], list[Relationship]], exposed: set[str]
) -> dict[tuple[Name, str], list[Relationship]]:
    """Only what starts, ends and passes in exposed schemas."""

    def seen(relationship: Relationship) -> bool:
        junction = relationship.junction
        return relationship.foreign.schema in exposed and (junction is None or junction.table.schema in exposed)

    # A table whose relationships all lead elsewhere keeps its place: it is known, it only leads nowhere.
    return {
        key: [each for each in found if seen(each)] for key, found in relationships.items() if key[0].schema in exposed
    }
