"""What stands around an answer: CORS, timings, traces, and the description at the root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from infra.local import tokens
from infra.local.settings import Settings
from tests.rest.conftest import ANN, configure, serving, until

Connection = psycopg.Connection[Any]
ASKING = {
    "Origin": "https://shop.example",
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "apikey, authorization,Prefer",
}


@pytest.fixture
def owner(bare: Settings) -> Iterator[Connection]:
    with psycopg.connect(bare.database_url("postgres"), autocommit=True) as connection:
        connection.execute("""
            create type mood as enum ('good', 'bad');
            create table things (id int primary key, mood mood default 'good', amount numeric not null default 1);
            comment on table things is E'What there is\\n\\nAll of it.';
            insert into things values (1);
            create table hidden (id int);
            create function cheer(name text, mood mood, variadic others text[] default '{}') returns text
              stable language sql as 'select name';
            create function change() returns void language sql as 'select';
            create function secret() returns int language sql as 'select 1';
            create function described() returns json stable language sql as $$ select '{"swagger": "own"}'::json $$;
            revoke execute on function secret from public;
            grant select, insert on things to anon;
            grant execute on function cheer, change, described to anon;
        """)
        yield connection


@pytest.fixture
def live(bare: Settings, owner: Connection) -> Iterator[httpx.Client]:
    with serving(bare) as url, httpx.Client(base_url=url) as client:
        yield client


def test_any_page_may_ask_and_read(api: httpx.Client) -> None:
    ahead = api.options("/clients", headers=ASKING)
    assert (ahead.status_code, ahead.content) == (200, b"")
    assert ahead.headers["access-control-allow-origin"] == "*"
    assert ahead.headers["access-control-allow-methods"] == "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
    told = "Authorization, apikey, Prefer, Accept, Accept-Language, Content-Language"
    assert ahead.headers["access-control-allow-headers"] == told
    assert ahead.headers["access-control-max-age"] == "86400"
    for path, status in (("/clients", 200), ("/nope", 404)):
        answer = api.get(path, headers={"Origin": "https://shop.example"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")
        assert "Content-Range, Content-Type" in answer.headers["access-control-expose-headers"]
    assert "access-control-expose-headers" not in api.get("/clients").headers


def test_a_question_without_a_method_is_about_the_resource(api: httpx.Client) -> None:
    for headers in ({}, {"Origin": "https://shop.example"}):
        answer = api.options("/clients", headers=headers)
        assert answer.headers["allow"] == "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert answer.headers["content-length"] == "0"


def test_only_the_pages_that_are_named_may_read(live: httpx.Client, bare: Settings) -> None:
    configure(bare, server_cors_allowed_origins="https://shop.example, https://desk.example")
    ours = {"Origin": "https://desk.example"}
    shared = until(
        lambda: live.get("/things", headers=ours),
        lambda answer: answer.headers["access-control-allow-origin"] == "https://desk.example",
    )
    assert shared.headers["access-control-allow-credentials"] == "true"
    theirs = live.get("/things", headers={"Origin": "https://elsewhere.example"})
    assert theirs.status_code == 200
    assert "access-control-allow-origin" not in theirs.headers
    ahead = live.options("/things", headers=ASKING | {"Origin": "https://elsewhere.example"})
    assert "access-control-allow-methods" not in ahead.headers
    assert live.options("/things", headers=ASKING).headers["access-control-allow-origin"] == "https://shop.example"


def test_timings_and_traces_are_shown_where_the_settings_say(live: httpx.Client, bare: Settings) -> None:
    assert "server-timing" not in live.get("/things").headers
    configure(bare, server_timing_enabled="true", server_trace_header="X-Request-Id")
    until(lambda: live.get("/things"), lambda answer: "server-timing" in answer.headers)
    for method, path in (
        ("GET", "/things"), ("POST", "/rpc/change"), ("OPTIONS", "/things"), ("HEAD", "/"), ("PATCH", "/things?id=eq.0")
    ):  # fmt: skip
        answer = live.request(method, path, json={}, headers={"X-Request-Id": "7"})
        steps = [part.split(";dur=") for part in answer.headers["server-timing"].split(", ")]
        assert [name for name, _ in steps] == ["jwt", "parse", "plan", "transaction", "response"]
        assert all(float(duration) >= 0 for _, duration in steps)
        assert answer.headers["x-request-id"] == "7"
    refused = live.get("/nope", headers={"X-Request-Id": "8"})
    assert refused.headers["x-request-id"] == "8"
    assert "server-timing" not in refused.headers


def test_the_root_describes_what_the_role_may_use(live: httpx.Client, bare: Settings) -> None:
    described = live.get("/").json()
    paths = described["paths"]
    assert set(paths) == {"/", "/things", "/rpc/cheer", "/rpc/change", "/rpc/described"}
    assert set(paths["/rpc/change"]) == {"post"}
    assert set(paths["/rpc/cheer"]) == {"get", "post"}
    assert (paths["/things"]["get"]["summary"], paths["/things"]["get"]["description"]) == (
        "What there is",
        "All of it.",
    )
    assert paths["/rpc/cheer"]["get"]["parameters"] == [
        {"name": "name", "in": "query", "required": True, "type": "string", "format": "text"},
        {"name": "mood", "in": "query", "required": True, "type": "string", "format": "mood"},
        {
            "name": "others", "in": "query", "required": False, "type": "array", "collectionFormat": "multi",
            "items": {"type": "string", "format": "text"},
        },
    ]  # fmt: skip
    assert described["definitions"]["things"] == {
        "type": "object",
        "description": "What there is\n\nAll of it.",
        "required": ["id", "amount"],
        "properties": {
            "id": {"type": "integer", "format": "int32", "description": "Note:\nThis is a Primary Key.<pk/>"},
            "mood": {"type": "string", "format": "public.mood", "enum": ["good", "bad"], "default": "good"},
            "amount": {"type": "number", "format": "numeric", "default": 1},
        },
    }
    assert not {"security", "securityDefinitions"} & set(described)
    token = tokens.sign(bare.keys, {"role": "service_role", "sub": ANN})
    assert "/hidden" not in live.get("/", headers={"Authorization": f"Bearer {token}"}).json()["paths"]
    assert live.head("/").headers["content-type"] == "application/openapi+json; charset=utf-8"
    assert live.get("/", headers={"Accept": "text/csv"}).status_code == 406


def test_the_root_may_show_all_a_proxy_and_how_to_sign_in(live: httpx.Client, bare: Settings) -> None:
    configure(
        bare,
        openapi_mode="ignore-privileges",
        openapi_security_active="true",
        openapi_server_proxy_uri="https://api.example/rest/v1",
    )
    described = until(lambda: live.get("/"), lambda answer: "security" in answer.json()).json()
    assert {"/hidden", "/rpc/secret"} < set(described["paths"])
    assert (described["host"], described["basePath"], described["schemes"]) == (
        "api.example:443",
        "/rest/v1",
        ["https"],
    )
    assert described["securityDefinitions"]["JWT"]["name"] == "Authorization"
    configure(bare, openapi_mode="disabled")
    nothing = until(lambda: live.get("/"), lambda answer: answer.status_code == 404)
    assert nothing.json()["code"] == "PGRST126"


def test_a_function_may_describe_the_api(live: httpx.Client, bare: Settings) -> None:
    configure(bare, db_root_spec="described")
    answer = until(lambda: live.get("/"), lambda answer: answer.json().get("swagger") == "own")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert live.post("/").json() == {"swagger": "own"}


@pytest.mark.parametrize("path", ["/clients/", "//clients", "/clients/1", "/rpc/add/", "/rpc/add/1", "/clients//"])
def test_a_path_is_a_table_or_a_function_and_nothing_more(api: httpx.Client, path: str) -> None:
    answer = api.get(httpx.URL(str(api.base_url).rstrip("/") + path))
    assert (answer.status_code, answer.json()["code"]) == (404, "PGRST125")


def test_a_slash_in_a_name_is_written_encoded(live: httpx.Client, owner: Connection) -> None:
    owner.execute('create table "in/out" (id int); grant select on "in/out" to anon')
    told = "select current_setting('request.path')"
    owner.execute(f"create function path() returns text stable language sql as $$ {told} $$")
    until(lambda: live.get("/in%2Fout"), lambda answer: answer.status_code == 200)
    assert live.get("/in/out").json()["code"] == "PGRST125"
    assert live.get("/rpc/p%61th").json() == "/rpc/p%61th"


def test_what_varies_is_told_unless_the_database_says_it(live: httpx.Client, owner: Connection) -> None:
    assert live.get("/things").headers["vary"] == "Accept, Prefer, Range"
    assert "vary" not in live.get("/nope").headers
    owner.execute("""
        create function varied() returns text language sql as $$
          select set_config('response.headers', '[{"Vary": "X-Mood"}]', true)
        $$
    """)
    answer = until(lambda: live.post("/rpc/varied"), lambda answer: answer.status_code == 200)
    assert answer.headers.get_list("vary") == ["X-Mood"]


def test_cookies_reach_the_database_as_they_are(live: httpx.Client, owner: Connection) -> None:
    owner.execute("""
        create function cookies() returns json stable language sql as $$
          select current_setting('request.cookies')::json
        $$
    """)
    sent = {"Cookie": 'a=1; b={"x": [1]}; c="quoted"; d e=f=g; =h; i'}
    answer = until(lambda: live.get("/rpc/cookies", headers=sent), lambda answer: answer.status_code == 200)
    assert answer.json() == {"a": "1", "b": '{"x": [1]}', "c": '"quoted"', "d e": "f=g", "": "h", "i": ""}
