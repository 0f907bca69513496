"""The grammar of select, filters, logic, order and columns: text to syntax tree.

Documented at https://docs.postgrest.org/en/v16/references/api/url_grammar.html. Every method reads one thing at the
reader's place and returns it; what may stand where decides which message a mistake gets.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Literal, cast

from infra.local.rest.grammar import plain
from infra.local.rest.grammar.ast import Comparison, Condition, Filter, Logic, OrderTerm
from infra.local.rest.grammar.select import Select

_REST = re.compile(r"(?s).*")
_LIST_ITEM = re.compile(r"[^,)]*")
_ARRAY_ITEM = re.compile(r"[^{}]*")
_MORE_OF_ITEM = re.compile(r"[^,)]")

QUANTIFIED = ("eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch")
SIMPLE = ("neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj")
FULL_TEXT = ("fts", "plfts", "phfts", "wfts")
IS_VALUES = ("null", "not_null", "true", "false", "unknown")


class Expressions(Select):
    # -- filters ---------------------------------------------------------------------------------------------------

    def rest(self) -> str:
        return self.take(_REST)

    def comparison(self, value: partial[str] | None = None) -> Comparison:
        """What follows a field: operator and operand. `value` reads the operand; by default it is all that is left."""
        operand = value or partial(self.rest)
        negated = self.choice(lambda: self.attempt(self._not), lambda: False)
        found = self.label(
            lambda: self.choice(
                self._in,
                self._is,
                lambda: self._is_distinct(operand),
                lambda: self.attempt(lambda: self._full_text(operand)),
                lambda: self.attempt(lambda: self._simple(operand)),
                lambda: self.attempt(lambda: self._quantified(operand)),
            ),
            "operator (eq, gt, ...)",
        )
        if negated:
            return Comparison(found.operator, found.value, found.values, True, found.quantifier, found.language)
        return found

    def _not(self) -> bool:
        self.string("not")
        self.delimiter()
        return True

    def _word(self, word: str) -> None:
        self.string(word)
        self.delimiter()

    def _in(self) -> Comparison:
        self.attempt(lambda: self._word("in"))
        self.punctuation("(")
        values = self.separated(self._list_item, lambda: self.character(","))
        self.punctuation(")")
        return Comparison("in", values=tuple(values))

    def _list_item(self) -> str:
        return self.choice(lambda: self.attempt(self._whole_quoted), lambda: self.take(_LIST_ITEM))

    def _whole_quoted(self) -> str:
        """A quoted value with nothing behind it in its item."""
        value = self.quoted_value()
        self.not_followed_by(_MORE_OF_ITEM)
        return value

    def _is(self) -> Comparison:
        self.attempt(lambda: self._word("is"))
        words = [lambda word=word: self.attempt(lambda: self._caseless(word)) for word in IS_VALUES]
        value = self.label(lambda: self.choice(*words), "isVal: (null, not_null, true, false, unknown)")
        return Comparison("is", value)

    def _caseless(self, word: str) -> str:
        for letter in word:
            self.choice(partial(self.character, letter), partial(self.character, letter.upper()))
        return word

    def _is_distinct(self, operand: partial[str]) -> Comparison:
        self.attempt(lambda: self._word("isdistinct"))
        return Comparison("isdistinct", operand())

    def _full_text(self, operand: partial[str]) -> Comparison:
        operator = self._one_of(FULL_TEXT)
        language = self.optional(lambda: self.attempt(lambda: self._bracketed(partial(self.identifier))))
        self.delimiter()
        return Comparison(operator, operand(), language=language)

    def _simple(self, operand: partial[str]) -> Comparison:
        operator = self.label(lambda: self._one_of(SIMPLE), "unknown single value operator")
        self.delimiter()
        return Comparison(operator, operand())

    def _quantified(self, operand: partial[str]) -> Comparison:
        def any_or_all() -> str:
            return self.choice(lambda: self.attempt(lambda: self.string("any")), lambda: self.string("all"))

        operator = self.label(lambda: self._one_of(QUANTIFIED), "unknown single value operator")
        quantifier = self.optional(lambda: self.attempt(lambda: self._bracketed(partial(any_or_all))))
        self.delimiter()
        return Comparison(operator, operand(), quantifier=cast("Literal['any', 'all'] | None", quantifier))

    def _one_of(self, words: tuple[str, ...]) -> str:
        return self.choice(*(lambda word=word: self.attempt(lambda: self.string(word)) for word in words))

    def _bracketed(self, inner: partial[str]) -> str:
        self.character("(")
        value = inner()
        self.character(")")
        return value

    # -- logic -----------------------------------------------------------------------------------------------------

    def logic_tree(self) -> Condition:
        def statement() -> Condition:
            return self.attempt(self._logic_filter)

        found = plain.condition(self.text, self.position)
        if found is not None:
            return self.accept(found)
        return self.choice(statement, self._logic_expression)

    def _logic_filter(self) -> Filter:
        field = self.field()
        self.delimiter()
        return Filter(field, self.comparison(partial(self._logic_value)))

    def _logic_expression(self) -> Logic:
        negated = self.label(
            lambda: self.choice(lambda: self.attempt(self._not), lambda: False), "negation operator (not)"
        )
        operator = self.label(
            lambda: self.choice(lambda: self.attempt(lambda: self.string("and")), lambda: self.string("or")),
            "logic operator (and, or)",
        )
        self.punctuation("(")
        children = self.separated(self.logic_tree, lambda: self.punctuation(","))
        self.punctuation(")")
        return Logic(cast("Literal['and', 'or']", operator), tuple(children), negated)

    def _logic_value(self) -> str:
        return self.choice(
            lambda: self.attempt(self._whole_quoted), lambda: self.attempt(self._array), lambda: self.take(_LIST_ITEM)
        )

    def _array(self) -> str:
        return self.string("{") + self.take(_ARRAY_ITEM) + self.string("}")

    def logic_path(self) -> tuple[tuple[str, ...], str]:
        """`embedded.not.or`: the path, and `or` or `not.or`."""
        names = self.separated(self.field_name, self.delimiter)
        path = tuple(name for name in names[:-1] if name != "not")
        return path, f"not.{names[-1]}" if "not" in names else names[-1]

    # -- order -----------------------------------------------------------------------------------------------------

    def order(self) -> tuple[OrderTerm, ...]:
        return tuple(self.separated(self._order_item, lambda: self.character(",")))

    def _order_item(self) -> OrderTerm:
        found = plain.order_term(self.text, self.position)
        if found is not None:
            return self.accept(found)
        self.blanks()
        term = self.choice(lambda: self.attempt(self._order_by_relation), self._order_by_field)
        self.blanks()
        return term

    def _order_by_field(self) -> OrderTerm:
        field = self.field()
        return OrderTerm(field, None, *self._order_modifiers())

    def _order_by_relation(self) -> OrderTerm:
        relation = self.field_name()
        self.character("(")
        field = self.field()
        self.character(")")
        return OrderTerm(field, relation, *self._order_modifiers())

    def _order_modifiers(
        self,
    ) -> tuple[Literal["asc", "desc"] | None, Literal["nullsfirst", "nullslast"] | None]:
        def modifier(word: str) -> str:
            self.delimiter()
            return self.string(word)

        def one_of(*words: str) -> str:
            return self.choice(*(lambda word=word: self.attempt(lambda: modifier(word)) for word in words))

        def nulls_and_end() -> str | None:
            found = self.optional(lambda: one_of("nullsfirst", "nullslast"))
            self._one_of_ahead(",")
            return found

        direction = self.optional(lambda: one_of("asc", "desc"))
        nulls = self.choice(nulls_and_end, lambda: self._one_of_ahead(","))
        return cast("Literal['asc', 'desc'] | None", direction), cast(
            "Literal['nullsfirst', 'nullslast'] | None", nulls
        )
