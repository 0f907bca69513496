"""Clients that mean harm, at every name and value of a write or a call; and all that the API's description allows."""

from __future__ import annotations

import json
import os
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as sizes
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from infra.local.settings import Settings
from tests.databases import copy_of
from tests.rest.conftest import SCHEMA, configure, serving, until

FULL = os.environ.get("FULL") == "1"
SECRET = "hidden"
few = sizes(max_examples=300 if FULL else 30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
many = sizes(few, max_examples=1500 if FULL else 30)
MEANT_TO_FAIL = ("/rpc/slow", "/rpc/raise_it", "/rpc/answer_with")

# What breaks out of quotes, comments, casts, placeholders and headers, mixed with what names may be.
PIECES = st.sampled_from([
    "'", '"', "''", '""', "\\", "\\'", "$$", "$1", "$a$", "--", "/*", "*/", ";", "(", ")", ",", ".", ":", "::text",
    "{", "}", "[", "]", "\n", "\r\n", "\t", "\0", "\u2028", "é", "😀", "name", "id", "clients", "public", "null", "*",
    " union select value from private.secrets ", "(select value from private.secrets)", "drop table users", "%s", "=",
    ' returning "id"', ") values (default) --", "set_config('role','postgres',true)", "->>'x'", "eq.1", "a b", "!",
    "pg_sleep(9)", "%",
])  # fmt: skip
TEXTS = st.lists(PIECES, min_size=1, max_size=6).map("".join) | st.text(max_size=20)
HEADER_TEXTS = TEXTS.map(lambda text: "".join(each for each in text if each in string.printable[:-5])).map(str.strip)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9).map(lambda number: round(number, 3)) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def target(platform: Settings) -> Iterator[httpx.Client]:
    """The shop as anyone may write to it; nothing that is written stays."""
    with copy_of(platform) as settings:
        with psycopg.connect(settings.database_url("postgres")) as connection:
            connection.execute(SCHEMA.read_bytes())
        with (
            serving(settings) as url,
            httpx.Client(base_url=url, headers={"apikey": settings.keys.publishable_key}, timeout=30) as client,
        ):
            configure(settings, db_tx_end="rollback", db_schemas="public, extensions")
            until(lambda: client.get("/users"), lambda answer: "content-profile" in answer.headers)
            yield client


def harmless(answer: httpx.Response) -> None:
    """No accident, no SQL of the client's, nothing of another schema, one line a header."""
    assert answer.status_code < 500 or answer.json()["code"].startswith("54"), answer.text  # more than PostgreSQL takes
    assert SECRET not in answer.text
    if answer.status_code >= 400:
        told = answer.json()
        assert told.keys() == {"code", "message", "details", "hint"}
        became_sql = told["code"] in ("42601", "42P02") and not told["message"].startswith("zero-length")
        assert not became_sql, told
    for name, value in answer.headers.raw:
        assert not {10, 13} & {*name, *value}


def in_path(text: str) -> str:
    """`text` as one part of a path that the router finds: without ends of lines, and not `.` or `..`."""
    return "x" + quote(text.replace("\n", ""), safe="")


@few
@given(text=TEXTS, method=st.sampled_from(["POST", "PATCH", "PUT", "DELETE"]), data=st.data())
def test_names_in_an_address_stay_names(target: httpx.Client, text: str, method: str, data: st.DataObject) -> None:
    parameter = data.draw(st.sampled_from(["columns", "on_conflict", "select", "order", "and", "id", "limit"]))
    body = data.draw(st.sampled_from([{"name": "x"}, [{"name": "x", text: 1}], {"id": 1, "name": "x", "age": 1}]))
    headers = {"Prefer": data.draw(st.sampled_from([
        "return=representation, resolution=merge-duplicates", "return=headers-only, missing=default", "count=exact",
    ]))}  # fmt: skip
    params = {parameter: text} if parameter == "id" else {"id": "eq.1", parameter: text}
    harmless(target.request(method, "/users", params=params, json=body, headers=headers))
    harmless(target.request(method, "/users", params={text: "eq.1"}, json=body, headers=headers))
    harmless(target.request(method, f"/{in_path(text)}", json=body))


@few
@given(keys=st.lists(TEXTS, min_size=1, max_size=3, unique=True), data=st.data())
def test_keys_of_a_body_stay_names(target: httpx.Client, keys: list[str], data: st.DataObject) -> None:
    full = {"Prefer": "return=representation, missing=default"}
    values = [data.draw(VALUES) for _ in keys]
    row = dict(zip(keys, values, strict=True))
    for body in (row, [row, row], row | {"name": "x"}):
        harmless(target.post("/clients", json=body, headers=full))
    harmless(target.patch("/clients?id=eq.1", json=row, headers=full))
    harmless(target.post("/clients", params={"columns": ",".join(keys)}, json=[row], headers=full))
    header = ",".join('"' + key.replace('"', '""') + '"' for key in keys)
    csv = f"{header}\n{','.join(['x'] * len(keys))}\n"
    harmless(target.post("/clients", content=csv.encode(), headers=full | {"Content-Type": "text/csv"}))
    harmless(target.post("/clients", data=dict.fromkeys(keys, "x"), headers=full))


@few
@given(text=TEXTS, value=VALUES)
def test_functions_and_arguments_stay_names(target: httpx.Client, text: str, value: Any) -> None:
    harmless(target.post(f"/rpc/{in_path(text)}", json={}))
    harmless(target.get(f"/rpc/{in_path(text)}"))
    for function in ("add", "total", "who", "nearest", "whole"):
        harmless(target.post(f"/rpc/{function}", json={text: value}))
        harmless(target.post(f"/rpc/{function}", data={text: "1"}))
        harmless(target.get(f"/rpc/{function}", params={text: "1"}))
    harmless(target.post("/rpc/add", json={"a": value, "b": 1}))
    harmless(target.post("/rpc/nearest", json={"query": value}, params={"select": text, "order": text}))
    harmless(target.post("/rpc/raise_it", json={"code": "P0001", "message": text, "detail": text, "hint": text}))
    told = json.dumps([{"X-Told": text}])
    harmless(target.post("/rpc/answer_with", json={"status": "200", "headers": told}))


@few
@given(text=HEADER_TEXTS, name=st.sampled_from([
    "Prefer", "Content-Profile", "Accept-Profile", "Accept", "Content-Type", "Range", "Cookie", "Origin", "X-Anything",
]))  # fmt: skip
def test_headers_stay_what_they_are(target: httpx.Client, text: str, name: str) -> None:
    begins = {"Prefer": ("timezone=", "max-affected=", "handling=strict, ", "tx=", ""), "Range": ("0-", "")}
    for begin in begins.get(name, ("",)):
        headers = {name: (begin + text).strip()}
        for answer in (
            target.get("/users?select=name", headers=headers),
            target.post("/users?columns=name", content='{"name": "x"}', headers=headers),
            target.post("/rpc/add", content='{"a": 1}', headers=headers),
            target.get("/rpc/who", headers=headers),
            target.options("/users", headers=headers),
        ):
            harmless(answer)


@few
@given(value=VALUES)
def test_values_are_kept_as_they_are(target: httpx.Client, value: Any) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    answer = target.post("/clients?select=name,settings", json={"name": text, "settings": value}, headers={
        "Prefer": "return=representation",
    })  # fmt: skip
    if "\0" in text or "\\u0000" in json.dumps(value):
        assert (answer.status_code, answer.json()["code"]) == (400, "22P05")
    elif value is None:
        assert answer.json()["code"] == "23502"
    else:
        assert answer.status_code == 201, answer.text
        (row,) = answer.json()
        assert row["name"] == text
        assert row["settings"] == value


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"name": "' + b"x" * 3_000_000 + b'"}'])
def test_a_deep_or_a_long_body_is_no_accident(target: httpx.Client, body: bytes) -> None:
    for path in ("/users", "/users?columns=name", "/rpc/whole", "/rpc/add"):
        harmless(target.post(path, content=body, headers={"Content-Type": "application/json"}))


def test_the_shop_is_as_it_was(target: httpx.Client) -> None:
    """Last of all: what the attacks above have left."""
    assert len(target.get("/users").json()) == 3
    assert len(target.get("/clients").json()) == 3
    assert target.get("/rpc/who").json()["role"] == "anon"


# -- the description -------------------------------------------------------------------------------------------------


def test_whatever_the_description_allows_is_answered(target: httpx.Client) -> None:
    described = schemathesis.openapi.from_dict(target.get("/").json())
    every = [each.ok() for each in described.get_all_operations() if isinstance(each, Ok)]
    operations = [each for each in every if each.path not in MEANT_TO_FAIL]
    assert len(operations) > 40

    @many
    @given(data=st.data(), place=st.integers(0, len(operations) - 1))
    def ask(data: st.DataObject, place: int) -> None:
        case = data.draw(operations[place].as_strategy())
        answer = case.call(base_url=str(target.base_url).rstrip("/"), headers=dict(target.headers))
        assert answer.status_code < 500, (answer.request, answer.text)
        if answer.status_code >= 400:
            told = answer.json()
            assert told.keys() == {"code", "message", "details", "hint"}
            assert told["code"] != "42601" or told["message"].startswith("zero-length"), told

    ask()
