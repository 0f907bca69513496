"""A whole query string: which parameter is what, and each in its own grammar."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote, unquote_to_bytes

from infra.local.rest.errors import parse_error
from infra.local.rest.grammar import plain
from infra.local.rest.grammar.ast import (
    ALL_ROWS,
    Comparison,
    Condition,
    Filter,
    OrderTerm,
    Path,
    Query,
    Range,
    SelectItem,
)
from infra.local.rest.grammar.expressions import Expressions
from infra.local.rest.grammar.reader import Failure, place

T = TypeVar("T")

RESERVED = frozenset({"select", "columns", "on_conflict"})
RESERVED_ENDINGS = frozenset({"order", "limit", "offset", "and", "or"})


@lru_cache(maxsize=256)
def parse(query_string: str, *, call: bool = False) -> Query:
    """Parse `query_string` (percent-encoded, without `?`).

    `call` is for a function called by GET, where a parameter whose value is no comparison is an argument.
    Raises ApiError PGRST100.
    """
    given = _parameters(query_string)
    present = [(name, value) for name, value in given if value is not None]
    first = dict(reversed(present))
    filters: list[tuple[Path, Filter]] = []
    arguments: list[tuple[str, str]] = []
    others = [
        (name, value) for name, value in present if name not in RESERVED and _ending(name) not in RESERVED_ENDINGS
    ]
    order = tuple(_order(name, value) for name, value in present if _ending(name) == "order")
    logic = tuple(_logic(name, value) for name, value in present if _ending(name) in {"and", "or"})
    columns = _columns(first["columns"], "columns") if "columns" in first else None
    select = _select(first.get("select", "*"))
    for name, value in others:
        path, filtered = _filter(name, value, call=call)
        if filtered is None:
            arguments.append((path[-1], value))
        else:
            filters.append((path, filtered))
    return Query(
        select=select,
        filters=tuple(filters),
        logic=logic,
        order=order,
        ranges=_ranges(present),
        arguments=tuple(arguments),
        columns=columns,
        on_conflict=_columns(first["on_conflict"], "on_conflict") if "on_conflict" in first else None,
        filtered_names=frozenset(name for name, _ in others),
        canonical=_canonical(given),
    )


def _parameters(query_string: str) -> list[tuple[str, str | None]]:
    def text(encoded: str) -> str:
        return unquote_to_bytes(encoded.replace("+", " ")).decode(errors="replace")

    pairs = (part.partition("=") for part in query_string.split("&") if part)
    return [(text(name), text(value) if equals else None) for name, equals, value in pairs]


def _canonical(given: list[tuple[str, str | None]]) -> str:
    """The parameters sorted by name, those of one name joined by a comma."""
    joined: dict[str, list[str]] = {}
    for name, value in sorted(given, key=lambda pair: pair[0]):
        joined.setdefault(name, []).append(quote(value or "", safe="-_.~"))
    return "&".join(f"{quote(name, safe='-_.~')}={','.join(values)}" for name, values in joined.items())


def _ending(name: str) -> str:
    return name.rpartition(".")[2]


def _read(text: str, what: str, parser: Callable[[Expressions], T]) -> T:
    reader = Expressions(text)
    try:
        return parser(reader)
    except Failure as failure:
        where = place(text, failure.problem.position)
        raise parse_error(f'"failed to parse {what}" {where}', str(failure.problem)) from None
    except RecursionError:
        raise parse_error(f'"failed to parse {what}"', "nested too deeply") from None


@lru_cache(maxsize=512)
def _select(value: str) -> tuple[SelectItem, ...]:
    return _read(value, f"select parameter ({value})", Expressions.select)


def _columns(value: str, parameter: str) -> tuple[str, ...]:
    return _read(value, f"{parameter} parameter ({value})", Expressions.columns)


def _filter(name: str, value: str, *, call: bool) -> tuple[Path, Filter | None]:
    """A filter and the path to its resource; or, for an argument of a call, its name as the path."""
    path, field = plain.path(name) or _read(name, f"tree path ({name})", Expressions.tree_path)
    simple = plain.comparison(value)
    if simple is not None:
        return path, Filter(field, simple)

    def comparison_or_argument(reader: Expressions) -> Comparison | None:
        return reader.choice(reader.comparison, lambda: None) if call else reader.comparison()

    comparison = _read(value, f"filter ({value})", comparison_or_argument)
    if comparison is None:
        return (field.name,), None
    return path, Filter(field, comparison)


@lru_cache(maxsize=512)
def _order(name: str, value: str) -> tuple[Path, tuple[OrderTerm, ...]]:
    path, _ = _read(name, f"tree path ({name})", Expressions.tree_path)
    return path, _read(value, f"order ({value})", Expressions.order)


def _logic(name: str, value: str) -> tuple[Path, Condition]:
    path, operator = _read(name, f"logic path ({name})", Expressions.logic_path)
    # Read with its operator in front, as it would stand inside another tree.
    return path, _read(operator + value, f"logic tree ({value})", Expressions.logic_tree)


def _ranges(present: list[tuple[str, str]]) -> tuple[tuple[Path, Range], ...]:
    """`limit` and `offset` of each resource. What is no number is ignored."""
    limits = {name.rpartition(".")[0]: value for name, value in present if _ending(name) == "limit"}
    offsets = {name.rpartition(".")[0]: value for name, value in present if _ending(name) == "offset"}
    ranges: list[tuple[Path, Range]] = []
    for prefix in dict.fromkeys([*limits, *offsets]):
        path: Path = ()
        if prefix:
            path, field = _read(prefix, f"tree path ({prefix})", Expressions.tree_path)
            path = (*path, field.name)
        ranges.append((path, _range(limits.get(prefix), offsets.get(prefix))))
    return tuple(ranges)


def _range(limit: str | None, offset: str | None) -> Range:
    lower = _number(offset) or 0
    rows = _number(limit)
    if rows is None:
        return Range(lower) if lower else ALL_ROWS
    return Range(lower, lower + rows - 1)


def _number(text: str | None) -> int | None:
    try:
        return int(text) if text is not None and text.strip().lstrip("-").isascii() else None
    except ValueError:
        return None
