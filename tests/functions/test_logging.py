"""Logs: one line a unit of work, ids and figures, no words of customers."""

from __future__ import annotations

import json
import re
import threading
from uuid import UUID

import psycopg
import pytest
from chalicelib.kit.http import HttpError, Request, require_bearer
from chalicelib.kit.logging import kind_of, log, unit_of_work

from tests.functions.conftest import Logged
from tests.people import Connection


def test_a_unit_of_work_is_one_line_with_its_outcome(logged: Logged) -> None:
    with unit_of_work("job", job_id=1) as said:
        said["rows"] = 3
    (line,) = logged()
    assert (line["event"], line["level"], line["job_id"], line["rows"], line["outcome"]) == (
        "job",
        "info",
        1,
        3,
        "done",
    )
    assert line["ms"] >= 0
    assert line["at"].endswith("+00:00")


def test_lines_within_carry_the_fields_of_their_unit_and_lines_after_do_not(logged: Logged) -> None:
    with unit_of_work("request", route="GET /"), unit_of_work("job", job_id=1):
        log("step")
    log("later")
    step, job, request, later = logged()
    assert (step["route"], step["job_id"]) == ("GET /", 1)
    assert (job["route"], "job_id" in request, "route" in later) == ("GET /", False, False)


def test_a_unit_that_fails_is_an_error_and_says_what_kind(logged: Logged) -> None:
    with pytest.raises(ValueError, match="a body"), unit_of_work("job"):
        raise ValueError("a body")
    (line,) = logged()
    assert (line["level"], line["outcome"], line["error"]) == ("error", "failed", "ValueError")
    assert "a body" not in json.dumps(line)


@pytest.mark.parametrize("forged", ['x\n{"event": "admin.login"}', "x\r\n", "x\x1b[2J", "x\u2028y", "x\x85y", 'x"}'])
def test_nothing_that_is_logged_can_forge_a_line(capsys: pytest.CaptureFixture[str], forged: str) -> None:
    log("mail", sender=forged, odd={"key\n": forged})
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert len(out.splitlines()) == 1
    assert out.isascii()
    assert json.loads(out)["sender"] == forged


def test_threads_do_not_mix_their_fields(logged: Logged) -> None:
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with unit_of_work("job", job_id=1):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(10)
    log("elsewhere")
    leave.set()
    thread.join()
    assert "job_id" not in logged()[0]


def test_an_error_is_told_by_kind_and_place_never_by_the_row_that_it_quotes(acme: UUID, owner: Connection) -> None:
    secret = "ann@secret.example"
    owner.execute("insert into public.contacts (organization_id, email) values (%s, %s)", [acme, secret])
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        owner.execute("insert into public.contacts (organization_id, email) values (%s, %s)", [acme, secret])
    assert secret in str(caught.value)
    kind = kind_of(caught.value)
    assert kind.startswith("UniqueViolation 23505 contacts_")
    assert secret not in kind


def test_an_error_is_told_with_its_place_in_our_code() -> None:
    with pytest.raises(HttpError) as caught:
        require_bearer(Request("GET", "/", {}, {}, b""), "secret")
    assert re.fullmatch(r"HttpError at kit/http\.py:\d+", kind_of(caught.value))
