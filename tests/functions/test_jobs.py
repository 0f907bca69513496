"""From a wake-up to effects that happen once: the consumer's side."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from chalicelib.kit import database
from chalicelib.kit.database import Connection as FunctionsConnection
from chalicelib.kit.database import transaction
from chalicelib.kit.jobs import Consume, Consumer, Dead, Effects, Job, Retry, consume
from chalicelib.kit.settings import settings as functions_settings
from psycopg.types.json import Jsonb

from infra.local.settings import Settings
from tests.functions.conftest import Logged, forget
from tests.people import Connection, connect

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class Desk:
    """One organization with jobs of consumer `triage`, run as Lambda would run them."""

    def __init__(self, owner: Connection, organization: UUID) -> None:
        self.db, self.organization = owner, organization

    def enqueue(self, **payload: Any) -> UUID:
        """A job that the relay has published."""
        row = self.db.execute(
            "select private.enqueue(%s, 'triage', %s) as id", [self.organization, Jsonb(payload)]
        ).fetchone()
        assert row
        self.publish()
        return UUID(str(row["id"]))

    def publish(self) -> None:
        self.db.execute("select private.claim_jobs(100)")

    def deliver(self, handle: Consume, *bodies: object) -> list[str]:
        """Hand wake-ups to the consumer; returns the positions of those that it gives back."""
        records = [{"messageId": str(number), "body": str(body)} for number, body in enumerate(bodies)]
        answer = consume(Consumer("triage", handle), {"Records": records})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def job(self, job_id: UUID) -> dict[str, Any]:
        row = self.db.execute(
            "select state, attempt, error, extract(epoch from run_at - now())::integer as due_in from private.jobs"
            " where id = %s",
            [job_id],
        ).fetchone()
        assert row
        return row

    def names(self) -> list[str]:
        found = self.db.execute("select name from public.contacts order by name").fetchall()
        return [row["name"] for row in found]


@pytest.fixture
def desk_of(owner: Connection, acme: UUID) -> Desk:
    return Desk(owner, acme)


def adds_contact(name: str) -> Consume:
    """A consumer whose effect can be seen."""

    def handle(job: Job) -> Effects:
        def effects(connection: FunctionsConnection) -> None:
            connection.execute(
                "insert into public.contacts (organization_id, email, name) values (%s, %s, %s)",
                [job.tenant, f"{uuid4()}@example.com", name],
            )

        return effects

    return handle


def raises(error: BaseException) -> Consume:
    def handle(job: Job) -> None:
        raise error

    return handle


def test_a_job_takes_effect_and_is_done(desk_of: Desk) -> None:
    job = desk_of.enqueue()
    assert desk_of.deliver(adds_contact("Ann"), job) == []
    assert desk_of.names() == ["Ann"]
    assert desk_of.job(job)["state"] == "done"


def test_a_second_delivery_does_nothing(desk_of: Desk) -> None:
    job = desk_of.enqueue()
    assert desk_of.deliver(adds_contact("Ann"), job, job) == []
    assert desk_of.deliver(adds_contact("Ann"), job) == []
    assert desk_of.names() == ["Ann"]
    assert desk_of.job(job)["attempt"] == 1


def test_a_wake_up_for_a_job_that_never_was_is_dropped(desk_of: Desk) -> None:
    assert desk_of.deliver(adds_contact("Ann"), uuid4()) == []
    assert desk_of.names() == []


def test_the_job_is_handed_over_as_it_was_queued(desk_of: Desk) -> None:
    seen: list[Job] = []
    job = desk_of.enqueue(subject_id="x")
    desk_of.deliver(seen.append, job)
    (handed,) = seen
    assert (handed.id, handed.tenant, handed.attempt) == (job, desk_of.organization, 1)
    assert (handed.consumer, handed.payload) == ("triage", {"subject_id": "x"})


def test_effects_that_fail_are_undone_and_the_job_is_tried_again(desk_of: Desk) -> None:
    def handle(job: Job) -> Effects:
        def effects(connection: FunctionsConnection) -> None:
            adds_contact("Ann")(job)(connection)  # type: ignore[misc]
            raise KeyError("half way")

        return effects

    job = desk_of.enqueue()
    assert desk_of.deliver(handle, job) == []
    assert desk_of.names() == []
    row = desk_of.job(job)
    assert (row["state"], row["error"]) == ("waiting", "KeyError: 'half way'")
    assert 3 <= row["due_in"] <= 6


def test_a_job_given_to_another_while_the_handler_ran_leaves_no_trace_of_the_first(
    desk_of: Desk, logged: Logged
) -> None:
    def deliver_elsewhere(job_id: UUID) -> None:
        desk_of.deliver(adds_contact("second"), job_id)
        database.close()

    def handle(job: Job) -> Effects | None:
        if job.attempt == 1:
            desk_of.db.execute("update private.jobs set lease_until = now() - interval '1 s' where id = %s", [job.id])
            desk_of.publish()
            second = threading.Thread(target=deliver_elsewhere, args=[job.id])
            second.start()
            second.join(20)
        return adds_contact("first")(job)

    job = desk_of.enqueue()
    assert desk_of.deliver(handle, job) == []
    assert desk_of.names() == ["second"]
    assert (desk_of.job(job)["state"], desk_of.job(job)["attempt"]) == ("done", 2)
    assert [line["outcome"] for line in logged() if line["event"] == "job"] == ["done", "superseded"]


def test_effects_do_not_even_begin_once_the_token_is_lost(desk_of: Desk) -> None:
    began: list[bool] = []

    def handle(job: Job) -> Effects:
        desk_of.db.execute("update private.jobs set token = gen_random_uuid() where id = %s", [job.id])
        return lambda connection: began.append(True)

    assert desk_of.deliver(handle, desk_of.enqueue()) == []
    assert began == []


def test_a_failure_after_the_token_was_lost_changes_nothing(desk_of: Desk) -> None:
    def handle(job: Job) -> None:
        desk_of.db.execute("update private.jobs set token = gen_random_uuid() where id = %s", [job.id])
        raise Dead("too late to say")

    job = desk_of.enqueue()
    assert desk_of.deliver(handle, job) == []
    assert (desk_of.job(job)["state"], desk_of.job(job)["error"]) == ("running", None)


def test_retry_comes_back_when_it_asks_to(desk_of: Desk) -> None:
    job = desk_of.enqueue()
    assert desk_of.deliver(raises(Retry("not yet", after=timedelta(minutes=40))), job) == []
    row = desk_of.job(job)
    assert (row["state"], row["error"]) == ("waiting", "Retry: not yet")
    assert 2395 <= row["due_in"] <= 2400


def test_retry_without_a_time_backs_off_further_each_time(desk_of: Desk) -> None:
    job = desk_of.enqueue()
    waits = []
    for _ in range(4):
        desk_of.publish()
        desk_of.deliver(raises(Retry("busy")), job)
        waits.append(desk_of.job(job)["due_in"])
        desk_of.db.execute("update private.jobs set run_at = now()")
    assert waits == sorted(waits)
    assert waits[3] >= 30


def test_dead_is_not_tried_again_and_keeps_its_reason(desk_of: Desk) -> None:
    job = desk_of.enqueue()
    assert desk_of.deliver(raises(Dead("no such account")), job) == []
    assert (desk_of.job(job)["state"], desk_of.job(job)["error"]) == ("dead", "Dead: no such account")


def test_a_defect_costs_its_own_job_only(desk_of: Desk) -> None:
    bad, good = desk_of.enqueue(bad=True), desk_of.enqueue(bad=False)

    def handle(job: Job) -> Effects | None:
        if job.payload["bad"]:
            raise ZeroDivisionError("a defect")
        return adds_contact("Ann")(job)

    assert desk_of.deliver(handle, bad, good) == []
    assert desk_of.job(bad)["state"] == "waiting"
    assert desk_of.job(good)["state"] == "done"


def test_a_job_that_keeps_failing_is_dead_after_its_last_attempt(desk_of: Desk) -> None:
    job = desk_of.enqueue()
    desk_of.db.execute("update private.jobs set attempt = 5")  # of the 8 that triage has
    states = []
    for _ in range(4):
        desk_of.db.execute("update private.jobs set run_at = now()")
        desk_of.publish()
        desk_of.deliver(raises(RuntimeError("again")), job)
        states.append(desk_of.job(job)["state"])
    assert states == ["waiting", "waiting", "dead", "dead"]
    assert desk_of.job(job)["attempt"] == 8


@pytest.mark.parametrize("words", ["nul \0 within", "half \ud800 a letter", "x" * 100_000])
def test_an_error_is_kept_whatever_its_words(desk_of: Desk, words: str) -> None:
    job = desk_of.enqueue()
    assert desk_of.deliver(raises(RuntimeError(words)), job) == []
    row = desk_of.job(job)
    assert row["state"] == "waiting"
    assert row["error"].startswith(f"RuntimeError: {words[:4]}")


def test_the_log_names_the_failure_and_quotes_nothing(desk_of: Desk, logged: Logged) -> None:
    job = desk_of.enqueue()
    desk_of.deliver(raises(ValueError("Dear Sir, my card number is 4111")), job)
    failed, unit = [line for line in logged() if line["event"] in ("job", "job.failed")]
    assert "4111" not in str([failed, unit])
    assert failed["error"].startswith("ValueError at ")
    assert (unit["outcome"], unit["job_id"], unit["organization_id"]) == (
        "waiting", str(job), str(desk_of.organization),
    )  # fmt: skip
    assert unit["attempt"] == 1


def test_every_delivery_is_one_line(desk_of: Desk, logged: Logged) -> None:
    first, second = desk_of.enqueue(), desk_of.enqueue()
    desk_of.deliver(adds_contact("Ann"), first, second, first)
    assert [line["event"] for line in logged()] == ["job", "job", "job.repeat"]


@pytest.mark.parametrize("body", ["", "not an id", "1", '{"job": 1}'])
def test_a_malformed_wake_up_goes_the_way_to_the_dead_letters(desk_of: Desk, body: str, logged: Logged) -> None:
    good = desk_of.enqueue()
    assert desk_of.deliver(adds_contact("Ann"), body, good) == ["0"]
    assert desk_of.job(good)["state"] == "done"
    assert logged()[0]["event"] == "job.malformed"


def test_wake_ups_are_given_back_while_postgres_is_away(
    desk_of: Desk, functions: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = desk_of.enqueue()
    monkeypatch.setenv("PGDESK_DATABASE_URL", NOWHERE)
    forget()
    assert desk_of.deliver(adds_contact("Ann"), job, job) == ["0", "1"]
    monkeypatch.setenv("PGDESK_DATABASE_URL", functions.database_url("pgdesk_functions"))
    forget()
    assert desk_of.deliver(adds_contact("Ann"), job) == []
    assert desk_of.names() == ["Ann"]


def test_a_job_whose_end_cannot_be_told_is_given_back_and_done_later_once(
    desk_of: Desk, functions: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loses_postgres(job: Job) -> Effects | None:
        monkeypatch.setenv("PGDESK_DATABASE_URL", NOWHERE)
        forget()
        return adds_contact("lost")(job)

    job = desk_of.enqueue()
    assert desk_of.deliver(loses_postgres, job) == ["0"]
    monkeypatch.setenv("PGDESK_DATABASE_URL", functions.database_url("pgdesk_functions"))
    forget()
    assert desk_of.deliver(adds_contact("too early"), job) == []  # the first attempt has its lease still
    desk_of.db.execute("update private.jobs set lease_until = now() - interval '1 s'")
    desk_of.publish()
    assert desk_of.deliver(adds_contact("Ann"), job) == []
    assert desk_of.names() == ["Ann"]


def test_a_connection_that_dies_under_the_handler_does_not_cost_the_attempt(desk_of: Desk) -> None:
    def handle(job: Job) -> Effects | None:
        desk_of.db.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and application_name = 'pgdesk-functions'"
        )
        return adds_contact("Ann")(job)

    job = desk_of.enqueue()
    assert desk_of.deliver(handle, job) == []
    assert (desk_of.names(), desk_of.job(job)["attempt"]) == (["Ann"], 1)


def test_no_transaction_is_open_while_the_handler_runs(desk_of: Desk, functions: Settings) -> None:
    seen: list[dict[str, Any]] = []

    def handle(job: Job) -> None:
        with transaction(job.tenant) as connection:
            connection.execute("select 1")
        with connect(functions, "supabase_admin") as observer:
            seen.extend(
                observer.execute(
                    "select state, xact_start, backend_xid, backend_xmin from pg_stat_activity"
                    " where datname = current_database() and application_name = 'pgdesk-functions'"
                )
            )

    assert desk_of.deliver(handle, desk_of.enqueue()) == []
    assert seen == [{"state": "idle", "xact_start": None, "backend_xid": None, "backend_xmin": None}]


def test_effects_cannot_reach_another_organization(desk_of: Desk, owner: Connection) -> None:
    row = owner.execute("insert into public.organizations (name, slug) values ('B', 'bee') returning id").fetchone()
    assert row

    def handle(job: Job) -> Effects:
        def effects(connection: FunctionsConnection) -> None:
            connection.execute(
                "insert into public.contacts (organization_id, email) values (%s, 'spy@example.com')", [row["id"]]
            )

        return effects

    job = desk_of.enqueue()
    desk_of.deliver(handle, job)
    assert desk_of.names() == []
    assert "row-level security" in desk_of.job(job)["error"]


def test_what_a_job_causes_belongs_to_its_trace(desk_of: Desk, owner: Connection) -> None:
    def handle(job: Job) -> Effects:
        def effects(connection: FunctionsConnection) -> None:
            connection.execute("select private.enqueue_own('triage')")

        return effects

    job = desk_of.enqueue()
    desk_of.deliver(handle, job)
    traces = owner.execute("select distinct trace_id from private.jobs").fetchall()
    assert len(traces) == 1


def test_an_attempt_s_line_is_a_metric_of_its_consumer(desk_of: Desk, logged: Logged) -> None:
    desk_of.deliver(lambda _: None, desk_of.enqueue())
    desk_of.deliver(raises(Retry("not yet")), desk_of.enqueue())
    lines = [line for line in logged() if line["event"] == "job"]
    assert [line["JobFailures"] for line in lines] == [0, 1]
    for line in lines:
        (told,) = line["_aws"]["CloudWatchMetrics"]
        assert (told["Dimensions"], line["consumer"]) == ([["consumer"]], "triage")
        assert line["JobMs"] >= 0


def test_settings_that_are_missing_fail_the_whole_batch_so_that_nothing_is_lost(
    desk_of: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = desk_of.enqueue()
    database.close()
    monkeypatch.delenv("PGDESK_DATABASE_URL")
    functions_settings.cache_clear()
    with pytest.raises(Exception, match="PGDESK_DATABASE_URL"):
        desk_of.deliver(adds_contact("Ann"), job)
    assert desk_of.job(job)["state"] == "published"
