"""What runs, and how the queue stands."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from infra.local.settings import Settings
from infra.local.stack import status


def report(settings: Settings) -> dict[str, Any]:
    """The stack's processes, ports and queue; `running` is false where none runs."""
    running = status(settings.data)
    if running is None:
        return {"running": False, "data": str(settings.data)}
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row, connect_timeout=5) as connection:
        queue = connection.execute("select * from private.queue_status()").fetchall()
    return {
        "running": True,
        "data": str(settings.data),
        "pid": running.pid,
        "ports": running.ports,
        "processes": running.processes,
        "queue": queue,
    }


def dead_jobs(settings: Settings) -> list[dict[str, Any]]:
    """Dead letters of all organizations, newest first."""
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row) as connection:
        return connection.execute(
            "select j.id, o.slug as organization, j.consumer, j.attempt, j.error, j.finished_at"
            " from private.jobs as j left join public.organizations as o on o.id = j.organization_id"
            " where j.state = 'dead' order by j.finished_at desc limit 500"
        ).fetchall()


def retry_dead_jobs(settings: Settings, ids: list[str]) -> int:
    """Give dead jobs another life; all of them where no id is named. Returns how many."""
    with psycopg.connect(settings.database_url("postgres")) as connection:
        revived = connection.execute(
            "update private.jobs set state = 'waiting', run_at = now(), attempt = 0, finished_at = null"
            " where state = 'dead' and (%(all)s or id = any (%(ids)s::uuid[]))",
            {"all": not ids, "ids": ids},
        ).rowcount
        connection.execute("select private.wake_relay()")
    return revived
