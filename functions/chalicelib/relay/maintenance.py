"""The hourly cleaning: partitions ahead, old rows out."""

from __future__ import annotations

from chalicelib.kit.database import Connection, one, queries, transaction
from chalicelib.kit.jobs import Effects, Job
from chalicelib.kit.logging import log

SQL = queries(__file__)


def handle(_job: Job) -> Effects:
    """Consumer `maintain`."""

    def effects(connection: Connection) -> None:
        row = one(connection, SQL["maintain"])
        log("maintained", **(row["report"] if row else {}))

    return effects


def enqueue() -> None:
    """Put the cleaning in line; runs on a schedule."""
    with transaction() as connection:
        connection.execute(SQL["enqueue_maintenance"])
