"""A reader of text that fails as Parsec does: at the furthest place it understood, with all that it expected there.

PostgREST's messages for PGRST100 come out of that library, and clients show them; so what is kept here are its rules
(which error wins where two alternatives fail, what a label hides), not merely its grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

T = TypeVar("T")

# Kinds of message, in the order they are shown. A system message names the character that was met.
SYSTEM, UNEXPECTED, EXPECTED = range(3)


@dataclass(frozen=True, slots=True)
class Problem:
    """What was met or expected at one place."""

    position: int
    messages: tuple[tuple[int, str], ...]

    def labelled(self, label: str) -> Problem:
        """The same problem, where everything expected is summed up as `label`."""
        kept = tuple(message for message in self.messages if message[0] != EXPECTED)
        return Problem(self.position, ((EXPECTED, label), *kept))

    def __str__(self) -> str:
        def texts(kind: int) -> list[str]:
            found = (text for what, text in self.messages if what == kind and text)
            return list(dict.fromkeys(found))

        parts = []
        if unexpected := texts(UNEXPECTED):
            parts.append("unexpected " + _either(unexpected))
        elif any(kind == SYSTEM for kind, _ in self.messages):
            met = next(text for kind, text in self.messages if kind == SYSTEM)
            parts.append("unexpected " + (met or "end of input"))
        if expected := texts(EXPECTED):
            parts.append("expecting " + _either(expected))
        return " ".join(parts) or "unknown parse error"


class Failure(Exception):  # noqa: N818 - it steers the parser before it is anybody's error
    """A parser did not match. It may be tried elsewhere as long as the reader has not moved."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem

    def __str__(self) -> str:
        return str(self.problem)


def merge(first: Problem | None, second: Problem | None) -> Problem | None:
    """The one that got further; both where they got equally far."""
    if first is None or not first.messages:
        return second if second is not None else first
    if second is None or not second.messages or first.position > second.position:
        return first
    if second.position > first.position:
        return second
    return Problem(first.position, first.messages + second.messages)


class Reader:
    """Text with a place in it. `pending` is what could have gone on here but did not have to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.pending: Problem | None = None

    # -- what consumes -------------------------------------------------------------------------------------------------

    def take(self, pattern: re.Pattern[str], expected: Iterable[str] = ()) -> str:
        """The longest run of characters that `pattern` (one class, starred) matches here; may be empty."""
        match = pattern.match(self.text, self.position)
        assert match is not None
        problem = self._met(match.end(), expected)
        if match.end() == self.position:
            self.pending = merge(self.pending, problem)
        else:
            self.position, self.pending = match.end(), problem
        return match.group()

    def take_some(self, pattern: re.Pattern[str], expected: Iterable[str] = ()) -> str:
        """As `take`, but at least one character."""
        match = pattern.match(self.text, self.position)
        assert match is not None
        problem = self._met(match.end(), expected)
        if match.end() == self.position:
            self._fail(problem)
        self.position, self.pending = match.end(), problem
        return match.group()

    def accept(self, found: tuple[T, int]) -> T:
        """Take what was found here by other means: the value, and where it ends."""
        value, self.position = found
        self.pending = None
        return value

    def any_character(self) -> str:
        if self.position >= len(self.text):
            self._fail(self._met(self.position))
        self.position += 1
        self.pending = None
        return self.text[self.position - 1]

    def character(self, wanted: str) -> str:
        if not self.text.startswith(wanted, self.position):
            self._fail(self._met(self.position, [quoted(wanted)]))
        self.position += 1
        self.pending = None
        return wanted

    def string(self, wanted: str) -> str:
        """All of `wanted`. A partial match has consumed, and is told at its beginning."""
        start = self.position
        matched = 0
        while matched < len(wanted) and self.text.startswith(wanted[matched], start + matched):
            matched += 1
        if matched < len(wanted):
            met = self._met(start + matched, [quoted(wanted)]).messages
            self.position = start + matched
            if matched:
                raise Failure(Problem(start, met))
            self._fail(Problem(start, met))
        self.position, self.pending = start + matched, None
        return wanted

    # -- what does not -------------------------------------------------------------------------------------------------

    def end(self) -> None:
        if self.position < len(self.text):
            met = (UNEXPECTED, quoted(self.text[self.position], "'"))
            self._fail(Problem(self.position, ((EXPECTED, "end of input"), met)))

    def not_followed_by(self, pattern: re.Pattern[str]) -> None:
        """Fail if the next character matches."""
        if pattern.match(self.text, self.position):
            met = (UNEXPECTED, quoted(self.text[self.position], "'"))
            self._fail(Problem(self.position + 1, (met,)))

    def ahead(self, wanted: str) -> None:
        """`wanted` is next, and is left there."""
        start, pending = self.position, self.pending
        self.string(wanted)
        self.position, self.pending = start, pending

    def refuse(self) -> NoReturn:
        """Fail here without a word of one's own."""
        raise Failure(merge(self.pending, Problem(self.position, ())) or Problem(self.position, ()))

    # -- what combines -------------------------------------------------------------------------------------------------

    def attempt(self, parser: Callable[[], T]) -> T:
        """Like `parser`, but a failure has consumed nothing."""
        return self._apart(parser, rewind=True)

    def label(self, parser: Callable[[], T], name: str) -> T:
        """Like `parser`, but where it fails at once, `name` is what was expected."""
        return self._apart(parser, label=name)

    def choice(self, *parsers: Callable[[], T]) -> T:
        """The first that matches. One that fails after it has consumed ends the search."""
        outer, start = self.pending, self.position
        problem: Problem | None = None
        for parser in parsers:
            self.pending = None
            try:
                value = parser()
            except Failure as failure:
                if self.position != start:
                    raise
                problem = merge(problem, failure.problem)
                continue
            if self.position == start:
                self.pending = merge(outer, merge(problem, self.pending))
            return value
        raise Failure(merge(outer, problem) or Problem(start, ()))

    def optional(self, parser: Callable[[], T]) -> T | None:
        return self.choice(parser, lambda: None)

    def many(self, parser: Callable[[], T]) -> list[T]:
        values: list[T] = []
        outer = self.pending
        while True:
            start = self.position
            self.pending = None
            try:
                values.append(parser())
            except Failure as failure:
                if self.position != start:
                    raise
                self.pending = failure.problem if values else merge(outer, failure.problem)
                return values

    def separated(self, parser: Callable[[], T], separator: Callable[[], object]) -> list[T]:
        """One or more."""

        def following() -> T:
            separator()
            return parser()

        return [parser(), *self.many(following)]

    # -- within --------------------------------------------------------------------------------------------------------

    def _apart(self, parser: Callable[[], T], *, rewind: bool = False, label: str | None = None) -> T:
        outer, start = self._begin(), self.position
        try:
            value = parser()
        except Failure as failure:
            problem: Problem | None = failure.problem
            if rewind:
                self.position = start
            if self.position == start:
                if label and problem:
                    problem = problem.labelled(label)
                problem = merge(outer, problem)
            raise Failure(problem or Problem(start, ())) from None
        if self.position == start:
            if label and self.pending:
                self.pending = self.pending.labelled(label)
            self.pending = merge(outer, self.pending)
        return value

    def _begin(self) -> Problem | None:
        """Forget what is pending, and return it."""
        outer, self.pending = self.pending, None
        return outer

    def _met(self, position: int, expected: Iterable[str] = ()) -> Problem:
        met = quoted(self.text[position]) if position < len(self.text) else ""
        return Problem(position, ((SYSTEM, met), *((EXPECTED, text) for text in expected)))

    def _fail(self, problem: Problem) -> NoReturn:
        raise Failure(merge(self.pending, problem) or problem)


def place(text: str, position: int) -> str:
    """Where `position` is, for people: lines and columns from 1, tabs to the next multiple of 8."""
    line = column = 1
    for character in text[:position]:
        if character == "\n":
            line, column = line + 1, 1
        elif character == "\t":
            column += 8 - (column - 1) % 8
        else:
            column += 1
    return f"(line {line}, column {column})"


def quoted(text: str, mark: str = '"') -> str:
    """`text` as Haskell shows it: quoted, with controls and everything beyond ASCII as numbers."""
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", mark: "\\" + mark}
    shown = (known.get(c) or (c if " " <= c <= "~" else f"\\{ord(c)}") for c in text)
    return mark + "".join(shown) + mark


def _either(texts: list[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    return ", ".join(texts[:-1]) + " or " + texts[-1]
