"""Answers in other shapes than an array of objects."""

from __future__ import annotations

import httpx
import pytest


def test_csv_has_a_header_and_quotes_what_needs_it(api: httpx.Client) -> None:
    response = api.get("/clients?select=id,name&order=id", headers={"Accept": "text/csv"})
    assert response.text == 'id,name\n1,Apple\n2,Banana\n3,"Citrus, Inc. (EU)"'
    assert response.headers["content-type"] == "text/csv; charset=utf-8"


def test_nulls_can_be_left_out(api: httpx.Client) -> None:
    headers = {"Accept": "application/vnd.pgrst.array+json;nulls=stripped"}
    assert api.get("/projects?id=eq.4&select=name,done,client_id", headers=headers).json() == [{"name": "Orphan"}]
    headers = {"Accept": "application/vnd.pgrst.object+json;nulls=stripped"}
    assert api.get("/projects?id=eq.4&select=name,done", headers=headers).json() == {"name": "Orphan"}


@pytest.mark.parametrize("wanted", ["image/png", "application/vnd.pgrst.plan+json"])
def test_a_type_that_cannot_be_made_is_not_acceptable(api: httpx.Client, wanted: str) -> None:
    response = api.get("/clients", headers={"Accept": wanted})
    assert (response.status_code, response.json()["code"]) == (406, "PGRST107")


def test_the_most_wanted_type_that_can_be_made_is(api: httpx.Client) -> None:
    response = api.get("/clients?select=id", headers={"Accept": "image/png, application/json;q=0.5, text/csv;q=0.9"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"


def test_the_root_describes_what_the_role_may_use(api: httpx.Client) -> None:
    response = api.get("/")
    assert response.headers["content-type"] == "application/openapi+json; charset=utf-8"
    document = response.json()
    assert document["swagger"] == "2.0"
    assert "/clients" in document["paths"]
    assert "/locked" not in document["paths"]
    assert document["definitions"]["projects"]["required"] == ["id", "name", "budget"]
    described = document["definitions"]["projects"]["properties"]["client_id"]["description"]
    assert described == "Note:\nThis is a Foreign Key to `clients.id`.<fk table='clients' column='id'/>"
    assert document["paths"]["/rpc/add"]["post"]["parameters"][0]["schema"]["required"] == ["a"]


def test_options_tells_the_methods_of_a_resource(api: httpx.Client) -> None:
    assert api.options("/clients").headers["allow"] == "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"
    assert api.options("/rpc/add_client?name=x").headers["allow"] == "OPTIONS,POST"


def test_an_answer_says_what_it_varies_by(api: httpx.Client) -> None:
    assert api.get("/clients?limit=1").headers["vary"] == "Accept, Prefer, Range"


def test_where_an_answer_comes_from_is_told(api: httpx.Client) -> None:
    location = api.get("/clients?select=id&id=eq.1").headers["content-location"]
    assert location == "/clients?id=eq.1&select=id"


def test_of_types_wanted_alike_the_more_specific_is_made(api: httpx.Client) -> None:
    response = api.get("/clients?select=id", headers={"Accept": "*/*, text/csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"


def test_a_type_that_nobody_knows_is_told_as_it_was_written(api: httpx.Client) -> None:
    response = api.get("/clients?select=id", headers={"Accept": "Image/PNG; depth=8"})
    assert response.json()["message"] == "None of these media types are available: Image/PNG;depth=8"
