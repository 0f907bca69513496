"""JSON paths that lead to the role among a token's claims: RFC 9535 as PostgREST v16 reads it, and its older syntax.

Of the RFC's functions only `search` (and `match`, its anchored kin) exist. The older syntax is `.key."quoted key"[0]`,
with one filter at the end: `[?(@ == "x")]`, `!=`, `^==` (begins with), `==^` (ends with), `*==` (contains).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Json = Any
Select = Callable[[Json, Json], Iterator[Json]]  # (node, root): the nodes it leads to
Test = Callable[[Json, Json], bool]
Value = Callable[[Json, Json], Json]
NOTHING = object()  # the value of a query that finds nothing; equal to itself only
MAX_DEPTH = 50
_NAME = re.compile(r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*")
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_OLD_STEP = re.compile(r'\.(?:([\w$@]+)|"([^"]*)")|\[([0-9]+)\]|\[\?\(@\s*(==\^|==|!=|\^==|\*==)\s*"([^"]*)"\)\]\Z')


class Path:
    """A path; two are equal if they are written alike. Raises ValueError for what is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._select = _Parser(text).path() if text.startswith("$") else _old(text)

    def first(self, value: Json) -> Json:
        """The first node that it leads to from `value`; None where it leads nowhere."""
        return next(self._select(value, value), None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def path(self) -> Select:
        self._expect("$")
        select = self._segments()
        if self._at != len(self._text):
            raise self._wrong()
        return select

    # -- segments --------------------------------------------------------------------------------------------------

    def _segments(self) -> Select:
        steps: list[Select] = []
        while True:
            start = self._at
            self._blank()
            if self._take(".."):
                steps.append(_descend(self._bracket() if self._peek("[") else self._shorthand()))
            elif self._take("."):
                steps.append(self._shorthand())
            elif self._peek("["):
                steps.append(self._bracket())
            else:
                self._at = start
                return _chain(steps)

    def _shorthand(self) -> Select:
        if self._take("*"):
            return _children
        return _member(self._match(_NAME))

    def _bracket(self) -> Select:
        selectors = []
        self._expect("[")
        while True:
            self._blank()
            selectors.append(self._selector())
            self._blank()
            if self._take("]"):
                break
            self._expect(",")
        return lambda node, root: (found for select in selectors for found in select(node, root))

    def _selector(self) -> Select:
        if self._take("*"):
            return _children
        if self._take("?"):
            self._blank()
            test = self._any()
            return lambda node, root: (child for child in _children(node, root) if test(child, root))
        if self._peek("'") or self._peek('"'):
            return _member(self._string())
        bounds: list[int | None] = [self._integer()]
        while len(bounds) < 3 and self._slice_colon():
            bounds.append(self._integer())
        if len(bounds) > 1:
            return _slice(slice(*bounds))
        if bounds[0] is None:
            raise self._wrong()
        return _element(bounds[0])

    def _slice_colon(self) -> bool:
        self._blank()
        found = self._take(":")
        if found:
            self._blank()
        return found

    def _integer(self) -> int | None:
        match = _INTEGER.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return int(match.group())

    # -- filters ---------------------------------------------------------------------------------------------------

    def _any(self) -> Test:
        tests = [self._all()]
        while self._operator("||"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda node, root: any(test(node, root) for test in tests)

    def _all(self) -> Test:
        tests = [self._basic()]
        while self._operator("&&"):
            tests.append(self._basic())
        return tests[0] if len(tests) == 1 else lambda node, root: all(test(node, root) for test in tests)

    def _operator(self, text: str) -> bool:
        self._blank()
        found = self._take(text)
        self._blank()
        return found

    def _basic(self) -> Test:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong()
        negated = self._operator("!")
        if self._take("("):
            self._blank()
            test = self._any()
            self._blank()
            self._expect(")")
        elif self._take("search("):
            test = self._regex(re.search)
        elif self._take("match("):
            test = self._regex(re.fullmatch)
        else:
            test = self._comparison(negated=negated)
        self._depth -= 1
        return (lambda node, root: not test(node, root)) if negated else test

    def _regex(self, function: Callable[..., object]) -> Test:
        self._blank()
        value, _ = self._comparable()
        self._blank()
        self._expect(",")
        self._blank()
        pattern, _ = self._comparable()
        self._blank()
        self._expect(")")

        def test(node: Json, root: Json) -> bool:
            text, expression = value(node, root), pattern(node, root)
            if not isinstance(text, str) or not isinstance(expression, str):
                return False
            try:
                return function(expression, text) is not None
            except re.error:
                return False

        return test

    def _comparison(self, *, negated: bool) -> Test:
        left, query = self._comparable()
        self._blank()
        operator = next((each for each in _COMPARISONS if self._take(each)), None)
        if operator is None:
            if query is None:
                raise self._wrong()
            return lambda node, root: next(query(node, root), NOTHING) is not NOTHING
        if negated:
            raise self._wrong()
        self._blank()
        right, _ = self._comparable()
        compare = _COMPARISONS[operator]
        return lambda node, root: compare(left(node, root), right(node, root))

    def _comparable(self) -> tuple[Value, Select | None]:
        """The value of a literal or of a query, and the query itself where it is one."""
        if self._peek("@") or self._peek("$"):
            relative = self._take("@") or not self._take("$")
            select = self._segments()

            def query(node: Json, root: Json) -> Iterator[Json]:
                return select(node if relative else root, root)

            return (lambda node, root: next(query(node, root), NOTHING)), query
        literal = self._literal()
        return (lambda _node, _root: literal), None

    def _literal(self) -> Json:
        if self._peek("'") or self._peek('"'):
            return self._string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self._take(word):
                return value
        return json.loads(self._match(_NUMBER))

    # -- characters ------------------------------------------------------------------------------------------------

    def _string(self) -> str:
        quoted = self._match(_STRING)
        inner = quoted[1:-1]
        if quoted[0] == "'":
            inner = inner.replace("\\'", "'").replace('"', '\\"')
        try:
            text: str = json.loads(f'"{inner}"')
        except ValueError:
            raise self._wrong() from None
        return text

    def _blank(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
            self._at += 1

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _take(self, text: str) -> bool:
        found = self._peek(text)
        if found:
            self._at += len(text)
        return found

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong()

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise self._wrong()
        self._at = match.end()
        return match.group()

    def _wrong(self) -> ValueError:
        return ValueError(f"{self._text!r} is no JSON path: unexpected at character {self._at + 1}")


# -- steps ---------------------------------------------------------------------------------------------------------


def _chain(steps: list[Select]) -> Select:
    def select(node: Json, root: Json) -> Iterator[Json]:
        found = iter((node,))
        for step in steps:
            found = _each(step, found, root)
        return found

    return select


def _each(step: Select, nodes: Iterator[Json], root: Json) -> Iterator[Json]:
    for node in nodes:
        yield from step(node, root)


def _children(node: Json, _root: Json) -> Iterator[Json]:
    return iter(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())


def _descend(step: Select) -> Select:
    def select(node: Json, root: Json) -> Iterator[Json]:
        yield from step(node, root)
        for child in _children(node, root):
            yield from select(child, root)

    return select


def _member(name: str) -> Select:
    def select(node: Json, _root: Json) -> Iterator[Json]:
        if isinstance(node, dict) and name in node:
            yield node[name]

    return select


def _element(place: int) -> Select:
    def select(node: Json, _root: Json) -> Iterator[Json]:
        if isinstance(node, list) and -len(node) <= place < len(node):
            yield node[place]

    return select


def _slice(wanted: slice) -> Select:
    def select(node: Json, _root: Json) -> Iterator[Json]:
        if isinstance(node, list) and wanted.step != 0:
            yield from node[wanted]

    return select


def _equal(left: Json, right: Json) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _less(left: Json, right: Json) -> bool:
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (left, right))
    return (numbers or (isinstance(left, str) and isinstance(right, str))) and left < right


_COMPARISONS: dict[str, Callable[[Json, Json], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<=": lambda left, right: _less(left, right) or _equal(left, right),
    ">=": lambda left, right: _less(right, left) or _equal(left, right),
    "<": _less,
    ">": lambda left, right: _less(right, left),
}


# -- the older syntax ----------------------------------------------------------------------------------------------

_OLD_TESTS: dict[str, Callable[[str, str], bool]] = {
    "==": str.__eq__,
    "!=": str.__ne__,
    "^==": str.startswith,
    "==^": str.endswith,
    "*==": str.__contains__,
}


def _old(text: str) -> Select:
    steps: list[Select] = []
    at = 0
    while match := _OLD_STEP.match(text, at):
        name, quoted, place, operator, operand = match.groups()
        if place is not None:
            steps.append(_element(int(place)))
        elif operator is not None:
            steps.append(_matching(_OLD_TESTS[operator], operand))
        else:
            steps.append(_member(name if name is not None else quoted))
        at = match.end()
    if not steps or at != len(text):
        raise ValueError(f"{text!r} is no JSON path: unexpected at character {at + 1}")
    return _chain(steps)


def _matching(test: Callable[[str, str], bool], operand: str) -> Select:
    def select(node: Json, _root: Json) -> Iterator[Json]:
        if isinstance(node, list):
            yield from (each for each in node if isinstance(each, str) and test(each, operand))

    return select
