"""The grammar of `select`: columns, aggregates and embedded resources."""

from __future__ import annotations

import re
from typing import Literal, cast

from infra.local.rest.grammar import plain
from infra.local.rest.grammar.ast import Aggregate, Field, SelectField, SelectItem, SelectRelation
from infra.local.rest.grammar.fields import Fields

_COLON = re.compile(r":")


class Select(Fields):
    _depth = 0  # of parentheses around the place that is read

    # -- select ----------------------------------------------------------------------------------------------------

    def select(self) -> tuple[SelectItem, ...]:
        def some() -> list[SelectItem]:
            return self.separated(self._select_item, lambda: self.punctuation(","))

        return tuple(self.choice(some, list))

    def _select_item(self) -> SelectItem:
        def embedded(relation: SelectRelation) -> SelectItem:
            self.character("(")
            self._depth += 1
            children = self.select()
            self._depth -= 1
            self.character(")")
            return SelectRelation(
                relation.name, children, relation.alias, relation.hint, relation.join, relation.spread
            )

        found = plain.column(self.text, self.position, within=self._depth > 0)
        if found is not None:
            return self.accept(found)
        head = plain.relation(self.text, self.position)
        if head is not None:
            return embedded(self.accept(head))
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
