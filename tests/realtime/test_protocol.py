"""Answers word for word, where clients or people act on the words."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import httpx
import jwt
import pytest
from websockets.exceptions import InvalidStatus

from infra.local import tokens
from tests.realtime.client import client, token
from tests.realtime.conftest import Stack
from tests.realtime.test_changes import follow, run, told
from tests.realtime.test_channels import play, post


def test_a_join_says_what_is_wrong_with_its_token(shared: Stack) -> None:
    keys = shared.settings.keys
    now = int(time.time())
    odd: dict[str, Any] = {"role": "authenticated", "exp": now + 60}
    cases = {
        "not a token": "MalformedJWT: The token provided is not a valid JWT",
        "": "MalformedJWT: The token provided is not a valid JWT",
        jwt.encode(odd, "another secret, long enough to sign with it", "HS256"): (
            "JwtSignatureError: Failed to validate JWT signature"
        ),
        jwt.encode(odd, jwt.PyJWK(keys.signing_key), "ES256", {"kid": "gone"}): (
            'JwtSignerError: Failed to generate JWT signer for key ID (kid) "gone", check your JWT secret or JWKS '
            "configuration"
        ),
        jwt.encode(odd, "", "none"): (
            "JwtSignerError: Failed to generate JWT signer, check your JWT secret or JWKS configuration"
        ),
        tokens.sign(keys, {"role": "authenticated"}): "InvalidJWTToken: Fields `role` and `exp` are required in JWT",
        tokens.sign(keys, {"exp": now + 60}): "InvalidJWTToken: Fields `role` and `exp` are required in JWT",
    }

    async def scene() -> None:
        async with client(shared) as one:
            for bearer, words in cases.items():
                assert (await one.join("a", bearer))["response"] == {"reason": words}
            late = (await one.join("a", token(shared.settings, seconds=-60)))["response"]["reason"]
            assert re.fullmatch(r"InvalidJWTToken: Token has expired 6\d seconds ago", late)
            decimal = tokens.sign(keys, odd | {"exp": now + 60.7})
            assert (await one.join("a", decimal))["status"] == "ok"
            # An opaque key beside a user's connection is no token: the connection's own counts.
            assert (await one.join("b", keys.publishable_key))["status"] == "ok"

    play(scene())


@pytest.mark.parametrize(
    ("bearer", "words"), [("", "The token provided is not a valid JWT"), ("x.y.z", "The token provided is not")]
)
def test_a_new_token_that_is_none_closes_the_channel_with_the_reason(shared: Stack, bearer: str, words: str) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await one.join("a")
            await one.send("realtime:a", "access_token", {"access_token": None})  # nothing: ignored
            await one.send("realtime:a", "access_token", {"access_token": bearer})
            said = await one.expect("system")
            assert words in said.payload["message"]
            assert (said.payload["extension"], said.payload["status"]) == ("system", "error")
            await one.expect("phx_close")

    play(scene())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"broadcast": {"replay": {"since": 1}}}, "UnableToReplayMessages: Replay is not allowed for public channels"),
        ({"broadcast": {"replay": None}}, "UnableToReplayMessages: Replay is not allowed for public channels"),
        ({"private": True, "broadcast": {"replay": {}}}, "UnableToReplayMessages: Replay params are not valid"),
        (
            {"private": True, "broadcast": {"replay": {"since": 1, "limit": "x"}}},
            "UnableToReplayMessages: Replay params are not valid",
        ),
    ],
)
def test_a_replay_that_cannot_be_says_why(shared: Stack, config: dict[str, Any], words: str) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            reply = await one.join("room:ada", token(shared.settings), **config)
            assert reply == {"status": "error", "response": {"reason": words}}

    play(scene())


def test_clients_from_before_row_changes_had_an_event_are_told_in_their_words(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared, "1.0.0") as one:
            ref = await one.send(
                "realtime:public:notes:owner=eq.ada", "phx_join", {"user_token": token(shared.settings)}
            )
            reply = await one.answer(ref)
            wanted = {"schema": "public", "table": "notes", "filter": "owner=eq.ada"}
            assert reply["response"]["postgres_changes"][0].items() >= wanted.items()
            assert (await one.expect("system")).payload["status"] == "ok"
            await run(shared, "insert into notes (id, owner) values (901, 'eve'), (902, 'ada')")
            change = await one.expect("INSERT")
            assert (change.payload["type"], change.payload["record"]["id"]) == ("INSERT", 902)
            await run(shared, "delete from notes where id > 900")

    play(scene())


def test_a_table_that_differs_by_filter_and_role_is_told_to_each_by_its_own(shared: Stack) -> None:
    """Several groups on one table in one transaction: none borrows another's answer."""

    async def scene() -> None:
        async with client(shared) as ada, client(shared) as eve, client(shared) as admin:
            await run(shared, "grant select on notes to service_role")
            await follow(ada, token(shared.settings, "ada"), table="notes", filter="id=eq.911")
            await follow(eve, token(shared.settings, "eve"), table="notes", filter="id=eq.912")
            await follow(admin, token(shared.settings, role="service_role"), table="notes", filter="id=gt.911")
            await run(shared, "insert into notes (id, owner) values (911, 'ada'), (912, 'ada'), (913, 'eve')")
            assert (await told(ada))["record"]["id"] == 911
            assert [(await told(admin))["record"]["id"] for _ in range(2)] == [912, 913]
            await run(shared, "update notes set owner = 'eve' where id = 912")
            assert (await told(eve))["type"] == "UPDATE"  # 912 was not hers when it came
            await run(shared, "delete from notes where id > 900")

    play(scene())


def test_an_unknown_version_of_the_protocol_is_refused(shared: Stack) -> None:
    async def scene() -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with client(shared, "3.0.0"):
                raise AssertionError
        assert refused.value.response.status_code == 403

    play(scene())


def test_the_service_says_that_it_is_well(shared: Stack) -> None:
    base = f"{shared.url}/realtime/v1/api"
    assert httpx.get(f"{base}/ping").json() == {"message": "Success"}
    path = f"{base}/tenants/realtime-dev/health"
    assert httpx.get(path).status_code == 403
    found = httpx.get(path, headers={"Authorization": f"Bearer {shared.settings.keys.anon_key}"}).json()["data"]
    assert (found["healthy"], found["db_connected"], found["replication_connected"]) == (True, True, True)


@pytest.mark.parametrize(
    ("path", "kind", "body", "status", "words"),
    [
        ("", "application/json", b"{", 400, '"Bad Request"'),
        ("", "application/json", b"", 422, '{"errors":{"messages":["can\'t be blank"]}}'),
        ("", "application/json", b'{"messages": 1}', 422, '{"errors":{"messages":["is invalid"]}}'),
        (
            "",
            "application/json",
            b'{"messages": [{"topic": "a", "event": "e", "payload": {}}, {"topic": " ", "event": 1, "payload": "x"}]}',
            422,
            '[{},{"topic":["can\'t be blank"],"event":["is invalid"],"payload":["is invalid"]}]',
        ),
        ("/a/events/e", "text/plain", b"x", 415, "Unsupported Media Type"),
        ("/a/events/e", "application/json; charset=utf-8", b"", 202, ""),
        ("/a/events/e", "application/json", b"nope", 400, '"Bad Request"'),
        ("/a/events", "application/json", b"{}", 404, "Not Found"),
    ],
)
def test_a_request_to_broadcast_is_answered_as_on_the_platform(
    shared: Stack, path: str, kind: str, body: bytes, status: int, words: str
) -> None:
    answer = post(shared, path, content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.text) == (status, answer.text)
    assert words in answer.text


def test_a_message_by_http_may_bring_its_id(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared, "1.0.0") as one:
            await one.join("a")
            message = {"topic": "a", "event": "e", "payload": {}, "id": "0b0e6e5c-6a8c-4d58-9d55-9e5b0a1c7a11"}
            assert (await asyncio.to_thread(post, shared, "", json={"messages": [message]})).status_code == 202
            assert (await one.expect("broadcast")).payload["meta"] == {"id": message["id"]}

    play(scene())


def test_a_policy_that_raises_is_told_to_who_sends_by_http(stack: Stack) -> None:
    stack.run(
        "create policy broken on realtime.messages for insert to authenticated "
        "with check (realtime.topic() <> 'broken' or 1 / length('') = 0)"
    )
    refused = post(stack, "/broken/events/e?private=true", token(stack.settings), json={})
    assert (refused.status_code, refused.json()) == (422, {"message": "RLS policy error"})
