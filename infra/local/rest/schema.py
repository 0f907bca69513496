"""The schema cache: what the database offers, as far as a request can name it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Name(NamedTuple):
    """A name with its schema; no schema means that it is an alias inside a statement."""

    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    description: str | None
    nullable: bool
    type: str  # base type of a domain over a built-in type, without length
    nominal_type: str  # as declared
    max_length: int | None
    default: str | None
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    name: Name
    description: str | None
    is_view: bool
    insertable: bool
    updatable: bool
    deletable: bool
    primary_key: tuple[str, ...]
    columns: dict[str, Column]


Cardinality = Literal["one-to-many", "many-to-one", "one-to-one", "many-to-many"]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """The table between two others. Pairs are (column of the outer table, column of the junction)."""

    table: Name
    source_constraint: str
    target_constraint: str
    source_columns: Pairs
    target_columns: Pairs


@dataclass(frozen=True, slots=True)
class Relationship:
    """From `table` to `foreign`, by a foreign key, a junction or a function. Pairs are (own column, foreign column)."""

    table: Name
    foreign: Name
    is_self: bool
    cardinality: Cardinality
    constraint: str = ""
    columns: Pairs = ()
    is_parent: bool = False  # of a one-to-one: the side that is referenced
    junction: Junction | None = None
    function: Name | None = None
    table_is_view: bool = False
    foreign_is_view: bool = False

    @property
    def to_one(self) -> bool:
        return self.cardinality in {"many-to-one", "one-to-one"}

    def sort_key(self) -> tuple[object, ...]:
        order = ("one-to-many", "many-to-one", "one-to-one", "many-to-many")
        junction = self.junction
        between = (junction.table, junction.source_constraint, junction.target_constraint) if junction else ()
        return (
            self.function is not None,
            self.table,
            self.foreign,
            self.is_self,
            order.index(self.cardinality),
            between,
            self.constraint,
            self.columns,
            self.is_parent,
        )


@dataclass(frozen=True, slots=True)
class Parameter:
    """`cast_type` ignores a declared length, so that the function itself sees what is too long."""

    name: str
    type: str
    cast_type: str
    required: bool
    variadic: bool


@dataclass(frozen=True)
class Routine:
    name: Name
    description: str | None
    parameters: tuple[Parameter, ...]
    return_type: Name
    returns_set: bool
    returns_composite: bool
    volatility: Literal["i", "s", "v"]
    variadic: bool
    settings: tuple[tuple[str, str], ...]
    oid: int

    def sort_key(self) -> tuple[object, ...]:
        """Overloads stand in this order where an answer lists them: those with the fewest parameters first."""
        parameters = [(each.name, each.type, each.cast_type, each.required, each.variadic) for each in self.parameters]
        return (len(parameters), self.description is not None, self.description or "", parameters, self.oid)

    @property
    def returns_scalar(self) -> bool:
        return not self.returns_set and not self.returns_composite

    @property
    def returns_set_of_scalar(self) -> bool:
        return self.returns_set and not self.returns_composite

    @property
    def returns_single_composite(self) -> bool:
        return not self.returns_set and self.returns_composite

    @property
    def returns_void(self) -> bool:
        return self.returns_scalar and self.return_type == Name("pg_catalog", "void")

    @property
    def resource(self) -> Name:
        """The table whose rows it returns, for embedding; else its own name."""
        return Name(self.name.schema, self.return_type.name if self.returns_composite else self.name.name)


@dataclass(frozen=True)
class SchemaCache:
    tables: dict[Name, Table] = field(default_factory=dict)
    relationships: dict[tuple[Name, str], list[Relationship]] = field(default_factory=dict)
    routines: dict[Name, list[Routine]] = field(default_factory=dict)
    representations: dict[tuple[str, str], str] = field(default_factory=dict)  # (from type, to type): function
    media_handlers: dict[tuple[Name | None, str], Name] = field(default_factory=dict)  # None is any relation

    def column(self, table: Name, name: str) -> Column | None:
        found = self.tables.get(table)
        return found.columns.get(name) if found else None
