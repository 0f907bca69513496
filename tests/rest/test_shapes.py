"""What rows are made into: aggregates, spreads, and answers of types that the database itself defines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from infra.local.settings import Settings
from tests.databases import copy_of
from tests.rest.conftest import configure, serving

SCHEMA = """
    create table public.stores (id int primary key, city text, open boolean);
    create table public.sales (
      id int primary key, store_id int references public.stores, amount numeric, at date,
      tags jsonb not null default '{}'
    );
    create table public.staff (id int primary key, name text, store_id int references public.stores, boss int);
    create view public.open_stores as select id, city from public.stores where open;
    create view public.open_names as select id as key, city as name from public.open_stores;
    create function public.takings(public.stores) returns numeric stable language sql as
      'select sum(amount) from public.sales where store_id = $1.id';
    create function public.best_sale(public.stores) returns setof public.sales rows 1 stable language sql as
      'select * from public.sales where store_id = $1.id order by amount desc limit 1';

    create domain public."text/vcard" as text;
    create function public.add_card(state public."text/vcard", one public.staff) returns public."text/vcard"
      immutable language sql as $$ select (state || 'FN:' || one.name || E'\\n')::public."text/vcard" $$;
    create aggregate public.cards(public.staff) (sfunc = public.add_card, stype = public."text/vcard", initcond = '');
    create domain public."application/x-lines" as text;
    create function public.add_line(state public."application/x-lines", one anyelement)
      returns public."application/x-lines"
      immutable language sql as $$ select (state || one::text || E'\\n')::public."application/x-lines" $$;
    create aggregate public.lines(anyelement) (
      sfunc = public.add_line, stype = public."application/x-lines", initcond = ''
    );
    create domain public."image/gif" as bytea;
    create function public.dot() returns public."image/gif" immutable language sql as
      $$ select '\\x474946383961'::bytea::public."image/gif" $$;
    create domain public."*/*" as bytea;
    create function public.anything() returns public."*/*" immutable language sql as $$
      select set_config('response.headers', '[{"Content-Type": "text/ownkind"}]', true);
      select 'own'::bytea::public."*/*"
    $$;

    insert into public.stores values (1, 'Oslo', true), (2, 'Rome', false), (3, 'Oslo', true);
    insert into public.sales values
      (1, 1, 10, '2026-01-01', '{"vat": 5}'), (2, 1, 20, '2026-01-02', '{"vat": 6}'), (3, 2, 5, '2026-01-01', '{}'),
      (4, null, 1, '2026-01-03', '{"vat": 7}');
    insert into public.staff values (1, 'Ann', 1, null), (2, 'Bob', 1, 1), (3, 'Cem', 2, 1);
    grant select on all tables in schema public to anon;
"""


@pytest.fixture(scope="module")
def stores(platform: Settings) -> Iterator[httpx.Client]:
    with copy_of(platform) as settings:
        with psycopg.connect(settings.database_url("supabase_admin"), autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        configure(settings, db_aggregates_enabled="true")
        with serving(settings) as url, httpx.Client(base_url=url) as client:
            yield client


def get(client: httpx.Client, url: str, accept: str = "application/json") -> Any:
    response = client.get(url, headers={"Accept": accept})
    assert response.status_code == 200, response.text
    return response.json()


def test_rows_are_grouped_by_what_is_not_aggregated(stores: httpx.Client) -> None:
    url = "/sales?select=store_id,amount.sum(),n:count(),avg:amount.avg()::int&order=store_id"
    assert get(stores, url) == [
        {"store_id": 1, "sum": 30, "n": 2, "avg": 15},
        {"store_id": 2, "sum": 5, "n": 1, "avg": 5},
        {"store_id": None, "sum": 1, "n": 1, "avg": 1},
    ]


def test_json_and_casts_are_aggregated_too(stores: httpx.Client) -> None:
    assert get(stores, "/sales?select=vat:tags->vat::int.sum(),first:at.min(),last:at.max()::text") == [
        {"vat": 18, "first": "2026-01-01", "last": "2026-01-03"}
    ]


def test_embedded_rows_are_aggregated_within_their_parent(stores: httpx.Client) -> None:
    assert get(stores, "/stores?select=id,sales(amount.sum(),count())&order=id&id=lt.3") == [
        {"id": 1, "sales": [{"sum": 30, "count": 2}]},
        {"id": 2, "sales": [{"sum": 5, "count": 1}]},
    ]


def test_a_spread_parent_groups_and_is_aggregated(stores: httpx.Client) -> None:
    found = get(stores, "/sales?select=amount.sum(),...stores!inner(city)")
    assert sorted(found, key=lambda row: row["city"]) == [{"sum": 30, "city": "Oslo"}, {"sum": 5, "city": "Rome"}]
    assert get(stores, "/sales?select=...stores(latest:id.max())") == [{"latest": 2}]


def test_a_list_is_spread_in_its_own_order_and_not_aggregated(stores: httpx.Client) -> None:
    url = "/stores?id=eq.1&select=city,...sales(amounts:amount,at)&sales.order=amount.desc"
    assert get(stores, url) == [{"city": "Oslo", "amounts": [20, 10], "at": ["2026-01-02", "2026-01-01"]}]
    refused = stores.get("/stores?select=city,...sales(amount.sum())")
    assert (refused.status_code, refused.json()["code"]) == (400, "PGRST127")


def test_json_paths_stand_in_columns_filters_and_orders_of_embedded_rows(stores: httpx.Client) -> None:
    url = "/stores?id=eq.1&select=id,sales(vat:tags->>vat)&sales.tags->vat=gt.4&sales.order=tags->vat.desc"
    assert get(stores, url) == [{"id": 1, "sales": [{"vat": "6"}, {"vat": "5"}]}]


def test_rows_are_ordered_by_a_column_of_their_parent(stores: httpx.Client) -> None:
    url = "/staff?select=name,stores(city)&order=stores(city).desc,name.desc"
    assert [row["name"] for row in get(stores, url)] == ["Cem", "Bob", "Ann"]


def test_a_view_of_a_view_has_its_tables_relationships(stores: httpx.Client) -> None:
    assert get(stores, "/open_names?select=name,sales(amount)&sales.order=id&order=key&limit=1") == [
        {"name": "Oslo", "sales": [{"amount": 10}, {"amount": 20}]}
    ]
    assert get(stores, "/staff?id=eq.1&select=open_names(name)") == [{"open_names": {"name": "Oslo"}}]


def test_functions_over_a_row_are_fields_filters_and_relationships(stores: httpx.Client) -> None:
    assert get(stores, "/stores?select=id,takings,best_sale(amount)&takings=gt.4&order=takings.desc") == [
        {"id": 1, "takings": 30, "best_sale": {"amount": 20}},
        {"id": 2, "takings": 5, "best_sale": {"amount": 5}},
    ]


def test_an_aggregate_over_a_table_answers_with_its_type(stores: httpx.Client) -> None:
    cards = stores.get("/staff?id=lt.3&order=id", headers={"Accept": "text/vcard"})
    assert (cards.text, cards.headers["content-type"]) == ("FN:Ann\nFN:Bob\n", "text/vcard")
    # It takes rows of the table, so the table's columns have to be what is selected.
    assert stores.get("/staff?select=id", headers={"Accept": "text/vcard"}).json()["code"] == "PGRST107"
    assert stores.get("/sales", headers={"Accept": "text/vcard"}).status_code == 406


def test_an_aggregate_over_anything_answers_for_every_table(stores: httpx.Client) -> None:
    lines = stores.get("/stores?select=id,city&order=id", headers={"Accept": "application/x-lines"})
    assert lines.text == "(1,Oslo)\n(2,Rome)\n(3,Oslo)\n"


def test_a_function_of_a_media_type_answers_with_it_alone(stores: httpx.Client) -> None:
    dot = stores.get("/rpc/dot", headers={"Accept": "image/gif"})
    assert (dot.content, dot.headers["content-type"]) == (b"GIF89a", "image/gif")
    anything = stores.get("/rpc/anything", headers={"Accept": "image/png"})
    assert (anything.text, anything.headers["content-type"]) == ("own", "text/ownkind")


def test_geojson_is_refused_where_the_database_cannot_make_it(stores: httpx.Client) -> None:
    refused = stores.get("/stores", headers={"Accept": "application/geo+json"})
    assert (refused.status_code, refused.json()["code"]) == (404, "42883")
    assert "st_asgeojson" in refused.json()["message"]
