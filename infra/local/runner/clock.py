"""EventBridge: invokes functions when their schedule says so."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.runner.containers import ACCOUNT, Function, FunctionError
from infra.local.runner.schedules import parse

LONGEST_SLEEP = 30.0  # seconds: a machine that slept, or whose clock was set, is noticed by then
log = logging.getLogger("infra.local.runner")


class Clock:
    """Runs schedules. `kept` is a file with the last moment of each, so that what was due while the stack was down
    happens once when it is up again: the platform is never down.
    """

    def __init__(self, functions: dict[str, Function], expressions: dict[str, str], kept: Path) -> None:
        self._functions = functions
        self._schedules = {name: parse(expression) for name, expression in expressions.items()}
        self._kept = kept
        self._last = self._read()

    async def run(self) -> None:
        await asyncio.gather(*(self._keep(name) for name in self._schedules))

    async def _keep(self, name: str) -> None:
        last = self._last.setdefault(name, datetime.now(UTC))
        self._write()
        while (due := self._schedules[name].after(last)) is not None:
            while (left := (due - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(min(left, LONGEST_SLEEP))
            now = datetime.now(UTC)
            following = self._schedules[name].after(due)
            last = now if following is not None and following <= now else due
            self._last[name] = last
            self._write()
            try:
                await self._functions[name].invoke(scheduled_event(name, due), "schedule")
            except FunctionError as error:
                log.error("the scheduled function %s failed: %s", name, error)

    def _read(self) -> dict[str, datetime]:
        try:
            kept = json.loads(self._kept.read_text())
            return {name: datetime.fromisoformat(moment) for name, moment in kept.items()}
        except (FileNotFoundError, ValueError, AttributeError):
            return {}

    def _write(self) -> None:
        fresh = self._kept.with_suffix(".new")
        fresh.write_text(json.dumps({name: moment.isoformat() for name, moment in self._last.items()}))
        fresh.replace(self._kept)


def scheduled_event(function: str, moment: datetime) -> dict[str, Any]:
    """The event that EventBridge sends for a rule with a schedule."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": [f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{function}"],
        "detail": {},
    }
