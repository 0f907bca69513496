"""Inserts, upserts, updates and deletes, and what they give back."""

from __future__ import annotations

import json
from typing import Any, cast

import httpx
import psycopg
import pytest
from postgrest import CountMethod, SyncPostgrestClient

Connection = psycopg.Connection[tuple[object, ...]]
FULL = {"Prefer": "return=representation"}


def test_an_insert_says_nothing_unless_it_is_asked(api: httpx.Client, clean: Connection) -> None:
    minimal = api.post("/clients", json={"name": "New"})
    assert (minimal.status_code, minimal.content) == (201, b"")
    named = api.post("/clients", json={"name": "Newer"}, headers={"Prefer": "return=headers-only"})
    key = clean.execute("select id from clients where name = 'Newer'").fetchone()
    assert key is not None
    assert named.headers["location"] == f"/clients?id=eq.{key[0]}"
    full = api.post("/clients?select=name,projects(name)", json={"name": "Newest"}, headers=FULL)
    assert (full.status_code, full.json()) == (201, [{"name": "Newest", "projects": []}])
    assert full.headers["preference-applied"] == "return=representation"


def test_many_rows_are_one_statement_with_the_same_keys(api: httpx.Client, clean: Connection) -> None:
    both = api.post("/clients?select=name", json=[{"name": "A"}, {"name": "B"}], headers=FULL)
    assert both.json() == [{"name": "A"}, {"name": "B"}]
    uneven = api.post("/clients", json=[{"name": "C"}, {"name": "D", "tags": []}])
    assert (uneven.status_code, uneven.json()["message"]) == (400, "All object keys must match")
    assert clean.execute("select count(*) from clients where name in ('C', 'D')").fetchone() == (0,)


def test_columns_and_missing_default_fill_what_rows_leave_out(api: httpx.Client, clean: Connection) -> None:
    body = [{"name": "A", "extra": 1}, {"name": "B", "tags": ["x"]}]
    headers = {"Prefer": "return=representation, missing=default"}
    response = api.post("/clients?columns=name,tags&select=name,tags,settings", json=body, headers=headers)
    assert response.json() == [{"name": "A", "tags": [], "settings": {}}, {"name": "B", "tags": ["x"], "settings": {}}]
    nulls = api.post("/clients?columns=name,tags", json=body)
    assert nulls.json()["code"] == "23502"


def test_an_unknown_column_is_named(api: httpx.Client) -> None:
    response = api.post("/clients", json={"nope": 1})
    assert response.status_code == 400
    assert response.json()["message"] == "Could not find the 'nope' column of 'clients' in the schema cache"


@pytest.mark.parametrize("body", ["", "{", "[1]", "NaN", '{"a": NaN}', "\ud800".encode("utf-8", "surrogatepass")])
def test_a_body_that_is_no_json_object_or_list_is_refused(api: httpx.Client, body: str | bytes) -> None:
    response = api.post("/clients", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["code"] in ("PGRST102", "23502")


def test_a_conflict_is_merged_or_ignored_as_preferred(api: httpx.Client, clean: Connection) -> None:
    ann = {"name": "Ann", "age": 31}
    refused = api.post("/users", json=ann)
    assert (refused.status_code, refused.json()["code"]) == (409, "23505")
    merge = {"Prefer": "resolution=merge-duplicates,return=representation"}
    merged = api.post("/users?on_conflict=name&select=id,age", json=ann, headers=merge)
    assert (merged.status_code, merged.json()) == (200, [{"id": 1, "age": 31}])
    mixed = api.post("/users?on_conflict=name&select=name", json=[ann, {"name": "Dan", "age": 1}], headers=merge)
    assert mixed.status_code == 201
    ignore = {"Prefer": "resolution=ignore-duplicates,return=representation"}
    ignored = api.post("/users?on_conflict=name&select=name", json=[ann, {"name": "Eve", "age": 2}], headers=ignore)
    assert ignored.json() == [{"name": "Eve"}]
    assert ignored.headers["preference-applied"] == "resolution=ignore-duplicates, return=representation"


def test_put_writes_the_one_row_its_address_names(api: httpx.Client, clean: Connection) -> None:
    made = api.put("/users?id=eq.50", json={"id": 50, "name": "Put", "age": 1}, headers=FULL)
    assert (made.status_code, made.json()) == (201, [{"id": 50, "name": "Put", "age": 1}])
    changed = api.put("/users?id=eq.50", json={"id": 50, "name": "Put", "age": 2}, headers=FULL)
    assert (changed.status_code, changed.json()[0]["age"]) == (200, 2)
    other = api.put("/users?id=eq.50", json={"id": 51, "name": "Other", "age": 1})
    assert (other.status_code, other.json()["code"]) == (400, "PGRST115")
    assert api.put("/users?name=eq.x", json={"id": 51, "name": "x", "age": 1}).json()["code"] == "PGRST105"
    assert clean.execute("select count(*) from users where id = 51").fetchone() == (0,)


def test_an_update_changes_what_its_filters_find(api: httpx.Client, clean: Connection) -> None:
    response = api.patch("/users?id=in.(1,2)&select=name,age&order=id", json={"age": 7}, headers=FULL)
    assert response.json() == [{"name": "Ann", "age": 7}, {"name": "Bob", "age": 7}]
    counted = api.patch("/users?id=eq.1", json={"age": 8}, headers={"Prefer": "count=exact"})
    assert (counted.status_code, counted.headers["content-range"]) == (204, "0-0/1")
    nothing = api.patch("/users?id=eq.99", json={"age": 8}, headers=FULL)
    assert (nothing.status_code, nothing.json()) == (200, [])
    assert api.patch("/users?id=eq.1", json={}, headers=FULL).json() == []


def test_what_is_written_can_be_embedded_at_once(api: httpx.Client, clean: Connection) -> None:
    response = api.patch(
        "/users?id=eq.1&select=age,profiles(bio),tasks(name)&tasks.name=eq.code", json={"age": 9}, headers=FULL
    )
    assert response.json() == [{"age": 9, "profiles": {"bio": "writes"}, "tasks": [{"name": "code"}]}]


def test_a_delete_gives_back_what_it_has_deleted(api: httpx.Client, clean: Connection) -> None:
    api.post("/clients", json=[{"name": "A"}, {"name": "B"}])
    response = api.delete(
        "/clients?name=in.(A,B)&select=name&order=name", headers={"Prefer": "return=representation,count=exact"}
    )
    assert (response.json(), response.headers["content-range"]) == ([{"name": "A"}, {"name": "B"}], "*/2")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_write_to_everything_is_refused(api: httpx.Client, clean: Connection, method: str) -> None:
    response = api.request(method, "/users", json={"age": 1})
    assert response.status_code == 400
    assert response.json()["code"] == "21000"
    assert response.json()["message"] == f"{'UPDATE' if method == 'PATCH' else 'DELETE'} requires a WHERE clause"
    assert clean.execute("select age from users where id = 1").fetchone() == (30,)


def test_a_refused_single_object_undoes_the_write(api: httpx.Client, clean: Connection) -> None:
    headers = {"Accept": "application/vnd.pgrst.object+json", "Prefer": "return=representation"}
    assert api.patch("/users?id=in.(1,2)", json={"age": 1}, headers=headers).json()["code"] == "PGRST116"
    assert clean.execute("select age from users order by id").fetchall() == [(30,), (40,), (None,)]
    one = api.patch("/users?id=eq.1&select=age", json={"age": 5}, headers=headers)
    assert one.json() == {"age": 5}


def test_more_affected_rows_than_allowed_undo_the_write(api: httpx.Client, clean: Connection) -> None:
    headers = {"Prefer": "handling=strict, max-affected=1"}
    response = api.patch("/users?id=in.(1,2)", json={"age": 1}, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "PGRST124")
    assert clean.execute("select age from users where id = 1").fetchone() == (30,)


def test_an_unknown_preference_is_refused_only_when_strict(api: httpx.Client) -> None:
    assert api.get("/users", headers={"Prefer": "anything"}).status_code == 200
    strict = api.get("/users", headers={"Prefer": "handling=strict, anything, count=exact"})
    assert (strict.status_code, strict.json()["details"]) == (400, "Invalid preferences: anything")


def test_csv_and_forms_are_rows_too(api: httpx.Client, clean: Connection) -> None:
    csv = api.post(
        "/users?select=name,age",
        content='name,age\n"Dan, Jr.",4\nEve,NULL\n',
        headers=FULL | {"Content-Type": "text/csv"},
    )
    assert csv.json() == [{"name": "Dan, Jr.", "age": 4}, {"name": "Eve", "age": None}]
    lines = {"age,name\n1,Fay,more\n2,Gus\n": 201, "name,age\nHal\nIda\n": 201, "name,age\nJay,1\nKim\n": 400}
    for text, status in lines.items():
        answer = api.post("/users", content=text, headers={"Content-Type": "text/csv"})
        assert answer.status_code == status, text
    assert answer.json()["message"] == "All lines must have same number of fields"
    form = api.post("/users?select=name", data={"name": "Form"}, headers=FULL)
    assert form.json() == [{"name": "Form"}]
    assert api.post("/users", content=b"x", headers={"Content-Type": "image/png"}).json()["code"] == "PGRST102"


@pytest.mark.parametrize("value", [[0.5, 0.25, 0], "[0.5,0.25,0]"])
def test_a_vector_may_be_a_list_or_its_text(api: httpx.Client, value: Any) -> None:
    body = {"name": "V", "embedding": value}
    made = api.post("/projects?select=id,embedding", json=body, headers=FULL)
    assert made.status_code == 201, made.text
    (row,) = made.json()
    assert row["embedding"] == "[0.5,0.25,0]"
    assert api.delete(f"/projects?id=eq.{row['id']}").status_code == 204


def test_the_official_client_writes(postgrest: SyncPostgrestClient, clean: Connection) -> None:
    def rows(data: object) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", data)

    users = postgrest.from_("users")
    new: list[dict[str, object]] = [{"name": "Dan", "age": 1}, {"name": "Eve"}]
    made = users.insert(new, default_to_null=False).execute()
    assert [row["name"] for row in rows(made.data)] == ["Dan", "Eve"]
    again = users.upsert({"name": "Dan", "age": 2}, on_conflict="name", count=CountMethod.exact).execute()
    assert (rows(again.data)[0]["age"], again.count) == (2, 1)
    assert rows(users.update({"age": 3}).eq("name", "Dan").execute().data)[0]["age"] == 3
    gone = users.delete().in_("name", ["Dan", "Eve"]).execute()
    assert {row["name"] for row in rows(gone.data)} == {"Dan", "Eve"}


@pytest.mark.parametrize(
    "name",
    ["'; drop table users; --", '"', "\\", "a\nb", "%s %(x)s $1 :x", "\u202eabc", "😀" * 50, "{a,b}", "null", "(1,2)"],
)
def test_values_arrive_as_they_were_sent(api: httpx.Client, clean: Connection, name: str) -> None:
    made = api.post("/users?select=name", json={"name": name}, headers=FULL)
    assert made.json() == [{"name": name}]
    assert api.get("/users", params={"name": f"eq.{name}", "select": "name"}).json() == [{"name": name}]
    quoted = json.dumps(name, ensure_ascii=False) if "\n" not in name else '"' + name + '"'
    assert api.get("/users", params={"name": f"in.({quoted},x)", "select": "name"}).json() == [{"name": name}]


def test_a_nul_is_refused_and_nothing_written(api: httpx.Client, clean: Connection) -> None:
    body = api.post("/users", content=b'{"name": "a\\u0000b"}', headers={"Content-Type": "application/json"})
    assert (body.status_code, body.json()["code"]) == (400, "22P05")
    assert api.get("/users?name=eq.a%00b").status_code == 400
