"""The grammar of names, fields and JSON paths."""

from __future__ import annotations

import re
from functools import partial

from infra.local.rest.grammar.ast import Field, JsonStep
from infra.local.rest.grammar.reader import Reader

_BLANKS = re.compile(r"[ \t]*")
_IDENTIFIER = re.compile(r"(?:[^\W\d_]|[0-9_ $])*")
_JSON_KEY = re.compile(r"[^(\-:.,>)]*")
_DIGITS = re.compile(r"[0-9]*")
_QUOTED_RUN = re.compile(r'[^\\"]*')
_ARROW_HEAD = re.compile(r">")


class Fields(Reader):
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
