"""The execution plan instead of the rows, where the database's settings allow it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from infra.local.settings import Settings
from tests.databases import copy_of
from tests.rest.conftest import configure, serving


@pytest.fixture(scope="module")
def planned(platform: Settings) -> Iterator[httpx.Client]:
    with copy_of(platform) as settings:
        configure(settings, db_plan_enabled="true")
        with psycopg.connect(settings.database_url("supabase_admin"), autocommit=True) as connection:
            connection.execute("create table public.ships (id int primary key, name text)")
            connection.execute("grant select, insert, delete on public.ships to anon")
        with serving(settings) as url, httpx.Client(base_url=url) as client:
            yield client


def plan(client: httpx.Client, path: str, accept: str, method: str = "GET", **more: Any) -> httpx.Response:
    response = client.request(method, path, headers={"Accept": accept, **more.pop("headers", {})}, **more)
    assert response.status_code == 200, response.text
    return response


def test_a_plan_is_text_unless_json_is_asked_for(planned: httpx.Client) -> None:
    plain = plan(planned, "/ships", "application/vnd.pgrst.plan")
    assert plain.text.startswith("Aggregate")
    kind = 'application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8'
    assert plain.headers["content-type"] == kind
    assert plan(planned, "/ships", "application/vnd.pgrst.plan+json").json()[0]["Plan"]["Total Cost"] > 0


def test_a_verbose_plan_shows_the_columns_that_postgrest_selects(planned: httpx.Client) -> None:
    listed = plan(planned, "/ships", "application/vnd.pgrst.plan+json; options=verbose").json()[0]["Plan"]["Output"]
    assert listed[2] == "COALESCE(json_agg(ROW(ships.id, ships.name)), '[]'::json)"
    single = 'application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object"; options=verbose'
    written = plan(planned, "/ships?id=eq.1", single, "DELETE", headers={"Prefer": "return=representation"})
    assert written.json()[0]["Plan"]["Output"][3].startswith("COALESCE((json_agg(ROW(ships.id, ships.name)) -> 0)")


def test_options_are_postgres_own(planned: httpx.Client) -> None:
    explained = plan(planned, "/ships", "application/vnd.pgrst.plan+json; options=analyze|buffers|settings|wal")
    assert explained.headers["content-type"].endswith("; options=analyze|settings|buffers|wal; charset=utf-8")
    told = explained.json()[0]
    assert told["Plan"]["Actual Rows"] == 1
    assert told["Plan"]["WAL Records"] == 0
    assert told["Settings"]["search_path"] == '"public", "public", "extensions"'


def test_a_write_that_is_explained_writes_nothing(planned: httpx.Client) -> None:
    kind = "application/vnd.pgrst.plan+json"
    assert plan(planned, "/ships", kind, "POST", json={"id": 1}).json()[0]["Plan"]["Total Cost"] > 0
    assert planned.get("/ships").json() == []
