"""The binary messages of PostgreSQL's own logical decoding plugin, protocol version 1, read into dataclasses.

Source: PostgreSQL documentation, "Logical Replication Message Formats". Nothing here touches a connection.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Literal

POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Unchanged(Enum):
    """Stands for a large value that an update left as it was, and that therefore is not in the log."""

    VALUE = "unchanged"


Value = str | None | Literal[Unchanged.VALUE]
"""A column's value in PostgreSQL's text format."""
Row = dict[str, Value]


class ProtocolError(Exception):
    """The bytes are not what the protocol says."""


@dataclass(frozen=True)
class Column:
    """`in_identity`: the column belongs to the table's replica identity."""

    name: str
    type_oid: int
    in_identity: bool


@dataclass(frozen=True)
class Relation:
    """A table as it was when the changes that follow were made. `identity`: d(efault), n(othing), f(ull) or i(ndex)."""

    oid: int
    schema: str
    table: str
    identity: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Begin:
    final_lsn: int
    committed_at: datetime
    xid: int


@dataclass(frozen=True)
class Commit:
    lsn: int
    end_lsn: int
    committed_at: datetime


@dataclass(frozen=True)
class Insert:
    relation: Relation
    new: Row


@dataclass(frozen=True)
class Update:
    """`old` has the columns of the replica identity; it is None where the identity did not change and is not full."""

    relation: Relation
    old: Row | None
    new: Row


@dataclass(frozen=True)
class Delete:
    """`old` has the columns of the replica identity."""

    relation: Relation
    old: Row


@dataclass(frozen=True)
class Truncate:
    relations: tuple[Relation, ...]


@dataclass(frozen=True)
class Other:
    """A message that carries no change: Type, Origin, logical Message."""

    kind: str


Message = Relation | Begin | Commit | Insert | Update | Delete | Truncate | Other


class Decoder:
    """Reads one stream. It remembers the relations that the stream has described."""

    def __init__(self) -> None:
        self._relations: dict[int, Relation] = {}

    def decode(self, data: bytes) -> Message:
        """Read one message. Raises ProtocolError for bytes of another form."""
        try:
            return self._decode(_Reader(data))
        except (struct.error, IndexError, KeyError, ValueError, OverflowError) as error:
            raise ProtocolError(f"unreadable pgoutput message {data[:40]!r}: {error}") from error

    def _decode(self, reader: _Reader) -> Message:
        kind = reader.char()
        match kind:
            case "B":
                return Begin(reader.number("q"), reader.time(), reader.number("I"))
            case "C":
                reader.number("b")  # flags, unused so far
                return Commit(reader.number("q"), reader.number("q"), reader.time())
            case "R":
                relation = reader.relation()
                self._relations[relation.oid] = relation
                return relation
            case "I":
                relation = self._relations[reader.number("I")]
                reader.expect("N")
                return Insert(relation, reader.row(relation))
            case "U":
                return self._update(reader)
            case "D":
                relation = self._relations[reader.number("I")]
                return Delete(relation, reader.identity(relation, reader.char()))
            case "T":
                count = reader.number("i")
                reader.number("b")  # cascade, restart identity
                return Truncate(tuple(self._relations[reader.number("I")] for _ in range(count)))
            case "Y" | "O" | "M":
                return Other(kind)
        raise ProtocolError(f"unknown pgoutput message {kind!r}")

    def _update(self, reader: _Reader) -> Update:
        relation = self._relations[reader.number("I")]
        old = None
        kind = reader.char()
        if kind != "N":
            old = reader.identity(relation, kind)
            reader.expect("N")
        return Update(relation, old, reader.row(relation))


class _Reader:
    """A cursor over the bytes of one message; integers are in network byte order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, form: str) -> int:
        size = struct.calcsize(f">{form}")
        (value,) = struct.unpack_from(f">{form}", self._data, self._at)
        self._at += size
        return int(value)

    def char(self) -> str:
        return chr(self.number("B"))

    def expect(self, wanted: str) -> None:
        if (found := self.char()) != wanted:
            raise ProtocolError(f"expected {wanted!r} in a pgoutput message, found {found!r}")

    def text(self) -> str:
        end = self._data.index(b"\0", self._at)
        value = self._data[self._at : end].decode()
        self._at = end + 1
        return value

    def time(self) -> datetime:
        return POSTGRES_EPOCH + timedelta(microseconds=self.number("q"))

    def relation(self) -> Relation:
        # An empty schema name stands for pg_catalog.
        oid, schema, table, identity = self.number("I"), self.text() or "pg_catalog", self.text(), self.char()
        columns = []
        for _ in range(self.number("H")):
            flags, name, type_oid = self.number("B"), self.text(), self.number("I")
            self.number("i")  # type modifier
            columns.append(Column(name, type_oid, bool(flags & 1)))
        return Relation(oid, schema, table, identity, tuple(columns))

    def row(self, relation: Relation) -> Row:
        count = self.number("H")
        if count != len(relation.columns):
            raise ProtocolError(f"{relation.schema}.{relation.table}: {count} values, {len(relation.columns)} columns")
        return {column.name: self._value() for column in relation.columns}

    def identity(self, relation: Relation, kind: str) -> Row:
        """The old row: `O` has every column, `K` has nulls where a column is not part of the identity."""
        if kind not in "KO":
            raise ProtocolError(f"expected an old row in a pgoutput message, found {kind!r}")
        row = self.row(relation)
        if kind == "O":
            return row
        return {column.name: row[column.name] for column in relation.columns if column.in_identity}

    def _value(self) -> Value:
        match self.char():
            case "n":
                return None
            case "u":
                return Unchanged.VALUE
            case "t":
                size = self.number("i")
                value = self._data[self._at : self._at + size].decode()
                self._at += size
                return value
            case kind:
                raise ProtocolError(f"unknown kind of value {kind!r} in a pgoutput message")
