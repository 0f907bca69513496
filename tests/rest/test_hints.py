"""What an error suggests to somebody who has misspelt a name."""

from __future__ import annotations

import time

import httpx
import pytest

from infra.local.rest.fuzzy import closest


@pytest.mark.parametrize(
    ("wanted", "names", "found"),
    [
        ("client", ["clients", "projects"], "clients"),
        ("CLIENTS", ["Clients"], "Clients"),
        ("client_s", ["clients", "cliens"], "clients"),
        ("xyz", ["abc"], None),
        # As like as the other by edits, but with three letters in a row in common.
        ("orders", ["orderly", "border"], "orderly"),
        ("", ["a"], None),
        ("ß", ["ss"], None),
    ],
)
def test_the_likest_name_shares_runs_of_letters(wanted: str, names: list[str], found: str | None) -> None:
    assert closest(wanted, names, at_least=0.33) == found


def test_a_name_that_has_nothing_in_a_row_in_common_is_not_suggested() -> None:
    assert closest("abcd", ["xaxbxcxdx"], at_least=0.33) is None


def test_an_absurdly_long_name_costs_no_time() -> None:
    began = time.perf_counter()
    assert closest("clients" * 20_000, [f"clients_{number}" for number in range(400)], at_least=0.33) is None
    assert time.perf_counter() - began < 2


def test_a_misspelt_table_or_function_is_suggested_if_nearly_right(api: httpx.Client) -> None:
    assert api.get("/client").json()["hint"] == "Perhaps you meant the table 'public.clients'"
    assert api.get("/clnt").json()["hint"] is None
    assert api.get("/rpc/nothin").json()["hint"] == "Perhaps you meant to call the function public.nothing"


def test_a_misspelt_argument_is_suggested_with_its_function(api: httpx.Client) -> None:
    error = api.post("/rpc/add", json={"aa": 1, "b": 2}).json()
    assert (error["code"], error["hint"]) == (
        "PGRST202",
        "Perhaps you meant to call the function public.add(a, b)",
    )


def test_functions_that_cannot_be_told_apart_are_listed_by_their_parameters(api: httpx.Client) -> None:
    error = api.get("/rpc/either?value=1").json()
    assert error["code"] == "PGRST203"
    told = "public.either(value => integer), public.either(value => text)"
    assert error["message"] == f"Could not choose the best candidate function between: {told}"
