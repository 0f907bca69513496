"""The small change of SQL: identifiers, parameters, fields, filters, orders.

Nothing of a client's text gets into a statement except as a parameter or as a quoted identifier. The one exception is
the name of a type in a cast, which the grammar holds to letters, digits, `_` and blanks.
"""

from __future__ import annotations

from collections.abc import Iterable

from infra.local.rest.errors import ApiError
from infra.local.rest.grammar.ast import Comparison, JsonStep, Range
from infra.local.rest.plan import PlannedField, PlannedFilter, PlannedLogic, PlannedOrder, PlannedSelect
from infra.local.rest.schema import Name

OPERATORS = {
    "eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "like": "like", "ilike": "ilike",
    "match": "~", "imatch": "~*", "cs": "@>", "cd": "<@", "ov": "&&", "sl": "<<", "sr": ">>", "nxr": "&<", "nxl": "&>",
    "adj": "-|-",
}  # fmt: skip
FULL_TEXT = {
    "fts": "to_tsquery", "plfts": "plainto_tsquery", "phfts": "phraseto_tsquery", "wfts": "websearch_to_tsquery",
}  # fmt: skip
IS = {"null": "NULL", "not_null": "NOT NULL", "true": "TRUE", "false": "FALSE", "unknown": "UNKNOWN"}


def identifier(name: str) -> str:
    """`name` quoted. PostgreSQL knows no NUL in names, so one ends it."""
    return '"' + name.split("\0", 1)[0].replace('"', '""') + '"'


def qualified(name: Name) -> str:
    return f"{identifier(name.schema)}.{identifier(name.name)}" if name.schema else identifier(name.name)


def literal(text: str) -> str:
    """A string constant; for names out of the catalog, where no parameter can stand."""
    escaped = text.replace("\0", "").replace("'", "''")
    return f"E'{escaped}'".replace("\\", "\\\\") if "\\" in escaped else f"'{escaped}'"


def array_literal(values: Iterable[str]) -> str:
    """The text of a one-dimensional array, whose element type the context decides."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


class Fragments:
    """Renders expressions and collects their parameters, numbered as they come."""

    def __init__(self) -> None:
        self.parameters: list[str | bytes] = []

    def parameter(self, value: str | bytes) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    # -- fields ----------------------------------------------------------------------------------------------------

    def column(self, qualifier: Name, name: str) -> str:
        return f"{qualified(qualifier)}.{'*' if name == '*' else identifier(name)}"

    def field(self, qualifier: Name, field: PlannedField) -> str:
        expression = self._plain_field(qualifier, field)
        if field.as_tsvector:
            return f"to_tsvector({self._language(field.language)}{expression})"
        return expression

    def _plain_field(self, qualifier: Name, field: PlannedField) -> str:
        if field.whole_row:
            return identifier(qualifier.name)
        column = self.column(qualifier, field.name)
        if not field.path:
            return column
        return (f"to_jsonb({column})" if field.as_json else column) + "".join(map(self._step, field.path))

    def _step(self, step: JsonStep) -> str:
        operand = self.parameter(step.operand)
        return ("->>" if step.as_text else "->") + operand + ("::int" if step.is_index else "")

    def _language(self, language: str | None) -> str:
        return f"{self.parameter(language)}, " if language is not None else ""

    def select(self, qualifier: Name, each: PlannedSelect) -> str:
        expression = self.field(qualifier, each.field)
        if each.field.transform:
            expression = f"{each.field.transform}({expression})"
        expression = aggregated(cast(expression, each.cast), each.aggregate, each.aggregate_cast)
        return expression + (f" AS {identifier(each.alias)}" if each.alias is not None else "")

    def order(self, qualifier: Name, terms: list[PlannedOrder]) -> str:
        return f"ORDER BY {', '.join(self._order_term(qualifier, term) for term in terms)}" if terms else ""

    def _order_term(self, qualifier: Name, term: PlannedOrder) -> str:
        if term.relation is not None:
            field = PlannedField(term.field.name, term.field.path, as_json=True)
            expression = self.field(Name("", term.relation), field)
        else:
            expression = self.field(qualifier, term.field)
        nulls = {"nullsfirst": " NULLS FIRST", "nullslast": " NULLS LAST", None: ""}[term.nulls]
        return expression + (f" {term.direction.upper()}" if term.direction else "") + nulls

    def limit(self, rows: Range) -> str:
        parts = []
        if rows.limit is not None:
            parts.append(f"LIMIT {self.parameter(str(rows.limit))}")
        if rows.lower:
            parts.append(f"OFFSET {self.parameter(str(rows.lower))}")
        return " ".join(parts)

    # -- filters ---------------------------------------------------------------------------------------------------

    def filter(self, qualifier: Name, each: PlannedFilter) -> str:
        negation = "NOT " if each.comparison.negated else ""
        return f"{negation}{self.field(qualifier, each.field)} {self._compared(each.field, each.comparison)}"

    def _compared(self, field: PlannedField, comparison: Comparison) -> str:
        operator, value = comparison.operator, comparison.value
        if operator == "is":
            return f"IS {IS[value]}"
        if operator == "isdistinct":
            return f"IS DISTINCT FROM {self.parameter(value)}"
        if operator == "in":
            return self._in(field, comparison.values)
        if operator in FULL_TEXT:
            return f"@@ {FULL_TEXT[operator]}({self._language(comparison.language)}{self.parameter(value)})"
        if operator in ("like", "ilike"):
            operand = self.parameter(value.replace("*", "%"))
        else:
            operand = self.parameter(value)
            if field.transform:
                operand = f"{field.transform}({operand})"
        quantifier = comparison.quantifier
        return f"{OPERATORS[operator]} {f'{quantifier.upper()}({operand})' if quantifier else operand}"

    def _in(self, field: PlannedField, values: tuple[str, ...]) -> str:
        if values == ("",):
            return "= ANY('{}')"
        array = self.parameter(array_literal(values))
        if field.transform:
            return f"= ANY (SELECT {field.transform}(unnest({array}::text[])))"
        return f"= ANY ({array})"

    def logic(self, operator: str, negated: bool, children: list[str]) -> str:
        return f"{'NOT ' if negated else ''}({f' {operator.upper()} '.join(children)})"

    def conditions(self, qualifier: Name, conditions: Iterable[object]) -> list[str]:
        """Filters and logic over `qualifier` alone."""
        return [self._condition(qualifier, each) for each in conditions]

    def _condition(self, qualifier: Name, each: object) -> str:
        if isinstance(each, PlannedFilter):
            return self.filter(qualifier, each)
        assert isinstance(each, PlannedLogic)
        return self.logic(each.operator, each.negated, self.conditions(qualifier, each.children))


def cast(expression: str, to: str | None) -> str:
    """`expression` as type `to`, a name that the grammar has let through."""
    if to is None:
        return expression
    if "$" in to:  # might begin a parameter or a dollar-quoted string; no type is called so
        raise ApiError(400, "42704", f'type "{to}" does not exist')
    return f"CAST( {expression} AS {to} )"


def aggregated(expression: str, function: str | None, cast_to: str | None) -> str:
    return expression if function is None else cast(f"{function.upper()}({expression})", cast_to)


def where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
