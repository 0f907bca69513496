"""From jobs that are due to wake-ups in SQS, with a queue that refuses, breaks or goes away."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from chalicelib.kit import database
from chalicelib.kit.http import HttpError, Request
from chalicelib.kit.settings import settings as functions_settings
from chalicelib.relay import maintenance, route
from chalicelib.relay import relay as relay_module
from chalicelib.relay.gauges import observe
from chalicelib.relay.relay import relay
from starlette.responses import JSONResponse

from infra.local.plan import QueueDefinition
from infra.local.queue import engine
from infra.local.queue.service import QueueService
from infra.local.settings import Settings
from tests.functions.conftest import Logged
from tests.people import Connection
from tests.serving import serve

Fault = Callable[[dict[str, Any]], JSONResponse | None]


class Sqs:
    """The embedded stack's SQS. `fault` may answer in its place; it sees the parsed SendMessageBatch."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.fault: Fault | None = None
        self._service = QueueService()
        self.url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if not (self.fault and headers.get(b"x-amz-target") == b"AmazonSQS.SendMessageBatch"):
            await self._service(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            part = await receive()
            body += part.get("body", b"")
            more = part.get("more_body", False)
        answer = self.fault(json.loads(body))
        if answer:
            await answer(scope, receive, send)
            return

        async def again() -> dict[str, Any]:
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._service(scope, again, send)

    def received(self, consumer: str = "triage") -> list[str]:
        """The bodies that can be received now."""
        client = boto3.client("sqs", endpoint_url=self.url)
        queue = client.get_queue_url(QueueName=self.prefix + consumer)["QueueUrl"]
        found: list[str] = []
        while messages := client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            found += [message["Body"] for message in messages]
        client.close()
        return found

    def delayed(self, consumer: str = "triage") -> int:
        client = boto3.client("sqs", endpoint_url=self.url)
        queue = client.get_queue_url(QueueName=self.prefix + consumer)["QueueUrl"]
        name = "ApproximateNumberOfMessagesDelayed"
        answer = client.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
        client.close()
        return int(answer["Attributes"][name])


@pytest.fixture
def sqs(functions: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sqs]:
    sqs = Sqs(f"t{uuid4().hex[:8]}-")
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("PGDESK_QUEUE_PREFIX", sqs.prefix),
    ):
        monkeypatch.setenv(name, value)
    with serve(sqs) as url:
        sqs.url = url
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", url)
        names = ("intake", "triage", "reply", "send_mail", "index_article", "refit", "maintain")
        engine.create([QueueDefinition(sqs.prefix + name) for name in names], url.removeprefix("http://"))
        functions_settings.cache_clear()
        forget_clients()
        yield sqs
        forget_clients()


def forget_clients() -> None:
    if relay_module._sqs.cache_info().currsize:
        relay_module._sqs().close()
    relay_module._sqs.cache_clear()
    relay_module._queue_url.cache_clear()


class Jobs:
    def __init__(self, owner: Connection, organization: UUID) -> None:
        self.db, self.organization = owner, organization

    def enqueue(self, count: int = 1, consumer: str = "triage", seconds: int = 0) -> list[str]:
        found = self.db.execute(
            "select private.enqueue(%s, %s, '{}', now() + make_interval(secs => %s)) as id from generate_series(1, %s)",
            [self.organization, consumer, seconds, count],
        ).fetchall()
        return [str(row["id"]) for row in found]

    def states(self) -> Counter[str]:
        return Counter(row["state"] for row in self.db.execute("select state from private.jobs"))

    def run_out(self) -> None:
        """As if the claims were half a minute old."""
        self.db.execute("update private.jobs set lease_until = lease_until - interval '31 seconds'")


@pytest.fixture
def jobs(owner: Connection, acme: UUID) -> Jobs:
    return Jobs(owner, acme)


@pytest.fixture
def wide(owner: Connection) -> Iterator[None]:
    """Room for many jobs of one consumer in flight."""
    owner.execute("update private.consumers set in_flight = 1000 where name = 'triage'")
    yield
    owner.execute("update private.consumers set in_flight = 24 where name = 'triage'")


def test_what_is_due_is_sent_to_its_consumers_queue_and_marked(sqs: Sqs, jobs: Jobs) -> None:
    triage, intake = jobs.enqueue(3), jobs.enqueue(2, "intake")
    assert relay() == 5
    assert sorted(sqs.received("triage")) == sorted(triage)
    assert sorted(sqs.received("intake")) == sorted(intake)
    assert jobs.states() == {"published": 5}
    jobs.run_out()
    assert relay() == 0, "what SQS has accepted is left alone for five minutes"


def test_nothing_due_sends_nothing(sqs: Sqs, jobs: Jobs) -> None:
    jobs.enqueue(seconds=3600)
    assert relay() == 0
    assert sqs.received() == []


def test_a_job_due_within_a_minute_is_held_back_by_sqs(sqs: Sqs, jobs: Jobs) -> None:
    asked: list[dict[str, Any]] = []
    sqs.fault = asked.append
    jobs.enqueue(seconds=45)
    assert relay() == 1
    assert sqs.received() == []
    assert sqs.delayed() == 1
    assert 44 <= asked[0]["Entries"][0]["DelaySeconds"] <= 45


def test_a_window_is_kept_and_filled_as_jobs_end(sqs: Sqs, jobs: Jobs) -> None:
    jobs.enqueue(30)
    assert (relay(), relay()) == (24, 0)
    jobs.db.execute("update private.jobs set state = 'done', lease_until = null where id in"
                    " (select id from private.jobs where state = 'published' limit 4)")  # fmt: skip
    assert relay() == 4
    assert jobs.states() == {"published": 24, "done": 4, "waiting": 2}


def test_more_than_one_claim_holds_is_sent_in_one_go(sqs: Sqs, jobs: Jobs, wide: None) -> None:
    enqueued = jobs.enqueue(235)
    assert relay() == 235
    assert sorted(sqs.received()) == sorted(enqueued)


def test_what_sqs_refuses_waits_again_and_is_sent_the_next_time(sqs: Sqs, jobs: Jobs) -> None:
    sqs.fault = refuse_second
    enqueued = jobs.enqueue(5)
    assert relay() == 4
    assert jobs.states() == {"published": 4, "waiting": 1}
    sqs.fault = None
    jobs.db.execute("update private.jobs set run_at = now() where state = 'waiting'")
    assert relay() == 1
    # The double sent the four accepted ones nowhere: only the one that was refused arrives.
    assert len(sqs.received()) == 1
    assert len(enqueued) == 5


def refuse_second(request: dict[str, Any]) -> JSONResponse:
    """SQS' answer when one entry of a batch is throttled."""
    entries = [entry["Id"] for entry in request["Entries"]]
    failed = {"Id": entries[1], "SenderFault": False, "Code": "InternalError", "Message": "throttled"}
    accepted = [{"Id": each, "MessageId": each, "MD5OfMessageBody": ""} for each in entries if each != entries[1]]
    return JSONResponse({"Successful": accepted, "Failed": [failed]}, media_type="application/x-amz-json-1.0")


def broken(_: dict[str, Any]) -> JSONResponse:
    error = {"__type": "com.amazonaws.sqs#InternalFailure", "message": "broken"}
    return JSONResponse(error, 500, media_type="application/x-amz-json-1.0")


def test_while_sqs_is_broken_nothing_is_lost_and_claims_run_out(sqs: Sqs, jobs: Jobs, logged: Logged) -> None:
    sqs.fault = broken
    (job,) = jobs.enqueue()
    assert relay() == 0
    assert [line["event"] for line in logged()] == ["relay.unanswered", "relay"]
    assert jobs.states() == {"published": 1}
    sqs.fault = None
    assert relay() == 0, "the claim still holds: SQS may have taken it after all"
    jobs.run_out()
    assert relay() == 1
    assert sqs.received() == [job]


def test_while_sqs_cannot_be_reached_nothing_is_lost(sqs: Sqs, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = jobs.enqueue()
    relay_module._queue_url("triage")
    forget_clients()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    assert relay() == 0
    forget_clients()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", sqs.url)
    jobs.run_out()
    assert relay() == 1
    assert sqs.received() == [job]


def test_a_missing_queue_holds_up_no_other_consumer(sqs: Sqs, jobs: Jobs, logged: Logged) -> None:
    client = boto3.client("sqs", endpoint_url=sqs.url)
    client.delete_queue(QueueUrl=client.get_queue_url(QueueName=f"{sqs.prefix}intake")["QueueUrl"])
    client.close()
    jobs.enqueue(2, "intake")
    triage = jobs.enqueue(2, "triage")
    mails = jobs.enqueue(2, "send_mail")
    assert relay() == 4
    assert (sorted(sqs.received("triage")), sorted(sqs.received("send_mail"))) == (sorted(triage), sorted(mails))
    (line,) = [line for line in logged() if line["event"] == "relay.unanswered"]
    assert (line["consumer"], line["jobs"]) == ("intake", 2)


def test_a_relay_that_died_after_sending_costs_a_repeat_and_nothing_else(
    sqs: Sqs, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = jobs.enqueue()
    with monkeypatch.context() as patch:
        patch.setitem(relay_module.SQL, "mark_published", b"select 1 / 0")
        with pytest.raises(Exception, match="division by zero"):
            relay()
    jobs.run_out()
    assert relay() == 1
    assert sqs.received() == [job, job]


def test_two_relays_at_once_send_each_job_once(sqs: Sqs, jobs: Jobs, wide: None) -> None:
    enqueued = jobs.enqueue(250)
    sent: list[int] = []
    start = threading.Barrier(3)

    def work() -> None:
        start.wait(10)
        sent.append(relay())
        database.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(sent) == 250
    assert sorted(sqs.received()) == sorted(enqueued)


def test_the_relay_is_woken_over_http_with_its_secret_only(
    sqs: Sqs, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDESK_RELAY_SECRET", "knock")
    functions_settings.cache_clear()
    jobs.enqueue(2)
    for header in ("Bearer guess", ""):
        with pytest.raises(HttpError, match="bearer"):
            route.wake(Request("POST", "/relay", {}, {"authorization": header}, b""))
    answer = route.wake(Request("POST", "/relay", {}, {"authorization": "Bearer knock"}, b""))
    assert (answer.status, json.loads(answer.body)) == (202, {"published": 2})


def health(secret: str | None = None) -> tuple[int, dict[str, Any]]:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    answer = route.health(Request("GET", "/health", {}, headers, b""))
    return answer.status, json.loads(answer.body)


def test_health_tells_a_stranger_that_the_desk_answers_and_no_more(sqs: Sqs, jobs: Jobs) -> None:
    assert health() == (200, {"status": "ok"})
    with pytest.raises(HttpError, match="bearer"):
        health("guess")


def test_health_shows_who_knows_the_secret_how_queue_mail_and_model_stand(
    sqs: Sqs, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDESK_RELAY_SECRET", "knock")
    functions_settings.cache_clear()
    jobs.enqueue(2)
    jobs.enqueue(1, seconds=3600)
    status, told = health("knock")
    assert (status, told["status"]) == (200, "ok")
    (triage,) = [row for row in told["queue"] if row["consumer"] == "triage"]
    assert (triage["waiting"], triage["scheduled"], triage["dead"]) == (2, 1, 0)
    assert told["mail"] == {"quarantined": 0, "unknown": 0, "failed_today": 0}
    assert told["model"] == {"calls_today": 0, "failed_today": 0, "tokens_today": 0, "cost_usd_today": 0}


def test_the_minute_s_look_at_the_queue_is_a_metric_per_consumer(sqs: Sqs, jobs: Jobs, logged: Logged) -> None:
    jobs.enqueue(1, seconds=-90)
    observe()
    (triage,) = [line for line in logged() if line["event"] == "queue" and line["consumer"] == "triage"]
    assert triage["OldestJobSeconds"] >= 90
    assert triage["DeadJobs"] == 0
    (told,) = triage["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Dimensions"]) == ("pgdesk", [["consumer"]])
    assert told["Metrics"] == [{"Name": "OldestJobSeconds", "Unit": "Seconds"}, {"Name": "DeadJobs", "Unit": "Count"}]


def test_the_hourly_cleaning_is_queued_once_however_often_it_is_asked_for(sqs: Sqs, jobs: Jobs) -> None:
    maintenance.enqueue()
    maintenance.enqueue()
    assert jobs.states() == {"waiting": 1}
    assert relay() == 1
    assert len(sqs.received("maintain")) == 1
