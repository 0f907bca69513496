"""Resources within resources: every cardinality, hints, filters on them, spreads, views, functions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


def get(api: httpx.Client, url: str) -> Any:
    response = api.get(url)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_parent_is_an_object_and_children_are_a_list(api: httpx.Client) -> None:
    assert get(api, "/projects?select=name,clients(name)&order=id&id=in.(1,4)") == [
        {"name": "Website", "clients": {"name": "Apple"}},
        {"name": "Orphan", "clients": None},
    ]
    assert get(api, "/clients?select=name,projects(name)&order=id&projects.order=name") == [
        {"name": "Apple", "projects": [{"name": "Phone"}, {"name": "Website"}]},
        {"name": "Banana", "projects": [{"name": "Peel"}]},
        {"name": "Citrus, Inc. (EU)", "projects": []},
    ]


def test_a_junction_makes_many_to_many_and_a_shared_key_one_to_one(api: httpx.Client) -> None:
    assert get(api, "/users?select=name,tasks(name),profiles(bio)&order=id&tasks.order=name&id=lt.3") == [
        {"name": "Ann", "tasks": [{"name": "code"}, {"name": "design"}], "profiles": {"bio": "writes"}},
        {"name": "Bob", "tasks": [{"name": "call"}, {"name": "code"}], "profiles": {"bio": "reads"}},
    ]


def test_embedding_goes_as_deep_as_it_is_asked_to(api: httpx.Client) -> None:
    url = (
        "/assignments?user_id=eq.1&task_id=eq.1&select=hours,task:tasks(name,projects(name,clients(name,projects(id))))"
    )
    assert get(api, url) == [
        {
            "hours": 3,
            "task": {
                "name": "design",
                "projects": {"name": "Website", "clients": {"name": "Apple", "projects": [{"id": 1}, {"id": 2}]}},
            },
        }
    ]


def test_filters_order_and_limits_apply_to_the_embedded_rows(api: httpx.Client) -> None:
    url = "/projects?id=eq.1&select=name,tasks(name)&tasks.order=name.desc&tasks.limit=1&tasks.offset=1"
    assert get(api, url) == [{"name": "Website", "tasks": [{"name": "design"}]}]
    assert get(api, "/projects?id=eq.1&select=tasks(name)&tasks.or=(name.eq.code,name.eq.test)&tasks.order=id") == [
        {"tasks": [{"name": "code"}, {"name": "test"}]}
    ]


def test_an_inner_join_leaves_out_rows_without_children(api: httpx.Client) -> None:
    assert get(api, "/clients?select=name,projects!inner(name)&projects.name=eq.Peel") == [
        {"name": "Banana", "projects": [{"name": "Peel"}]}
    ]
    assert len(get(api, "/projects?select=name,clients!inner(name)")) == 3


def test_a_null_filter_asks_whether_there_are_children(api: httpx.Client) -> None:
    assert get(api, "/clients?select=name,projects()&projects=is.null") == [{"name": "Citrus, Inc. (EU)"}]
    url = "/clients?select=name,projects()&projects.name=eq.Peel&or=(projects.not.is.null,name.like.C*)&order=id"
    assert get(api, url) == [{"name": "Banana"}, {"name": "Citrus, Inc. (EU)"}]


def test_two_keys_to_one_table_need_a_hint(api: httpx.Client) -> None:
    response = api.get("/orders?select=id,clients(name)")
    assert response.status_code == 300
    error = response.json()
    assert error["code"] == "PGRST201"
    assert [each["relationship"] for each in error["details"]] == [
        "orders_billing_fkey using orders(billing_id) and clients(id)",
        "orders_shipping_fkey using orders(shipping_id) and clients(id)",
    ]
    assert error["hint"].startswith(
        "Try changing 'clients' to one of the following: 'clients!orders_billing_fkey', 'clients!orders_shipping_fkey'."
    )


@pytest.mark.parametrize(
    "hint", ["clients!orders_shipping_fkey", "clients!shipping_id", "orders_shipping_fkey", "shipping_id"]
)
def test_a_constraint_or_a_column_says_which_key_is_meant(api: httpx.Client, hint: str) -> None:
    assert get(api, f"/orders?id=eq.1&select=to:{hint}(name)") == [{"to": {"name": "Banana"}}]


def test_both_keys_can_be_embedded_under_their_own_names(api: httpx.Client) -> None:
    url = "/orders?id=eq.1&select=billing:clients!billing_id(name),shipping:clients!shipping_id(name)"
    assert get(api, url) == [{"billing": {"name": "Apple"}, "shipping": {"name": "Banana"}}]


def test_a_self_relationship_goes_down_by_table_and_up_by_column(api: httpx.Client) -> None:
    assert get(api, "/tasks?id=eq.2&select=name,parent_id(name),children:tasks(name)") == [
        {"name": "code", "parent_id": {"name": "design"}, "children": [{"name": "test"}]}
    ]


def test_a_spread_puts_the_childs_columns_into_the_parent(api: httpx.Client) -> None:
    assert get(api, "/projects?id=eq.1&select=name,...clients(client:name,settings->vip)") == [
        {"name": "Website", "client": "Apple", "vip": True}
    ]
    assert get(api, "/clients?id=eq.1&select=name,...projects(titles:name,budget)&projects.order=name") == [
        {"name": "Apple", "titles": ["Phone", "Website"], "budget": [50, 100.50]}
    ]


def test_a_view_stands_in_for_its_table(api: httpx.Client) -> None:
    assert get(api, "/client_list?client_number=eq.2&select=title,projects(name)") == [
        {"title": "Banana", "projects": [{"name": "Peel"}]}
    ]
    assert get(api, "/projects?id=eq.3&select=client_list(title)") == [{"client_list": {"title": "Banana"}}]


def test_functions_are_fields_and_relationships(api: httpx.Client) -> None:
    assert get(api, "/clients?id=eq.2&select=upper_name") == [{"upper_name": "BANANA"}]
    assert get(api, "/projects?id=eq.1&select=recent_tasks(name)&recent_tasks.limit=1") == [
        {"recent_tasks": [{"name": "test"}]}
    ]


def test_no_relationship_is_told_with_a_suggestion(api: httpx.Client) -> None:
    response = api.get("/projects?select=client(*)")
    assert response.status_code == 400
    assert response.json() == {
        "code": "PGRST200",
        "details": "Searched for a foreign key relationship between 'projects' and 'client' in the schema 'public', "
        "but no matches were found.",
        "hint": "Perhaps you meant 'clients' instead of 'client'.",
        "message": "Could not find a relationship between 'projects' and 'client' in the schema cache",
    }


def test_rows_cannot_be_ordered_by_a_list(api: httpx.Client) -> None:
    response = api.get("/clients?select=name,projects(name)&order=projects(name)")
    assert (response.status_code, response.json()["code"]) == (400, "PGRST118")


def test_an_alias_is_the_name_in_filters_and_the_old_way_is_warned_about(api: httpx.Client) -> None:
    url = "/clients?id=eq.1&select=work:projects(name)"
    assert get(api, f"{url}&work.name=eq.Phone") == [{"work": [{"name": "Phone"}]}]
    legacy = api.get(f"{url}&projects.name=eq.Phone")
    assert legacy.json() == [{"work": [{"name": "Phone"}]}]
    assert legacy.headers["warning"].startswith("299 PostgRESTv16")
    assert "`projects` to `work`" in legacy.headers["warning"]


def test_of_two_resources_that_a_name_fits_the_first_is_meant(api: httpx.Client) -> None:
    url = "/clients?id=eq.1&select=work:projects(name),projects(name)&projects.name=eq.Phone&work.order=name"
    assert get(api, url) == [{"work": [{"name": "Phone"}], "projects": [{"name": "Website"}, {"name": "Phone"}]}]


def test_what_a_path_names_is_looked_for_before_relationships_are(api: httpx.Client) -> None:
    error = api.get("/clients?select=nothing(*)&others.id=eq.1").json()
    assert (error["code"], error["message"]) == ("PGRST108", "'others' is not an embedded resource in this request")


def test_the_first_of_several_orders_counts(api: httpx.Client) -> None:
    assert [row["id"] for row in get(api, "/clients?select=id&order=id.desc&order=id.asc")] == [3, 2, 1]
