"""A request as far as HTTP tells it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote

from infra.local.rest import errors
from infra.local.rest.grammar.ast import ALL_ROWS, NO_ROWS, Query, Range

_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{0,18})")
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Request:
    """`path` is relative to the API's root, begins with a slash and is as it was sent; header names are lower case."""

    method: str
    path: str
    query_string: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def segments(self) -> list[str]:
        """The parts of the path, decoded. A slash at its end begins one more, which is empty."""
        return [unquote(each) for each in self.path[1:].split("/")] if len(self.path) > 1 else []

    @property
    def content_type(self) -> str:
        """The media type of the body without parameters; JSON where none is told."""
        return (self.header("content-type") or "application/json").partition(";")[0].strip().lower()

    def headers_json(self) -> str:
        return _json({name: value for name, value in self.headers if name != "cookie"})

    def cookies_json(self) -> str:
        cookies = (each.partition("=") for each in (self.header("cookie") or "").split(";") if each)
        return _json({name.lstrip(" "): value for name, _, value in cookies})

    def schema(self, exposed: tuple[str, ...]) -> tuple[str, bool]:
        """The schema that a profile header asks for, and whether one had to be chosen. Raises ApiError PGRST106."""
        asked = self.header("content-profile" if self.method in WRITES else "accept-profile")
        if asked is None:
            return exposed[0], len(exposed) != 1
        if asked not in exposed:
            raise errors.unknown_schema(asked, exposed)
        return asked, True

    def rows(self, query: Query) -> Range:
        """The top-level range, of the Range header and of limit and offset together. Raises ApiError PGRST103."""
        by_header = self._header_range() if self.method == "GET" else ALL_ROWS
        by_query = query.root_range
        both = NO_ROWS if by_query.is_limit_zero else by_header.intersect(by_query)
        if both.empty and not both.is_limit_zero:
            if by_header.empty:
                told = "The lower boundary must be lower than or equal to the upper boundary in the Range header."
                raise errors.invalid_range(told)
            raise errors.invalid_range("Limit should be greater than or equal to zero.")
        if self.method == "PUT" and both != ALL_ROWS:
            raise errors.put_with_limit()
        return both

    def _header_range(self) -> Range:
        match = _RANGE.fullmatch(self.header("range") or "")
        if match is None:
            return ALL_ROWS
        lower, upper = match.groups()
        return Range(int(lower), int(upper) if upper else None)


def _json(values: dict[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
