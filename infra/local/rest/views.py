"""Which columns of a view are which columns of its tables, from the parsed query that PostgreSQL keeps of it.

A view has no keys of its own; where it shows all columns of a table's key, it can stand in for the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from infra.local.rest.schema import Name

# A pg_node_tree is nested braces and parentheses; a backslash hides the character behind it.
_TOKEN = re.compile(r"\\.|[(){}]|:(resno|resorigtbl|resorigcol) (\d+)")
_ENTRY_DEPTH = 4  # ( { QUERY :targetList ( { TARGETENTRY


@dataclass(frozen=True)
class View:
    oid: int
    name: Name
    exposed: bool
    origins: dict[str, tuple[int, int]]  # own column: (oid of the relation, number of its column)


def origins(definition: str, columns: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Of each of the view's columns that is plainly a column of something else: what it is."""
    depth = 0
    entry: dict[str, int] = {}
    found: dict[str, tuple[int, int]] = {}
    for token in _TOKEN.finditer(definition):
        text = token.group()
        if text in "({":
            depth += 1
        elif text in ")}":
            if depth == _ENTRY_DEPTH and entry:
                number, table, column = (entry.get(key, 0) for key in ("resno", "resorigtbl", "resorigcol"))
                if table and 0 < number <= len(columns):
                    found[columns[number - 1]] = (table, column)
                entry = {}
            depth -= 1
        elif depth == _ENTRY_DEPTH and token.group(1):
            entry[token.group(1)] = int(token.group(2))
    return found


def base_columns(
    view: View, views: Mapping[int, View], numbered: Mapping[int, Sequence[str]]
) -> dict[tuple[int, int], list[str]]:
    """(table, column number): the columns of `view` that show it, through any number of views between."""
    shown: dict[tuple[int, int], list[str]] = {}
    for column, origin in view.origins.items():
        for source in _follow(origin, views, numbered, {view.oid}):
            shown.setdefault(source, []).append(column)
    return shown


def _follow(
    origin: tuple[int, int], views: Mapping[int, View], numbered: Mapping[int, Sequence[str]], seen: set[int]
) -> Iterator[tuple[int, int]]:
    yield origin
    below = views.get(origin[0])
    if below is None or below.oid in seen:
        return
    column = numbered[below.oid][origin[1] - 1]
    if column in below.origins:
        yield from _follow(below.origins[column], views, numbered, seen | {below.oid})


def key_columns(
    shown: Mapping[tuple[int, int], list[str]], table: int, numbers: Sequence[int]
) -> list[tuple[str, ...]]:
    """The view's columns that stand for the key `numbers` of `table`, in each possible way."""
    return list(product(*(shown.get((table, number), []) for number in numbers)))
