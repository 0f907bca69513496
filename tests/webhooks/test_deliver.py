"""From an event to a receiver: what is told, how it is signed, what happens when it fails."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from chalicelib.kit import database, standard_webhooks
from chalicelib.kit.jobs import run
from chalicelib.kit.logging import log
from chalicelib.kit.retry_after import seconds_asked
from chalicelib.webhooks import consumer as deliver
from chalicelib.webhooks.sender import Sender
from standardwebhooks import Webhook

from tests.people import connect, new_organization
from tests.webhooks.conftest import CONSUMER, Desk, Logged
from tests.webhooks.receiver import Authority, Receiver, hang, hold, receiving, reset, status


def test_an_event_is_told_once_signed_and_with_ids_alone(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    (event,) = desk.happens()
    desk.deliver()
    (request,) = receiver.requests
    told = Webhook(endpoint.secret).verify(request.body, request.headers)  # the reference library
    assert standard_webhooks.verify([endpoint.secret], request.headers, request.body) == request.headers["webhook-id"]
    row = desk.one("select subject_id, created_at from public.events where id = %s", event)
    assert told == {
        "type": "contact.created",
        "timestamp": row["created_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "data": {
            "event_id": f"evt_{event.hex}",
            "organization_id": f"org_{desk.organization.hex}",
            "subject_id": f"con_{row['subject_id'].hex}",
            "ticket_id": None,
            "actor_id": None,
        },
    }
    assert request.headers["content-type"] == "application/json"
    (delivery,) = desk.deliveries()
    assert (delivery["state"], delivery["status"], delivery["tries"]) == ("delivered", 200, 1)
    assert request.headers["webhook-id"] == f"whd_{delivery['id'].hex}"
    assert request.body.decode() == delivery["payload"]


def test_an_endpoint_that_wants_data_gets_them_with_typed_ids(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url, has_data=True)
    draft, ticket = uuid4(), uuid4()
    desk.happens(
        kind="message.moved",
        from_ticket_id=str(ticket),
        to_ticket_id=str(ticket),
        draft_id=str(draft),
        seq=3,
        team_id=None,
    )
    desk.deliver()
    assert json.loads(receiver.requests[0].body)["data"]["details"] == {
        "from_ticket_id": f"tkt_{ticket.hex}",
        "to_ticket_id": f"tkt_{ticket.hex}",
        "draft_id": f"drf_{draft.hex}",
        "seq": 3,
        "team_id": None,
    }


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (["*"], ["ticket.created", "ticket.status.changed", "message.sent"]),
        (["ticket.*"], ["ticket.created", "ticket.status.changed"]),
        (["ticket.status.*"], ["ticket.status.changed"]),
        (["ticket.created", "message.*"], ["ticket.created", "message.sent"]),
    ],
)
def test_an_endpoint_hears_of_what_its_filters_name(filters: list[str], wanted: list[str], desk: Desk) -> None:
    desk.endpoint("https://hooks.test/", event_types=filters)
    for kind in ("ticket.created", "ticket.status.changed", "message.sent"):
        desk.happens(kind=kind)
    assert [row["event_type"] for row in desk.deliveries()] == wanted


@pytest.mark.parametrize("filters", [[], ["ticket.%"], ["Ticket.created"], ["**"], ["*.created"], [None], ["a"] * 101])
def test_a_filter_that_means_nothing_is_refused(filters: list[str | None], desk: Desk) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.endpoint("https://hooks.test/", event_types=filters)


@pytest.mark.parametrize("filters", [["ticket"], ["ticket.creatd"], ["tickets.*"], ["*", "ticket.exploded"]])
def test_a_filter_that_no_event_can_match_is_refused(filters: list[str], desk: Desk) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=f"no event is called {re.escape(filters[-1])}\n"):
        desk.endpoint("https://hooks.test/", event_types=filters)


def test_events_of_others_are_not_told(desk: Desk, receiver: Receiver) -> None:
    with connect(desk.settings, "supabase_admin") as people:
        other = new_organization(people, "other")
    desk.endpoint(receiver.url, organization_id=other)
    desk.happens()
    desk.deliver()
    assert receiver.requests == []


def test_who_commits_an_event_waits_for_nobody(desk: Desk, receiver: Receiver) -> None:
    """Two transactions that cause events for the same two endpoints, in both orders, and neither has committed."""
    for kind in ("contact.*", "ticket.*"):
        desk.endpoint(receiver.url, event_types=[kind])
    emit = "select private.emit(%s, %s, %s)"
    with ExitStack() as stack:
        one, other = (stack.enter_context(connect(desk.settings, "postgres")) for _ in range(2))
        with one.transaction(), other.transaction():
            for session, kinds in (
                (one, ("contact.created", "ticket.created")),
                (other, ("ticket.created", "contact.created")),
            ):
                session.execute("set local lock_timeout = '1s'")
                for kind in kinds:
                    session.execute(emit, [desk.organization, kind, uuid4()])
            assert desk.deliver() == []
    desk.deliver()
    assert len(set(receiver.ids)) == 4


def test_many_events_of_one_endpoint_share_a_job(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    desk.happens(60)
    assert desk.deliver() == ["done"]
    assert len(set(receiver.ids)) == len(receiver.ids) == 60
    assert set(desk.states()) == {"delivered"}


def test_what_happens_while_a_worker_is_at_it_is_sent_too(desk: Desk, receiver: Receiver) -> None:
    """Both ends of the race: seen by the worker itself, or committed as it lets go."""
    desk.endpoint(receiver.url)
    receiver.always = status(200)
    receiver.script = [lambda handler: (desk.happens(3), status(200)(handler))[1]]
    desk.happens()
    assert desk.deliver() == ["done"]
    assert len(receiver.requests) == 4


def test_a_second_worker_leaves_a_busy_endpoint_alone(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    gate = threading.Event()
    receiver.script = [hold(gate)]
    desk.happens()
    (job,) = desk.claimed()

    def work() -> None:
        run(CONSUMER, job)
        database.close()

    first = threading.Thread(target=work)
    first.start()
    receiver.wait_for(1)
    desk.happens()
    assert desk.claimed() == [], "no job while one is at it"
    second = desk.one(
        "select private.enqueue(%s, 'deliver', jsonb_build_object('endpoint_id', %s::uuid)) as id",
        desk.organization, endpoint.id,
    )["id"]  # fmt: skip
    desk.db.execute("update private.jobs set state = 'published' where id = %s", [second])
    assert run(CONSUMER, second) == "done"
    assert len(receiver.requests) == 1
    gate.set()
    first.join()
    desk.deliver()
    assert len(set(receiver.ids)) == len(receiver.ids) == 2


def test_one_endpoint_that_hangs_holds_up_no_other(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    gate = threading.Event()
    with receiving(authority.server()) as stuck:
        stuck.always = hold(gate)
        for url in (stuck.url, receiver.url):
            desk.endpoint(url)
        desk.happens(5)
        jobs = desk.claimed()
        assert len(jobs) == 2, "each has its own job, and its own invocation"

        def work(job: UUID) -> None:
            run(CONSUMER, job)
            database.close()

        threads = [threading.Thread(target=work, args=[job]) for job in jobs]
        for thread in threads:
            thread.start()
        receiver.wait_for(5)
        assert any(thread.is_alive() for thread in threads)
        gate.set()
        for thread in threads:
            thread.join()
    assert set(desk.states()) == {"delivered"}


def test_an_answer_that_does_not_come_in_time_is_a_failure(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "Sender", partial(Sender, timeout=0.3))
    desk.endpoint(receiver.url)
    receiver.always = hang
    desk.happens()
    desk.deliver()
    (delivery,) = desk.deliveries()
    assert (delivery["state"], delivery["status"], delivery["tries"]) == ("waiting", None, 1)
    assert delivery["error"]


def test_what_failed_is_tried_for_days_and_then_given_up(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    desk.happens()
    receiver.always = status(500, b"out of \x00order" + b"!" * 5000)
    waits = []
    for _ in range(10):
        desk.later(days=1.5)
        desk.db.execute("update public.webhook_health set failures = 0, paused_until = null, failing_since = now()")
        desk.deliver()
        waits.append(desk.deliveries()[0]["due_in"])
    for wait, planned in zip(waits, [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400], strict=False):
        assert planned * 0.79 < wait < planned * 1.21
    (delivery,) = desk.deliveries()
    assert (delivery["state"], delivery["tries"], delivery["next_attempt_at"]) == ("failed", 10, None)
    assert len(set(receiver.ids)) == 1, "the same id at every attempt"
    assert len({request.body for request in receiver.requests}) == 1
    attempts = desk.as_member("admin", "select status, error, response, ms from public.webhook_attempts order by id")
    assert len(attempts) == 10
    assert attempts[0]["error"] == "the endpoint answered 500"
    assert attempts[0]["response"] == ("out of order" + "!" * 5000)[:1000]


def test_an_attempt_is_signed_at_its_own_time(desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = desk.endpoint(receiver.url)
    desk.happens()
    receiver.script = [status(503)]
    monkeypatch.setattr("time.time", lambda: 1_900_000_000.0)
    desk.deliver()
    monkeypatch.setattr("time.time", lambda: 1_900_000_400.0)
    desk.later(10)
    desk.deliver()
    assert [request.headers["webhook-timestamp"] for request in receiver.requests] == ["1900000000", "1900000400"]
    for request in receiver.requests:
        at = int(request.headers["webhook-timestamp"])
        standard_webhooks.verify([endpoint.secret], request.headers, request.body, now=at)


@pytest.mark.parametrize(
    ("code", "headers", "least", "most"),
    [
        (429, {"retry_after": "120"}, 120, 121),
        (429, {}, 48, 72),
        (502, {}, 48, 72),
        (503, {"retry_after": "99999999"}, 86300, 86401),
        (500, {"retry_after": "-1"}, 4, 6),
        (503, {"retry_after": "soon"}, 4, 6),
        (301, {"location": "http://169.254.169.254/"}, 4, 6),
        (204, {}, None, None),
    ],
)
def test_an_answer_decides_when_the_next_attempt_is(
    code: int, headers: dict[str, str], least: float | None, most: float | None, desk: Desk, receiver: Receiver
) -> None:
    desk.endpoint(receiver.url)
    desk.happens()
    receiver.script = [status(code, b"", **headers)]
    desk.deliver()
    (delivery,) = desk.deliveries()
    assert delivery["status"] == code
    if least is None or most is None:
        assert delivery["state"] == "delivered"
    else:
        assert delivery["state"] == "waiting"
        assert least - 1 <= delivery["due_in"] <= most
    assert len(receiver.requests) == 1


def test_retry_after_may_be_a_date(desk: Desk) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert seconds_asked(format_datetime(now + timedelta(minutes=2), usegmt=True), now) == 120
    assert seconds_asked("Sat, 21 Nov 2026 11:00:00 GMT", now) == 0
    assert seconds_asked("Sun, 22 Nov 2099 11:00:00 GMT", now) == 86400
    for nothing in ("", None, "tomorrow", "１２", "1e9", "Sat, 99 Nov 2026"):
        assert seconds_asked(nothing, now) is None


def test_an_endpoint_that_asks_to_wait_is_left_in_peace(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    receiver.always = status(429, retry_after="600")
    desk.happens()
    desk.deliver()
    desk.happens(5)
    assert desk.deliver() == []
    assert len(receiver.requests) == 1
    assert 590 < desk.health()["paused_for"] <= 600
    receiver.always = status(200)
    desk.later(601)
    desk.deliver()
    assert set(desk.states()) == {"delivered"}


def test_410_disables_the_endpoint_and_tells_the_members(desk: Desk, receiver: Receiver, authority: Authority) -> None:
    with receiving(authority.server()) as listener:
        gone = desk.endpoint(receiver.url, event_types=["contact.*"], is_ordered=True)
        desk.endpoint(listener.url, event_types=["webhook.*"], has_data=True)
        receiver.script = [status(410)]
        desk.happens(3)
        desk.deliver()
        assert len(receiver.requests) == 1
        row = desk.one("select * from public.webhook_endpoints where id = %s", gone.id)
        assert row["disabled_because"] == "it answered 410 Gone"
        told = json.loads(listener.requests[0].body)
        assert told["type"] == "webhook.disabled"
        assert told["data"]["subject_id"] == f"whe_{gone.id.hex}"
        assert told["data"]["details"]["reason"] == "it answered 410 Gone"
    desk.happens(2)
    desk.later(days=1)
    assert desk.deliver() == []
    # What waited is kept, and goes out once somebody enables it; what happened meanwhile passed it by.
    desk.as_member("admin", "update public.webhook_endpoints set disabled_at = null where id = %s", gone.id)
    desk.deliver()
    assert desk.all(
        "select state, count(*) as n from public.webhook_deliveries where endpoint_id = %s group by 1", gone.id
    ) in (
        [{"state": "failed", "n": 1}, {"state": "delivered", "n": 2}],
        [{"state": "delivered", "n": 2}, {"state": "failed", "n": 1}],
    )


def test_only_failures_for_120_hours_disable_it(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    receiver.always = reset
    desk.happens()
    desk.deliver()
    desk.later(hours=119)
    desk.db.execute("update public.webhook_health set last_failure_at = now() - interval '20 hours'")
    desk.deliver()
    assert desk.one("select disabled_at from public.webhook_endpoints")["disabled_at"] is None
    desk.later(hours=2)
    desk.deliver()
    row = desk.one("select disabled_because, disabled_at from public.webhook_endpoints")
    assert row["disabled_because"] == "every attempt failed for 120 hours"
    assert desk.one("select count(*) as n from public.events where type = 'webhook.disabled'")["n"] == 1


def test_an_outage_long_ago_is_forgiven(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url)
    receiver.always = status(500)
    desk.happens()
    desk.deliver()
    desk.later(hours=130)
    desk.deliver()
    assert desk.one("select disabled_at from public.webhook_endpoints")["disabled_at"] is None
    assert desk.one("select failing_since > now() - interval '1 minute' as anew from public.webhook_health")["anew"]


def test_after_five_failures_one_delivery_at_a_time_tries_and_the_rest_wait_unharmed(
    desk: Desk, receiver: Receiver
) -> None:
    desk.endpoint(receiver.url)
    receiver.always = status(500)
    desk.happens(40)
    desk.deliver()
    first = len(receiver.requests)
    assert 5 <= first <= deliver.AT_ONCE * 2, "it stops as soon as it has seen enough"
    health = desk.health()
    assert health["failures"] == first
    assert 23 < health["paused_for"] < 37
    pauses = []
    for _ in range(9):
        desk.later(health["paused_for"] + 1)
        desk.deliver()
        health = desk.health()
        pauses.append(health["paused_for"])
    assert len(receiver.requests) == first + 9, "one each time"
    for pause, planned in zip(pauses, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600], strict=True):
        assert planned * 0.79 < pause < planned * 1.21
    assert sum(row["tries"] for row in desk.deliveries()) == first + 9
    assert desk.all("select error from private.jobs where error is not null") == []
    # It is back.
    receiver.always = status(200)
    desk.later(days=3)
    desk.deliver()
    assert set(desk.states()) == {"delivered"}
    assert (desk.health()["failures"], desk.health()["paused_until"]) == (0, None)


def test_in_order_one_goes_after_the_other_and_a_failure_holds_up_the_rest(desk: Desk, receiver: Receiver) -> None:
    desk.endpoint(receiver.url, is_ordered=True)
    events = desk.happens(6)
    receiver.script = [status(200), status(200), status(500)]
    desk.deliver()
    assert len(receiver.requests) == 3
    desk.later(3)
    assert desk.deliver() == []
    desk.happens()
    desk.later(10)
    desk.deliver()
    told = [json.loads(request.body)["data"]["event_id"] for request in receiver.requests]
    assert told[:7] == [f"evt_{event.hex}" for event in (*events[:3], *events[2:6])]
    assert set(desk.states()) == {"delivered"}


def test_a_worker_that_dies_between_sending_and_recording_sends_the_same_again(
    desk: Desk, receiver: Receiver, authority: Authority
) -> None:
    desk.endpoint(f"https://127.0.0.1:{receiver.port}/")
    desk.happens(3)
    (job,) = desk.claimed()
    gate = threading.Event()
    receiver.always = hold(gate)
    with subprocess.Popen([sys.executable, "-c", LAMBDA, str(job)], env=environment_of(authority)) as worker:
        receiver.wait_for(3)
        worker.send_signal(signal.SIGKILL)
    gate.set()
    assert desk.states() == ["waiting"] * 3
    assert desk.deliver() == [], "the endpoint is still its own, for as long as it may live"
    desk.later(120)
    desk.deliver()
    assert desk.states() == ["delivered"] * 3
    assert sorted(receiver.ids[:3]) == sorted(receiver.ids[3:])


LAMBDA = """
import sys
from uuid import UUID
from chalicelib.kit.jobs import Consumer, run
from chalicelib.webhooks import consumer
run(Consumer("deliver", consumer.handle), UUID(sys.argv[1]))
"""


def environment_of(authority: Authority) -> dict[str, str]:
    """The functions' environment in a process of its own."""
    own = {"PGDESK_WEBHOOK_ALLOW": "127.0.0.1", "PGDESK_WEBHOOK_CA": str(authority.ca)}
    return {**os.environ, **own, "PYTHONPATH": str(Path(deliver.__file__).parents[2])}


def test_a_worker_that_comes_back_too_late_records_nothing(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.endpoint(receiver.url)
    desk.happens()
    (job,) = desk.claimed()
    gate = threading.Event()
    receiver.script = [hold(gate)]
    ended = []

    def work() -> None:
        ended.append(run(CONSUMER, job))
        database.close()

    late = threading.Thread(target=work)
    late.start()
    receiver.wait_for(1)
    desk.later(120)
    assert desk.deliver() == ["done"]
    gate.set()
    late.join()
    assert ended == ["superseded"]
    assert desk.one("select count(*) as n from public.webhook_attempts")["n"] == 1
    assert receiver.ids[0] == receiver.ids[1]


def test_a_secret_that_cannot_be_read_charges_no_delivery(desk: Desk, receiver: Receiver, logged: Logged) -> None:
    desk.endpoint(receiver.url)
    desk.db.execute("update private.webhook_secrets set sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20))")
    desk.happens()
    assert desk.deliver() == ["done"]
    assert receiver.requests == []
    assert desk.deliveries()[0]["tries"] == 0
    assert "operator" in desk.health()["paused_because"]
    assert [line["error"] for line in logged() if line["event"] == "webhooks.unable"]


def test_each_delivery_is_a_log_line_with_the_trace_of_its_event(
    desk: Desk, receiver: Receiver, logged: Logged
) -> None:
    desk.endpoint(receiver.url)
    trace = uuid4()
    with desk.db.transaction():
        desk.db.execute("select set_config('app.trace_id', %s, true)", [str(trace)])
        desk.happens()
    logged()
    desk.deliver()
    (line,) = [line for line in logged() if line["event"] == "webhook"]
    assert (line["trace_id"], line["status"], line["attempt"]) == (str(trace), 200, 1)
    assert desk.deliveries()[0]["trace_id"] == trace
    assert receiver.requests[0].headers["traceparent"].split("-")[1] == trace.hex
    assert desk.one("select trace_id from private.jobs where consumer = 'deliver'")["trace_id"] == trace


def test_no_secret_is_logged_kept_or_told(desk: Desk, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = desk.endpoint(receiver.url)
    receiver.script = [status(500)]
    desk.happens()
    desk.deliver()
    log("done")
    bare = endpoint.secret.removeprefix("whsec_")
    assert bare not in capsys.readouterr().out
    tables = desk.all(
        "select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables"
        " where table_schema in ('public', 'private') and table_type = 'BASE TABLE'"
    )
    for table in tables:
        text = desk.one(f"select coalesce(string_agg(t::text, ' '), '') as text from {table['name']} as t")["text"]
        assert bare not in text
        assert standard_webhooks.key_bytes(endpoint.secret).hex() not in text


def test_a_deleted_endpoint_takes_its_deliveries_along(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    desk.happens(2)
    desk.as_member("admin", "delete from public.webhook_endpoints where id = %s", endpoint.id)
    desk.deliver()
    assert desk.deliveries() == []
    assert receiver.requests == []
    assert desk.one("select count(*) as n from private.webhook_secrets")["n"] == 0


def test_deliveries_are_kept_for_90_days(desk: Desk) -> None:
    desk.endpoint("https://hooks.test/")
    desk.happens(2)
    old = desk.deliveries()[0]["id"]
    desk.db.execute(
        "update public.webhook_deliveries set id = private.uuid7(now() - interval '91 days') where id = %s", [old]
    )
    desk.db.execute("select private.maintain()")
    assert len(desk.deliveries()) == 1
