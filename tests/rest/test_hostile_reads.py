"""Clients that mean harm, at every name and value of a read."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rest.test_hostile import TEXTS, few, harmless

OPERATORS = (
    "eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "is", "isdistinct", "in", "cs", "cd",
    "ov", "sl", "sr", "nxr", "nxl", "adj", "fts", "plfts", "phfts", "wfts", "eq(any)", "like(all)", "fts(simple)",
    "not.eq",
)  # fmt: skip


def quoted(text: str) -> str:
    """A name that the grammar takes whatever is in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read(api: httpx.Client, resource: str, **parameters: str) -> httpx.Response:
    answer = api.get(f"/{resource}", params=parameters)
    if "syntax error in tsquery" not in answer.text:  # of a value that full text search is asked for
        harmless(answer)
    return answer


# A name of no length is no name, which is said in the words of a mistake in SQL.
NAMES = TEXTS.filter(lambda text: text.partition("\0")[0] != "")


@few
@given(name=NAMES, bare=st.booleans())
def test_columns_aliases_and_paths_stay_names(api: httpx.Client, name: str, bare: bool) -> None:
    told = name if bare else quoted(name)
    for select in (told, f"settings->{told}->>{told}->0", f"{told}:name"):
        answer = read(api, "clients", select=select)
        if not bare and select == f"{told}:name":
            assert answer.status_code == 200
            assert [row["name"] for row in api.get("/clients?select=name").json()] == [
                value for row in answer.json() for value in row.values()
            ]
    for order in (f"settings->{told}.desc.nullslast", f"{told}.desc", f"clients({told})", f"{told}(name)"):
        read(api, "projects", select="*,clients(*)", order=order)
    for key in (told, f"clients.{told}", f"settings->{told}"):
        read(api, "projects", **{"select": "*,clients(*)", key: "eq.1", f"{key}.order": "id", f"{key}.limit": "1"})
    read(api, "clients", **{"or": f"({told}.eq.1,not.and(settings->>{told}.eq.x,id.is.null))"})


@few
@given(name=NAMES)
def test_embedded_resources_and_hints_stay_names(api: httpx.Client, name: str) -> None:
    told = quoted(name)
    for select in (
        f"{told}(*)", f"clients!{told}(*)", f"x:{told}!inner(*)", f"...{told}(*)", f"{told}:clients(name)",
        f"clients({told}:name)", f"...clients({told}:name)", f"tasks({told}(*))",
    ):  # fmt: skip
        read(api, "projects", select=select)
    embedded = api.get("/projects", params={"select": f"{told}:clients(name)", "id": "eq.1"})
    if "\0" not in name and len(name.encode()) < 64:
        assert embedded.json() == [{name: {"name": "Apple"}}]


@few
@given(type_name=TEXTS)
def test_a_cast_is_to_a_type_or_to_none(api: httpx.Client, type_name: str) -> None:
    """The name of a type cannot be quoted, so a wrong one may be a mistake in SQL; it is never more than that."""
    for select in (f"id::{type_name}", f"id.sum()::{type_name}", f"id::{type_name}.sum()", f"count()::{type_name}"):
        answer = api.get("/clients", params={"select": select})
        assert answer.status_code in (200, 400, 404), answer.text
        assert "hidden" not in answer.text


@few
@given(value=TEXTS, operator=st.sampled_from(OPERATORS), column=st.sampled_from(["id", "name", "tags", "settings"]))
def test_values_stay_values(api: httpx.Client, value: str, operator: str, column: str) -> None:
    for told in (value, f"({quoted(value)},1)", f"{{{value}}}"):
        read(api, "clients", **{column: f"{operator}.{told}"})
        read(api, "clients", **{"and": f"({column}.{operator}.{told},id.gt.0)"})
    read(api, "rpc/all_projects", **{column: f"{operator}.{value}"})
    read(api, "clients", name=f"fts({value}).x")
    read(api, "clients", name=f"{value}.x")


@few
@given(value=TEXTS.filter(lambda text: "\0" not in text))
def test_a_value_finds_what_equals_it_and_nothing_else(api: httpx.Client, value: str) -> None:
    one = {"select": "name", "limit": "1"}
    assert api.get("/clients", params=one | {"name": f"eq.{value}"}).json() == []
    assert api.get("/clients", params=one | {"name": f"in.({quoted(value)})"}).json() == []
    assert api.get("/clients", params=one | {"and": f"(name.eq.{quoted(value)})"}).json() == []
    assert len(api.get("/clients", params={"name": f"not.eq.{value}"}).json()) == 3
    assert len(api.get("/clients", params={"settings->>plan": f"isdistinct.{value}"}).json()) == 3


@few
@given(text=TEXTS)
def test_ranges_and_reserved_parameters_stay_what_they_are(api: httpx.Client, text: str) -> None:
    for name in (
        "select",
        "order",
        "limit",
        "offset",
        "and",
        "or",
        "not.or",
        "columns",
        "on_conflict",
        "clients.limit",
    ):
        read(api, "projects", **{name: text})
    assert api.get("/locked").status_code == 401


@few
@given(text=TEXTS)
def test_a_whole_query_string_is_no_accident(api: httpx.Client, text: str) -> None:
    harmless(api.get(f"/projects?{quote(text, safe='&=.,()*:!')}"))


@pytest.mark.parametrize(
    "parameters",
    [
        {"select": ",".join(["id"] * 1_600)},
        {"select": "clients(projects(" * 200 + "id" + "))" * 200},
        {"select": "clients(" * 3_000},
        {"and": "and(" * 3_000},
        {"or": "(" + ",".join(["id.eq.1"] * 5_000) + ")"},
        {"and": "(" + "not.or(" * 400 + "id.eq.1" + ")" * 400 + ")"},
        {"order": ",".join(["id"] * 3_000)},
        {"select": "id->" + "->".join(["a"] * 5_000)},
        {"id": "in.(" + ",".join(map(str, range(8_000))) + ")"},
        {"limit": "9" * 60},
        {"offset": "9" * 60},
        {"limit": "-1"},
    ],
)
def test_what_is_deep_or_long_is_no_accident(api: httpx.Client, parameters: dict[str, str]) -> None:
    harmless(api.get("/projects", params=parameters))


def test_thousands_of_filters_are_answered(api: httpx.Client) -> None:
    many: list[tuple[str, Any]] = [("id", f"neq.{number}") for number in range(10, 3_000)]
    answer = api.get("/projects", params=[*many, ("select", "id")])
    assert len(answer.json()) == 4
