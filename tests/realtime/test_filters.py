"""Filter strings, read."""

from __future__ import annotations

import re

import pytest

from infra.local.realtime.filters import Filter, FilterError, parse


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("  ", []),
        ("id=eq.1", [Filter("id", "eq", "1")]),
        ("body=eq.a=b.c", [Filter("body", "eq", "a=b.c")]),
        ("id=not.eq.1", [Filter("id", "eq", "1", negated=True)]),
        ("status=in.(open,pending)", [Filter("status", "in", "{open,pending}")]),
        ("b=lt.3,a=gt.1", [Filter("a", "gt", "1"), Filter("b", "lt", "3")]),
        ('a=eq."x,y",b=is.null', [Filter("a", "eq", "x,y"), Filter("b", "is", "null")]),
        ('a=in.("x,)y",z)', [Filter("a", "in", '{"x,)y",z}')]),
        (r'a=eq."say \"hi\""', [Filter("a", "eq", 'say "hi"')]),
        ("a=not.is.true", [Filter("a", "is", "true", negated=True)]),
    ],
)
def test_filters_are_read_as_the_platform_writes_them(text: str, wanted: list[Filter]) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("undefined", '["undefined"]'),
        ("a=foo.1", '["foo", "1"]'),
        ("a=eq.1,", "empty segments"),
        ("a=eq.1,2", '["2"]'),
        ("a=in.1", "wrapped by parentheses"),
    ],
)
def test_a_filter_that_cannot_be_read_says_why(text: str, words: str) -> None:
    with pytest.raises(FilterError, match=re.escape(words)):
        parse(text)
