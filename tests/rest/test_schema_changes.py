"""The schema cache and the settings in the database follow what happens there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from infra.local.rest import RestService
from infra.local.settings import Settings
from tests.rest.conftest import serving

Connection = psycopg.Connection[Any]


@pytest.fixture
def owner(bare: Settings) -> Iterator[Connection]:
    with psycopg.connect(bare.database_url("postgres"), autocommit=True) as connection:
        connection.execute("create table things (id int primary key, name text)")
        connection.execute("insert into things select i, 'thing ' || i from generate_series(1, 5) i")
        connection.execute("grant select, insert, update, delete on things to anon")
        yield connection


@pytest.fixture
def live(bare: Settings, owner: Connection) -> Iterator[httpx.Client]:
    with serving(bare) as url, httpx.Client(base_url=url) as client:
        yield client


def until(answer: Callable[[], httpx.Response], satisfied: Callable[[httpx.Response], bool]) -> httpx.Response:
    """The first answer that satisfies: a notification takes its moment."""
    deadline = time.monotonic() + 10
    while not satisfied(response := answer()):
        assert time.monotonic() < deadline, response.text
    return response


def configure(settings: Settings, **values: str) -> None:
    """Set `pgrst.*` for this database, and say so."""
    with psycopg.connect(settings.database_url("supabase_admin"), autocommit=True) as admin:
        for name, value in values.items():
            statement = SQL("alter role authenticator in database {} set {} to {}")
            admin.execute(statement.format(Identifier(settings.database), Identifier("pgrst", name), Literal(value)))
        admin.execute("notify pgrst, 'reload config'")


def test_a_new_table_is_served_once_it_is_made(live: httpx.Client, owner: Connection) -> None:
    assert live.get("/later").status_code == 404
    owner.execute("create table later (id int)")
    owner.execute("grant select on later to anon")
    until(lambda: live.get("/later"), lambda response: response.status_code == 200)
    owner.execute("alter table later add column name text")
    until(lambda: live.get("/later?select=name"), lambda response: response.status_code == 200)
    owner.execute("drop table later")
    until(lambda: live.get("/later"), lambda response: response.json()["code"] == "PGRST205")


def test_row_and_feature_limits_are_read_from_the_database(
    live: httpx.Client, owner: Connection, bare: Settings
) -> None:
    assert live.get("/things?select=id.sum()").json()["code"] == "PGRST123"
    configure(bare, db_max_rows="2", db_aggregates_enabled="true", db_plan_enabled="true")
    page = until(
        lambda: live.get("/things", headers={"Prefer": "count=exact"}), lambda response: response.status_code == 206
    )
    assert page.headers["content-range"] == "0-1/5"
    assert live.get("/things?select=total:id.sum(),count()").json() == [{"total": 15, "count": 5}]
    assert live.get("/things?select=id.max(),name&order=name&limit=1").json() == [{"max": 1, "name": "thing 1"}]
    plan = live.get("/things?id=eq.1", headers={"Accept": "application/vnd.pgrst.plan+json"})
    assert plan.json()[0]["Plan"]["Node Type"] == "Aggregate"
    few = live.get("/things", headers={"Prefer": "count=estimated"})
    assert int(few.headers["content-range"].split("/")[1]) >= 3


def test_more_schemas_are_chosen_by_profile(live: httpx.Client, owner: Connection, bare: Settings) -> None:
    owner.execute("create schema other")
    owner.execute("grant usage on schema other to anon")
    owner.execute("create table other.things (id int)")
    owner.execute("grant select, insert on other.things to anon")
    configure(bare, db_schemas="public, other")
    chosen = {"Accept-Profile": "other"}
    answer = until(lambda: live.get("/things", headers=chosen), lambda response: response.status_code == 200)
    assert (answer.json(), answer.headers["content-profile"]) == ([], "other")
    assert len(live.get("/things").json()) == 5
    assert live.post("/things", json={"id": 1}, headers={"Content-Profile": "other"}).status_code == 201
    assert live.get("/things", headers=chosen).json() == [{"id": 1}]


def test_a_pre_request_function_may_refuse(live: httpx.Client, owner: Connection, bare: Settings) -> None:
    owner.execute("""
        create function gate() returns void language plpgsql as $$
        begin
          if current_setting('request.headers', true)::json ->> 'x-blocked' is not null then
            raise sqlstate 'PT429' using message = 'slow down';
          end if;
        end; $$
    """)
    owner.execute("grant execute on function gate() to anon")
    configure(bare, db_pre_request="public.gate")
    blocked = {"X-Blocked": "1"}
    refused = until(lambda: live.get("/things", headers=blocked), lambda response: response.status_code == 429)
    assert refused.json()["message"] == "slow down"
    assert live.get("/things").status_code == 200
    # Statements that were skipped behind the refusal are none that the server knows, however often they were asked for.
    for times in range(8):
        for _ in range(times):
            assert live.patch("/things?id=eq.1", json={"name": "x"}, headers=blocked).status_code == 429
        assert live.patch("/things?id=eq.1", json={"name": "x"}).status_code == 204


def test_a_transaction_ends_as_the_settings_allow(live: httpx.Client, owner: Connection, bare: Settings) -> None:
    rollback = {"Prefer": "tx=rollback, return=representation"}
    kept = live.post("/things", json={"id": 50}, headers=rollback)
    assert "tx" not in kept.headers["preference-applied"]
    assert owner.execute("select count(*) from things where id = 50").fetchone() == (1,)
    configure(bare, db_tx_end="commit-allow-override")

    def attempt() -> httpx.Response:
        owner.execute("delete from things where id = 51")
        return live.post("/things", json={"id": 51}, headers=rollback)

    undone = until(attempt, lambda response: "tx=rollback" in response.headers.get("preference-applied", ""))
    assert undone.json() == [{"id": 51, "name": None}]
    assert owner.execute("select count(*) from things where id = 51").fetchone() == (0,)


def test_a_lost_database_connection_is_mended(live: httpx.Client, owner: Connection, bare: Settings) -> None:
    assert live.get("/things").status_code == 200
    with psycopg.connect(bare.database_url("supabase_admin"), autocommit=True) as admin:
        cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and usename = 'authenticator'"
        admin.execute(cut, [bare.database])
    until(lambda: live.get("/things"), lambda response: response.status_code == 200)
    until(lambda: live.get("/things"), lambda response: response.status_code == 200)
    owner.execute("create table after_loss (id int)")
    owner.execute("grant select on after_loss to anon")
    until(lambda: live.get("/after_loss"), lambda response: response.status_code == 200)


def test_the_database_decides_what_a_body_is(live: httpx.Client, owner: Connection) -> None:
    owner.execute('create domain "text/html" as text')
    owner.execute("""create function page() returns "text/html" language sql as $$ select '<p>hello</p>' $$""")
    owner.execute("grant execute on function page() to anon")
    answer = until(
        lambda: live.get("/rpc/page", headers={"Accept": "text/html"}), lambda response: response.status_code == 200
    )
    assert (answer.text, answer.headers["content-type"]) == ("<p>hello</p>", "text/html")


def test_a_long_migration_is_followed_to_its_end(live: httpx.Client, owner: Connection) -> None:
    for number in range(60):
        owner.execute(f"create table made_{number} (id int); grant select on made_{number} to anon")
    until(lambda: live.get("/made_59"), lambda response: response.status_code == 200)


def test_a_changed_type_is_not_held_against_the_old_one(live: httpx.Client, owner: Connection) -> None:
    def answer() -> httpx.Response:
        return live.get("/things?id=eq.2&select=name")

    for _ in range(12):  # often enough for the statement to be prepared
        assert answer().json() == [{"name": "thing 2"}]
    owner.execute("alter table things alter column id type text")
    until(answer, lambda response: response.status_code == 200)
    assert answer().json() == [{"name": "thing 2"}]


def test_settings_that_make_no_sense_leave_the_service_running(
    live: httpx.Client, owner: Connection, bare: Settings
) -> None:
    configure(bare, db_max_rows="many", db_schemas="no_such_schema, public", db_unknown="x", db_tx_end="whatever")
    until(lambda: live.get("/things"), lambda response: response.status_code == 404)
    answer = live.get("/things", headers={"Accept-Profile": "public"})
    assert (answer.status_code, len(answer.json())) == (200, 5)


def test_a_database_that_is_not_there_is_told_at_the_start(bare: Settings) -> None:
    service = RestService(bare.at("no_such_database"))
    with pytest.raises(psycopg.OperationalError, match="no_such_database"):
        asyncio.run(service.start())
