"""What alarms watch: how long work has waited, and what nobody has looked at."""

from __future__ import annotations

from chalicelib.kit.database import queries, rows, transaction
from chalicelib.kit.logging import log
from chalicelib.kit.metrics import embedded

SQL = queries(__file__)


def observe() -> None:
    """Log how each consumer's queue stands; runs each minute."""
    with transaction() as connection:
        queue = rows(connection, SQL["queue_status"])
    for each in queue:
        measured = embedded(
            "consumer", each["consumer"], OldestJobSeconds=each["oldest_due_seconds"], DeadJobs=each["dead"]
        )
        log("queue", **each | measured)
