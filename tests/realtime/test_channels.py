"""Joining, speaking, being present."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.realtime.client import binary_broadcast, client, token
from tests.realtime.conftest import Stack

VERSIONS = ["1.0.0", "2.0.0"]


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 60))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_heartbeat_is_answered(shared: Stack, version: str) -> None:
    async def scene() -> None:
        async with client(shared, version) as one:
            assert await one.answer(await one.send("phoenix", "heartbeat")) == {"status": "ok", "response": {}}

    play(scene())


@pytest.mark.parametrize(("key", "words"), [("", "API key is missing"), ("rubbish", "not a valid JWT")])
def test_a_connection_without_a_valid_key_is_refused(shared: Stack, key: str, words: str) -> None:
    async def scene() -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with client(shared, key=key):
                pass
        assert refused.value.response.status_code == 401
        assert words in json.loads(refused.value.response.body)["error"]

    play(scene())


def test_an_expired_key_is_refused(shared: Stack) -> None:
    async def scene() -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with client(shared, key=token(shared.settings, seconds=-1)):
                pass
        assert json.loads(refused.value.response.body) == {"error": "Token has expired"}

    play(scene())


@pytest.mark.parametrize("speaking", VERSIONS)
@pytest.mark.parametrize("hearing", VERSIONS)
def test_a_broadcast_reaches_the_others_on_the_topic_and_not_its_sender(
    shared: Stack, speaking: str, hearing: str
) -> None:
    async def scene() -> None:
        async with client(shared, speaking) as ada, client(shared, hearing) as bob, client(shared, hearing) as eve:
            await ada.join("a", broadcast={"ack": True})
            await bob.join("a")
            await eve.join("b")
            message = {"type": "broadcast", "event": "shout", "payload": {"n": 1}}
            ref = await ada.send("realtime:a", "broadcast", message)
            assert await ada.answer(ref) == {"status": "ok", "response": {}}
            heard = await bob.expect("broadcast")
            assert (heard.topic, heard.payload["event"], heard.payload["payload"]) == ("realtime:a", "shout", {"n": 1})
            # Neither the sender nor another topic heard of it: what they hear first is the next message.
            await bob.send("realtime:a", "broadcast", message | {"event": "answer"})
            assert (await ada.receive()).payload["event"] == "answer"
            await bob.join("b")
            await bob.send("realtime:b", "broadcast", message | {"event": "other"})
            assert (await eve.receive()).payload["event"] == "other"

    play(scene())


def test_a_sender_hears_itself_where_it_asked_to(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await one.join("a", broadcast={"self": True})
            await one.send_raw(binary_broadcast("realtime:a", "shout", b'{"n":1}', is_json=True))
            assert (await one.expect("broadcast")).payload == {"event": "shout", "payload": {"n": 1}, "meta": None}

    play(scene())


def test_bytes_pass_unchanged_between_clients_that_can_carry_them(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as ada, client(shared) as bob, client(shared, "1.0.0") as old:
            for one in (ada, bob, old):
                await one.join("a")
            await ada.send_raw(binary_broadcast("realtime:a", "bytes", b"\0\xff", is_json=False))
            assert (await bob.expect("broadcast")).payload["payload"] == b"\0\xff"
            await ada.send_raw(binary_broadcast("realtime:a", "text", b'"x"', is_json=True))
            assert (await old.receive()).payload == {"type": "broadcast", "event": "text", "payload": "x"}

    play(scene())


def test_who_left_hears_nothing_more(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as ada, client(shared) as bob:
            await ada.join("a")
            await bob.join("a")
            assert (await bob.answer(await bob.send("realtime:a", "phx_leave")))["status"] == "ok"
            await bob.expect("phx_close")
            assert (await bob.answer(await bob.send("realtime:a", "broadcast", {})))["status"] == "error"
            await bob.join("b", broadcast={"self": True})
            await ada.send("realtime:a", "broadcast", {"event": "x", "payload": {}})
            assert (await ada.answer(await ada.send("phoenix", "heartbeat")))["status"] == "ok"
            await bob.send("realtime:b", "broadcast", {"event": "y", "payload": {}})
            assert (await bob.receive()).payload["event"] == "y"

    play(scene())


@pytest.mark.parametrize("topic", ["realtime:", "elsewhere:x"])
def test_a_join_to_an_impossible_topic_is_refused_and_the_socket_goes_on(shared: Stack, topic: str) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            reply = await one.answer(await one.send(topic, "phx_join", {"config": None}))
            assert reply["status"] == "error"
            assert (await one.join("x"))["status"] == "ok"

    play(scene())


def test_a_frame_that_cannot_be_read_ends_the_connection_with_the_reason(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await one.send_raw("{")
            code, reason = await one.closed()
            assert code == 1007
            assert "not JSON" in reason

    play(scene())


def test_presence_shows_who_is_there_and_who_came_changed_and_left(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as ada:
            await ada.join("a", presence={"enabled": True, "key": "ada"})
            assert (await ada.expect("presence_state")).payload == {}
            await ada.answer(await ada.send("realtime:a", "presence", {"event": "track", "payload": {"mood": "glad"}}))
            joined = (await ada.expect("presence_diff")).payload["joins"]["ada"]["metas"][0]
            assert joined["mood"] == "glad"
            async with client(shared, "1.0.0") as bob:
                await bob.join("a", presence={"enabled": True, "key": "bob"})
                assert (await bob.expect("presence_state")).payload == {"ada": {"metas": [joined]}}
                await bob.send("realtime:a", "presence", {"event": "TRACK", "payload": {}})
                assert list((await ada.expect("presence_diff")).payload["joins"]) == ["bob"]
                await ada.send("realtime:a", "presence", {"event": "track", "payload": {"mood": "sad"}})
                changed = (await ada.expect("presence_diff")).payload
                assert changed["joins"]["ada"]["metas"][0]["phx_ref_prev"] == joined["phx_ref"]
                assert changed["leaves"] == {"ada": {"metas": [joined]}}
            assert list((await ada.expect("presence_diff")).payload["leaves"]) == ["bob"]

    play(scene())


def test_a_private_topic_is_closed_to_whom_no_policy_lets_in(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            reply = await one.join("room:ada", token(shared.settings, "eve"), private=True)
            assert reply["status"] == "error"
            assert reply["response"]["reason"] == (
                "Unauthorized: You do not have permissions to read from this Channel topic: room:ada"
            )
            assert (await one.join("room:ada", private=True))["status"] == "error"  # anon
            assert (await one.join("room:ada", token(shared.settings, role="nobody"), private=True))[
                "status"
            ] == "error"
            assert (await one.join("room:ada", token(shared.settings), private=True))["status"] == "ok"

    play(scene())


def test_a_private_topic_and_a_public_one_of_the_same_name_are_two(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as ada, client(shared) as eve:
            await ada.join("room:ada", token(shared.settings), private=True, broadcast={"self": True})
            await eve.join("room:ada", broadcast={"self": True})
            await eve.send("realtime:room:ada", "broadcast", {"event": "fake", "payload": {}})
            assert (await eve.receive()).payload["event"] == "fake"
            await ada.send("realtime:room:ada", "broadcast", {"event": "real", "payload": {}})
            assert (await ada.receive()).payload["event"] == "real"

    play(scene())


def test_who_may_only_listen_is_not_heard(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as ada:
            await ada.join("hall", token(shared.settings), private=True, broadcast={"self": True, "ack": True})
            await ada.send("realtime:hall", "broadcast", {"event": "x", "payload": {}})
            # The policies let her show her presence: that is answered first, the broadcast never.
            ref = await ada.send("realtime:hall", "presence", {"event": "track", "payload": {"x": 1}})
            first = await ada.receive()
            assert (first.event, first.ref) in {("presence_diff", None), ("phx_reply", ref)}

    play(scene())


def test_presence_on_a_private_topic_needs_a_policy(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as ada:
            await ada.join("room:ada", token(shared.settings), private=True, presence={"enabled": True, "key": "ada"})
            ref = await ada.send("realtime:room:ada", "presence", {"event": "track", "payload": {}})
            assert (await ada.answer(ref))["status"] == "error"

    play(scene())


def test_a_message_sent_from_the_database_reaches_those_who_joined_and_nobody_else(shared: Stack) -> None:
    async def scene() -> None:
        async with (
            client(shared) as ada,
            client(shared, "1.0.0") as old,
            client(shared) as bob,
            client(shared) as public,
        ):
            await ada.join("room:ada", token(shared.settings), private=True)
            await old.join("room:ada", token(shared.settings), private=True)
            await bob.join("room:bob", token(shared.settings, "bob"), private=True)
            await public.join("room:ada")
            send = "select realtime.send(%s::jsonb, %s, %s, %s)"
            await asyncio.to_thread(shared.run, send, '{"n": 1.10}', "news", "room:ada", True)
            heard = await ada.expect("broadcast")
            assert heard.payload["event"] == "news"
            assert heard.payload["payload"] == {"n": 1.1, "id": heard.payload["meta"]["id"]}
            assert (await old.expect("broadcast")).payload == heard.payload | {"type": "broadcast"}
            await asyncio.to_thread(shared.run, send, "{}", "own", "room:bob", True)
            assert (await bob.receive()).payload["event"] == "own"
            await asyncio.to_thread(shared.run, send, "{}", "open", "room:ada", False)
            assert (await public.receive()).payload["event"] == "open"

    play(scene())


def test_a_message_of_a_transaction_that_is_rolled_back_is_never_heard(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await one.join("a")
            undone = "begin; select realtime.send('{}', 'undone', 'a', false); rollback"
            await asyncio.to_thread(shared.run, undone)
            await asyncio.to_thread(shared.run, "select realtime.send('{}', 'done', 'a', false)")
            assert (await one.receive()).payload["event"] == "done"

    play(scene())


def test_bytes_sent_from_the_database_arrive_as_bytes(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await one.join("a")
            await asyncio.to_thread(shared.run, r"select realtime.send_binary('\x00ff', 'bytes', 'a', false)")
            assert (await one.receive()).payload["payload"] == b"\0\xff"

    play(scene())


def test_a_message_that_cannot_be_stored_does_not_undo_the_change(shared: Stack) -> None:
    shared.run("begin; insert into open values (1, 'kept'); select realtime.send('[1]', 'e', 't'); commit")
    assert shared.run("select body from open") == [("kept",)]


def test_who_comes_later_can_have_the_stored_messages_again(shared: Stack) -> None:
    for n in range(3):
        shared.run("select realtime.send(jsonb_build_object('n', %s::int), 'news', 'room:ada')", n)

    async def scene() -> None:
        async with client(shared) as ada, client(shared) as eve:
            replay = {"replay": {"since": 0, "limit": 2}}
            await ada.join("room:ada", token(shared.settings), private=True, broadcast=replay)
            again = [await ada.expect("broadcast") for _ in range(2)]
            assert [frame.payload["payload"]["n"] for frame in again] == [1, 2]
            assert all(frame.payload["meta"]["replayed"] for frame in again)
            assert (await eve.join("room:ada", broadcast=replay))["status"] == "error"

    play(scene())


def test_a_channel_ends_with_its_token(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await one.join("room:ada", token(shared.settings, seconds=2), private=True)
            assert (await one.expect("system")).payload["message"] == "Token has expired 0 seconds ago"
            await one.expect("phx_close")
            assert (await one.answer(await one.send("phoenix", "heartbeat")))["status"] == "ok"

    play(scene())


def test_a_new_token_keeps_a_channel_open_and_one_without_rights_closes_it(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await one.join("room:ada", token(shared.settings, seconds=300), private=True, broadcast={"ack": True})
            await one.send("realtime:room:ada", "access_token", {"access_token": token(shared.settings, seconds=900)})
            ref = await one.send("realtime:room:ada", "broadcast", {"event": "x", "payload": {}})
            assert (await one.answer(ref))["status"] == "ok"
            await one.send("realtime:room:ada", "access_token", {"access_token": token(shared.settings, "eve")})
            assert "permissions to read" in (await one.expect("system")).payload["message"]
            await one.expect("phx_close")

    play(scene())


def post(shared: Stack, path: str, bearer: str | None = None, **body: Any) -> httpx.Response:
    headers = {"apikey": shared.settings.keys.publishable_key} | (
        {"Authorization": f"Bearer {bearer}"} if bearer else {}
    )
    return httpx.post(
        f"{shared.url}/realtime/v1/api/broadcast{path}", headers=headers | body.pop("headers", {}), **body
    )


def test_messages_can_be_sent_over_http(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await one.join("a/b")
            batch = {"messages": [{"topic": "a/b", "event": "many", "payload": {"n": 1}}]}
            assert (await asyncio.to_thread(post, shared, "", json=batch)).status_code == 202
            assert (await one.receive()).payload["payload"] == {"n": 1}
            single = await asyncio.to_thread(post, shared, "/a%2Fb/events/one", json=[1])
            assert (single.status_code, single.content) == (202, b"")
            # What is no object stands under a name of its own, as the platform's parser has it.
            assert (await one.receive()).payload == {"event": "one", "payload": {"_json": [1]}, "meta": None}

    play(scene())


def test_a_private_message_over_http_needs_a_policy(shared: Stack) -> None:
    path = "/room:ada/events/x?private=true"
    assert post(shared, path, token(shared.settings), json={}).status_code == 202
    assert post(shared, path, token(shared.settings, "eve"), json={}).status_code == 403
    assert post(shared, path, token(shared.settings, seconds=-1), json={}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": [{"topic": "a"}]}, {"messages": [3]}, [1]])
def test_a_batch_of_another_form_is_refused(shared: Stack, body: object) -> None:
    assert post(shared, "", json=body).status_code == 422
