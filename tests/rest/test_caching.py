"""What REST keeps from request to request serves nobody but who may have it, and goes when the schema changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest

from infra.local import tokens
from infra.local.rest import shapes
from infra.local.rest.flight import PREPARED, Connection, Step
from infra.local.rest.grammar.query import parse
from infra.local.rest.request import Request
from infra.local.rest.service import LOGIN
from infra.local.settings import Settings
from tests.rest.conftest import ANN, configure, serving, until

Owner = psycopg.Connection[Any]
BOB = "00000000-0000-0000-0000-00000000000b"


def user(settings: Settings, subject: str, **claims: object) -> dict[str, str]:
    given = {"role": "authenticated", "sub": subject, "exp": 4102444800, **claims}
    return {"Authorization": f"Bearer {tokens.sign(settings.keys, given)}"}


def test_requests_of_one_shape_get_each_their_own_rows(api: httpx.Client, shop: Settings) -> None:
    service = {"apikey": shop.keys.secret_key}
    for _ in range(3):
        for number in (1, 2, 3):
            rows = api.get(f"/clients?id=eq.{number}&select=id", headers=service)
            assert rows.json() == [{"id": number}]
            assert rows.headers["content-location"] == f"/clients?id=eq.{number}&select=id"


def test_many_values_keep_their_order(api: httpx.Client) -> None:
    for low, high in ((0, 9), (1, 3), (2, 2)):
        marks = "&".join(["id=gt.0", f"id=gte.{low}", "id=lt.99", f"id=lte.{high}", *["id=neq.77"] * 12])
        found = [row["id"] for row in api.get(f"/clients?select=id&order=id&{marks}").json()]
        assert found == [number for number in (1, 2, 3) if low <= number <= high]


def test_users_of_one_shape_see_each_their_own(api: httpx.Client, shop: Settings) -> None:
    expected = {"ann": (user(shop, ANN), ["mine"]), "anon": ({}, []), "bob": (user(shop, BOB), ["theirs"])}
    for _ in range(12):  # often enough for statements to be prepared, and their plans generic
        for headers, bodies in expected.values():
            assert [row["body"] for row in api.get("/notes?id=gt.0&id=lt.3", headers=headers).json()] == bodies


def test_a_database_sees_the_headers_and_claims_of_this_request(api: httpx.Client, shop: Settings) -> None:
    for number in range(4):
        for subject in (ANN, BOB):
            told = api.get("/rpc/who", headers=user(shop, subject) | {"X-Custom": f"turn {number}"}).json()
            assert (told["role"], told["sub"], told["header"]) == ("authenticated", subject, f"turn {number}")
        assert api.get("/rpc/who").json()["sub"] is None


def test_one_path_of_two_schemas_is_two_plans(bare: Settings) -> None:
    with psycopg.connect(bare.database_url("postgres"), autocommit=True) as owner:
        for schema in ("first", "second"):
            owner.execute(f"create schema {schema}; create table {schema}.things (id int, name text)")
            owner.execute(f"insert into {schema}.things values (1, '{schema}')")
            owner.execute(f"grant usage on schema {schema} to anon; grant select on {schema}.things to anon")
    configure(bare, db_schemas="first,second")
    with serving(bare) as url, httpx.Client(base_url=url) as client:
        for _ in range(8):
            for schema in ("first", "second"):
                answer = client.get("/things?id=eq.1", headers={"Accept-Profile": schema})
                assert answer.json() == [{"id": 1, "name": schema}]
                assert answer.headers["content-profile"] == schema


def test_what_a_request_prefers_and_accepts_is_not_taken_from_the_one_before(api: httpx.Client) -> None:
    for _ in range(3):
        assert api.get("/clients?id=eq.1").headers["content-range"] == "0-0/*"
        assert api.get("/clients?id=eq.1", headers={"Prefer": "count=exact"}).headers["content-range"] == "0-0/1"
        assert isinstance(api.get("/clients?id=eq.1").json(), list)
        single = api.get("/clients?id=eq.1", headers={"Accept": "application/vnd.pgrst.object+json"})
        assert isinstance(single.json(), dict)
        assert api.get("/clients?id=gt.0", headers={"Range": "1-1"}).headers["content-range"] == "1-1/*"
        assert api.get("/clients?id=gt.0").headers["content-range"] == "0-2/*"


def test_bodies_of_one_shape_are_each_written(api: httpx.Client, clean: Owner) -> None:
    full = {"Prefer": "return=representation"}
    for name in ("one", "two", "it's", '"three"'):
        row = api.post("/clients", json={"name": name}, headers=full).json()[0]
        assert row["name"] == name
        changed = api.patch(f"/clients?id=eq.{row['id']}", json={"name": f"{name}!"}, headers=full).json()
        assert [(each["id"], each["name"]) for each in changed] == [(row["id"], f"{name}!")]
        assert api.delete(f"/clients?id=eq.{row['id']}").status_code == 204
    assert len(api.get("/clients").json()) == 3


def test_calls_of_one_shape_get_each_their_own_arguments(api: httpx.Client) -> None:
    for number in range(5):
        assert api.post("/rpc/add", json={"a": number}).json() == number + 10
        assert api.post("/rpc/add", json={"a": number, "b": 1}).json() == number + 1
        assert api.get(f"/rpc/add?a={number}").json() == number + 10
        assert api.post("/rpc/whole", json={"number": number}).json() == {"number": number}


def test_an_error_tells_the_value_that_was_sent(api: httpx.Client) -> None:
    for value in ("nonsense", "rubbish"):
        refused = api.get(f"/clients?id=eq.{value}").json()
        assert refused["code"] == "22P02"
        assert value in refused["message"]
        assert "mark" not in refused["message"]
    for name in ("nobody", "nothing"):
        assert name in api.get(f"/clients?select={name}&id=eq.1").json()["message"]


def test_an_expired_token_is_refused_though_it_was_good_a_moment_ago(
    api: httpx.Client, shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = user(shop, ANN, exp=4102444801)
    assert api.get("/notes", headers=headers).status_code == 200
    assert api.get("/notes", headers=headers).status_code == 200
    monkeypatch.setattr("infra.local.rest.auth.time.time", lambda: 4102444801 + tokens.LEEWAY + 1)
    assert api.get("/notes", headers=headers).json()["message"] == "JWT expired"


def test_kept_plans_and_callers_go_when_schema_or_settings_change(bare: Settings) -> None:
    with psycopg.connect(bare.database_url("postgres"), autocommit=True) as owner:
        owner.execute("create table things (id int primary key, name text)")
        owner.execute("insert into things values (1, 'one'), (2, 'two'); grant select on things to anon, service_role")
        with serving(bare) as url, httpx.Client(base_url=url) as client:

            def first() -> httpx.Response:
                return client.get("/things?id=eq.1")

            for _ in range(8):
                assert first().json() == [{"id": 1, "name": "one"}]
            owner.execute("alter table things rename column name to title")
            until(first, lambda answer: answer.json() == [{"id": 1, "title": "one"}])
            owner.execute("drop table things; create view things as select 1 as id, 'seen' as view")
            owner.execute("grant select on things to anon, service_role")
            until(first, lambda answer: answer.json() == [{"id": 1, "view": "seen"}])
            owner.execute("revoke select on things from anon")
            assert first().status_code == 401
            configure(bare, db_anon_role="service_role")
            until(first, lambda answer: answer.status_code == 200)


def test_only_plain_values_are_left_out_of_a_shape() -> None:
    def shape(query_string: str) -> shapes.Shape:
        found = shapes.of(Request("GET", "/clients", query_string, [], b""))
        assert found is not None
        return found

    assert shape("id=eq.1").key == shape("id=eq.2").key
    assert shape("id=not.lt.a-b_c.d~e").key == shape("id=not.lt.2").key
    for other in ("id=gt.1", "idx=eq.1", "id=eq.1&id=eq.1", "id=in.(1)", "id=eq.", "id=eq.a%20b", 'id=eq."1"'):
        assert shape(other).key != shape("id=eq.1").key
    assert parse(shape("id=eq.1").request.query_string).filters
    assert not shape("id=in.(1)").values


def test_headers_that_do_not_shape_a_plan_are_not_shown_to_it() -> None:
    headers = [("authorization", "Bearer x"), ("accept", "text/csv"), ("cookie", "a=b"), ("host", "here")]
    found = shapes.of(Request("GET", "/clients", "", headers, b""))
    assert found is not None
    assert found.request.headers == [("accept", "text/csv")]


@asynccontextmanager
async def session(settings: Settings) -> AsyncIterator[Connection]:
    connection = await Connection.connect(settings.database_url(LOGIN), autocommit=True)
    try:
        yield connection
    finally:
        await connection.close()


def test_a_session_keeps_few_statements_prepared_and_none_that_was_refused(bare: Settings) -> None:
    async def scenario() -> None:
        async with session(bare) as connection:

            async def held() -> int:
                step = Step("select count(*) from pg_prepared_statements")
                (answer,) = await connection.fly([step], "")
                return int(answer.get_value(0, 0) or b"0")

            for number in range(PREPARED + 20):
                for _ in range(3):
                    (answer,) = await connection.fly([Step(f"select $1::int + {number}", ["1"])], "anon")
                    assert answer.get_value(0, 0) == str(number + 1).encode()
            assert await held() <= PREPARED + 2
            before = await held()
            for _ in range(10):
                with pytest.raises(psycopg.errors.UndefinedTable):
                    await connection.fly([Step("select 1"), Step("select * from nowhere"), Step("select 2")], "anon")
            assert await held() <= before + 2
            assert [each.get_value(0, 0) for each in await connection.fly([Step("select 1"), Step("select 2")], "anon")]

    asyncio.run(scenario())


def test_a_flight_of_many_megabytes_arrives(bare: Settings) -> None:
    async def scenario() -> None:
        async with session(bare) as connection:
            text = "x" * 20_000_000
            lengths = await connection.fly([Step("select length($1), $1", [text]), Step("select 1")], "anon")
            assert lengths[0].get_value(0, 0) == b"20000000"
            assert len(lengths[0].get_value(0, 1) or b"") == 20_000_000

    asyncio.run(scenario())
