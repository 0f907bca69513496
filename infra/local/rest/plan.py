"""What a plan consists of: the tree that is read, and what is written or called before.

A plan names only what the schema cache knows or what the database will check; values stay values until `render` makes
them parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from infra.local.rest.grammar.ast import ALL_ROWS, Aggregate, Comparison, JsonStep, Range
from infra.local.rest.schema import Name, Parameter, Relationship, Routine

SOURCE = Name("", "pgrst_source")  # the statement's first part: rows read, written or returned by a call


@dataclass(slots=True)
class PlannedField:
    """A column (or computed field) as an expression. `transform` is the function of a data representation."""

    name: str
    path: tuple[JsonStep, ...] = ()
    as_json: bool = False  # `to_jsonb` before the path
    as_tsvector: bool = False
    language: str | None = None
    type: str = ""  # empty where the schema cache does not know it
    transform: str | None = None
    default: str | None = None
    whole_row: bool = False


@dataclass(slots=True)
class PlannedSelect:
    field: PlannedField
    alias: str | None = None
    cast: str | None = None
    aggregate: Aggregate | None = None
    aggregate_cast: str | None = None


@dataclass(slots=True)
class PlannedFilter:
    field: PlannedField
    comparison: Comparison


@dataclass(slots=True)
class EmbedExists:
    """`embedded=not.is.null` (or `is.null`, not `wanted`): rows by whether `node` found anything for them."""

    node: ReadNode
    wanted: bool


@dataclass(slots=True)
class PlannedLogic:
    operator: Literal["and", "or"]
    negated: bool
    children: list[PlannedCondition]


PlannedCondition = PlannedFilter | EmbedExists | PlannedLogic


@dataclass(slots=True)
class PlannedOrder:
    """`relation` is the alias of an embedded to-one resource whose column orders."""

    field: PlannedField
    direction: Literal["asc", "desc"] | None
    nulls: Literal["nullsfirst", "nullslast"] | None
    relation: str | None = None


@dataclass(slots=True)
class SpreadColumn:
    """A column that a spread resource gives its parent; aggregates are applied where they arrive."""

    name: str
    alias: str | None = None
    aggregate: Aggregate | None = None
    aggregate_cast: str | None = None


EmbedMode = Literal["object", "array", "spread"]


@dataclass(slots=True)
class Embed:
    """How a child appears among its parent's columns."""

    node: ReadNode
    mode: EmbedMode
    name: str
    empty: bool = False  # selected nothing at all: it filters only
    columns: list[SpreadColumn] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class ReadNode:
    """One resource that is read. `table` is what its columns are looked up in, `source` what it is selected from."""

    table: Name
    source: Name
    name: str
    depth: int
    alias: str | None = None
    source_alias: str | None = None
    join: Literal["left", "inner"] | None = None
    spread: bool = False
    hint: str | None = None
    relationship: Relationship | None = None
    parent_alias: str | None = None  # what a computed relationship is called with
    embed_alias: str = ""
    conditions: list[tuple[tuple[Name, str], tuple[Name, str]]] = field(default_factory=list)  # joins it to its parent
    select: list[PlannedSelect] = field(default_factory=list)
    where: list[PlannedCondition] = field(default_factory=list)
    order: list[PlannedOrder] = field(default_factory=list)
    rows: Range = ALL_ROWS
    children: list[ReadNode] = field(default_factory=list)
    embeds: list[Embed] = field(default_factory=list)
    order_columns: list[tuple[str | None, PlannedSelect]] = field(default_factory=list)  # of a spread list
    order_aggregated: list[PlannedOrder] = field(default_factory=list)
    legacy_named: bool = False  # addressed by its table's name although it has an alias

    @property
    def label(self) -> str:
        return self.alias or self.name

    @property
    def to_one(self) -> bool:
        return self.relationship is not None and self.relationship.to_one

    @property
    def spreads_list(self) -> bool:
        return self.spread and not self.to_one

    @property
    def qualifier(self) -> Name:
        """What its columns are qualified with in SQL."""
        if self.source_alias:
            return Name("", self.source_alias)
        return self.source

    @property
    def has_default_select(self) -> bool:
        return len(self.select) == 1 and self.select[0].field.name == "*" and not self.children


Conflict = tuple[Literal["merge-duplicates", "ignore-duplicates"], tuple[str, ...]]


@dataclass(slots=True)
class Insert:
    """`conflict` is (resolution, columns of the key); `put` conditions make it a PUT of one row."""

    table: Name
    columns: list[PlannedField]
    body: str
    is_object: bool
    conflict: Conflict | None
    put: list[PlannedCondition]
    returning: list[str]
    primary_key: tuple[str, ...]
    apply_defaults: bool


@dataclass(slots=True)
class Update:
    table: Name
    columns: list[PlannedField]
    body: str
    is_object: bool
    where: list[PlannedCondition]
    returning: list[str]
    apply_defaults: bool


@dataclass(slots=True)
class Delete:
    table: Name
    where: list[PlannedCondition]
    returning: list[str]


Mutation = Insert | Update | Delete


@dataclass(slots=True)
class Call:
    """A call of `routine` with `parameters`: by values of a query string or form, a JSON body, or one unnamed value."""

    routine: Routine
    parameters: list[Parameter]
    unnamed: bool
    arguments: dict[str, str | list[str]] | None  # None: they are in the body
    body: str | bytes | None
    body_is_object: bool
    returning: list[str]
    filtered: list[str]
