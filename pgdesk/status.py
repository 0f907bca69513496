"""What runs, and how the queue stands."""

from __future__ import annotations

from typing import Any

import psycopg
from chalicelib.kit.database import queries
from psycopg.rows import dict_row

from infra.local.settings import Settings
from infra.local.stack import status

SQL = queries(__file__)


def report(settings: Settings) -> dict[str, Any]:
    """The stack's processes and ports, and what GET /health tells; `running` is false where none runs."""
    running = status(settings.data)
    if running is None:
        return {"running": False, "data": str(settings.data)}
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row, connect_timeout=5) as connection:
        found = connection.execute(SQL["health"]).fetchone()
    return {
        "running": True,
        "data": str(settings.data),
        "pid": running.pid,
        "ports": running.ports,
        "processes": running.processes,
        **(found["health"] if found else {}),
    }


# The queue's columns as people read them; jsonb has an order of its own.
QUEUE = (
    "consumer", "waiting", "scheduled", "published", "running", "dead", "oldest_due_seconds", "done_in_hour",
    "work_ms_p50", "work_ms_p95", "due_to_done_ms_p95",
)  # fmt: skip


def dead_jobs(settings: Settings) -> list[dict[str, Any]]:
    """Dead letters of all organizations, newest first."""
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row) as connection:
        return connection.execute(SQL["dead_jobs"]).fetchall()


def retry_dead_jobs(settings: Settings, ids: list[str]) -> int:
    """Give dead jobs another life; all of them where no id is named. Returns how many."""
    with psycopg.connect(settings.database_url("postgres")) as connection:
        revived = connection.execute(SQL["retry_dead_jobs"], {"all": not ids, "ids": ids}).rowcount
        connection.execute(SQL["wake_relay"])
    return revived
