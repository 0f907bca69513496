"""What `alter role authenticator set pgrst.*` and a pre-config function may say, and what of it is refused."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.rest import config
from infra.local.rest.jsonpath import Path
from infra.local.settings import Settings
from tests.rest.conftest import configure, serving, until

Connection = psycopg.Connection[Any]
SECRET = "a secret of the tests that is long enough"


@pytest.fixture
def owner(bare: Settings) -> Iterator[Connection]:
    with psycopg.connect(bare.database_url("postgres"), autocommit=True) as connection:
        connection.execute("create table things (id int primary key, name text)")
        connection.execute("insert into things values (1, 'one'), (2, 'two'), (3, 'three')")
        connection.execute("grant select, insert, update, delete on things to anon, authenticated")
        connection.execute("create function me() returns text stable language sql as 'select current_user::text'")
        connection.execute("grant execute on function me() to anon, authenticated")
        yield connection


@pytest.fixture
def live(bare: Settings, owner: Connection) -> Iterator[httpx.Client]:
    with serving(bare) as url, httpx.Client(base_url=url) as client:
        yield client


def bearer(claims: dict[str, Any], secret: Any = SECRET, algorithm: str = "HS256", **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm, headers)}"}


@pytest.mark.parametrize(
    ("path", "claims", "role"),
    [
        ("$.role", {"role": "r"}, "r"),
        ("$.app.roles[1]", {"app": {"roles": ["a", "r"]}}, "r"),
        ("$.app.roles[-1]", {"app": {"roles": ["a", "r"]}}, "r"),
        ("$.app.roles[1:]", {"app": {"roles": ["a", "r", "b"]}}, "r"),
        ("$['https://example.com/roles'][0].key", {"https://example.com/roles": [{"key": "r"}]}, "r"),
        ('$["it\'s"]', {"it's": "r"}, "r"),
        ("$.roles[?(@ == 'r')]", {"roles": ["a", "r"]}, "r"),
        ("$.roles[?@ != 'a' && @ != 'b']", {"roles": ["a", "b", "r"]}, "r"),
        ("$.roles[?search(@, '^r[0-9]')]", {"roles": ["xr1", "r1"]}, "r1"),
        ("$.roles[?@.main].name", {"roles": [{"name": "a"}, {"name": "r", "main": None}]}, "r"),
        ("$.roles[?(@.rank >= 2 || @.name == 'x')].name", {"roles": [{"rank": 1}, {"name": "r", "rank": 2}]}, "r"),
        ("$.roles[?@.of == $.own].name", {"own": 7, "roles": [{"of": 1, "name": "a"}, {"of": 7, "name": "r"}]}, "r"),
        ("$..role", {"deep": [{"er": {"role": "r"}}]}, "r"),
        ("$.roles[*]", {"roles": {"x": "r"}}, "r"),
        ("$.roles[3]", {"roles": ["a"]}, None),
        ("$.roles[?@ == 'a']", {"roles": [{"a": "a"}]}, None),
        ("$.role", {"roles": "r"}, None),
        ('.app."a b"[1]', {"app": {"a b": ["a", "r"]}}, "r"),
        ('.roles[?(@ ^== "be")]', {"roles": ["ab", "begin"]}, "begin"),
        ('.roles[?(@ ==^ "nd")]', {"roles": ["ndx", "end"]}, "end"),
        ('.roles[?(@ *== "id")]', {"roles": ["x", "middle"]}, "middle"),
    ],
)  # fmt: skip
def test_a_path_leads_to_the_role(path: str, claims: dict[str, Any], role: str | None) -> None:
    assert Path(path).first(claims) == role


@pytest.mark.parametrize(
    "path",
    ["", "role", "$.", "$.a;b", "$[", "$[?]", "$['a", "@.a", ".a##", ".a[?(@ = 1)]", "$.a b", "$[" + "?(" * 9999],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no JSON path"):
        Path(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("db_tx_end", "whatever"), ("db_schemas", "public, pg_catalog"), ("openapi_mode", "follow-"),
        ("client_error_verbosity", "some"), ("jwt_aud", "http://%%broken"), ("jwt_role_claim_key", "role"),
        ("jwt_secret", "too short"), ("openapi_server_proxy_uri", "htp:/@@broken"),
    ],
)  # fmt: skip
def test_one_value_that_makes_no_sense_refuses_them_all(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        config.read(("public",), {"db_max_rows": "5", name: value})


def test_an_empty_value_is_the_default_of_the_server_itself() -> None:
    empty = dict.fromkeys([*config.KNOWN, "jwt_secret", "jwt_secret_is_base64"], "")
    read = config.read(("other",), empty)
    assert (read.schemas, read.anonymous_role, read.extra_search_path, read.max_rows) == (("public",), None, (), None)
    assert read.key_set is not None
    assert read.key_set.keys == ()
    assert read.role_claim.text == "$.role"


def test_settings_that_make_no_sense_leave_those_before_in_force(
    live: httpx.Client, bare: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    configure(bare, db_max_rows="2")
    until(lambda: live.get("/things"), lambda response: len(response.json()) == 2)
    configure(bare, db_max_rows="1", openapi_mode="sometimes")
    until(lambda: live.get("/things"), lambda _: "pgrst.openapi_mode" in caplog.text)
    assert len(live.get("/things").json()) == 2


def test_the_role_is_found_where_the_settings_say(live: httpx.Client, bare: Settings) -> None:
    configure(bare, jwt_secret=SECRET, jwt_role_claim_key="$.app.roles[?search(@, '^auth')]", jwt_aud="shop")
    token = bearer({"app": {"roles": ["x", "authenticated"]}, "aud": ["shop"]})
    until(lambda: live.get("/rpc/me", headers=token), lambda response: response.text == '"authenticated"')
    assert live.get("/rpc/me", headers=bearer({"role": "authenticated"})).json() == "anon"
    elsewhere = live.get("/rpc/me", headers=bearer({"aud": "bakery"}))
    assert (elsewhere.status_code, elsewhere.json()["message"]) == (401, "JWT not in audience")


def test_a_secret_in_the_database_replaces_the_keys_of_the_stack(
    live: httpx.Client, bare: Settings, owner: Connection
) -> None:
    own = {"Authorization": f"Bearer {bare.keys.anon_key}"}
    other = bearer({"role": "authenticated"})
    assert live.get("/rpc/me", headers=own).status_code == 200
    assert live.get("/rpc/me", headers=other).json()["code"] == "PGRST301"
    configure(bare, jwt_secret=base64.b64encode(SECRET.encode()).decode(), jwt_secret_is_base64="true")
    until(lambda: live.get("/rpc/me", headers=other), lambda response: response.text == '"authenticated"')
    refused = live.get("/rpc/me", headers=own)
    assert (refused.status_code, refused.json()["code"]) == (401, "PGRST301")
    configure(bare, jwt_secret="")
    lacking = until(lambda: live.get("/rpc/me", headers=other), lambda response: response.status_code == 500)
    assert lacking.json() == {
        "code": "PGRST300", "message": "Server lacks JWT secret", "details": None, "hint": None,
    }  # fmt: skip
    assert live.get("/rpc/me").json() == "anon"


def test_a_secret_may_be_a_set_of_public_keys(live: httpx.Client, bare: Settings) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    shared = {"kty": "oct", "kid": "old", "k": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")}
    configure(bare, jwt_secret=json.dumps({"keys": [public | {"kid": "new"}, shared, {"kty": "odd"}]}))
    claims = {"role": "authenticated", "exp": int(time.time()) + 60}
    signed = bearer(claims, key, "RS256", kid="new")
    until(lambda: live.get("/rpc/me", headers=signed), lambda response: response.text == '"authenticated"')
    assert live.get("/rpc/me", headers=bearer(claims, SECRET, kid="old")).status_code == 200
    assert live.get("/rpc/me", headers=bearer(claims)).status_code == 200  # without a name, each key is tried
    forged = bearer(claims, public["n"] * 2, kid="new")
    for wrong in (bearer(claims, SECRET, kid="new"), bearer(claims, SECRET, kid="none"), forged):
        assert live.get("/rpc/me", headers=wrong).json()["code"] == "PGRST301"
    unsigned = live.get("/rpc/me", headers=bearer(claims, None, "none"))
    assert unsigned.json()["details"] == "JWT is unsecured but expected 'alg' was not 'none'"


def test_nobody_is_anonymous_where_that_is_disabled(live: httpx.Client, bare: Settings) -> None:
    configure(bare, db_anon_role="")
    refused = until(lambda: live.get("/things"), lambda response: response.status_code == 401)
    assert (refused.json()["code"], refused.headers["www-authenticate"]) == ("PGRST302", "Bearer")
    assert refused.json()["message"] == "Anonymous access is disabled"
    token = jwt.encode({"role": "anon"}, bare.keys.jwt_secret)
    assert live.get("/things", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_pre_config_function_gives_what_the_role_leaves_open(
    live: httpx.Client, bare: Settings, owner: Connection
) -> None:
    owner.execute("create schema settings")
    owner.execute("grant usage on schema settings to authenticator")
    owner.execute("""
        create function settings.pre_config() returns void language sql as $$
          select set_config('pgrst.db_max_rows', '1', true), set_config('pgrst.db_aggregates_enabled', 'true', true)
        $$
    """)
    owner.execute("grant execute on function settings.pre_config() to authenticator")
    configure(bare, db_pre_config="settings.pre_config", db_max_rows="2")
    counted = until(lambda: live.get("/things?select=count()"), lambda response: response.status_code == 200)
    assert counted.json() == [{"count": 3}]
    assert len(live.get("/things").json()) == 2


def test_a_notification_that_is_no_order_changes_nothing(live: httpx.Client, bare: Settings, owner: Connection) -> None:
    with psycopg.connect(bare.database_url("supabase_admin"), autocommit=True) as admin:
        admin.execute(f"alter role authenticator in database {bare.database} set pgrst.db_max_rows to '1'")
        admin.execute("notify pgrst, 'reload everything'")
    owner.execute("create table later (id int)")  # has the schema read, and the settings with it
    until(lambda: live.get("/later"), lambda response: response.status_code == 401)
    assert len(live.get("/things").json()) == 1


def test_the_owner_may_set_everything_that_is_documented(owner: Connection) -> None:
    for name in [*config.KNOWN, "db_pre_config", "jwt_secret", "jwt_secret_is_base64"]:
        owner.execute(f"alter role authenticator in database {owner.info.dbname} set pgrst.{name} to ''")


@pytest.fixture
def careful(bare: Settings) -> Iterator[str]:
    """A role with settings of its own."""
    role = f"careful_{bare.database}"
    with psycopg.connect(bare.database_url("supabase_admin"), autocommit=True) as admin:
        admin.execute(f"create role {role}")
        admin.execute(f"grant {role} to authenticator")
        admin.execute(f"alter role {role} set statement_timeout to '7s'")
        admin.execute(f"alter role {role} set default_transaction_isolation to 'repeatable read'")
        admin.execute(f"alter role {role} set log_min_duration_statement to '1h'")  # not for authenticator to set
        yield role
        admin.execute(f"drop owned by {role}")
        admin.execute(f"drop role {role}")


def test_a_role_and_a_function_have_their_own_settings(
    live: httpx.Client, bare: Settings, owner: Connection, careful: str
) -> None:
    shown = "select array[{}]::text[]".format(
        ", ".join(
            f"current_setting('{name}')" for name in ("transaction_isolation", "statement_timeout", "work_mem", "role")
        )
    )
    owner.execute(f"create view settings as {shown} as shown")
    owner.execute(f"create function plain() returns text[] stable language sql as $$ {shown} $$")
    owner.execute(
        "create function own() returns text[] stable language sql set statement_timeout to '3s' set work_mem to '3MB' "
        f"set default_transaction_isolation to 'serializable' as $$ {shown} $$"
    )
    owner.execute(
        "create function hasty() returns void language sql set statement_timeout to '50ms' as 'select pg_sleep(5)'"
    )
    owner.execute(f"grant select on settings to {careful}")
    headers = {"Authorization": f"Bearer {jwt.encode({'role': careful}, bare.keys.jwt_secret)}"}
    until(lambda: live.get("/rpc/own"), lambda answer: answer.status_code == 200)
    until(lambda: live.get("/settings", headers=headers), lambda answer: answer.status_code == 200)
    default = owner.execute("show work_mem").fetchone()
    assert default is not None
    theirs = ["repeatable read", "7s", default[0], careful]
    assert live.get("/settings", headers=headers).json() == [{"shown": theirs}]
    assert live.get("/rpc/plain", headers=headers).json() == theirs
    assert live.post("/rpc/own", headers=headers).json() == ["serializable", "3s", "3MB", careful]
    late = live.post("/rpc/hasty")
    assert (late.status_code, late.headers["proxy-status"]) == (500, "PostgREST; error=57014")
    assert late.json()["message"] == "canceling statement due to statement timeout"
    configure(bare, db_hoisted_tx_settings="work_mem")
    own = until(lambda: live.post("/rpc/own", headers=headers), lambda answer: answer.json()[0] != "serializable")
    assert own.json() == ["repeatable read", "3s", "3MB", careful]


def test_statements_are_prepared_unless_the_settings_deny_it(
    live: httpx.Client, bare: Settings, owner: Connection
) -> None:
    counted = "select count(*)::int from pg_prepared_statements"
    owner.execute(f"create function prepared() returns int stable language sql as '{counted}'")

    def last_of_many() -> httpx.Response:
        return [live.get("/rpc/prepared") for _ in range(8)][-1]

    until(last_of_many, lambda answer: answer.status_code == 200 and answer.json() > 0)
    configure(bare, db_prepared_statements="false")
    until(last_of_many, lambda answer: answer.json() == 0)


def test_errors_are_told_shortly_where_the_settings_say(live: httpx.Client, bare: Settings) -> None:
    configure(bare, client_error_verbosity="minimal")
    beyond = {"Prefer": "count=exact"}
    answer = until(lambda: live.get("/nope"), lambda answer: set(answer.json()) == {"code", "message"})
    assert answer.json()["code"] == "PGRST205"
    answer = live.get("/things?offset=9", headers=beyond)
    assert answer.json() == {"code": "PGRST103", "message": "Requested range not satisfiable"}
    assert set(live.get("/things?id=eq.x").json()) == {"code", "message"}
