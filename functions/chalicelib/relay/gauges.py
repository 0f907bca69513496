"""What alarms watch: how long work has waited, and what nobody has looked at."""

from __future__ import annotations

import time

from chalicelib.kit.database import queries, rows, transaction
from chalicelib.kit.logging import log
from chalicelib.kit.metrics import embedded

SQL = queries(__file__)
GRAIN = 50  # seconds; a schedule of one minute may be early
_observed: list[float] = []  # when this container did it last, by the monotonic clock


def observe_each_minute() -> None:
    """Observe, unless this container did within the last minute: it is woken whenever there is work."""
    if not _observed or time.monotonic() - _observed[0] >= GRAIN:
        _observed[:] = [time.monotonic()]
        observe()


def observe() -> None:
    """Log how each consumer's queue stands, and the alarms that the database has raised."""
    with transaction() as connection:
        queue = rows(connection, SQL["queue_status"])
        alarms = rows(connection, SQL["alarm_status"])
    for each in queue:
        measured = embedded(
            "consumer", each["consumer"], OldestJobSeconds=each["oldest_due_seconds"], DeadJobs=each["dead"]
        )
        log("queue", **each | measured)
    for each in alarms:
        level = "error" if each["raised"] else "info"
        log("alarms", level=level, last=each["last"], **embedded("alarm", each["kind"], Alarms=each["raised"]))
