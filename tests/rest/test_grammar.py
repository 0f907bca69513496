"""The query string alone: what it means, and what a mistake in it is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.rest.errors import ApiError
from infra.local.rest.grammar import parse, plain
from infra.local.rest.grammar.ast import (
    Comparison,
    Field,
    Filter,
    JsonStep,
    Logic,
    OrderTerm,
    Range,
    SelectField,
    SelectRelation,
)
from infra.local.rest.grammar.expressions import Expressions
from infra.local.rest.grammar.reader import Failure


def only_filter(query: str) -> Comparison:
    return parse(query).root_filters[0].comparison


def test_a_select_reads_aliases_casts_json_paths_and_embedded_resources() -> None:
    assert parse("select=id,label:name::text,data->a->>-1,c:clients!fk!inner(*,...owner(id))").select == (
        SelectField(Field("id")),
        SelectField(Field("name"), alias="label", cast="text"),
        SelectField(Field("data", (JsonStep("a", False, False), JsonStep("-1", True, True)))),
        SelectRelation(
            "clients",
            (SelectField(Field("*")), SelectRelation("owner", (SelectField(Field("id")),), spread=True)),
            alias="c",
            hint="fk",
            join="inner",
        ),
    )


def test_a_count_is_an_aggregate_and_not_a_resource() -> None:
    total, sums = parse("select=n:count(),amount.sum()::int").select
    assert total == SelectField(Field("*"), alias="n", aggregate="count")
    assert sums == SelectField(Field("amount"), aggregate="sum", aggregate_cast="int")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("eq.1", Comparison("eq", "1")),
        ("not.eq.1", Comparison("eq", "1", negated=True)),
        ("eq.", Comparison("eq", "")),
        ("eq.a.b,c", Comparison("eq", "a.b,c")),
        ("like(any).{a*,b*}", Comparison("like", "{a*,b*}", quantifier="any")),
        ("gte(all).{1,2}", Comparison("gte", "{1,2}", quantifier="all")),
        ("in.(1,2)", Comparison("in", values=("1", "2"))),
        ('in.("a,b","c\\"d",)', Comparison("in", values=("a,b", 'c"d', ""))),
        ("in.()", Comparison("in", values=("",))),
        ("is.NULL", Comparison("is", "null")),
        ("not.is.not_null", Comparison("is", "not_null", negated=True)),
        ("isdistinct.3", Comparison("isdistinct", "3")),
        ("fts(english).a", Comparison("fts", "a", language="english")),
        ("wfts.a -b", Comparison("wfts", "a -b")),
        ("cs.{a,b}", Comparison("cs", "{a,b}")),
        ("nxl.[1,2)", Comparison("nxl", "[1,2)")),
    ],
)
def test_a_filter_reads_its_operator_and_leaves_the_value_alone(text: str, meant: Comparison) -> None:
    assert only_filter(f"x={text}") == meant


def test_plus_and_percent_are_decoded_before_anything_is_read() -> None:
    assert only_filter("x=eq.a+b%26c%2Bd").value == "a b&c+d"


def test_a_filter_names_the_embedded_resource_by_its_path() -> None:
    ((path, found),) = parse("clients.owner.name->x=eq.1").filters
    assert path == ("clients", "owner")
    assert found.field == Field("name", (JsonStep("x", False, False),))


def test_logic_nests_negates_and_quotes() -> None:
    ((path, tree),) = parse('tasks.not.or=(a.eq."x,y",not.and(b.in.(1,2),c.cs.{1,2}))').logic
    assert path == ("tasks",)
    assert tree == Logic(
        "or",
        (
            Filter(Field("a"), Comparison("eq", "x,y")),
            Logic(
                "and",
                (
                    Filter(Field("b"), Comparison("in", values=("1", "2"))),
                    Filter(Field("c"), Comparison("cs", "{1,2}")),
                ),
                negated=True,
            ),
        ),
        negated=True,
    )


def test_an_order_has_directions_places_for_nulls_and_columns_of_embedded_resources() -> None:
    ((_, terms),) = parse("order=a,b->c.desc.nullslast,clients(name).asc").order
    assert terms == (
        OrderTerm(Field("a")),
        OrderTerm(Field("b", (JsonStep("c", False, False),)), None, "desc", "nullslast"),
        OrderTerm(Field("name"), "clients", "asc"),
    )


def test_limit_and_offset_belong_to_their_resource_and_nonsense_is_ignored() -> None:
    query = parse("limit=5&offset=10&tasks.limit=2&owner.limit=many")
    assert dict(query.ranges) == {(): Range(10, 14), ("tasks",): Range(0, 1), ("owner",): Range()}


def test_in_a_call_what_is_no_comparison_is_an_argument() -> None:
    query = parse("a=1&b=eq.2&c=eq", call=True)
    assert query.arguments == (("a", "1"), ("c", "eq"))
    assert [each.field.name for each in query.root_filters] == ["b"]


def test_the_canonical_query_is_sorted_and_encoded() -> None:
    assert parse("select=b,a&id=eq.1 2&flag").canonical == "flag=&id=eq.1%202&select=b%2Ca"


@pytest.mark.parametrize(
    ("query", "message", "details"),
    [
        ("x=noop.0", "filter (noop.0)@1", 'unexpected "o" expecting "not" or operator (eq, gt, ...)'),
        ("x=val", "filter (val)@1", 'unexpected "v" expecting "not" or operator (eq, gt, ...)'),
        ("x=eq().1", "filter (eq().1)@4", 'unexpected ")" expecting operator (eq, gt, ...)'),
        ("x=in.1", "filter (in.1)@4", 'unexpected "1" expecting "("'),
        (
            "x=is.maybe",
            "filter (is.maybe)@4",
            'unexpected "m" expecting isVal: (null, not_null, true, false, unknown)',
        ),
        (
            "select=id,clients(name[])",
            "select parameter (id,clients(name[]))@16",
            'unexpected \'[\' expecting letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input',
        ),
        ("select=name::", "select parameter (name::)@7", "unexpected end of input expecting letter or digit"),
        ("order=id.ac", "order (id.ac)@4", 'unexpected "c" expecting "asc", "desc", "nullsfirst" or "nullslast"'),
        ("order=id.descc", "order (id.descc)@8", "unexpected 'c' expecting delimiter (.), \",\" or end of input"),
        (
            "or=()",
            "logic tree (())@4",
            (
                'unexpected ")" expecting field name (* or [a..z0..9_$]), negation operator (not) '
                "or logic operator (and, or)"
            ),
        ),
        (
            "and=(ord(id.eq.1),id.eq.2)",
            "logic tree ((ord(id.eq.1),id.eq.2))@7",
            'unexpected "d" expecting "("',
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_was_expected(query: str, message: str, details: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse(query)
    what, _, column = message.partition("@")
    assert (caught.value.status, caught.value.code) == (400, "PGRST100")
    assert caught.value.message == f'"failed to parse {what}" (line 1, column {column})'
    assert caught.value.details == details


TEXTS = st.text(alphabet="abz09_ .,:;!()[]{}<>-'\"\\$*%&=+\t\n", max_size=40)


@given(TEXTS, st.sampled_from(["select", "x", "order", "or", "columns"]))
def test_any_text_is_either_understood_or_refused_as_a_parse_error(text: str, parameter: str) -> None:
    try:
        parse(f"{parameter}={text}")
    except ApiError as error:
        assert error.code == "PGRST100"  # noqa: PT017 - both outcomes are right


WORDS = st.sampled_from([
    "id", "name", "a1", "count", "not", "and", "or", "is", "in", "eq", "neq", "like", "isdistinct", "fts", "inner",
    "left", "null", "not_null", "true", ".", ",", "(", ")", ":", "::", "->", "->>", "!", "*", " ", "-", "1", '"', "{",
    "}", "asc", "desc", "nullsfirst", "nullslast", "any", "sum()", "...", "\n", "is.null", "eq.1", "in.(1,2)", "not.",
    "count()", '"q"', "a-b", "->0", "->>-1", "eq(any).", "fts(x).", "{1,2}", "sum", ".max()", "::int", "(id)",
])  # fmt: skip


@given(words=st.lists(WORDS, max_size=9))
def test_what_is_read_by_a_pattern_is_what_the_grammar_reads(words: list[str]) -> None:
    text = "".join(words)
    read: dict[str, Callable[[Expressions], object]] = {
        "select": Expressions.select,
        "order": Expressions.order,
        "tree": Expressions.logic_tree,
        "path": Expressions.tree_path,
        "comparison": Expressions.comparison,
    }

    def by(readers: dict[str, Callable[[Expressions], object]]) -> dict[str, object]:
        answers: dict[str, object] = {}
        for name, reader in readers.items():
            try:
                answers[name] = reader(Expressions(f"and({text})" if name == "tree" else text))
            except Failure as failure:
                answers[name] = str(failure)
        return answers

    with_patterns = by(read) | {
        "path": plain.path(text) or by(read)["path"],
        "comparison": plain.comparison(text) or by(read)["comparison"],
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in ("condition", "column", "relation", "order_term"):
            patch.setattr(plain, name, lambda text, position, **_: None)
        assert with_patterns == by(read)
