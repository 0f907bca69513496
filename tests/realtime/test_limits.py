"""What a project may do, and what its clients are told beyond."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from infra.local.realtime import limits
from infra.local.realtime.limits import TICKS, Allowance, Limits, Rate
from infra.local.settings import Settings
from tests.realtime.client import client
from tests.realtime.conftest import Stack, run_stack
from tests.realtime.test_channels import play, post

SMALL = Limits(connections=2, channels=2, messages=50, presence_calls=2, payload=100)


@pytest.fixture(autouse=True)
def short_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TICK", 0.05)


@pytest.fixture(scope="module")
def limited(prepared: Settings) -> Iterator[Stack]:
    """Of a project that may do little."""
    yield from run_stack(prepared, SMALL)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_is_the_average_of_whole_ticks_and_forgets() -> None:
    clock = Clock()
    rate = Rate(100, clock)
    rate.add(20)
    assert rate.average == 0  # the tick is not over: a burst passes
    clock.now += limits.TICK * 1.5
    assert rate.average == pytest.approx(20 / limits.TICK)
    assert rate.exceeded
    clock.now += limits.TICK * (TICKS + 1)
    assert rate.average == 0


def test_calls_come_back_once_the_window_is_over() -> None:
    clock = Clock()
    allowance = Allowance(2, 30, clock)
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    clock.now += 31
    assert allowance.take()


def test_a_connection_has_so_many_channels(limited: Stack) -> None:
    async def scene() -> None:
        async with client(limited) as one:
            assert [(await one.join(name))["status"] for name in ("a", "b")] == ["ok", "ok"]
            assert (await one.join("c"))["response"] == {"reason": "ChannelRateLimitReached: Too many channels"}
            await one.answer(await one.send("realtime:a", "phx_leave"))
            assert (await one.join("c"))["status"] == "ok"

    play(scene())


def test_a_project_has_so_many_connections(limited: Stack) -> None:
    async def scene() -> None:
        async with client(limited), client(limited):
            with pytest.raises(InvalidStatus) as refused:
                async with client(limited):
                    raise AssertionError
            assert refused.value.response.status_code == 429
            assert refused.value.response.body == b'{"error":"Too many connected users"}'

    play(scene())


def test_a_batch_that_would_be_too_much_is_refused_whole(limited: Stack) -> None:
    messages = [{"topic": "b", "event": "e", "payload": {}}] * 51
    refused = post(limited, "", json={"messages": messages})
    words = {"message": "Too many messages to broadcast, please reduce the batch size"}
    assert (refused.status_code, refused.json()) == (429, words)


def test_a_client_that_shows_itself_too_often_is_put_out_of_the_channel(limited: Stack) -> None:
    async def scene() -> None:
        async with client(limited) as one:
            await one.join("a", presence={"enabled": True})
            for number in range(2):
                shown = {"type": "presence", "event": "track", "payload": {"n": number}}
                assert (await one.answer(await one.send("realtime:a", "presence", shown)))["status"] == "ok"
            await one.send("realtime:a", "presence", {"type": "presence", "event": "untrack"})
            assert (await one.expect("system")).payload["message"] == "Client presence rate limit exceeded"
            await one.expect("phx_close")

    play(scene())


def test_a_payload_too_large_is_refused_wherever_it_comes_from(limited: Stack) -> None:
    async def scene() -> None:
        async with client(limited) as one:
            await one.join("a", broadcast={"self": True, "ack": True})
            said = {"event": "e", "payload": {"text": "x" * 100}}
            reply = await one.answer(await one.send("realtime:a", "broadcast", said))
            assert reply == {"status": "error", "response": "payload_size_exceeded"}
            words = {"errors": {"payload": ["Payload size exceeds tenant limit"]}}
            refused: httpx.Response = await asyncio.to_thread(post, limited, "/a/events/e", json=said)
            assert (refused.status_code, refused.json()) == (422, words)
            await asyncio.to_thread(
                limited.run, "select realtime.send(jsonb_build_object('text', repeat('x', 100)), 'e', 'a', false)"
            )
            await asyncio.to_thread(limited.run, "select realtime.send('{}', 'small', 'a', false)")
            assert (await one.expect("broadcast")).payload["event"] == "small"
            shown = {"event": "track", "payload": {"text": "x" * 100}}
            await one.send("realtime:a", "presence", shown)
            assert (await one.expect("system")).payload["message"] == "Track message size exceeded"

    play(scene())


def test_too_many_joins_end_the_connection(prepared: Settings) -> None:
    async def scene(limited: Stack) -> None:
        async with client(limited) as one:
            reply = {"status": "ok", "response": {}}
            while reply["status"] == "ok":
                reply = await one.join("a")
            assert reply["response"] == {"reason": "ClientJoinRateLimitReached: Too many joins per second"}
            await one.closed()

    with contextmanager(run_stack)(prepared, Limits(joins=1)) as limited:
        play(scene(limited))


def test_too_many_messages_close_the_channel_and_refuse_those_by_http(limited: Stack) -> None:
    async def scene() -> None:
        async with client(limited) as one:
            await one.join("a", broadcast={"self": True})
            await one.join("b")
            async with asyncio.TaskGroup() as tasks:
                told = tasks.create_task(one.expect("system", "realtime:a"))
                while not told.done():
                    await one.send("realtime:a", "broadcast", {"event": "e", "payload": {}})
                    await asyncio.wait([told], timeout=0.002)
            assert told.result().payload["message"] == "Too many messages per second"
            await one.expect("phx_close", "realtime:a")
            message = {"topic": "b", "event": "e", "payload": {}}
            refused = await asyncio.to_thread(post, limited, "", json={"messages": [message]})
            assert (refused.status_code, refused.json()) == (429, {"message": "You have exceeded your rate limit"})
            refused = await asyncio.to_thread(post, limited, "/b/events/e", json={})
            assert refused.status_code == 429

    play(scene())
