"""Row changes: who hears of which, and in what words."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import pytest

from tests.realtime.client import Client, Frame, client, token
from tests.realtime.conftest import Stack
from tests.realtime.test_channels import play


@pytest.fixture(autouse=True)
def empty(shared: Stack) -> None:
    """Tables without rows: no row of an earlier test is in the way."""
    shared.run("truncate notes, open, keyless, unpublished")


async def follow(one: Client, bearer: str | None = None, name: str = "c", **wanted: Any) -> int:
    """Subscribe to one kind of change; returns its id."""
    reply = await one.join(name, bearer, postgres_changes=[{"event": "*", "schema": "public", **wanted}])
    return int(reply["response"]["postgres_changes"][0]["id"])


async def run(stack: Stack, statement: str, *parameters: object) -> None:
    await asyncio.to_thread(stack.run, statement, *parameters)


async def told(one: Client) -> dict[str, Any]:
    """The next change that reaches a client."""
    return dict((await one.expect("postgres_changes")).payload["data"])


def test_a_change_names_the_table_the_columns_and_the_row(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one, client(shared, "1.0.0") as old:
            number = await follow(one, token(shared.settings), table="notes", event="INSERT")
            assert await follow(old, token(shared.settings), table="notes", event="INSERT") == number
            await run(
                shared,
                "insert into notes values "
                "(1, 'ada', 'ü \"', 'glad', 1.10, '{a,NULL,\"b c\"}', '{\"k\": [1, null]}', true, "
                "'2026-01-02 03:04:05.678+00')",
            )
            frame = await one.expect("postgres_changes")
            assert frame.payload["ids"] == [number]
            data = frame.payload["data"]
            assert (data["schema"], data["table"], data["type"], data["errors"]) == ("public", "notes", "INSERT", None)
            assert data["commit_timestamp"].endswith("Z")
            assert data["record"] == {
                "id": 1, "owner": "ada", "body": 'ü "', "mood": "glad", "amount": 1.1, "tags": ["a", None, "b c"],
                "document": {"k": [1, None]}, "done": True, "at": "2026-01-02T03:04:05.678+00:00",
            }  # fmt: skip
            assert data["columns"][0] == {"name": "id", "type": "int4"}
            assert {"name": "tags", "type": "_text"} in data["columns"]
            assert (await old.expect("postgres_changes")).payload == frame.payload

    play(scene())


def test_a_row_is_told_only_to_those_whose_policies_show_it(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as ada, client(shared) as bob, client(shared) as nobody:
            await follow(ada, token(shared.settings, "ada"), table="notes")
            await follow(bob, token(shared.settings, "bob"), table="notes")
            await follow(nobody, None, table="notes")
            await run(shared, "insert into notes (id, owner) values (1, 'ada'), (2, 'bob'), (3, 'ada')")
            await run(shared, "update notes set body = 'x' where id = 2")
            await run(shared, "delete from notes where id = 3")
            assert [(await told(ada))["record"]["id"] for _ in range(1)] == [1]
            assert [(await told(bob))["record"]["id"] for _ in range(2)] == [2, 2]
            # A deletion cannot be judged: everybody hears of it, first of all the one who may see nothing.
            assert (await nobody.receive()).payload["data"]["type"] == "DELETE"

    play(scene())


def test_the_role_that_bypasses_policies_sees_all(shared: Stack) -> None:
    shared.run("grant select on notes to service_role")

    async def scene() -> None:
        async with client(shared, key=shared.settings.keys.secret_key) as one:
            await follow(one, table="notes")
            await run(shared, "insert into notes (id, owner) values (1, 'ada')")
            assert (await told(one))["record"]["owner"] == "ada"

    play(scene())


def test_a_deletion_carries_the_primary_key_and_nothing_else(shared: Stack) -> None:
    shared.run("alter table notes replica identity full")
    try:

        async def scene() -> None:
            async with client(shared) as one:
                await follow(one, token(shared.settings, "eve"), table="notes", event="DELETE")
                await run(shared, "insert into notes (id, owner, body) values (1, 'ada', 'secret')")
                await run(shared, "delete from notes")
                data = await told(one)
                assert data["old_record"] == {"id": 1}
                assert "record" not in data
                assert "secret" not in json.dumps(data)

        play(scene())
    finally:
        shared.run("alter table notes replica identity default")


def test_an_update_shows_the_old_key_and_with_full_identity_the_old_row(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await follow(one, None, table="open", event="UPDATE")
            await run(shared, "insert into open values (1, 'before', 'h')")
            await run(shared, "update open set body = 'after'")
            data = await told(one)
            assert (data["record"], data["old_record"]) == ({"id": 1, "body": "after"}, {"id": 1})
            await run(shared, "alter table open replica identity full")
            await run(shared, "update open set body = 'last'")
            assert (await told(one))["old_record"] == {"id": 1, "body": "after"}
            await run(shared, "alter table open replica identity default")

    play(scene())


def test_columns_that_the_role_may_not_select_are_not_shown(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one, client(shared, key=shared.settings.keys.secret_key) as server:
            await follow(one, None, table="open")
            await follow(server, None, table="open")
            await run(shared, "insert into open values (1, 'b', 'hidden')")
            data = await told(one)
            assert data["record"] == {"id": 1, "body": "b"}
            assert [column["name"] for column in data["columns"]] == ["id", "body"]
            assert (await told(server))["record"] == {"id": 1, "body": "b", "hidden": "hidden"}

    play(scene())


def test_a_subscriber_can_choose_columns_and_always_gets_the_key(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await follow(one, token(shared.settings), table="notes", select=["body"])
            await run(shared, "insert into notes (id, owner, body) values (1, 'ada', 'b')")
            assert (await told(one))["record"] == {"id": 1, "body": "b"}

    play(scene())


@pytest.mark.parametrize(
    ("rule", "matching"),
    [
        ("id=eq.2", {2}),
        ("id=eq.02", {2}),
        ("id=neq.2", {1, 3, 4}),
        ("id=not.eq.2", {1, 3, 4}),
        ("id=lt.2", {1}),
        ("id=lte.2", {1, 2}),
        ("id=gt.3", {4}),
        ("id=gte.3", {3, 4}),
        ("id=in.(1,3)", {1, 3}),
        ("id=not.in.(1,3)", {2, 4}),
        ('body=in.("a,b",beta)', {2}),
        ("body=like.al%", {1, 3}),
        ("body=ilike.AL%", {1, 3}),
        ("body=not.like.al%", {2}),
        ("body=match.^.e", {2}),
        ("body=imatch.^AL", {1, 3}),
        ("body=eq.alpha", {1, 3}),
        ("body=isdistinct.alpha", {2, 4}),
        ("body=not.isdistinct.alpha", {1, 3}),
        ("body=is.null", {4}),
        ("body=not.is.null", {1, 2, 3}),
        ("done=is.true", {1}),
        ("done=not.is.true", {2, 3, 4}),
        ("done=eq.true", {1}),
        ("amount=eq.1.50", {1}),
        ("amount=gt.1", {1, 2}),
        ("mood=eq.glad", {1}),
        ("mood=gt.sad", {1}),
        ("at=gte.2026-01-01", {1}),
        ("body=eq.alpha,id=gt.1", {3}),
    ],
)
def test_a_filter_lets_through_what_it_says(shared: Stack, rule: str, matching: set[int]) -> None:
    rows = (
        "insert into notes (id, owner, body, done, amount, mood, at) values "
        "(1, 'ada', 'alpha', true, 1.5, 'glad', '2026-06-01'), "
        "(2, 'ada', 'beta', false, 20, 'sad', '2025-06-01'), (3, 'ada', 'alpha', null, null, null, null), "
        "(4, 'ada', null, null, null, null, null)"
    )

    async def scene() -> None:
        async with client(shared) as one:
            bearer = token(shared.settings)
            await follow(one, bearer, table="notes", filter=rule)
            await follow(one, bearer, name="end", table="open")
            await run(shared, rows)
            await run(shared, "insert into open values (0)")
            seen = set()
            while (frame := await one.expect("postgres_changes")).topic != "realtime:end":
                seen.add(frame.payload["data"]["record"]["id"])
            assert seen == matching

    play(scene())


def test_a_filter_on_a_column_that_a_deletion_does_not_carry_never_matches(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await follow(one, None, table="open", event="DELETE", filter="body=eq.x")
            await follow(one, None, name="key", table="open", event="DELETE", filter="id=eq.2")
            await run(shared, "insert into open values (1, 'x'), (2, 'x')")
            await run(shared, "delete from open")
            assert (await one.receive()).topic == "realtime:key"

    play(scene())


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            {"table": "unpublished"},
            "connect parameters: [event: *, schema: public, table: unpublished, filters: [], select: nil]",
        ),
        ({"table": "missing"}, "Please check Realtime is enabled"),
        ({"table": "notes", "filter": "nonsense"}, 'Error parsing `filter` params: ["nonsense"]'),
        (
            {"table": "notes", "filter": "missing=not.eq.1"},
            '"1", true}], select: nil]. Exception: ERROR P0001 (raise_exception) invalid column for filter missing',
        ),
        ({"table": "open", "filter": "hidden=eq.1"}, "invalid column for filter hidden"),
        (
            {"table": "notes", "filter": "id=eq.one"},
            "ERROR 22P02 (invalid_text_representation) invalid input syntax for type integer",
        ),
        ({"table": "notes", "filter": "id=match.1"}, "match requires a text-compatible column type, got integer"),
        ({"table": "notes", "filter": "tags=like.1"}, "like requires a text-compatible column type, got text[]"),
        ({"table": "notes", "filter": "body=match.("}, "invalid regular expression for match filter: "),
        ({"table": "notes", "filter": "id=is.true"}, "is true filter requires a boolean column, got integer"),
        ({"table": "notes", "filter": "id=is.1); drop table notes; --"}, "must be null, true, false, or unknown"),
        ({"table": "notes", "filter": f"id=in.({','.join(map(str, range(101)))})"}, "too many values"),
        ({"table": "notes", "filter": "document=eq.{"}, "ERROR 22P02 (invalid_text_representation)"),
        ({"table": "open", "select": ["hidden"]}, "invalid column for select hidden"),
        ({"table": "*", "select": ["id"]}, "not supported for wildcard"),
        ({"table": "notes", "select": "id"}, "expected a list"),
        ({"schema": None}, 'subscribe to: %{"event" => "*", "schema" => nil}'),
        ({"filter": "id=eq.1"}, 'subscribe to: %{"event" => "*", "filter" => "id=eq.1", "schema" => "public"}'),
    ],
)
def test_a_subscription_that_cannot_be_made_says_why_and_the_channel_stays_open(
    shared: Stack, wanted: dict[str, Any], words: str
) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            changes = [{"event": "*", "schema": "public"} | wanted]
            payload = {"config": {"postgres_changes": changes, "broadcast": {"self": True}}}
            assert (await one.answer(await one.send("realtime:c", "phx_join", payload)))["status"] == "ok"
            said: Frame = await one.expect("system")
            assert (said.payload["extension"], said.payload["status"]) == ("postgres_changes", "error")
            assert words in said.payload["message"]
            await one.send("realtime:c", "broadcast", {"event": "x", "payload": {}})
            assert (await one.receive()).event == "broadcast"

    play(scene())


def test_a_table_without_primary_key_tells_its_subscribers_so(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await follow(one, None, table="keyless")
            await run(shared, "insert into keyless values ('x')")
            data = await told(one)
            assert (data["errors"], data["record"]) == (["Error 400: Bad Request, no primary key"], {})

    play(scene())


def test_a_row_of_over_a_megabyte_comes_without_its_long_values(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await follow(one, token(shared.settings), table="notes")
            await run(shared, "insert into notes (id, owner, body) values (1, 'ada', repeat('x', 1100000))")
            data = await told(one)
            assert data["errors"] == ["Error 413: Payload Too Large"]
            assert "body" not in data["record"]
            assert data["record"]["owner"] == "ada"

    play(scene())


def test_a_transaction_of_many_rows_arrives_whole_and_in_order(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await follow(one, token(shared.settings), table="notes")
            await run(shared, "insert into notes (id, owner) select n, 'ada' from generate_series(1, 1000) n")
            assert [(await told(one))["record"]["id"] for _ in range(1000)] == list(range(1, 1001))

    play(scene())


def test_what_was_committed_before_the_join_is_not_news(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await run(shared, "insert into open values (1)")
            await follow(one, None, table="open")
            await run(shared, "insert into open values (2)")
            assert (await told(one))["record"]["id"] == 2

    play(scene())


def test_a_new_token_changes_what_is_seen(shared: Stack) -> None:
    async def scene() -> None:
        async with client(shared) as one:
            await follow(one, token(shared.settings, "ada"), table="notes")
            await one.send("realtime:c", "access_token", {"access_token": token(shared.settings, "bob")})
            await one.expect("system")
            await run(shared, "insert into notes (id, owner) values (1, 'ada'), (2, 'bob')")
            assert (await told(one))["record"]["id"] == 2

    play(scene())


def test_a_policy_that_raises_an_error_silences_only_its_own_subscriber(stack: Stack) -> None:
    stack.run(
        "create policy thrower on notes as restrictive for select to authenticated "
        "using (id < 10 or (current_setting('request.jwt.claims')::jsonb ->> 'age')::int > 0)"
    )

    async def scene() -> None:
        async with client(stack) as fine, client(stack) as odd, client(stack) as public:
            await follow(fine, token(stack.settings, "ada", age="3"), table="notes")
            await follow(odd, token(stack.settings, "ada", age="three"), table="notes")
            await public.join("news")
            await run(stack, "insert into notes (id, owner) values (11, 'ada')")
            # In one transaction: what raises for one row does not hide the other.
            await run(stack, "insert into notes (id, owner) values (12, 'ada'), (2, 'ada'), (13, 'ada')")
            assert [(await told(fine))["record"]["id"] for _ in range(4)] == [11, 12, 2, 13]
            assert (await told(odd))["record"]["id"] == 2
            await run(stack, "select realtime.send('{}', 'e', 'news', false)")
            assert (await public.receive()).event == "broadcast"

    play(scene())


def test_rights_are_those_at_the_time_of_the_change(stack: Stack) -> None:
    async def scene() -> None:
        async with client(stack) as one:
            await follow(one, token(stack.settings), table="notes")
            await run(stack, "revoke select on notes from authenticated")
            await run(stack, "insert into notes (id, owner) values (1, 'ada')")
            assert (await told(one))["errors"] == ["Error 401: Unauthorized"]
            await run(stack, "grant select on notes to authenticated")
            await run(stack, "alter table notes disable row level security")
            await run(stack, "insert into notes (id, owner) values (2, 'bob')")
            assert (await told(one))["record"]["id"] == 2

    play(scene())


def test_keys_of_several_columns_and_odd_names_are_judged(stack: Stack) -> None:
    stack.run('create schema "Odd ""schema"; create type "Odd ""schema".kind as enum (\'a%\', \'b"\')')
    table = '"Odd ""schema"."Ta%ble"'
    stack.run(f'create table {table} ("K 1" "Odd ""schema".kind, k2 text, primary key ("K 1", k2))')
    stack.run(f"alter table {table} enable row level security; alter publication supabase_realtime add table {table}")
    stack.run(f'grant usage on schema "Odd ""schema" to anon; grant select on {table} to anon')
    stack.run(f"create policy p on {table} for select to anon using (k2 <> 'no')")

    async def scene() -> None:
        async with client(stack) as one:
            await follow(one, None, schema='Odd "schema', table="Ta%ble", filter='K 1=in.("b\\"")')
            await run(stack, f"insert into {table} values ('a%', 'yes'), ('b\"', 'no'), ('b\"', 'it''s')")
            assert (await told(one))["record"] == {"K 1": 'b"', "k2": "it's"}

    play(scene())


@pytest.mark.full
def test_a_policy_that_takes_too_long_holds_up_but_does_not_silence_the_others(stack: Stack) -> None:
    stack.run(
        "create policy sleeper on notes as restrictive for select to authenticated "
        "using ((select case when public.me() = 'sloth' then pg_sleep(60) is not null else true end))"
    )

    async def scene() -> None:
        async with client(stack) as ada, client(stack) as sloth:
            await follow(sloth, token(stack.settings, "sloth"), table="notes")
            await follow(ada, token(stack.settings, "ada"), table="notes")
            await ada.join("news")
            await run(stack, "insert into notes (id, owner) values (1, 'ada')")
            await run(stack, "select realtime.send('{}', 'e', 'news', false)")
            assert (await ada.receive()).event == "broadcast"  # messages do not wait for judging
            assert (await told(ada))["record"]["id"] == 1

    play(scene())


def test_of_many_callers_those_whose_policies_raise_are_told_apart_from_those_who_see_nothing(stack: Stack) -> None:
    stack.run("insert into notes (id, owner) values (1, 'ada')")
    claims = ['{"sub": "ada"}', '{"sub', '{"sub": "eve"}', "no json", '{"sub": "ada", "n": 2}']
    with psycopg.connect(stack.settings.database_url("supabase_realtime_admin")) as connection:
        found = connection.execute(
            "select n, answer from realtime.who_sees(%s, 'authenticated', %s)",
            ["select array_agg(1) from public.notes where id = 1", claims],
        ).fetchall()
        assert found == [(1, [1]), (2, None), (4, None), (5, [1])]
        row = connection.execute("select current_user").fetchone()
        assert row == ("supabase_realtime_admin",)  # and not the last caller
        for role, query in (("nobody", "select '{1}'::int[]"), ("anon", "select array_agg(1) from unpublished_yet")):
            nothing = connection.execute("select * from realtime.who_sees(%s, %s, %s)", [query, role, claims])
            assert nothing.fetchall() == []
