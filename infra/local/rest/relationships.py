"""Relationships out of foreign keys: to views, in both directions, through junctions, and by functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from infra.local.rest.schema import Junction, Name, Relationship, Table
from infra.local.rest.views import View, base_columns, key_columns


@dataclass(frozen=True)
class ForeignKey:
    name: str
    table_oid: int
    foreign_oid: int
    table: Name
    foreign: Name
    numbers: Sequence[int]
    foreign_numbers: Sequence[int]
    columns: tuple[str, ...]
    foreign_columns: tuple[str, ...]
    is_unique: bool


class ViewKeys:
    """Answers what of a table's keys the views show."""

    def __init__(self, views: Mapping[int, View], numbered: Mapping[int, Sequence[str]]) -> None:
        exposed = [view for view in views.values() if view.exposed]
        self._shown = [(view.name, base_columns(view, views, numbered)) for view in exposed]

    def showing(self, table: int, numbers: Sequence[int]) -> list[tuple[Name, tuple[str, ...]]]:
        """Every view that shows the whole key, with its names for the key's columns."""
        return [(view, columns) for view, shown in self._shown for columns in key_columns(shown, table, numbers)]


def find(
    keys: Iterable[ForeignKey], tables: Mapping[Name, Table], view_keys: ViewKeys, computed: Iterable[Relationship]
) -> dict[tuple[Name, str], list[Relationship]]:
    """All relationships, by (table, schema of the foreign table). A function overrides what has its name."""
    forward = [each for key in keys for each in _of_key(key, view_keys)]
    found: dict[tuple[Name, Name], list[Relationship]] = {}
    for relationship in [*forward, *_through_junctions(forward, tables), *map(_inverse, forward)]:
        found.setdefault((relationship.table, relationship.foreign), []).append(relationship)
    for relationship in computed:
        assert relationship.function is not None
        found[relationship.table, relationship.function] = [relationship]
    result: dict[tuple[Name, str], list[Relationship]] = {}
    for (table, foreign), relationships in found.items():
        result.setdefault((table, foreign.schema), []).extend(relationships)
    for relationships in result.values():
        relationships.sort(key=Relationship.sort_key)
    return result


def _of_key(key: ForeignKey, view_keys: ViewKeys) -> list[Relationship]:
    """The key's own relationship, and those of views that show its columns on one or both ends."""
    here = view_keys.showing(key.table_oid, key.numbers)
    there = view_keys.showing(key.foreign_oid, key.foreign_numbers)

    def relate(table: Name, columns: tuple[str, ...], foreign: Name, foreign_columns: tuple[str, ...]) -> Relationship:
        return Relationship(
            table,
            foreign,
            table == foreign,
            "one-to-one" if key.is_unique else "many-to-one",
            key.name,
            tuple(zip(columns, foreign_columns, strict=True)),
            table_is_view=table != key.table,
            foreign_is_view=foreign != key.foreign,
        )

    return [
        relate(key.table, key.columns, key.foreign, key.foreign_columns),
        *(relate(view, columns, key.foreign, key.foreign_columns) for view, columns in here),
        *(relate(key.table, key.columns, view, columns) for view, columns in there),
        *(relate(one, columns, other, others) for one, columns in here for other, others in there),
    ]


def _inverse(relationship: Relationship) -> Relationship:
    return replace(
        relationship,
        table=relationship.foreign,
        foreign=relationship.table,
        cardinality="one-to-one" if relationship.cardinality == "one-to-one" else "one-to-many",
        columns=tuple((foreign, own) for own, foreign in relationship.columns),
        is_parent=relationship.cardinality == "one-to-one",
        table_is_view=relationship.foreign_is_view,
        foreign_is_view=relationship.table_is_view,
    )


def _through_junctions(forward: list[Relationship], tables: Mapping[Name, Table]) -> list[Relationship]:
    """Many-to-many, where a table's primary key contains two foreign keys."""
    leaving: dict[Name, list[Relationship]] = {}
    for relationship in forward:
        if relationship.cardinality == "many-to-one":
            leaving.setdefault(relationship.table, []).append(relationship)
    found = []
    for name, relationships in leaving.items():
        primary = set(tables[name].primary_key) if name in tables else set()
        inside = [each for each in relationships if {own for own, _ in each.columns} <= primary]
        for source in inside:
            for target in inside:
                if source.constraint == target.constraint:
                    continue
                junction = Junction(
                    name,
                    source.constraint,
                    target.constraint,
                    tuple((foreign, own) for own, foreign in source.columns),
                    tuple((foreign, own) for own, foreign in target.columns),
                )
                found.append(
                    Relationship(
                        source.foreign,
                        target.foreign,
                        source.foreign == target.foreign,
                        "many-to-many",
                        junction=junction,
                        table_is_view=source.foreign_is_view,
                        foreign_is_view=target.foreign_is_view,
                    )
                )
    return found
