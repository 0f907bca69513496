"""A hundred writes and a thousand reads a minute: for each user alone, and for all keys of an organization together."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
from chalicelib.http_adapter import answer_to
from chalicelib.kit import rates
from chalicelib.kit.http import HttpError, Request, Response, Route, json_response, require_bearer
from postgrest import APIError

from tests.access.conftest import Signed, World
from tests.people import connect

TAKEN = "insert into private.rate_counts (bucket, minute, taken) values (%s, date_trunc('minute', now()), %s)"


@pytest.fixture(autouse=True)
def in_one_minute(world: World) -> None:
    """A test takes a second or two: not begun where they would fall into two minutes."""
    world.db.execute("select pg_sleep(greatest(0, extract(second from clock_timestamp()) - 55) * 1.1)")


def rename(world: World, headers: Signed, name: str) -> httpx.Response:
    return world.http.patch(
        "/contacts", params={"id": f"eq.{world.acme.contact}"}, json={"name": name}, headers=headers
    )


def name_of(world: World) -> str:
    return str(world.value("select name from public.contacts where id = %s", [world.acme.contact]))


def taken(world: World, bucket: str) -> int:
    row = world.db.execute("select taken from private.rate_counts where bucket = %s", [bucket]).fetchone()
    return row["taken"] if row else 0


def test_the_hundred_and_first_write_of_a_minute_is_refused_and_writes_nothing(world: World) -> None:
    agent = world.acme.people["agent"]
    headers = world.signed(agent)
    statuses = [rename(world, headers, f"Ada {count}").status_code for count in range(100)]
    assert statuses == [204] * 100
    refused = rename(world, headers, "too much")
    assert (refused.status_code, refused.json()["code"]) == (429, "PT429")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert name_of(world) == "Ada 99"
    said: Any = {"ticket_id": world.acme.ticket, "body": "x", "expected_seq": 9}
    with world.client(headers) as client, pytest.raises(APIError) as caught:
        client.rpc("send_reply", said).execute()
    assert caught.value.code == "PT429"
    # Reading goes on.
    assert world.http.get("/contacts", headers=headers).status_code == 200
    world.a_minute_passes()
    assert rename(world, headers, "a minute later").status_code == 204
    assert name_of(world) == "a minute later"


def test_two_users_do_not_share_a_limit(world: World) -> None:
    people = world.acme.people
    world.db.execute(TAKEN, [f"user {people['agent'].user_id}", 100])
    assert rename(world, world.signed(people["agent"]), "x").status_code == 429
    assert rename(world, world.signed(people["admin"]), "y").status_code == 204


def test_all_keys_of_an_organization_share_one_limit_and_people_have_their_own(world: World) -> None:
    first, second = (world.program(world.acme, ["contacts:write"]) for _ in range(2))
    foreign = world.program(world.bolt, ["contacts:write"])
    world.db.execute(TAKEN, [f"keys {world.acme.id}", 99])
    assert rename(world, first, "x").status_code == 204
    assert rename(world, first, "y").status_code == rename(world, second, "y").status_code == 429
    assert rename(world, foreign, "y").status_code == 204  # of nothing: it is not theirs
    assert rename(world, world.signed(world.acme.people["agent"]), "z").status_code == 204


def test_an_organization_may_be_given_other_limits(world: World) -> None:
    agent, program = world.signed(world.acme.people["agent"]), world.program(world.acme, ["contacts:write"])
    foreign = world.signed(world.bolt.people["agent"])
    world.db.execute(
        "insert into private.rate_limits (organization_id, user_writes, key_writes) values (%s, 2, 1)", [world.acme.id]
    )
    assert [rename(world, agent, "x").status_code for _ in range(3)] == [204, 204, 429]
    assert [rename(world, program, "x").status_code for _ in range(2)] == [204, 429]
    assert [rename(world, foreign, "x").status_code for _ in range(3)] == [204] * 3


def test_no_client_sets_or_sees_limits(world: World) -> None:
    for role in ("anon", "authenticated", "pgdesk_api_key", "pgdesk_functions", "service_role"):
        for table in ("rate_limits", "rate_counts"):
            for privilege in ("select", "insert", "update", "delete"):
                held = "select has_table_privilege(%s, %s, %s)"
                assert not world.value(held, [role, f"private.{table}", privilege]), (role, table)


def test_writers_at_once_take_no_more_than_there_is(world: World) -> None:
    headers = world.signed(world.acme.people["agent"])
    world.db.execute(TAKEN, [f"user {world.acme.people['agent'].user_id}", 90])
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda count: rename(world, headers, f"{count}").status_code, range(24)))
    assert sorted(statuses) == [204] * 10 + [429] * 14


def test_a_write_that_fails_is_not_counted(world: World) -> None:
    agent = world.acme.people["agent"]
    answer = world.http.post("/contacts", json={"organization_id": str(world.bolt.id)}, headers=world.signed(agent))
    assert answer.status_code == 403
    assert taken(world, f"user {agent.user_id}") == 0


def test_the_service_role_is_not_counted(world: World) -> None:
    service = {"apikey": world.settings.keys.secret_key}
    world.db.execute("grant update (name) on public.contacts to service_role")
    world.db.execute("grant select (id) on public.contacts to service_role")
    assert {rename(world, service, f"{count}").status_code for count in range(5)} == {204}
    assert world.value("select count(*) from private.rate_counts") == 0


def test_reads_are_refused_only_beyond_the_limit_and_at_the_latest_beyond_it_on_every_session(world: World) -> None:
    world.db.execute("insert into private.rate_limits (organization_id, user_reads) values (%s, 5)", [world.acme.id])
    headers, sessions = world.signed(world.acme.people["viewer"]), 10
    answers = [world.http.get("/tickets", headers=headers) for _ in range(5 * sessions + 1)]
    assert {answer.status_code for answer in answers[:5]} == {200}
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert world.http.get("/tickets", headers=world.signed(world.acme.people["agent"])).status_code == 200


def test_a_function_that_only_reads_counts_as_a_read(world: World) -> None:
    agent = world.acme.people["agent"]
    said = {"organization_id": str(world.acme.id), "query": "x"}
    answer = world.http.post("/rpc/search_articles", json=said, headers=world.signed(agent))
    assert answer.status_code == 200, answer.text
    assert taken(world, f"user {agent.user_id}") == 0


def test_reads_of_another_minute_are_forgotten(world: World) -> None:
    with connect(world.settings, "postgres") as session:

        def wait() -> Any:
            row = session.execute("select private.take_read('user x', 2) as wait").fetchone()
            assert row
            return row["wait"]

        assert (wait(), wait()) == (None, None)
        assert 1 <= wait() <= 60
        for step in ("-1 minute", "1 hour"):
            session.execute(
                "select set_config('pgdesk.reads_' || (hashtext('user x') & 255),"
                " array[(date_trunc('minute', now()) + %s::interval)::text, 'user x', '2']::text, false)",
                [step],
            )
            assert wait() is None, step


@pytest.mark.parametrize("step", ["- interval '1 minute'", "+ interval '1 minute'", "+ interval '3 days'"])
def test_a_clock_that_steps_locks_nobody_out(world: World, step: str) -> None:
    agent = world.acme.people["agent"]
    world.db.execute(TAKEN, [f"user {agent.user_id}", 100])
    assert rename(world, world.signed(agent), "x").status_code == 429
    world.db.execute(f"update private.rate_counts set minute = minute {step}".encode())
    assert rename(world, world.signed(agent), "x").status_code == 204


def test_counts_are_lost_in_a_crash_and_nothing_else(world: World) -> None:
    """An unlogged table is empty after a crash: nobody is locked out by what was counted before."""
    kind = "select relpersistence::text from pg_class where oid = %s::regclass"
    assert world.value(kind, ["private.rate_counts"]) == "u"
    assert world.value(kind, ["private.rate_limits"]) == "p"


def test_old_counts_are_cleaned_away(world: World) -> None:
    world.db.execute(TAKEN, ["new", 1])
    world.db.execute(
        "insert into private.rate_counts"
        " values ('old', now() - interval '2 hours', 1), ('ahead', now() + interval '1 day', 1)"
    )
    world.db.execute("select private.maintain()")
    left = {row["bucket"] for row in world.db.execute("select bucket from private.rate_counts")}
    assert left == {"new"}


# -- the functions' routes ---------------------------------------------------------------------------------------------


def asked(secret: str, address: str = "192.0.2.1", path: str = "/hook") -> Request:
    return Request("POST", path, {}, {"authorization": f"Bearer {secret}"}, b"", address=address)


def hook(request: Request) -> Response:
    require_bearer(request, "sesame")
    return json_response(202, {})


HOOK = Route("POST", "/hook", hook)


def test_who_guesses_secrets_is_slowed_down_and_who_knows_them_is_not(world: World) -> None:
    statuses = [answer_to(HOOK, asked(f"guess {count}")).status for count in range(101)]
    assert statuses == [401] * 100 + [429]
    refused = answer_to(HOOK, asked("guess"))
    assert json.loads(refused.body)["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    # The right one from elsewhere, more often than a hundred times.
    assert {answer_to(HOOK, asked("sesame", "192.0.2.2")).status for _ in range(150)} == {202}
    assert answer_to(HOOK, asked("guess", "192.0.2.2")).status == 401
    # And another path is another limit.
    assert answer_to(Route("POST", "/other", hook), asked("sesame", path="/other")).status == 202
    world.a_minute_passes()
    assert answer_to(HOOK, asked("sesame")).status == 202


def test_a_flood_of_guesses_costs_no_statements(world: World) -> None:
    for count in range(101):
        answer_to(HOOK, asked(f"guess {count}"))
    counted = taken(world, "POST /hook 192.0.2.1")
    world.db.execute("delete from private.rate_counts")
    assert answer_to(HOOK, asked("guess")).status == 429
    assert counted == 100
    assert world.value("select count(*) from private.rate_counts") == 0


def test_another_container_knows_of_the_flood_by_its_first_guess(world: World) -> None:
    for count in range(101):
        answer_to(HOOK, asked(f"guess {count}"))
    rates.forget()
    assert answer_to(HOOK, asked("guess")).status == 429


def test_a_webhook_source_has_a_limit_of_its_own_for_what_is_believed(world: World) -> None:
    route = Route("POST", "/hook", hook, limit=3)
    statuses = [answer_to(route, asked("sesame", f"192.0.2.{count}")).status for count in range(5)]
    assert statuses == [202, 202, 202, 202, 429]
    world.a_minute_passes()
    assert answer_to(route, asked("sesame")).status == 202


def test_what_is_not_believed_takes_nothing_from_the_source(world: World) -> None:
    route = Route("POST", "/hook", hook, limit=3)
    for count in range(20):
        answer_to(route, asked("guess", f"198.51.100.{count}"))
    assert answer_to(route, asked("sesame")).status == 202


def test_a_key_gets_a_hundred_tokens_a_minute(world: World) -> None:
    made, other = (world.new_key(world.acme, ["tickets:read"]) for _ in range(2))
    world.db.execute(TAKEN, [f"key {made['id']}", 99])
    assert [world.token(made["secret"]).status_code for _ in range(2)] == [200, 429]
    assert world.token(other["secret"]).status_code == 200


def test_the_address_is_the_one_that_the_gateway_saw(world: World) -> None:
    """Not one that the client says."""
    said = {"authorization": "Bearer x", "x-forwarded-for": "203.0.113.9"}
    assert world.functions.http.post("/v1/token", headers=said).status_code == 401
    (row,) = world.db.execute("select bucket from private.rate_counts").fetchall()
    assert row["bucket"] == "POST /token 127.0.0.1"


def test_an_answer_stands_although_it_cannot_be_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(rates, "call", away)
    assert answer_to(HOOK, asked("guess")).status == 401
    assert answer_to(Route("POST", "/hook", hook, limit=1), asked("sesame")).status == 202


def test_a_users_requests_to_functions_and_to_rest_count_together(world: World) -> None:
    agent = world.acme.people["agent"]
    assert agent.user_id
    world.db.execute(TAKEN, [f"user {agent.user_id}", 99])
    rates.take_for_user(agent.user_id, Request("POST", "/x", {}, {}, b""))
    assert rename(world, world.signed(agent), "x").status_code == 429
    with pytest.raises(HttpError) as caught:
        rates.take_for_user(agent.user_id, Request("POST", "/x", {}, {}, b""))
    assert caught.value.status == 429
    rates.take_for_user(agent.user_id, Request("GET", "/x", {}, {}, b""))  # reading goes on


def test_a_users_other_limits_hold_for_functions_too(world: World) -> None:
    viewer = world.acme.people["viewer"].user_id
    assert viewer
    world.db.execute("insert into private.rate_limits (organization_id, user_reads) values (%s, 2)", [world.acme.id])
    reading = Request("GET", "/x", {}, {}, b"")
    for _ in range(2):
        rates.take_for_user(viewer, reading)
    with pytest.raises(HttpError):
        rates.take_for_user(viewer, reading)
