"""What most query strings are made of, read by one pattern each: the grammar backtracks, which costs time.

Every function gives what the grammar would, or None for a text that only the grammar can judge.
"""

from __future__ import annotations

import re
from typing import Literal, cast

from infra.local.rest.grammar.ast import (
    Aggregate,
    Comparison,
    Field,
    Filter,
    JsonStep,
    OrderTerm,
    SelectField,
    SelectRelation,
)

_WORD = "[A-Za-z0-9_]+"
_BARE = f"{_WORD}(?:-{_WORD})*"
_NAME = rf'(?:{_BARE}|"[^"\\]*")'
# A number is an index only before these; elsewhere it is a key.
_KEYS = r"((?:->>?(?:[A-Za-z_][A-Za-z0-9_]*|-?[0-9]+(?=->|::|\.|,|\Z)))*)"
_QUANTIFIED = "eq|gte|gt|lte|lt|like|ilike|match|imatch"
_FULL_TEXT = "fts|plfts|phfts|wfts"
# The operator, and in parentheses its quantifier or language.
_OPERATOR = rf"({_QUANTIFIED}|neq|cs|cd|ov|sl|sr|nxr|nxl|adj|isdistinct|{_FULL_TEXT})(?:\(({_WORD})\))?\."
_IS = r"is\.(null|not_null|true|false|unknown)"
_DIRECTION = r"(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?(?=,|\Z)"
_HINTS = rf"((?:!(?:inner|left|(?!inner|left){_BARE})){{0,2}})(?=\()"

_STEP = re.compile(r"(->>?)(?:(-?[0-9]+)|([A-Za-z_][A-Za-z0-9_]*))")
_PATH = re.compile(rf"((?:{_BARE}\.)*)({_BARE}){_KEYS}")
_COMPARISON = re.compile(rf"(?s)(not\.)?(?:{_OPERATOR}(.*)|{_IS}|in\.\(([^()\"]*)\))")
# Within logic an operand ends at a comma or a parenthesis, unless it is quoted or an array.
_OPERAND = r'("[^"\\]*"|\{[^{}]*\}|(?:[^,)"{][^,)]*)?)'
_CONDITION = re.compile(rf"({_NAME}){_KEYS}\.(not\.)?(?:{_OPERATOR}{_OPERAND}|{_IS})(?=[,)])")
_COLUMN = re.compile(
    rf"(?:({_NAME}):)?(?:(\*)|count(\(\))|({_NAME}){_KEYS}(?:::({_WORD}))?(?:\.(sum|avg|count|max|min)\(\))?)"
    rf"(?:(?<=\))::({_WORD}))?(?=([,)])|\Z)"
)
_RELATION = re.compile(rf"(?:({_NAME}):)?({_NAME}){_HINTS}")
_SPREAD = re.compile(rf"\.\.\.({_NAME}){_HINTS}")
_ORDER_TERM = re.compile(rf"({_NAME}){_KEYS}{_DIRECTION}")
_ORDER_BY_RELATION = re.compile(rf"({_NAME})\(({_NAME}){_KEYS}\){_DIRECTION}")


def path(text: str) -> tuple[tuple[str, ...], Field] | None:
    """`embedded.inner.column->key`"""
    found = _PATH.fullmatch(text)
    if found is None:
        return None
    above, name, keys = found.groups()
    return tuple(above.split(".")[:-1]), Field(name, _steps(keys))


def comparison(text: str) -> Comparison | None:
    """`not.operator(any).value`; a list only without quotes."""
    found = _COMPARISON.fullmatch(text)
    if found is None:
        return None
    negation, operator, argument, value, keyword, listed = found.groups()
    if listed is not None:
        return Comparison("in", values=tuple(listed.lstrip(" \t").split(",")), negated=negation is not None)
    return _comparison(operator, argument, value, keyword, negation)


def condition(text: str, position: int) -> tuple[Filter, int] | None:
    """The filter that stands at `position` within logic, and where it ends."""
    found = _CONDITION.match(text, position)
    if found is None:
        return None
    name, keys, negation, operator, argument, value, keyword = found.groups()
    compared = _comparison(operator, argument, _bare(value) if value else value, keyword, negation)
    return (Filter(Field(_bare(name), _steps(keys)), compared), found.end()) if compared else None


def column(text: str, position: int, *, within: bool) -> tuple[SelectField, int] | None:
    """The column of a `select` that stands at `position`, and where it ends. `within` parentheses more has to come."""
    found = _COLUMN.match(text, position)
    if found is None:
        return None
    alias, star, count, name, keys, cast_to, aggregate, aggregate_cast, behind = found.groups()
    if (star and alias) or (within and not behind):
        return None
    alias = _bare(alias) if alias else alias
    if star:
        return SelectField(Field("*")), found.end()
    if count:
        return SelectField(Field("*"), alias, aggregate="count", aggregate_cast=aggregate_cast), found.end()
    applied = cast("Aggregate | None", aggregate)
    return SelectField(Field(_bare(name), _steps(keys)), alias, cast_to, applied, aggregate_cast), found.end()


def relation(text: str, position: int) -> tuple[SelectRelation, int] | None:
    """The head of an embedded resource at `position`, up to its parenthesis, and where that is."""
    found = _SPREAD.match(text, position)
    if found is not None:
        name, told = found.groups()
        return _relation(None, name, told, spread=True), found.end()
    found = _RELATION.match(text, position)
    if found is None or _bare(found.group(2)) == "count":
        return None
    alias, name, told = found.groups()
    return _relation(_bare(alias) if alias else alias, name, told, spread=False), found.end()


def order_term(text: str, position: int) -> tuple[OrderTerm, int] | None:
    """The term of an `order` that stands at `position`, and where it ends."""
    relation_name = None
    found = _ORDER_TERM.match(text, position)
    if found is None:
        found = _ORDER_BY_RELATION.match(text, position)
        if found is None:
            return None
        relation_name = _bare(found.group(1))
    name, keys, direction, nulls = found.groups()[-4:]
    term = OrderTerm(
        Field(_bare(name), _steps(keys)),
        relation_name,
        cast("Literal['asc', 'desc'] | None", direction),
        cast("Literal['nullsfirst', 'nullslast'] | None", nulls),
    )
    return term, found.end()


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith('"') else text


def _steps(keys: str) -> tuple[JsonStep, ...]:
    if not keys:
        return ()
    steps = []
    for arrow, index, key in _STEP.findall(keys):
        signed = index if index.startswith("-") else f"+{index}"
        steps.append(JsonStep(signed if index else key, bool(index), arrow == "->>"))
    return tuple(steps)


def _relation(alias: str | None, name: str, told: str, *, spread: bool) -> SelectRelation:
    given = told.split("!")[1:]
    hint = next((each for each in given if each not in ("inner", "left")), None)
    join = next((each for each in given if each in ("inner", "left")), None)
    return SelectRelation(_bare(name), (), alias, hint, cast("Literal['left', 'inner'] | None", join), spread)


def _comparison(
    operator: str | None, argument: str | None, value: str, keyword: str, negation: str | None
) -> Comparison | None:
    negated = negation is not None
    if operator is None:
        return Comparison("is", keyword, negated=negated)
    if argument is None:
        return Comparison(operator, value, negated=negated)
    if operator in _FULL_TEXT.split("|"):
        return Comparison(operator, value, negated=negated, language=argument)
    if operator in _QUANTIFIED.split("|") and argument in ("any", "all"):
        quantifier = cast("Literal['any', 'all']", argument)
        return Comparison(operator, value, negated=negated, quantifier=quantifier)
    return None
