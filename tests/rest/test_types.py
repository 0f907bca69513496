"""JSON on its way into the types of columns and arguments, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from infra.local.settings import Settings
from tests.databases import copy_of
from tests.rest.conftest import serving

FULL = {"Prefer": "return=representation"}
TYPES = """
create type size as enum ('small', 'large');
create type place as (street text, door int);
create type visit as (at place, tags text[]);
create domain colour as text check (value ~ '^#[0-9a-f]{6}$');
create domain percent as int check (value between 0 and 100);
create table goods (
  id int generated always as identity primary key,
  size size, sizes size[], place place, places place[], visit visit, colour colour, percent percent,
  span int4range, spans int4multirange, at timestamptz, took interval, amount numeric(10, 2), big bigint,
  matrix int[][], raw bytea, ip inet, id2 uuid, j json, b jsonb, js jsonb[],
  embedding extensions.vector(3), half extensions.halfvec(2),
  twice numeric generated always as (amount * 2) stored, flag boolean, letter char(3)
);
grant select, insert, update on goods to anon;
create function into_place(place place, sizes size[], span int4range, query extensions.vector default null)
  returns jsonb language sql immutable as $$
    select jsonb_build_object('door', place.door, 'sizes', sizes, 'upper', upper(span), 'q', query)
  $$;
grant execute on function into_place to anon;
-- A colour is shown without its mark, taken as a number too, and looked for by its bare digits.
create function public.colour_to_json(colour) returns json language sql immutable as $$
  select to_json(substr($1::text, 2))
$$;
create function public.colour_from_json(json) returns colour language sql immutable as $$
  select case json_typeof($1)
    when 'number' then '#' || lpad(to_hex(($1 #>> '{}')::int), 6, '0') else '#' || ($1 #>> '{}')
  end::colour
$$;
create function public.colour_from_text(text) returns colour language sql immutable as $$ select ('#' || $1)::colour $$;
"""
CASTS = """
create cast (public.colour as json) with function public.colour_to_json(public.colour) as implicit;
create cast (json as public.colour) with function public.colour_from_json(json) as implicit;
create cast (text as public.colour) with function public.colour_from_text(text) as implicit;
"""


@pytest.fixture(scope="module")
def goods(platform: Settings) -> Iterator[httpx.Client]:
    with copy_of(platform) as settings:
        with psycopg.connect(settings.database_url("postgres")) as connection:
            connection.execute(TYPES)
        with psycopg.connect(settings.database_url("supabase_admin")) as connection:
            connection.execute(CASTS)
        with serving(settings) as url, httpx.Client(base_url=url) as client:
            yield client


PLACE = {"street": "Main St, 5", "door": 7}


@pytest.mark.parametrize(
    ("column", "given", "shown"),
    [
        ("size", "small", "small"),
        ("sizes", ["small", None, "large"], ["small", None, "large"]),
        ("sizes", "{small,large}", ["small", "large"]),
        ("place", PLACE, PLACE),
        ("place", {"door": 1, "unknown": 2}, {"street": None, "door": 1}),
        ("place", '("Main St, 5",7)', PLACE),
        ("places", [PLACE, None, {"street": 'a"b'}], [PLACE, None, {"street": 'a"b', "door": None}]),
        ("visit", {"at": PLACE, "tags": ["x", "y z"]}, {"at": PLACE, "tags": ["x", "y z"]}),
        ("percent", 100, 100),
        ("percent", "7", 7),
        ("span", "[1,5)", "[1,5)"),
        ("span", "(1,5]", "[2,6)"),
        ("spans", "{[1,2),[5,6)}", "{[1,2),[5,6)}"),
        ("took", "1 day 02:00", "1 day 02:00:00"),
        ("at", "2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05+00:00"),
        ("amount", 1.005, 1.01),
        ("amount", "12", 12.00),
        ("big", 9007199254740993, 9007199254740993),
        ("matrix", [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ("raw", "\\x00ff", "\\x00ff"),
        ("ip", "10.0.0.1/8", "10.0.0.1/8"),
        ("id2", "00000000-0000-0000-0000-00000000000A", "00000000-0000-0000-0000-00000000000a"),
        ("j", {"b": 1, "a": [None, 2.50]}, {"b": 1, "a": [None, 2.5]}),
        ("j", "text", "text"),
        ("b", None, None),
        ("b", [1, {"x": "y"}], [1, {"x": "y"}]),
        ("js", [{"a": 1}, [2], "x", 3], [{"a": 1}, [2], "x", 3]),
        ("embedding", [1, 2.5, -3], "[1,2.5,-3]"),
        ("half", [1, 2], "[1,2]"),
        ("flag", "yes", True),
        ("flag", False, False),
        ("letter", "a", "a  "),
        ("colour", "00ff00", "00ff00"),
        ("colour", 255, "0000ff"),
    ],
)
def test_a_value_is_taken_as_its_column_has_it(goods: httpx.Client, column: str, given: Any, shown: Any) -> None:
    made = goods.post(f"/goods?select=id,{column}", json={column: given}, headers=FULL)
    assert made.status_code == 201, made.text
    (row,) = made.json()
    assert row[column] == shown
    again = goods.patch(f"/goods?id=eq.{row['id']}&select={column}", json={column: given}, headers=FULL)
    assert again.json() == [{column: shown}]
    bulk = goods.post(f"/goods?columns={column}&select={column}", json=[{column: given}, {}], headers=FULL)
    assert bulk.json() == [{column: shown}, {column: None}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"size": "huge"}, "22P02"), ({"percent": 101}, "23514"), ({"colour": "red"}, "23514"),
        ({"span": "[5,1)"}, "22000"), ({"matrix": [[1], [2, 3]]}, "22P02"), ({"matrix": 1}, "22P02"),
        ({"place": [1]}, "22023"), ({"embedding": [1, 2]}, "22000"), ({"embedding": {"a": 1}}, "22P02"),
        ({"id2": "x"}, "22P02"), ({"ip": "x"}, "22P02"), ({"at": "2026-13-01"}, "22008"), ({"at": "soon"}, "22007"),
        ({"big": 10**30}, "22003"), ({"big": 1.5}, "22P02"), ({"amount": 1e9}, "22003"), ({"letter": "abcd"}, "22001"),
        ({"raw": "\\xzz"}, "22023"), ({"twice": 1}, "428C9"), ({"id": 5}, "428C9"), ({"flag": 2}, "22P02"),
    ],
)  # fmt: skip
def test_what_a_type_does_not_take_is_refused(goods: httpx.Client, body: dict[str, Any], code: str) -> None:
    answer = goods.post("/goods", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


def test_a_representation_is_how_a_column_is_looked_for(goods: httpx.Client) -> None:
    goods.post("/goods", json={"colour": "abcdef"})
    assert goods.get("/goods?colour=eq.abcdef&select=colour").json() == [{"colour": "abcdef"}]
    assert goods.get("/goods?colour=in.(abcdef,123456)&select=colour&limit=1").json() == [{"colour": "abcdef"}]
    assert goods.patch("/goods?colour=eq.abcdef&select=colour", json={"colour": 1}, headers=FULL).json() == [
        {"colour": "000001"}
    ]


def test_arguments_are_taken_as_columns_are(goods: httpx.Client) -> None:
    body = {"place": PLACE, "sizes": ["large"], "span": "[1,9)", "query": [1, 2, 3]}
    expected = {"door": 7, "sizes": ["large"], "upper": 9, "q": "[1,2,3]"}
    assert goods.post("/rpc/into_place", json=body).json() == expected
    asked = {"place": '("Main St, 5",7)', "sizes": "{large}", "span": "[1,9)", "query": "[1,2,3]"}
    assert goods.get("/rpc/into_place", params=asked).json() == expected
    assert goods.post("/rpc/into_place", data=asked).json() == expected
