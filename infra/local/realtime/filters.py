"""Row filters of a subscription, such as `status=in.(open,pending),priority=not.eq.low`: all of them must hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.local.realtime.elixir import inspect

OPERATORS = {
    "eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "= any", "like": "~~",
    "ilike": "~~*", "match": "~", "imatch": "~*", "is": "is", "isdistinct": "is distinct from",
}  # fmt: skip
KEYWORDS = {"null": "null", "true": "true", "false": "false", "unknown": "unknown"}
IN_LIMIT = 100
# Types whose values are equal exactly where their text is: comparing needs no database.
TEXT_IS_IDENTITY = frozenset({"uuid", "text", "varchar", "int2", "int4", "int8", "bool", "date", "name"})


class FilterError(ValueError):
    """A filter that cannot be applied; the message says why."""


@dataclass(frozen=True, order=True)
class Filter:
    """`value` is in PostgreSQL's text format; for `in` it is an array literal."""

    column: str
    operator: str
    value: str
    negated: bool = False

    def decide(self, type_name: str, shown: str | None) -> bool | None:
        """Whether the value `shown` passes, where that can be told without the database; else None.

        The filter's own value must be in the canonical form of the type, as `canonical` asks for.
        """
        if self.operator == "is" and self.value == "null":
            return (shown is None) != self.negated
        if type_name not in TEXT_IS_IDENTITY or self.operator not in {"eq", "neq", "isdistinct"}:
            return None
        if self.operator == "isdistinct":
            return (shown != self.value) != self.negated
        return False if shown is None else ((shown == self.value) == (self.operator == "eq")) != self.negated

    def expression(self, shown: str, wanted: str) -> str:
        """SQL for two placeholders; of `is` for one: it takes its keyword literally. Raises KeyError for another."""
        if self.operator == "is":
            test = f"{shown} is {KEYWORDS[self.value]}"
        elif self.operator == "in":
            test = f"{shown} = any ({wanted})"
        else:
            test = f"{shown} {OPERATORS[self.operator]} {wanted}"
        return f"not ({test})" if self.negated else f"({test})"


def parse(text: str) -> list[Filter]:
    """Read a filter string; blank means no filter. Raises FilterError."""
    if not text.strip():
        return []
    return sorted(_segment(segment.strip()) for segment in _split(text.strip()))


def _segment(segment: str) -> Filter:
    if not segment:
        raise FilterError("filter must not contain empty segments (check for extra commas)")
    column, found, rest = segment.partition("=")
    if not found:
        raise FilterError(inspect([segment]))
    negated = rest.startswith("not.")
    operator, found, value = rest.removeprefix("not.").partition(".")
    if not found:
        raise FilterError(inspect([operator]))
    if operator not in OPERATORS:
        raise FilterError(inspect([operator, value]))
    if operator == "in":
        if not (value.startswith("(") and value.endswith(")")):
            raise FilterError("`in` filter value must be wrapped by parentheses")
        value = "{" + value[1:-1] + "}"
    else:
        value = _unquote(value)
    return Filter(column, operator, value, negated)


def _split(text: str) -> list[str]:
    """Cut at commas that stand outside of parentheses and of quotes that open a value."""
    segments, current, depth, quoted, previous = [], "", 0, False, ""
    escaped = False
    for character in text:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"' and previous in {".", "(", ","}:
            quoted = True
        elif character in "()":
            depth = max(0, depth + (1 if character == "(" else -1))
        elif character == "," and not depth:
            segments.append(current)
            current, previous = "", ""
            continue
        current += character
        previous = character
    return [*segments, current]


def _unquote(value: str) -> str:
    whole = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', value, re.DOTALL)
    return re.sub(r"\\(.)", r"\1", whole[1], flags=re.DOTALL) if whole else value
