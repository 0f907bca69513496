"""What happens when the server's connections die under it."""

from __future__ import annotations

import asyncio

from tests.realtime.client import client, token
from tests.realtime.conftest import Stack
from tests.realtime.test_changes import follow, run, told
from tests.realtime.test_channels import play

KILL = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name ~ 'realtime'
"""


def test_after_its_connections_were_killed_it_delivers_again(stack: Stack) -> None:
    async def scene() -> None:
        async with client(stack) as one:
            await follow(one, token(stack.settings), table="notes")
            await one.join("room:ada", token(stack.settings), private=True)
            killed = await asyncio.to_thread(stack.run, KILL)
            assert len(killed) >= 2
            # It says when changes are followed again.
            again = await one.expect("system", "realtime:c")
            assert again.payload["message"] == "Subscribed to PostgreSQL"
            await run(stack, "insert into notes (id, owner) values (1, 'ada')")
            assert (await told(one))["record"]["id"] == 1
            await run(stack, "select realtime.send('{}', 'e', 'room:ada')")
            assert (await one.expect("broadcast")).payload["event"] == "e"
            assert (await one.join("hall", token(stack.settings), private=True))["status"] == "ok"

    play(scene())


def test_a_message_stored_while_nothing_was_followed_is_heard_once(stack: Stack) -> None:
    async def scene() -> None:
        async with client(stack) as one:
            await one.join("room:ada", token(stack.settings), private=True)
            await run(stack, "select realtime.send('{}', 'before', 'room:ada')")
            assert (await one.receive()).payload["event"] == "before"
            await run(stack, f"{KILL}; select realtime.send('{{}}', 'meanwhile', 'room:ada')")
            assert (await one.receive()).payload["event"] == "meanwhile"
            await run(stack, "select realtime.send('{}', 'after', 'room:ada')")
            assert (await one.receive()).payload["event"] == "after"

    play(scene())


def test_a_stream_that_its_server_refuses_goes_on_when_it_can_be_read(stack: Stack) -> None:
    """A publication that is gone stops the stream; it goes on when it is back."""

    async def scene() -> None:
        async with client(stack) as one:
            await one.join("a")
            await run(stack, "alter publication supabase_realtime rename to elsewhere")
            await run(stack, "select realtime.send('{}', 'lost', 'a', false)")
            await run(stack, "alter publication elsewhere rename to supabase_realtime")
            heard = asyncio.create_task(one.expect("broadcast"))
            while not heard.done():
                await run(stack, "select realtime.send('{}', 'again', 'a', false)")
                await asyncio.wait([heard], timeout=0.2)
            assert heard.result().payload["event"] in {"again", "lost"}

    play(scene())


def test_messages_find_a_partition_on_any_day(stack: Stack) -> None:
    stack.run(
        "insert into realtime.messages (topic, extension, inserted_at) "
        "values ('t', 'broadcast', now() + interval '5 days')"
    )
    assert stack.run("select tableoid::regclass::text from realtime.messages") == [("realtime.messages_default",)]
    stack.run("set role supabase_realtime_admin; select realtime.keep_partitions(6)")
    (found,) = stack.run("select tableoid::regclass::text from realtime.messages")
    assert str(found[0]).startswith("realtime.messages_20")
    stack.run(
        "set role supabase_realtime_admin; insert into realtime.messages (topic, extension, inserted_at) "
        "values ('t', 'broadcast', now() - interval '9 days'); select realtime.keep_partitions(6)"
    )
    assert stack.run("select count(*) from realtime.messages") == [(1,)]
