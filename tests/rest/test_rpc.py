"""Functions called over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest
from postgrest import SyncPostgrestClient

ONE: Any = {"a": 1}


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("add?a=1", 11),
        ("add?a=1&b=2", 3),
        ("overloaded", "none"),
        ("overloaded?a=1", "int 1"),
        ("overloaded?b=2&a=1", "ints 12"),
        ("numbers?upto=3", [1, 2, 3]),
        ("total?items=1&items=2&items=3", 6),
        ("pair", {"x": 1, "y": "one"}),
        ("one_project?wanted=3&select=name", {"name": "Peel"}),
        ("all_projects?select=name,clients(name)&budget=gt.60&order=name", [
            {"name": "Peel", "clients": {"name": "Banana"}}, {"name": "Website", "clients": {"name": "Apple"}},
        ]),
        ("all_projects?select=name&order=name&limit=1&offset=1", [{"name": "Peel"}]),
        ("all_projects?select=name&id=eq.2", [{"name": "Phone"}]),
    ],
)  # fmt: skip
def test_a_get_calls_with_the_arguments_of_its_address(api: httpx.Client, call: str, answer: Any) -> None:
    response = api.get(f"/rpc/{call}")
    assert (response.status_code, response.json()) == (200, answer)


@pytest.mark.parametrize(
    ("function", "body", "answer"),
    [
        ("add", {"a": 1, "b": 2}, 3),
        ("add", {"a": "4"}, 14),
        ("overloaded", None, "none"),
        ("total", {"items": [4, 5]}, 9),
        ("whole", {"anything": [1, {"x": None}]}, {"anything": [1, {"x": None}]}),
        ("numbers", {"upto": 2}, [1, 2]),
        ("one_project", {"wanted": 99}, None),
    ],
)
def test_a_post_calls_with_the_arguments_of_its_body(api: httpx.Client, function: str, body: Any, answer: Any) -> None:
    response = api.post(f"/rpc/{function}", json=body) if body is not None else api.post(f"/rpc/{function}")
    assert response.status_code == 200, response.text
    got = response.json()
    if function == "one_project":
        assert set(got.values()) == {None}
    else:
        assert got == answer


def test_a_form_calls_too(api: httpx.Client) -> None:
    assert api.post("/rpc/add", data={"a": "1", "b": "5"}).json() == 6


def test_a_function_without_result_has_no_content(api: httpx.Client) -> None:
    response = api.post("/rpc/nothing")
    assert (response.status_code, response.content) == (204, b"")


def test_a_get_cannot_write(api: httpx.Client, clean: psycopg.Connection[Any]) -> None:
    refused = api.get("/rpc/add_client?name=x")
    assert (refused.status_code, refused.json()["code"]) == (405, "25006")
    assert api.post("/rpc/add_client", json={"name": "x"}).status_code == 200
    assert clean.execute("select count(*) from clients where name = 'x'").fetchone() == (1,)


def test_other_methods_do_not_call(api: httpx.Client) -> None:
    assert api.delete("/rpc/add?a=1").json()["code"] == "PGRST101"


def test_results_are_counted_and_taken_single(api: httpx.Client) -> None:
    counted = api.get("/rpc/all_projects?limit=2", headers={"Prefer": "count=exact"})
    assert (counted.status_code, counted.headers["content-range"]) == (206, "0-1/4")
    single = api.get("/rpc/all_projects?id=eq.1&select=name", headers={"Accept": "application/vnd.pgrst.object+json"})
    assert single.json() == {"name": "Website"}
    assert api.head("/rpc/all_projects").status_code == 200


def test_a_vector_argument_may_be_a_list_or_its_text(api: httpx.Client) -> None:
    for query in ([0, 1, 0.1], "[0,1,0.1]"):
        response = api.post("/rpc/nearest?select=name", json={"query": query, "upto": 1})
        assert response.json() == [{"name": "Phone"}]


def test_an_unknown_function_is_told_with_what_was_looked_for(api: httpx.Client) -> None:
    response = api.post("/rpc/add", json={"a": 1, "c": 2})
    assert response.status_code == 404
    assert response.json() == {
        "code": "PGRST202",
        "details": "Searched for the function public.add with parameters a, c or with a single unnamed json/jsonb "
        "parameter, but no matches were found in the schema cache.",
        "hint": "Perhaps you meant to call the function public.add(a, b)",
        "message": "Could not find the function public.add(a, c) in the schema cache",
    }
    assert api.get("/rpc/ad").json()["code"] == "PGRST202"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("P0001", 400), ("42501", 401), ("23505", 409), ("23503", 409), ("PT418", 418), ("28000", 403),
        ("53300", 503), ("XX000", 500), ("PT042", 500), ("PT4XX", 500),
    ],
)  # fmt: skip
def test_an_error_raised_in_the_database_has_its_status(api: httpx.Client, code: str, status: int) -> None:
    body = {"code": code, "message": "no", "detail": "because", "hint": "ask"}
    response = api.post("/rpc/raise_it", json=body)
    assert response.status_code == status
    assert response.json() == {"code": code, "message": "no", "details": "because", "hint": "ask"}


def test_an_error_may_carry_its_whole_answer(api: httpx.Client) -> None:
    body = {
        "code": "PGRST",
        "message": '{"code": "123", "message": "Payment Required", "details": "Quota exceeded", "hint": "Upgrade"}',
        "detail": '{"status": 402, "headers": {"X-Powered-By": "Nerd Rage"}}',
    }
    response = api.post("/rpc/raise_it", json=body)
    assert (response.status_code, response.headers["x-powered-by"]) == (402, "Nerd Rage")
    assert response.json() == {
        "code": "123",
        "message": "Payment Required",
        "details": "Quota exceeded",
        "hint": "Upgrade",
    }
    whole = json.loads(body["message"])
    for told in ("no json", "[]", "{}", json.dumps(whole | {"hint": 1}), json.dumps(whole | {"code": None})):
        broken = api.post("/rpc/raise_it", json=body | {"message": told})
        assert (broken.status_code, broken.json()["code"]) == (500, "PGRST121")
        assert broken.json()["details"] == f"Invalid JSON value for MESSAGE: '{told}'"
    numbered = '{"status": 402, "headers": {"X": 1}}'
    for told in ("", "no json", '{"status": 402}', '{"status": "402", "headers": {}}', numbered):
        broken = api.post("/rpc/raise_it", json=body | {"detail": told})
        assert (broken.status_code, broken.json()["code"]) == (500, "PGRST121")


def test_a_function_may_set_status_and_headers(api: httpx.Client) -> None:
    response = api.post("/rpc/answer_with", json={"status": "201", "headers": '[{"X-One": "1"}, {"X-Two": "2"}]'})
    assert response.status_code == 201
    assert (response.headers["x-one"], response.headers["x-two"]) == ("1", "2")
    assert api.post("/rpc/answer_with", json={"status": "202 Accepted", "headers": "[]"}).status_code == 202
    assert api.post("/rpc/answer_with", json={"status": "no", "headers": "[]"}).json()["code"] == "PGRST112"
    assert api.post("/rpc/answer_with", json={"status": "200", "headers": "{}"}).json()["code"] == "PGRST111"


def test_the_official_client_calls(postgrest: SyncPostgrestClient) -> None:
    assert postgrest.rpc("add", ONE).execute().data == 11
    assert postgrest.rpc("add", ONE, get=True).execute().data == 11
    found = postgrest.rpc("all_projects", {}).select("name").eq("id", 2).execute()
    assert found.data == [{"name": "Phone"}]


def test_what_orders_the_rows_of_a_call_has_to_be_selected(api: httpx.Client) -> None:
    error = api.get("/rpc/all_projects?select=name&order=id")
    assert (error.status_code, error.json()["code"]) == (400, "42703")
