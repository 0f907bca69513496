"""Values in PostgreSQL's text format together with their type: sent as parameters of that type, and shown as JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

from psycopg import AsyncConnection, sql
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, PyFormat

from infra.local.realtime.frames import dumps
from infra.local.realtime.pgoutput import Unchanged, Value

NUMBERS = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric", "oid"})
DOCUMENTS = frozenset({"json", "jsonb"})
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d)(:\d\d)?)?")


@dataclass(frozen=True)
class Typed:
    """A value as PostgreSQL writes it. As a query parameter it has the type `oid`, which need not be named."""

    text: str | None
    oid: int


class TypedDumper(Dumper):
    """Sends a Typed as text with its own type, so that no type has to be named in SQL."""

    def dump(self, obj: Typed) -> Buffer | None:
        return None if obj.text is None else obj.text.encode()

    def get_key(self, obj: Typed, format: PyFormat) -> Any:  # noqa: A002
        return (self.cls, obj.oid)

    def upgrade(self, obj: Typed, format: PyFormat) -> Self:  # noqa: A002
        dumper = type(self)(self.cls, None)
        dumper.oid = obj.oid
        return dumper


@dataclass(frozen=True)
class Column:
    """A column from the catalog. `kind` is pg_type.typtype, `category` pg_type.typcategory."""

    name: str
    type_name: str
    type_oid: int
    array_oid: int
    kind: str
    category: str
    in_key: bool

    def plain(self, text: str) -> str | None:
        """The JSON text that `to_jsonb` would give; None where only the database can tell."""
        if self.type_name == "bool":
            return "true" if text == "t" else "false"
        if self.type_name in DOCUMENTS:
            return text
        if self.type_name in NUMBERS:
            return text if _NUMBER.fullmatch(text) else dumps(text)  # NaN and Infinity are strings
        if self.category == "D":
            found = _TIMESTAMP.fullmatch(text)
            if found is None:
                return dumps(text) if self.type_name == "date" else None
            zone = f"{found[3]}{found[4] or ':00'}" if found[3] else ""
            return f'"{found[1]}T{found[2]}{zone}"'
        if self.kind in "bem" and self.category != "A":
            # A base type of an extension may have its own cast to json; those of PostgreSQL have not.
            return dumps(text) if self.type_oid < 16384 or self.kind == "e" else None
        return None


async def as_json(connection: AsyncConnection[tuple[Any, ...]], values: list[tuple[Column, Value]]) -> list[str]:
    """JSON text for each value, in order; asks the database once, and only for types that need it."""
    done: dict[int, str] = {}
    asked: list[int] = []
    for index, (column, value) in enumerate(values):
        if value is None or value is Unchanged.VALUE:
            done[index] = "null"
        elif (text := column.plain(value)) is not None:
            done[index] = text
        else:
            asked.append(index)
    if asked:
        query = sql.SQL("select {}").format(sql.SQL(", ").join(sql.SQL("to_jsonb(%s)::text") for _ in asked))
        parameters = [Typed(str(values[index][1]), values[index][0].type_oid) for index in asked]
        row = await (await connection.execute(query, parameters)).fetchone()
        assert row is not None
        done.update(zip(asked, (str(text) for text in row), strict=True))
    return [done[index] for index in range(len(values))]
