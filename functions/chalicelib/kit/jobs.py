"""Consumers: from an SQS wake-up to effects that happen once.

begin_job (transaction 1: attempt token, tenant) -> the consumer reads and calls outside, with no transaction open
-> finish_job and all effects (transaction 2, only where the token still matches).
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import errors

from chalicelib.kit.database import Connection, call, keepable, queries, transaction
from chalicelib.kit.logging import kind_of, log, unit_of_work
from chalicelib.kit.metrics import embedded

SQL = queries(__file__)
TOKEN_LOST = "PD001"  # noqa: S105  the SQLSTATE of private.finish_job for an attempt that is no longer current


@dataclass(frozen=True)
class Job:
    """One attempt at a job. `organization_id` is None for work on the installation itself."""

    id: UUID
    organization_id: UUID | None
    consumer: str
    payload: Mapping[str, Any]
    attempt: int
    token: UUID
    trace_id: UUID
    created_at: datetime

    @property
    def tenant(self) -> UUID:
        """The organization of a job that must have one."""
        if self.organization_id is None:
            raise Dead(f"{self.consumer} needs an organization")
        return self.organization_id


Effects = Callable[[Connection], None]
Consume = Callable[[Job], Effects | None]


@dataclass(frozen=True)
class Later:
    """The `handle` of a module that is imported once it is needed.

    All functions share app.py; a container that starts pays for what it runs and for nothing else.
    """

    module: str

    def __call__(self, job: Job) -> Effects | None:
        effects: Effects | None = importlib.import_module(self.module).handle(job)
        return effects

    def prepare(self) -> None:
        """Import it now, and let it load what its first job would wait for (its function `prepare`, if it has one)."""
        getattr(importlib.import_module(self.module), "prepare", lambda: None)()


@dataclass(frozen=True)
class Consumer:
    """One row of the consumer table: its SQS queue is <prefix><name>. Seconds and counts are Lambda's."""

    name: str
    handle: Consume
    timeout: int = 60
    batch_size: int = 5
    concurrency: int = 5


class Retry(Exception):  # noqa: N818  it is a request, not an error
    """Try the job again, after a time or by the consumer's own backoff."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Dead(Exception):  # noqa: N818
    """The job cannot succeed: leave it for a person to look at."""


def consume(consumer: Consumer, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Run the jobs that an SQS event wakes. Returns Lambda's partial batch response.

    A job that fails is put back in Postgres with its own time, so its wake-up is done with. Only where Postgres could
    not be told is the message given back to SQS.
    """
    failures = []
    for record in event["Records"]:
        try:
            run(consumer, UUID(record["body"]))
        except psycopg.Error as error:
            log("job.unreachable", level="error", consumer=consumer.name, error=kind_of(error))
            failures.append({"itemIdentifier": record["messageId"]})
        except ValueError:
            log("job.malformed", level="error", consumer=consumer.name, message_id=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})  # redelivered, then a dead letter somebody sees
    return {"batchItemFailures": failures}


def run(consumer: Consumer, job_id: UUID) -> str:
    """One attempt at one job. Returns how it ended: done, waiting, dead, repeat or superseded."""
    job = _begin(job_id)
    if job is None:
        log("job.repeat", consumer=consumer.name, job_id=job_id)
        return "repeat"
    with unit_of_work(
        "job", consumer=consumer.name, job_id=job.id, organization_id=job.organization_id, trace_id=job.trace_id
    ) as said:
        said["attempt"] = job.attempt
        started = time.perf_counter()
        try:
            effects = consumer.handle(job)
            said["handle_ms"] = round((time.perf_counter() - started) * 1000, 1)
            _finish(job, effects)
            said["outcome"] = "done"
        except errors.Error as error:
            if error.sqlstate == TOKEN_LOST:
                # Another attempt has the job; everything this one did in Postgres was undone.
                said["outcome"] = "superseded"
            else:
                said["outcome"] = _fail(job, error, None, fatal=False)
        except Retry as retry:
            said["outcome"] = _fail(job, retry, retry.after, fatal=False)
        except Dead as dead:
            said["outcome"] = _fail(job, dead, None, fatal=True)
        except Exception as error:  # a consumer's defect must cost one job, not the batch
            said["outcome"] = _fail(job, error, None, fatal=False)
        failed = said["outcome"] in ("waiting", "dead")
        spent = round((time.perf_counter() - started) * 1000, 1)
        said.update(embedded("consumer", consumer.name, JobMs=spent, JobFailures=int(failed)))
        return str(said["outcome"])


def _begin(job_id: UUID) -> Job | None:
    row = call(SQL["begin_job"], {"id": job_id})
    return Job(**row) if row else None


def _finish(job: Job, effects: Effects | None) -> None:
    attempt = {"id": job.id, "token": job.token}
    if effects is None:
        call(SQL["finish_job"], attempt)
        return
    with transaction(job.organization_id, SQL["enter_job"], attempt) as connection:
        effects(connection)
        connection.execute(SQL["finish_job"], attempt)


def _fail(job: Job, error: Exception, after: timedelta | None, *, fatal: bool) -> str:
    # The error's words go where access rules stand before them.
    words = keepable(f"{type(error).__name__}: {error}")
    said = str(error)[:300] if isinstance(error, (Retry, Dead)) else kind_of(error)
    log("job.failed", level="info" if isinstance(error, Retry) else "error", error=said, attempt=job.attempt)
    values = {"id": job.id, "token": job.token, "error": words, "after": after, "fatal": fatal}
    row = call(SQL["fail_job"], values)
    return str(row["state"]) if row and row["state"] else "superseded"
