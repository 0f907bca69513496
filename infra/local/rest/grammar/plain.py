"""What most query strings are made of, read by one pattern each: the grammar backtracks, which costs time.

Every function gives what the grammar would, or None for a text that only the grammar can judge.
"""

from __future__ import annotations

import re
from typing import Literal, cast

from infra.local.rest.grammar.ast import Comparison, Field, Filter, JsonStep, OrderTerm, SelectField, SelectRelation

_NAME = "[A-Za-z0-9_]+"
_KEYS = "((?:->>?[A-Za-z_][A-Za-z0-9_]*)*)"
_OPERATOR = "eq|neq|gte|gt|lte|lt|like|ilike|match|imatch|cs|cd|ov|sl|sr|nxr|nxl|adj|isdistinct|fts|plfts|phfts|wfts"
_IS = r"is\.(null|not_null|true|false|unknown)"
_STEP = re.compile(r"(->>?)([A-Za-z0-9_]+)")
_PATH = re.compile(rf"((?:{_NAME}\.)*)({_NAME}){_KEYS}")
_COMPARISON = re.compile(rf"(?s)(not\.)?(?:({_OPERATOR})\.(.*)|{_IS}|in\.\(([^()\"]*)\))")
# Within logic an operand ends at a comma or a parenthesis, and may be quoted or an array, which this leaves alone.
_CONDITION = re.compile(rf"({_NAME}){_KEYS}\.(not\.)?(?:({_OPERATOR})\.((?:[^,)\"{{][^,)]*)?)|{_IS})(?=[,)])")
_COLUMN = re.compile(rf"(?:({_NAME}):)?(\*|{_NAME}){_KEYS}(?:::({_NAME}))?(?=([,)])|\Z)")
_RELATION = re.compile(rf"(?:({_NAME}):)?({_NAME})((?:!(?:inner|left|(?!inner|left){_NAME})){{0,2}})(?=\()")
_ORDER_TERM = re.compile(rf"({_NAME}){_KEYS}(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?(?=,|\Z)")


def path(text: str) -> tuple[tuple[str, ...], Field] | None:
    """`embedded.inner.column->key`"""
    found = _PATH.fullmatch(text)
    if found is None:
        return None
    above, name, keys = found.groups()
    return tuple(above.split(".")[:-1]), Field(name, _steps(keys))


def comparison(text: str) -> Comparison | None:
    """`not.operator.value`, without quantifier or language; a list without quotes."""
    found = _COMPARISON.fullmatch(text)
    if found is None:
        return None
    negation, operator, value, keyword, listed = found.groups()
    if listed is not None:
        return Comparison("in", values=tuple(listed.lstrip(" \t").split(",")), negated=negation is not None)
    return _comparison(operator, value, keyword, negation)


def condition(text: str, position: int) -> tuple[Filter, int] | None:
    """The filter that stands at `position` within logic, and where it ends."""
    found = _CONDITION.match(text, position)
    if found is None:
        return None
    name, keys, negation, operator, value, keyword = found.groups()
    return Filter(Field(name, _steps(keys)), _comparison(operator, value, keyword, negation)), found.end()


def column(text: str, position: int, *, within: bool) -> tuple[SelectField, int] | None:
    """The column of a `select` that stands at `position`, and where it ends. `within` parentheses more has to come."""
    found = _COLUMN.match(text, position)
    if found is None:
        return None
    alias, name, keys, cast_to, behind = found.groups()
    if (name == "*" and (alias or keys or cast_to)) or (within and not behind):
        return None
    return SelectField(Field(name, _steps(keys)), alias, cast_to), found.end()


def relation(text: str, position: int) -> tuple[SelectRelation, int] | None:
    """The head of an embedded resource at `position`, up to its parenthesis, and where that is."""
    found = _RELATION.match(text, position)
    if found is None or found.group(2) == "count":
        return None
    alias, name, told = found.groups()
    told = told.split("!")[1:]
    hints = [each for each in told if each not in ("inner", "left")]
    joins = [each for each in told if each in ("inner", "left")]
    join = cast("Literal['left', 'inner'] | None", joins[0] if joins else None)
    return SelectRelation(name, (), alias, hints[0] if hints else None, join), found.end()


def order_term(text: str, position: int) -> tuple[OrderTerm, int] | None:
    """The column of an `order` that stands at `position`, and where it ends."""
    found = _ORDER_TERM.match(text, position)
    if found is None:
        return None
    name, keys, direction, nulls = found.groups()
    term = OrderTerm(
        Field(name, _steps(keys)),
        None,
        cast("Literal['asc', 'desc'] | None", direction),
        cast("Literal['nullsfirst', 'nullslast'] | None", nulls),
    )
    return term, found.end()


def _steps(keys: str) -> tuple[JsonStep, ...]:
    return tuple(JsonStep(key, False, arrow == "->>") for arrow, key in _STEP.findall(keys)) if keys else ()


def _comparison(operator: str | None, value: str, keyword: str, negation: str | None) -> Comparison:
    if operator is None:
        return Comparison("is", keyword, negated=negation is not None)
    return Comparison(operator, value, negated=negation is not None)
