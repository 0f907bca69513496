"""API keys: made once, kept as a hash, exchanged for short tokens, ended at once."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import jwt
import pytest
from postgrest import APIError

from tests.access.conftest import EVERYTHING, Logged, World


def listed(world: World, role: str) -> list[dict[str, Any]]:
    with world.client(world.signed(world.acme.people[role])) as client:
        rows: Any = client.table("api_keys").select("*").execute().data
        return list(rows)


def test_a_secret_is_told_once_and_kept_nowhere(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:read"])
    secret = made["secret"]
    assert made["prefix"] == secret[:12]
    found = world.db.execute(
        "select s.sha256, to_jsonb(k)::text as shown from private.api_key_secrets as s"
        " join public.api_keys as k on k.id = s.api_key_id where k.id = %s",
        [made["id"]],
    ).fetchone()
    assert found
    assert bytes(found["sha256"]) == hashlib.sha256(secret.encode()).digest()
    assert secret[12:] not in found["shown"]
    logged = world.value("select string_agg(a.changes::text, '') from public.audit_log as a")
    assert secret[12:] not in logged
    assert secret not in json.dumps(listed(world, "owner"))


def test_no_two_secrets_are_alike(world: World) -> None:
    secrets = {world.new_key(world.acme, ["tickets:read"])["secret"] for _ in range(10)}
    assert len(secrets) == len({secret[4:20] for secret in secrets}) == 10
    # 244 of their 256 bits are random: two version 4 UUIDs.
    assert all(len(secret) == 4 + 64 for secret in secrets)


def test_admins_see_keys_and_others_do_not(world: World) -> None:
    world.new_key(world.acme, ["tickets:read"], name="for the list")
    assert "for the list" in {row["name"] for row in listed(world, "admin")}
    assert {tuple(row) for row in listed(world, "admin")} == {
        (
            "id", "organization_id", "name", "prefix", "scopes", "role", "created_by", "last_used_at", "expires_at",
            "revoked_at", "created_at",
        )
    }  # fmt: skip
    assert listed(world, "agent") == []


@pytest.mark.parametrize(
    ("role", "said", "told"),
    [
        ("agent", {}, "only admins"),
        ("admin", {"role": "owner"}, "cannot make a key with role owner"),
        ("owner", {"role": "owner"}, "role_check"),
        ("owner", {"scopes": ["everything"]}, "scopes_check"),
        ("owner", {"scopes": []}, "scopes_check"),
        ("owner", {"name": " "}, "name_check"),
        ("owner", {"expires_at": "2020-01-01T00:00:00Z"}, "expired already"),
    ],
)
def test_a_key_that_must_not_be_is_not_made(world: World, role: str, said: dict[str, Any], told: str) -> None:
    before = world.value("select count(*) from public.api_keys")
    wanted = {"organization_id": str(world.acme.id), "name": "robot", "scopes": ["tickets:read"]} | said
    with world.client(world.signed(world.acme.people[role])) as client, pytest.raises(APIError, match=told):
        client.rpc("create_api_key", wanted).execute()
    assert world.value("select count(*) from public.api_keys") == before


def test_nobody_makes_or_ends_keys_of_another_organization(world: World) -> None:
    theirs = world.new_key(world.bolt, ["tickets:read"])
    wanted: Any = {"organization_id": str(world.bolt.id), "name": "x", "scopes": ["tickets:read"]}
    with world.client(world.signed(world.acme.people["owner"])) as client:
        with pytest.raises(APIError, match="only admins"):
            client.rpc("create_api_key", wanted).execute()
        with pytest.raises(APIError, match="no API key"):
            client.rpc("revoke_api_key", {"api_key_id": theirs["id"]}).execute()
    assert world.token(theirs["secret"]).status_code == 200


def test_a_key_gives_a_token_of_ten_minutes(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:write", "tickets:read"])
    answer = world.token(made["secret"])
    told = json.loads(answer.body)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 600, "tickets:read tickets:write")
    claims = jwt.decode(
        told["access_token"], jwt.PyJWK(world.settings.keys.signing_key), ["ES256"], audience="authenticated"
    )
    assert claims["exp"] - claims["iat"] == 600
    assert claims["iat"] == pytest.approx(time.time(), abs=5)
    assert (claims["role"], claims["key_id"]) == ("pgdesk_api_key", made["id"])
    assert claims["organization_id"] == str(world.acme.id)
    assert "sub" not in claims


def test_a_token_does_not_outlive_its_key(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:read"])
    world.db.execute("update public.api_keys set expires_at = now() + interval '90 s' where id = %s", [made["id"]])
    assert 80 <= json.loads(world.token(made["secret"]).body)["expires_in"] <= 90


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer pgd_", "Bearer x", "Basic x", f"Bearer pgd_{'0' * 64}", "Bearer pgd_'--"]
)
def test_what_is_no_key_gets_no_token(world: World, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = world.functions.http.post("/v1/token", headers=headers)
    assert (answer.status_code, json.loads(answer.body)["code"]) == (401, "unauthorized")


def test_a_revoked_key_ends_at_once_with_the_tokens_that_are_out(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:read"])
    headers = world.bearing(json.loads(world.token(made["secret"]).body)["access_token"])
    assert len(world.http.get("/tickets", headers=headers).json()) == 1
    with world.client(world.signed(world.acme.people["admin"])) as client:
        client.rpc("revoke_api_key", {"api_key_id": made["id"]}).execute()
    refused = world.http.get("/tickets", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "PT401")
    assert "invalid_token" in refused.headers["www-authenticate"]
    assert world.token(made["secret"]).status_code == 401


def test_an_expired_key_ends_with_the_tokens_that_are_out(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:read"])
    headers = world.bearing(json.loads(world.token(made["secret"]).body)["access_token"])
    world.db.execute("update public.api_keys set expires_at = now() - interval '1 s' where id = %s", [made["id"]])
    assert world.http.get("/tickets", headers=headers).status_code == 401
    assert world.token(made["secret"]).status_code == 401


def test_a_revoked_key_stays_revoked(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:read"])
    with world.client(world.signed(world.acme.people["owner"])) as client:
        first: Any = client.rpc("revoke_api_key", {"api_key_id": made["id"]}).execute().data
        again: Any = client.rpc("revoke_api_key", {"api_key_id": made["id"]}).execute().data
        assert again["revoked_at"] == first["revoked_at"]
        with pytest.raises(APIError, match="permission denied"):
            client.table("api_keys").update({"revoked_at": None}).eq("id", made["id"]).execute()


def test_use_is_noted_once_a_minute(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:read"])
    assert made["last_used_at"] is None
    used = []
    for _ in range(2):
        assert world.token(made["secret"]).status_code == 200
        used.append(world.value("select last_used_at from public.api_keys where id = %s", [made["id"]]))
    assert used[0] is not None
    assert used[0] == used[1]
    world.db.execute(
        "update public.api_keys set last_used_at = last_used_at - interval '2 minutes' where id = %s", [made["id"]]
    )
    assert world.token(made["secret"]).status_code == 200
    assert world.value("select last_used_at from public.api_keys where id = %s", [made["id"]]) > used[0]


def test_making_and_revoking_is_audited_and_use_is_not(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:read"])
    world.token(made["secret"])
    with world.client(world.signed(world.acme.people["admin"])) as client:
        client.rpc("revoke_api_key", {"api_key_id": made["id"]}).execute()
    lines = world.db.execute(
        "select action, actor_id from public.audit_log where table_name = 'api_keys' and row_id = %s order by id",
        [made["id"]],
    ).fetchall()
    people = world.acme.people
    assert [(line["action"], line["actor_id"]) for line in lines] == [
        ("insert", people["owner"].user_id), ("update", people["admin"].user_id),
    ]  # fmt: skip


def test_no_secret_is_logged(world: World, logged: Logged) -> None:
    made = world.new_key(world.acme, EVERYTHING)
    world.token(made["secret"])
    world.token(made["secret"][:-1] + "g")
    assert made["secret"][12:40] not in str(logged())


def test_a_key_outlives_who_made_it_and_goes_with_its_organization(world: World) -> None:
    gone = world.organization("gone")
    made = world.new_key(gone, ["tickets:read"])
    world.db.execute("delete from auth.users where id = %s", [gone.people["admin"].user_id])
    assert world.token(made["secret"]).status_code == 200
    world.db.execute("delete from public.organizations where id = %s", [gone.id])
    assert world.token(made["secret"]).status_code == 401
    assert world.value("select count(*) from private.api_key_secrets where api_key_id = %s", [made["id"]]) == 0
