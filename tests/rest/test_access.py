"""Who may do what: tokens, roles, row-level security, limits, and clients that mean harm."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from infra.local import tokens
from infra.local.settings import Keys, Settings
from tests.rest.conftest import ANN


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_without_a_token_the_caller_is_anonymous(api: httpx.Client) -> None:
    assert api.get("/rpc/who", headers={"apikey": ""}).json()["role"] == "anon"
    assert api.get("/rpc/who").json()["role"] == "anon"


def test_a_secret_key_is_the_service_role_and_sees_past_policies(api: httpx.Client, shop: Settings) -> None:
    service = {"apikey": shop.keys.secret_key}
    assert api.get("/rpc/who", headers=service).json()["role"] == "service_role"
    assert len(api.get("/notes?id=lt.3", headers=service).json()) == 2


def test_a_user_sees_and_writes_only_what_policies_allow(
    api: httpx.Client, ann: dict[str, str], clean: psycopg.Connection[Any]
) -> None:
    assert [row["body"] for row in api.get("/notes", headers=ann).json()] == ["mine"]
    assert api.get("/notes").json() == []
    full = ann | {"Prefer": "return=representation"}
    assert api.post("/notes", json={"owner": ANN, "body": "new"}, headers=full).status_code == 201
    foreign = api.post("/notes", json={"owner": ANN[:-1] + "b", "body": "forged"}, headers=ann)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "42501")
    assert api.patch("/notes?id=gt.0&select=body", json={"body": "changed"}, headers=full).json() == [
        {"body": "changed"}, {"body": "changed"},
    ]  # fmt: skip
    assert clean.execute("select body from notes where owner <> %s", [ANN]).fetchall() == [("theirs",)]
    clean.execute("update notes set body = 'mine' where id = 1")


def test_what_is_not_granted_is_401_for_anon_and_403_for_others(api: httpx.Client, ann: dict[str, str]) -> None:
    anonymous = api.get("/locked")
    assert (anonymous.status_code, anonymous.headers["www-authenticate"]) == (401, "Bearer")
    assert anonymous.json()["message"] == "permission denied for table locked"
    assert api.get("/locked", headers=ann).status_code == 403


def test_the_request_is_visible_to_the_database(api: httpx.Client, ann: dict[str, str]) -> None:
    seen = api.get(
        "/rpc/who", headers=ann | {"X-Custom": "custom", "Cookie": "taste=sweet", "Prefer": "timezone=Asia/Tokyo"}
    ).json()
    assert seen["role"] == "authenticated"
    assert seen["sub"] == ANN
    assert (seen["method"], seen["path"]) == ("GET", "/rpc/who")
    assert (seen["header"], seen["cookie"]) == ("custom", "sweet")
    assert seen["timezone"] == "Asia/Tokyo"
    assert seen["timeout"] == "8s"


def test_an_expired_token_is_refused(api: httpx.Client, shop: Settings) -> None:
    past = int(time.time()) - 3600
    token = tokens.sign(shop.keys, {"role": "authenticated", "sub": ANN, "exp": past})
    response = api.get("/clients", headers=bearer(token))
    assert response.status_code == 401
    assert response.json() == {"code": "PGRST303", "message": "JWT expired", "details": None, "hint": None}
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token", error_description="JWT expired"'


def test_a_token_that_was_good_expires(api: httpx.Client, shop: Settings) -> None:
    edge = int(time.time()) - tokens.LEEWAY + 1  # good for a second more
    token = tokens.sign(shop.keys, {"role": "authenticated", "sub": ANN, "exp": edge})
    assert api.get("/clients", headers=bearer(token)).status_code == 200
    deadline = time.monotonic() + 10
    while api.get("/clients", headers=bearer(token)).status_code == 200:
        assert time.monotonic() < deadline, "the token never expired"
    assert api.get("/clients", headers=bearer(token)).json()["code"] == "PGRST303"


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("x", "Expected 3 parts in JWT; got 1"),
        ("a.b", "Expected 3 parts in JWT; got 2"),
        ("a.b.c", "JWT cryptographic operation failed"),
    ],
)
def test_what_is_no_token_is_refused(api: httpx.Client, token: str, message: str) -> None:
    response = api.get("/clients", headers=bearer(token))
    assert (response.status_code, response.json()["code"], response.json()["message"]) == (401, "PGRST301", message)


def test_a_bearer_without_a_token_is_refused(api: httpx.Client) -> None:
    response = api.get("/clients", headers={"Authorization": "Bearer"})
    assert (response.status_code, response.json()["code"]) == (401, "PGRST301")
    assert response.json()["message"] == "Empty JWT is sent in Authorization header"


@pytest.mark.parametrize("claim", [{"exp": None}, {"nbf": None, "iat": None, "aud": None}, {"sub": 7, "jti": 1}])
def test_claims_that_are_null_or_nobody_reads_are_no_matter(
    api: httpx.Client, shop: Settings, claim: dict[str, Any]
) -> None:
    token = tokens.sign(shop.keys, {"role": "authenticated"} | claim)
    assert api.get("/rpc/who", headers=bearer(token)).json()["role"] == "authenticated"


def test_tokens_of_another_issuer_or_without_signature_are_refused(api: httpx.Client, shop: Settings) -> None:
    claims = {"role": "service_role", "exp": 4102444800}
    forged = [
        tokens.sign(Keys.generate(), claims),
        tokens.sign_shared(Keys(service_password="", signing_key={}, jwt_secret="x" * 40), claims),
        "eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.",
    ]
    for token in forged:
        response = api.get("/notes", headers=bearer(token))
        assert (response.status_code, response.json()["code"]) == (401, "PGRST301"), token


def test_a_role_that_does_not_exist_or_is_not_granted_is_refused(api: httpx.Client, shop: Settings) -> None:
    nobody = tokens.sign_shared(shop.keys, {"role": "nobody_here"})
    assert api.get("/clients", headers=bearer(nobody)).status_code == 401
    for role in ("postgres", "supabase_admin"):
        token = tokens.sign_shared(shop.keys, {"role": role})
        response = api.get("/clients", headers=bearer(token))
        assert (response.status_code, response.json()["code"]) == (403, "42501")


def test_nothing_of_one_request_is_left_for_the_next(api: httpx.Client, ann: dict[str, str]) -> None:
    for _ in range(15):  # more than there are connections
        assert api.get("/notes", headers=ann).json() != []
        assert api.get("/rpc/who").json()["sub"] is None
        assert api.get("/nope?select=", headers=ann).status_code == 404
        assert api.get("/locked").status_code == 401


def test_the_roles_timeout_ends_a_long_statement(api: httpx.Client) -> None:
    began = time.monotonic()
    response = api.post("/rpc/slow", json={"seconds": 20}, timeout=15)
    assert (response.status_code, response.json()["code"]) == (500, "57014")
    assert 2 < time.monotonic() - began < 10


def test_only_exposed_schemas_can_be_reached(api: httpx.Client) -> None:
    response = api.get("/secrets", headers={"Accept-Profile": "private"})
    assert (response.status_code, response.json()["code"]) == (406, "PGRST106")
    assert response.json()["hint"] == "Only the following schemas are exposed: public"
    for path in ("/secrets", "/private.secrets", "/pg_catalog.pg_authid", "/pg_authid", '/private"."secrets'):
        assert api.get(path).status_code == 404


def test_tables_and_columns_with_hostile_names_are_served(api: httpx.Client) -> None:
    address = "/odd%20%22name%22,%20(x)"
    made = api.post(address, json={"id": 1, "a column.b": "x"}, headers={"Prefer": "return=representation"})
    assert made.json() == [{"id": 1, "a column.b": "x"}]
    assert api.get(address, params={"select": '"a column.b"', '"a column.b"': "eq.x"}).json() == [{"a column.b": "x"}]
    assert api.delete(f"{address}?id=eq.1").status_code == 204


HOSTILE = [
    "id;drop table clients",
    'id" from clients; drop table clients; --',
    'id"; drop table clients; --',
    "id) from private.secrets--",
    "*,(select value from private.secrets)",
    "id::text) from private.secrets --",
    "id::text$$,name::$$",
    "x->>') from private.secrets --",
    '"id\\" from private.secrets --"',
    "clients(*) from private.secrets --",
    "pg_sleep(1)",
    "$1",
    "%s",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["select", "order", "or", "key", "columns", "on_conflict", "alias", "language"])
def test_text_in_an_address_never_becomes_sql(
    api: httpx.Client, clean: psycopg.Connection[Any], text: str, place: str
) -> None:
    params = {
        "select": {"select": text},
        "order": {"order": text},
        "or": {"or": f"({text}.eq.1,id.eq.1)"},
        "key": {text: "eq.1"},
        "columns": {"columns": text},
        "on_conflict": {"on_conflict": text},
        "alias": {"select": f"{text}:id"},
        "language": {"name": f"fts({text}).x"},
    }[place]
    response = (
        api.post(
            "/clients",
            params=params,
            json={"name": "x"},
            headers={"Prefer": "resolution=merge-duplicates"},
        )
        if place in ("columns", "on_conflict")
        else api.get("/clients", params=params)
    )
    assert "hidden" not in response.text
    error = response.json() if response.content and response.status_code >= 400 else {}
    assert error.get("code") != "42601", error  # a syntax error would mean that it got into the statement
    assert api.get("/clients?select=id&id=lt.4").json() == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_a_preference_or_a_header_never_becomes_sql(api: httpx.Client) -> None:
    attacks = {"Prefer": "timezone=UTC'; drop table clients; --", "Accept-Profile": 'public"; drop table clients; --'}
    for name, value in attacks.items():
        assert api.get("/clients", headers={name: value}).status_code in (400, 406)
    assert api.get("/clients?select=id&limit=1").status_code == 200


def test_text_that_is_told_back_in_a_header_stays_within_it(api: httpx.Client) -> None:
    alias = '"x\r\nSet-Cookie: a=b\u2028ü"'
    response = api.get("/clients", params={"select": f"{alias}:projects(name)", "projects.name": "eq.x"})
    assert response.status_code == 200
    assert "set-cookie" not in response.headers
    assert "Set-Cookie: a=b" in response.headers["warning"]


@pytest.mark.parametrize(
    "query", ["select=" + "a(" * 5000, "or=" + "(or" * 5000, "limit=" + "9" * 5000, "offset=" + "9" * 30]
)
def test_excess_is_refused_or_ignored_but_never_an_accident(api: httpx.Client, query: str) -> None:
    response = api.get(f"/clients?{query}", headers={"Range": "9" * 5000 + "-", "Prefer": "max-affected=" + "9" * 5000})
    assert response.status_code < 500


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"exp": "soon"}, "The JWT 'exp' claim must be a number"),
        ({"exp": "4102444800"}, "The JWT 'exp' claim must be a number"),
        ({"exp": True}, "The JWT 'exp' claim must be a number"),
        ({"nbf": "then"}, "The JWT 'nbf' claim must be a number"),
        ({"iat": "once"}, "The JWT 'iat' claim must be a number"),
        ({"nbf": 4102444800}, "JWT not yet valid"),
        ({"iat": 4102444800}, "JWT issued at future"),
        ({"aud": 1}, "The JWT 'aud' claim must be a string or an array of strings"),
        ({"aud": ["a", 1]}, "The JWT 'aud' claim must be a string or an array of strings"),
    ],
)
def test_claims_that_make_no_sense_are_refused(
    api: httpx.Client, shop: Settings, claim: dict[str, Any], message: str
) -> None:
    header = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT"}')
    body = jwt.utils.base64url_encode(json.dumps({"role": "authenticated"} | claim).encode())
    signature = hmac.digest(shop.keys.jwt_secret.encode(), header + b"." + body, "sha256")
    token = b".".join([header, body, jwt.utils.base64url_encode(signature)]).decode()
    response = api.get("/clients", headers=bearer(token))
    assert (response.status_code, response.json()["code"], response.json()["message"]) == (401, "PGRST303", message)
