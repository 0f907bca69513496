"""The grammar of select, filters, logic, order and columns: text to syntax tree.

Documented at https://docs.postgrest.org/en/v16/references/api/url_grammar.html. Every method reads one thing at the
reader's place and returns it; what may stand where decides which message a mistake gets.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Literal, cast

from infra.local.rest.grammar.ast import (
    Aggregate,
    Comparison,
    Condition,
    Field,
    Filter,
    JsonStep,
    Logic,
    OrderTerm,
    SelectField,
    SelectItem,
    SelectRelation,
)
from infra.local.rest.grammar.reader import Reader

_BLANKS = re.compile(r"[ \t]*")
_IDENTIFIER = re.compile(r"(?:[^\W\d_]|[0-9_ $])*")
_JSON_KEY = re.compile(r"[^(\-:.,>)]*")
_DIGITS = re.compile(r"[0-9]*")
_REST = re.compile(r"(?s).*")
_LIST_ITEM = re.compile(r"[^,)]*")
_ARRAY_ITEM = re.compile(r"[^{}]*")
_QUOTED_RUN = re.compile(r'[^\\"]*')
_MORE_OF_ITEM = re.compile(r"[^,)]")
_ARROW_HEAD = re.compile(r">")
_COLON = re.compile(r":")

QUANTIFIED = ("eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch")
SIMPLE = ("neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj")
FULL_TEXT = ("fts", "plfts", "phfts", "wfts")
IS_VALUES = ("null", "not_null", "true", "false", "unknown")


class Expressions(Reader):
    # -- names -----------------------------------------------------------------------------------------------------

    def field_name(self) -> str:
        plain = partial(self._dashed, partial(self.take_some, _IDENTIFIER, ("letter", "digit")))
        return self.label(lambda: self.choice(self.quoted_value, plain), "field name (* or [a..z0..9_$])")

    def identifier(self) -> str:
        return self.take_some(_IDENTIFIER, ("letter", "digit")).strip()

    def _dashed(self, part: partial[str]) -> str:
        """Parts joined by dashes, where a dash does not begin an arrow."""

        def dash() -> None:
            self.character("-")
            self.not_followed_by(_ARROW_HEAD)

        return "-".join(self.separated(lambda: part().strip(), lambda: self.attempt(dash)))

    def quoted_value(self) -> str:
        self.character('"')
        pieces = self.many(lambda: self.choice(partial(self.take_some, _QUOTED_RUN), self._escaped))
        self.character('"')
        return "".join(pieces)

    def _escaped(self) -> str:
        self.character("\\")
        return self.any_character()

    def blanks(self) -> None:
        self.take(_BLANKS)

    def delimiter(self) -> None:
        self.label(lambda: self.character("."), "delimiter (.)")

    def punctuation(self, mark: str) -> None:
        """`mark`, with blanks around it as they come."""
        self.blanks()
        self.character(mark)
        self.blanks()

    # -- fields ----------------------------------------------------------------------------------------------------

    def field(self) -> Field:
        self.blanks()
        name = self.field_name()
        path = self.json_path()
        self.blanks()
        return Field(name, path)

    def json_path(self) -> tuple[JsonStep, ...]:
        return tuple(self.many(self._json_step))

    def _json_step(self) -> JsonStep:
        arrow = self.choice(
            lambda: self.attempt(lambda: self.string("->>")), lambda: self.attempt(lambda: self.string("->"))
        )
        operand, is_index = self.choice(
            lambda: self.attempt(lambda: (self._json_index(), True)),
            lambda: self.attempt(lambda: (self._json_key(), False)),
        )
        return JsonStep(operand, is_index, as_text=arrow == "->>")

    def _json_index(self) -> str:
        sign = self.choice(lambda: self.character("-"), lambda: "+")
        digits = self.take_some(_DIGITS, ("digit",))
        self._one_of_ahead("->", "::", ".", ",")
        return sign + digits

    def _json_key(self) -> str:
        plain = partial(self._dashed, partial(self.take_some, _JSON_KEY))
        return self.label(
            lambda: self.choice(self.quoted_value, plain), "any non reserved character different from: .,>()"
        )

    def _one_of_ahead(self, *marks: str) -> None:
        """One of `marks`, or the end, is next."""
        looks = [lambda mark=mark: self.attempt(lambda: self.ahead(mark)) for mark in marks]
        self.choice(*looks, lambda: self.attempt(self.end))

    def tree_path(self) -> tuple[tuple[str, ...], Field]:
        """`embedded.inner.column->path`"""
        names = self.separated(self.field_name, self.delimiter)
        return tuple(names[:-1]), Field(names[-1], self.json_path())

    def columns(self) -> tuple[str, ...]:
        return tuple(self.separated(self.field_name, lambda: self.punctuation(",")))

    # -- select ----------------------------------------------------------------------------------------------------

    def select(self) -> tuple[SelectItem, ...]:
        def some() -> list[SelectItem]:
            return self.separated(self._select_item, lambda: self.punctuation(","))

        return tuple(self.choice(some, list))

    def _select_item(self) -> SelectItem:
        def embedded(relation: SelectRelation) -> SelectItem:
            self.character("(")
            children = self.select()
            self.character(")")
            return SelectRelation(
                relation.name, children, relation.alias, relation.hint, relation.join, relation.spread
            )

        return self.choice(
            lambda: embedded(self.attempt(self._spread_head)),
            lambda: embedded(self.attempt(self._relation_head)),
            self._select_field,
        )

    def _spread_head(self) -> SelectRelation:
        self.blanks()
        self.string("...")
        name = self.field_name()
        hint, join = self._embed_parameters()
        self.attempt(lambda: self.ahead("("))
        self.blanks()
        return SelectRelation(name, (), None, hint, join, spread=True)

    def _relation_head(self) -> SelectRelation:
        self.blanks()
        alias = self._alias()
        name = self.field_name()
        if name == "count":
            self.refuse()  # count() is an aggregate
        hint, join = self._embed_parameters()
        self.attempt(lambda: self.ahead("("))
        self.blanks()
        return SelectRelation(name, (), alias, hint, join)

    def _alias(self) -> str | None:
        def named() -> str:
            name = self.field_name()
            self.character(":")
            self.not_followed_by(_COLON)
            return name

        return self.optional(lambda: self.attempt(named))

    def _embed_parameters(self) -> tuple[str | None, Literal["left", "inner"] | None]:
        def parameter() -> tuple[str | None, str | None]:
            self.character("!")
            return self.choice(
                lambda: self.attempt(lambda: (None, self.string("left"))),
                lambda: self.attempt(lambda: (None, self.string("inner"))),
                lambda: self.attempt(lambda: (self.field_name(), None)),
            )

        given = [found for found in (self.optional(parameter), self.optional(parameter)) if found]
        hint = next((hint for hint, _ in given if hint is not None), None)
        join = next((join for _, join in given if join is not None), None)
        return hint, cast("Literal['left', 'inner'] | None", join)

    def _select_field(self) -> SelectField:
        self.blanks()
        found = self.choice(
            lambda: self.attempt(self._star), lambda: self.attempt(self._count_of_all), self._plain_select_field
        )
        self.blanks()
        return found

    def _star(self) -> SelectField:
        self.string("*")
        self._select_end()
        return SelectField(Field("*"))

    def _count_of_all(self) -> SelectField:
        alias = self._alias()
        self.string("count()")
        cast_to = self.optional(self._cast)
        self._select_end()
        return SelectField(Field("*"), alias, aggregate="count", aggregate_cast=cast_to)

    def _plain_select_field(self) -> SelectField:
        alias = self._alias()
        field = self.field()
        cast_to = self.optional(self._cast)
        aggregate = self.optional(lambda: self.attempt(self._aggregate))
        aggregate_cast = self.optional(self._cast)
        self._select_end()
        return SelectField(field, alias, cast_to, aggregate, aggregate_cast)

    def _cast(self) -> str:
        self.string("::")
        return self.identifier()

    def _aggregate(self) -> Aggregate:
        self.character(".")
        name = self.choice(
            lambda: self.string("sum"),
            lambda: self.string("avg"),
            lambda: self.string("count"),
            lambda: self.attempt(lambda: self.string("max")),
            lambda: self.attempt(lambda: self.string("min")),
        )
        self.string("()")
        return cast("Aggregate", name)

    def _select_end(self) -> None:
        self._one_of_ahead(")", ",")

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
