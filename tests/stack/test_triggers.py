"""Functions invoked by the database, by the clock, by Lambda's own call."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from infra.local.runner.clock import Clock
from infra.local.runner.containers import Function
from infra.local.stack import Stack
from tests.waiting import until

Seen = Callable[..., list[dict[str, Any]]]


def test_a_notification_wakes_the_function_after_commit(stack: Stack, seen: Seen) -> None:
    with psycopg.connect(stack.settings.database_url("postgres")) as connection:
        connection.execute("notify probe, 'committed'")
        connection.commit()
        until(lambda: seen("woken", payload="committed"))
        connection.execute("notify probe, 'taken back'")
        connection.rollback()
        connection.execute("notify probe, 'last'")
        connection.commit()
    until(lambda: seen("woken", payload="last"))
    assert not seen("woken", payload="taken back")


def test_a_storm_of_notifications_is_one_running_and_one_pending(stack: Stack, seen: Seen) -> None:
    before = len(seen("woken"))
    with psycopg.connect(stack.settings.database_url("postgres"), autocommit=True) as connection:
        for number in range(100):
            connection.execute(f"notify probe, '{number}'")
    until(lambda: seen("woken", payload="99"))
    assert len(seen("woken")) - before < 30  # each takes 50 ms


def test_lambda_s_invoke_call_returns_the_answer_or_the_error(awslambda: Any) -> None:
    good = awslambda.invoke(FunctionName="woken", Payload=json.dumps({"a": 1}))
    assert json.load(good["Payload"]) == {"seen": {"a": 1}}
    bad = awslambda.invoke(FunctionName="broken", Payload="{}")
    assert bad["FunctionError"] == "Unhandled"
    assert json.load(bad["Payload"]) == {"errorType": "ValueError", "errorMessage": "it broke"}


def test_each_invocation_is_one_line_of_json(stack: Stack, awslambda: Any) -> None:
    awslambda.invoke(FunctionName="broken", Payload="{}")
    log = (stack.settings.data / "logs" / "runner.log").read_text().splitlines()
    line = next(json.loads(line) for line in reversed(log) if line.startswith('{"time"') and '"broken"' in line)
    assert (line["outcome"], line["error"], line["level"]) == ("ValueError", "it broke", "ERROR")
    assert line["request_id"]
    assert line["container"].startswith("broken-")


async def _first_event(kept: Path, expression: str) -> dict[str, Any]:
    """The first event that a schedule brings; the clock's file is `kept`."""
    import asyncio

    loop = asyncio.get_running_loop()
    came: asyncio.Future[dict[str, Any]] = loop.create_future()
    function = Function(
        "tick", lambda event, _: loop.call_soon_threadsafe(came.set_result, event), timeout=5, memory=128, concurrency=1
    )
    running = asyncio.create_task(Clock({"tick": function}, {"tick": expression}, kept).run())
    try:
        return await asyncio.wait_for(came, 5)
    finally:
        running.cancel()


def test_what_was_due_while_the_stack_was_down_happens_once(tmp_path: Path) -> None:
    import asyncio

    kept = tmp_path / "schedules.json"
    kept.write_text(json.dumps({"tick": (datetime.now(UTC) - timedelta(days=3)).isoformat()}))
    event = asyncio.run(_first_event(kept, "rate(1 day)"))
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    last = datetime.fromisoformat(json.loads(kept.read_text())["tick"])
    assert datetime.now(UTC) - last < timedelta(minutes=1)  # not once for each day that was missed


def test_a_schedule_fires_when_it_is_due(tmp_path: Path) -> None:
    import asyncio

    kept = tmp_path / "schedules.json"
    due = datetime.now(UTC) + timedelta(milliseconds=200)
    kept.write_text(json.dumps({"tick": (due - timedelta(minutes=1)).isoformat()}))
    event = asyncio.run(_first_event(kept, "rate(1 minute)"))
    assert event["time"] == due.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_new_schedule_is_noted_and_does_not_fire_yet(stack: Stack, seen: Seen) -> None:
    assert "daily" in json.loads((stack.settings.data / "schedules.json").read_text())
    assert not seen("daily")
