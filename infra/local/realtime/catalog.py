"""What the database says about tables: which are published, their columns and keys, and who may read what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from infra.local.realtime.typed import Column

PUBLICATION = "supabase_realtime"

PUBLISHED = """
select p.schemaname, p.tablename, c.oid::int8
from pg_publication_tables p join pg_namespace n on n.nspname = p.schemaname
join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
where p.pubname = %s and (%s = '*' or p.schemaname = %s) and (%s = '*' or p.tablename = %s)
"""
ENTITIES = """
select c.oid::int8, c.relrowsecurity, a.attname, t.typname, t.oid::int8, t.typarray::int8, t.typtype::text,
  t.typcategory::text, coalesce(a.attnum = any (k.conkey), false),
  array(select role from unnest(%s::text[]) as role
    where case when to_regrole(quote_ident(role)) is not null
      then has_column_privilege(role::name, c.oid, a.attnum, 'select') end)
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where c.oid = any (%s::oid[]) order by c.oid, a.attnum
"""


@dataclass(frozen=True)
class Entity:
    """A table. `readable` says for each role asked about which columns it may select."""

    oid: int
    row_security: bool
    columns: tuple[Column, ...]
    readable: dict[str, frozenset[str]]

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.in_key)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


async def published(
    connection: AsyncConnection[tuple[Any, ...]], schema: str, table: str
) -> dict[tuple[str, str], int]:
    """Oids of the tables in the publication of changes; `*` stands for any schema or table."""
    rows = await connection.execute(PUBLISHED, [PUBLICATION, schema, schema, table, table])
    return {(row[0], row[1]): row[2] for row in await rows.fetchall()}


async def entities(
    connection: AsyncConnection[tuple[Any, ...]], oids: list[int], roles: list[str]
) -> dict[int, Entity]:
    """The tables with these oids, those that still exist."""
    rows = await (await connection.execute(ENTITIES, [roles, oids])).fetchall()
    columns: dict[int, list[Column]] = {}
    readable: dict[int, dict[str, set[str]]] = {}
    security: dict[int, bool] = {}
    for oid, row_security, *column, readers in rows:
        security[oid] = row_security
        columns.setdefault(oid, []).append(Column(*column))
        for role in readers:
            readable.setdefault(oid, {}).setdefault(role, set()).add(column[0])
    return {
        oid: Entity(
            oid, security[oid], tuple(found), {role: frozenset(names) for role, names in readable.get(oid, {}).items()}
        )
        for oid, found in columns.items()
    }
