"""The platform's own Python client."""

from __future__ import annotations

import asyncio
from typing import Any

from supabase import AsyncClient, acreate_client
from tests.realtime.client import PATIENCE, token
from tests.realtime.conftest import Stack
from tests.realtime.test_changes import run
from tests.realtime.test_channels import play


async def heard(queue: asyncio.Queue[Any]) -> Any:
    return await asyncio.wait_for(queue.get(), PATIENCE)


async def connected(stack: Stack, bearer: str | None = None) -> AsyncClient:
    one = await acreate_client(stack.url, stack.settings.keys.anon_key)
    if bearer:
        await one.realtime.set_auth(bearer)
    return one


def test_it_hears_row_changes_broadcasts_and_presence(shared: Stack) -> None:
    async def scene() -> None:
        one = await connected(shared, token(shared.settings, "carl"))
        changes: asyncio.Queue[Any] = asyncio.Queue()
        news: asyncio.Queue[Any] = asyncio.Queue()
        states: asyncio.Queue[Any] = asyncio.Queue()
        ready: asyncio.Queue[Any] = asyncio.Queue()
        channel = one.channel(
            "desk",
            {
                "config": {
                    "broadcast": {"self": True, "ack": True},
                    "presence": {"key": "carl", "enabled": True},
                    "private": False,
                }
            },
        )
        channel.on_postgres_changes("INSERT", changes.put_nowait, table="notes", filter="owner=eq.carl")  # type: ignore[arg-type]
        channel.on_broadcast("news", news.put_nowait)
        channel.on_presence_sync(lambda: states.put_nowait(channel.presence_state()))
        channel.on_system(ready.put_nowait)
        joined: asyncio.Queue[Any] = asyncio.Queue()
        await channel.subscribe(lambda state, error: joined.put_nowait((state, error)))
        assert (await heard(joined))[0] == "SUBSCRIBED"
        assert (await heard(ready)).message == "Subscribed to PostgreSQL"
        await run(shared, "insert into notes (id, owner) values (100, 'dora'), (101, 'carl')")
        assert (await heard(changes))["data"]["record"]["id"] == 101
        await channel.send_broadcast("news", {"n": 1})
        assert (await heard(news))["payload"] == {"n": 1}
        await run(shared, "select realtime.send('{\"n\": 2}', 'news', 'desk', false)")
        assert (await heard(news))["payload"]["n"] == 2
        await channel.http_send("news", {"n": 3})
        assert (await heard(news))["payload"] == {"n": 3}
        await channel.track({"mood": "glad"})
        while not (state := await heard(states)):
            pass
        assert state["carl"][0]["mood"] == "glad"
        await one.remove_all_channels()
        await one.realtime.close()

    play(scene())


def test_it_is_told_why_a_private_channel_is_closed_to_it(shared: Stack) -> None:
    async def scene() -> None:
        one = await connected(shared, token(shared.settings, "eve"))
        joined: asyncio.Queue[Any] = asyncio.Queue()
        channel = one.channel("room:ada", {"config": {"broadcast": None, "presence": None, "private": True}})
        await channel.subscribe(lambda state, error: joined.put_nowait((state, str(error))))
        state, error = await heard(joined)
        assert state == "CHANNEL_ERROR"
        assert "You do not have permissions to read from this Channel topic: room:ada" in error
        await one.realtime.close()

    play(scene())


def test_it_hears_a_private_channel_that_policies_open_to_it(shared: Stack) -> None:
    async def scene() -> None:
        one = await connected(shared, token(shared.settings, "ada"))
        news: asyncio.Queue[Any] = asyncio.Queue()
        channel = one.channel("room:ada", {"config": {"broadcast": None, "presence": None, "private": True}})
        channel.on_broadcast("*", news.put_nowait)
        await channel.subscribe()
        await run(shared, "select realtime.send('{}', 'news', 'room:ada')")
        assert (await heard(news))["event"] == "news"
        await one.realtime.close()

    play(scene())
