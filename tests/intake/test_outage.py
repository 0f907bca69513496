"""Storage is away, or reading comes to no end: the mail waits, and in the end its ledger row says so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from chalicelib.intake import consumer
from chalicelib.kit import jobs, storage
from storage3.exceptions import StorageApiError

from tests.intake.conftest import INTAKE, Desk
from tests.intake.mails import mail, multipart

JOB = "select id, state::text as state, attempt from private.jobs where consumer = 'intake'"
REAL_PUT = storage.put  # `box` keeps files in memory


class Client:
    """In the place of Storage's: every call ends as `error` says."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def upload(self, *_: Any) -> None:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        StorageApiError("no", "InternalError", 503),
        StorageApiError("jwt expired", "Unauthorized", "403"),
    ],
    ids=["nobody there", "silent", "in trouble", "token not believed"],
)
def test_an_outage_of_storage_sets_no_mail_aside_while_its_job_may_be_tried(
    box: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as away:
        away.setattr(storage, "put", REAL_PUT)
        away.setattr(storage, "_bucket", lambda *_: Client(error))
        ledger = accept(box)
        try_until(box, attempt=consumer.LAST_ATTEMPT + 1)
        assert box.ledger(ledger)["state"] == "parsed"
    try_until(box, state="done")
    assert (box.ledger(ledger)["state"], box.ledger(ledger)["outcome"]) == ("done", "new_ticket")


def test_a_mail_whose_job_dies_is_set_aside_and_announced_and_read_again_with_its_job(
    box: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(storage, "put", REAL_PUT)
        away.setattr(storage, "_bucket", lambda *_: Client(httpx.ConnectError("refused")))
        ledger = accept(box)
        try_until(box, state="dead")
    row = box.ledger(ledger)
    assert (row["state"], row["reason"]) == (
        "quarantined",
        "reading it came to no end: Away: ConnectError: refused",
    )
    assert box.row("select count(*) as n from public.events where type = 'mail.quarantined'")["n"] == 1
    box.admin.execute("update private.jobs set state = 'waiting', attempt = 0, run_at = now()")
    assert box.ledger(ledger)["state"] == "received"
    try_until(box, state="done")
    assert box.ledger(ledger)["state"] == "done"


def test_a_mail_that_kills_its_reader_every_time_is_set_aside(box: Desk) -> None:
    ledger = accept(box)
    for _ in range(100):
        if box.row(JOB)["state"] == "dead":
            break
        box.admin.execute("select private.claim_jobs()")
        box.admin.execute("select private.begin_job(id) from private.jobs where consumer = 'intake'")
        box.admin.execute("update private.jobs set lease_until = now() - interval '1 second'")
        box.admin.execute("select private.expire_leases()")
    row = box.ledger(ledger)
    assert (row["state"], row["reason"]) == ("quarantined", "reading it came to no end: the consumer fell silent")


def accept(box: Desk) -> str:
    """Hand in a mail with a file. Returns its ledger id."""
    line, body = multipart("mixed", "\nSee file", "Content-Type: image/png; name=a.png\n\nx")
    status, answer = box.post(mail(line, body=body), "help@acme.test")
    assert status == 202
    return str(answer["mails"][0]["id"])


def try_until(box: Desk, **wanted: Any) -> None:
    """Try the job, without its pauses, until it is as wanted."""
    for _ in range(100):
        if wanted.items() <= box.row(JOB).items():
            return
        box.admin.execute("update private.jobs set run_at = now() where state = 'waiting'")
        for row in box.admin.execute("select id from private.claim_jobs() where consumer = 'intake'").fetchall():
            jobs.run(INTAKE, row["id"])
    raise AssertionError(f"never {wanted}: {box.row(JOB)}")
