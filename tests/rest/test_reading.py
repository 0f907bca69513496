"""Filters, logic, columns, order, ranges and counts, as the official client and plain HTTP ask for them."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest
from postgrest import CountMethod, SyncPostgrestClient

Row = dict[str, Any]


def names(response: httpx.Response) -> list[str]:
    assert response.status_code in (200, 206), response.text
    return [row["name"] for row in response.json()]


def rows(data: object) -> list[Row]:
    return cast("list[Row]", data)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("id=eq.1", ["Website"]),
        ("id=neq.1", ["Phone", "Peel", "Orphan"]),
        ("budget=gt.75", ["Website"]),
        ("budget=gte.75", ["Website", "Peel"]),
        ("budget=lt.50", ["Orphan"]),
        ("budget=lte.50&client_id=eq.1", ["Phone"]),
        ("name=like.P*", ["Phone", "Peel"]),
        ("name=ilike.*PHO*", ["Phone"]),
        ("name=like(any).{P*,O*}", ["Phone", "Peel", "Orphan"]),
        ("name=like(all).{P*,*l}", ["Peel"]),
        ("name=match.^P.*e$", ["Phone"]),
        ("name=imatch.^peel$", ["Peel"]),
        ("id=in.(1,3)", ["Website", "Peel"]),
        ("id=in.()", []),
        ("id=eq(any).{1,2}", ["Website", "Phone"]),
        ("done=is.true", ["Website"]),
        ("done=not.is.true", ["Phone", "Peel", "Orphan"]),
        ("client_id=is.null", ["Orphan"]),
        ("client_id=is.not_null", ["Website", "Phone", "Peel"]),
        ("client_id=isdistinct.1", ["Peel", "Orphan"]),
        ("span=cs.[2,4)", ["Website"]),
        ("span=cd.[0,15)", ["Website"]),
        ("span=ov.[9,12)", ["Website", "Phone"]),
        ("span=sl.[15,30)", ["Website"]),
        ("span=sr.[0,2)", ["Phone"]),
        ("span=nxr.[0,12)", ["Website"]),
        ("span=nxl.[4,30)", ["Phone"]),
        ("span=adj.[20,30)", ["Phone"]),
        ("name=fts.peel", ["Peel"]),
        ("name=plfts(english).websites", ["Website"]),
        ("name=not.wfts.peel", ["Website", "Phone", "Orphan"]),
        ("or=(id.eq.1,name.eq.Peel)", ["Website", "Peel"]),
        ("not.or=(id.eq.1,name.eq.Peel)", ["Phone", "Orphan"]),
        ("and=(id.gt.1,or(name.eq.Peel,done.is.false))", ["Phone", "Peel"]),
    ],
)
def test_every_operator_filters(api: httpx.Client, query: str, found: list[str]) -> None:
    assert names(api.get(f"/projects?select=name&order=id&{query}")) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tags=cs.{red}", ["Apple"]),
        ("tags=ov.{yellow,green}", ["Apple", "Banana"]),
        ("tags=cd.{}", ["Citrus, Inc. (EU)"]),
        ("settings->plan->>name=eq.gold", ["Apple"]),
        ("settings->plan->seats->0=eq.1", ["Apple"]),
        ('settings=cs.{"vip":true}', ["Apple"]),
        ('name=in.("Citrus, Inc. (EU)",Apple)', ["Apple", "Citrus, Inc. (EU)"]),
        ('or=(name.eq."Citrus, Inc. (EU)")', ["Citrus, Inc. (EU)"]),
        ("upper_name=eq.BANANA", ["Banana"]),
    ],
)
def test_arrays_json_quoted_values_and_computed_fields_filter(api: httpx.Client, query: str, found: list[str]) -> None:
    assert names(api.get("/clients?select=name&order=id&" + query.replace(" ", "%20"))) == found


def test_columns_can_be_renamed_cast_and_taken_out_of_json(api: httpx.Client) -> None:
    row = api.get(
        "/clients?id=eq.1&select=label:name,id::text,settings->plan->seats->2,first:settings->plan->seats->>0"
    ).json()
    assert row == [{"label": "Apple", "id": "1", "seats": 3, "first": "1"}]


def test_rows_are_ordered_by_columns_json_and_embedded_resources(api: httpx.Client) -> None:
    assert names(api.get("/projects?select=name&order=budget.desc")) == ["Website", "Peel", "Phone", "Orphan"]
    assert names(api.get("/projects?select=name&order=client_id.desc.nullslast,name")) == [
        "Peel",
        "Phone",
        "Website",
        "Orphan",
    ]
    assert names(api.get("/projects?select=name,clients(name)&order=clients(name).desc.nullslast,id.desc")) == [
        "Peel", "Phone", "Website", "Orphan",
    ]  # fmt: skip
    by_json = api.get("/clients?select=name&order=settings->plan->>name.desc.nullslast")
    assert names(by_json) == ["Apple", "Banana", "Citrus, Inc. (EU)"]


def test_limit_offset_and_the_range_header_cut_the_same_way(api: httpx.Client) -> None:
    by_query = api.get("/projects?select=name&order=id&limit=2&offset=1")
    by_header = api.get("/projects?select=name&order=id", headers={"Range-Unit": "items", "Range": "1-2"})
    assert names(by_query) == names(by_header) == ["Phone", "Peel"]
    assert by_query.headers["content-range"] == by_header.headers["content-range"] == "1-2/*"


@pytest.mark.parametrize("how", ["exact", "estimated"])
def test_a_counted_page_is_partial_content(api: httpx.Client, how: str) -> None:
    response = api.get("/projects?select=name&limit=2", headers={"Prefer": f"count={how}"})
    assert response.status_code == 206
    assert response.headers["content-range"] == "0-1/4"
    assert response.headers["preference-applied"] == f"count={how}"


def test_a_planned_count_is_the_planners(api: httpx.Client) -> None:
    response = api.get("/projects?id=eq.1", headers={"Prefer": "count=planned"})
    assert response.headers["content-range"] == "0-0/1"


def test_a_count_of_filtered_and_inner_joined_rows_counts_just_those(api: httpx.Client) -> None:
    url = "/clients?select=name,projects!inner(name)&projects.name=like.P*&limit=1"
    assert api.get(url, headers={"Prefer": "count=exact"}).headers["content-range"] == "0-0/2"


def test_an_offset_beyond_the_end_is_not_satisfiable(api: httpx.Client) -> None:
    response = api.get("/projects?offset=99", headers={"Prefer": "count=exact"})
    assert response.status_code == 416
    assert response.json()["code"] == "PGRST103"
    assert response.json()["details"] == "An offset of 99 was requested, but there are only 4 rows."


@pytest.mark.parametrize(("query", "header"), [("limit=-1", None), ("", "5-2")])
def test_an_impossible_range_is_refused(api: httpx.Client, query: str, header: str | None) -> None:
    response = api.get(f"/projects?{query}", headers={"Range": header} if header else {})
    assert (response.status_code, response.json()["code"]) == (416, "PGRST103")


def test_a_limit_of_zero_gives_no_rows_and_still_counts(api: httpx.Client) -> None:
    response = api.get("/projects?limit=0", headers={"Prefer": "count=exact"})
    assert response.json() == []
    assert response.headers["content-range"] == "*/4"


def test_head_answers_with_the_head_alone(api: httpx.Client) -> None:
    response = api.head("/projects?limit=1", headers={"Prefer": "count=exact"})
    assert (response.status_code, response.content) == (206, b"")
    assert response.headers["content-range"] == "0-0/4"


def test_a_vector_comes_as_its_text(api: httpx.Client) -> None:
    assert api.get("/projects?id=eq.1&select=embedding").json() == [{"embedding": "[1,0,0]"}]


def test_the_official_client_reads_with_all_its_filters(postgrest: SyncPostgrestClient) -> None:
    table = postgrest.from_("projects")
    found = (
        table.select("name", count=CountMethod.exact)
        .ilike("name", "%p%")
        .gt("budget", 10)
        .not_.is_("client_id", "null")
    )
    result = found.or_("name.eq.Phone,name.eq.Peel").order("name", desc=True).limit(1).execute()
    assert (result.data, result.count) == ([{"name": "Phone"}], 2)
    assert rows(postgrest.from_("clients").select("name").contains("tags", ["red"]).execute().data) == [
        {"name": "Apple"}
    ]
    assert rows(postgrest.from_("projects").select("name").range_lt("span", (15, 30)).execute().data) == [
        {"name": "Website"}
    ]
    assert rows(postgrest.from_("clients").select("name").in_("name", ["Citrus, Inc. (EU)"]).execute().data) == [
        {"name": "Citrus, Inc. (EU)"}
    ]
    assert rows(postgrest.from_("projects").select("id").order("id").range(1, 2).execute().data) == [
        {"id": 2},
        {"id": 3},
    ]


def test_the_official_client_takes_one_row_or_none(postgrest: SyncPostgrestClient) -> None:
    assert postgrest.from_("clients").select("name").eq("id", 1).single().execute().data == {"name": "Apple"}
    found = postgrest.from_("clients").select("name").eq("id", 1).maybe_single().execute()
    assert found is not None
    assert found.data == {"name": "Apple"}
    nothing = postgrest.from_("clients").select("name").eq("id", 99).maybe_single().execute()
    assert nothing is None or nothing.data is None


@pytest.mark.parametrize(("query", "count"), [("id=eq.99", 0), ("", 4)])
def test_a_single_object_is_refused_for_any_other_number_of_rows(api: httpx.Client, query: str, count: int) -> None:
    response = api.get(f"/projects?{query}", headers={"Accept": "application/vnd.pgrst.object+json"})
    assert response.status_code == 406
    assert response.json() == {
        "code": "PGRST116",
        "details": f"The result contains {count} rows",
        "hint": None,
        "message": "Cannot coerce the result to a single JSON object",
    }


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nope", 404, "PGRST205"),
        ("/projects?nope=eq.1", 400, "42703"),
        ("/projects?select=nope", 400, "42703"),
        ("/projects?id=eq.x", 400, "22P02"),
        ("/projects?select=name::nonsense", 400, "42704"),
        ("/projects?select=id.sum()", 400, "PGRST123"),
        ("/projects?clients.name=eq.x", 400, "PGRST108"),
        ("/a/b", 404, "PGRST125"),
    ],
)
def test_what_cannot_be_answered_says_why(api: httpx.Client, path: str, status: int, code: str) -> None:
    response = api.get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json().keys() == {"code", "message", "details", "hint"}
    assert response.headers["proxy-status"] == f"PostgREST; error={code}"


def test_an_unknown_table_is_answered_with_the_one_that_was_meant(api: httpx.Client) -> None:
    assert api.get("/project").json()["hint"] == "Perhaps you meant the table 'public.projects'"
