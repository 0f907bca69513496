"""What a query string says, before anybody looks at the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class JsonStep:
    """`->key` or `->2`; `as_text` for `->>`. An index keeps its sign as text: `+2`, `-1`."""

    operand: str
    is_index: bool
    as_text: bool


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    path: tuple[JsonStep, ...] = ()


Aggregate = Literal["sum", "avg", "count", "max", "min"]


@dataclass(frozen=True, slots=True)
class SelectField:
    """`alias:name->path::cast.aggregate()::aggregate_cast`"""

    field: Field
    alias: str | None = None
    cast: str | None = None
    aggregate: Aggregate | None = None
    aggregate_cast: str | None = None


@dataclass(frozen=True, slots=True)
class SelectRelation:
    """`alias:name!hint!inner(…)`, or `...name(…)` where its columns become the parent's."""

    name: str
    children: tuple[SelectField | SelectRelation, ...]
    alias: str | None = None
    hint: str | None = None
    join: Literal["left", "inner"] | None = None
    spread: bool = False


SelectItem = SelectField | SelectRelation


@dataclass(frozen=True, slots=True)
class Comparison:
    """`not.operator(quantifier or language).value`. `values` is the list of `in`; for `is` the value is its keyword."""

    operator: str
    value: str = ""
    values: tuple[str, ...] = ()
    negated: bool = False
    quantifier: Literal["any", "all"] | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    field: Field
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Logic:
    """`not.and(…)`"""

    operator: Literal["and", "or"]
    children: tuple[Filter | Logic, ...]
    negated: bool = False


Condition = Filter | Logic


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """`field.desc.nullslast`, or `relation(field)…` for a column of an embedded resource."""

    field: Field
    relation: str | None = None
    direction: Literal["asc", "desc"] | None = None
    nulls: Literal["nullsfirst", "nullslast"] | None = None


Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Rows `lower` to `upper`, both included, counted from 0; without `upper`, all that follow."""

    lower: int = 0
    upper: int | None = None

    @property
    def limit(self) -> int | None:
        return None if self.upper is None else self.upper - self.lower + 1

    @property
    def empty(self) -> bool:
        return self.upper is not None and self.upper < self.lower

    @property
    def is_limit_zero(self) -> bool:
        return self.upper == -1

    def intersect(self, other: Range) -> Range:
        uppers = [upper for upper in (self.upper, other.upper) if upper is not None]
        return Range(max(self.lower, other.lower), min(uppers) if uppers else None)

    def at_most(self, rows: int | None) -> Range:
        """This range cut to `rows` rows; one that asks for none stays as it is."""
        if rows is None or self.is_limit_zero:
            return self
        return self.intersect(Range(self.lower, self.lower + rows - 1))


ALL_ROWS = Range()
NO_ROWS = Range(0, -1)


@dataclass(frozen=True)
class Query:
    """A parsed query string. Paths lead to an embedded resource; the empty path is the resource itself."""

    select: tuple[SelectItem, ...]
    filters: tuple[tuple[Path, Filter], ...] = ()
    logic: tuple[tuple[Path, Condition], ...] = ()
    order: tuple[tuple[Path, tuple[OrderTerm, ...]], ...] = ()
    ranges: tuple[tuple[Path, Range], ...] = ()
    arguments: tuple[tuple[str, str], ...] = ()  # of a function called by GET
    columns: tuple[str, ...] | None = None
    on_conflict: tuple[str, ...] | None = None
    filtered_names: frozenset[str] = field(default_factory=frozenset)  # keys of the filters as they were written
    canonical: str = ""

    @property
    def root_filters(self) -> list[Filter]:
        return [each for path, each in self.filters if not path]

    @property
    def root_logic(self) -> list[Condition]:
        return [each for path, each in self.logic if not path]

    @property
    def root_range(self) -> Range:
        return next((rows for path, rows in self.ranges if not path), ALL_ROWS)
