"""Consumer `deliver`: everything that is due at one endpoint, sent while more keeps coming.

Postgres gives an endpoint to one worker at a time. The worker keeps a few dozen deliveries under way, with no
transaction open while they are; what has ended is recorded, and what has come due is claimed, together. A worker that
dies leaves what it had under way as it was: another sends it again, under the same webhook-id.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from uuid import UUID

from chalicelib.kit.database import Connection, one, queries, rows, transaction
from chalicelib.kit.jobs import Dead, Effects, Job
from chalicelib.kit.logging import log
from chalicelib.kit.secrets import Unreadable, opening_key
from chalicelib.kit.settings import SettingsError
from chalicelib.webhooks.egress import policy
from chalicelib.webhooks.sender import Attempt, Delivery, Sender

SQL = queries(__file__)
SECRETS = "private.webhook_secrets"
AT_ONCE = 24  # deliveries to one endpoint
# Seconds in which new ones are begun: with an attempt's own time that stays below the consumer's time-out.
TAKE = 25.0
LINGER = 0.02  # seconds that what ended waits for more, so that a record is worth its commit
# Seconds after which a worker with nothing left looks again, and how often: events come in flocks, and a job costs more
# than a look.
LOOK, LOOKS = 0.1, 2


def handle(job: Job) -> Effects | None:
    """Send what is due to the endpoint that the job names."""
    try:
        worker = _Worker(job, UUID(str(job.payload["endpoint_id"])))
    except (KeyError, ValueError):
        raise Dead("the job names no endpoint") from None
    return worker.run()


class _Worker:
    """One attempt at a job, and the endpoint that it holds."""

    def __init__(self, job: Job, endpoint_id: UUID) -> None:
        self._job = job
        self._key = {"endpoint_id": endpoint_id, "worker": job.token}

    def run(self) -> Effects | None:
        with transaction(self._job.tenant) as connection:
            endpoint = one(connection, SQL["begin"], self._key)
            if endpoint is None:
                return None
            sealed = rows(connection, SQL["secrets"], self._key)
            first = self._claim(connection, ())
        try:
            secrets = [
                opening_key(self._job.tenant, row["key_version"]).open(SECRETS, row["id"], bytes(row["sealed"]))
                for row in sealed
            ]
            egress = policy()
        except (Unreadable, SettingsError) as trouble:
            # The endpoint is not to blame, and no delivery is charged with it.
            log("webhooks.unable", level="error", endpoint_id=self._key["endpoint_id"], error=str(trouble))
            return self._ending((), "pgdesk cannot sign or send at the moment: its operator has to look")
        if not first:
            return self._ending(())
        with Sender(endpoint["url"], secrets, egress) as sender:
            return self._ending(self._send(sender, first))

    def _send(self, sender: Sender, first: Sequence[Delivery]) -> list[Attempt]:
        """Send, record and claim until nothing is due or the time is over. Returns what is not recorded yet."""
        stop_at = time.monotonic() + TAKE
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as threads:
            under_way = {threads.submit(sender.send, delivery): delivery for delivery in first}
            looks = 0
            while True:
                ended = self._ended(under_way)
                if not under_way and time.monotonic() >= stop_at:
                    return ended
                with transaction(self._job.tenant) as connection:
                    if ended:
                        self._record(connection, ended, is_last=False)
                    more = self._claim(connection, under_way.values()) if time.monotonic() < stop_at else []
                under_way |= {threads.submit(sender.send, delivery): delivery for delivery in more}
                looks = 0 if under_way else looks + 1
                if looks > LOOKS:
                    return []

    def _ended(self, under_way: dict[Future[Attempt], Delivery]) -> list[Attempt]:
        """Wait for some to end, and take them out of those that are under way. Where none is, wait for new ones."""
        if not under_way:
            time.sleep(LOOK)
            return []
        done, others = wait(under_way, return_when=FIRST_COMPLETED)
        if others:
            done = wait(under_way, LINGER, return_when=ALL_COMPLETED).done
        ended = [(future.result(), under_way.pop(future)) for future in done]
        for attempt, delivery in ended:
            log(
                "webhook",
                level="info" if attempt.is_good else "warning",
                delivery_id=delivery.id,
                endpoint_id=self._key["endpoint_id"],
                type=delivery.event_type,
                attempt=delivery.tries + 1,
                status=attempt.status,
                error=attempt.error,
                ms=attempt.ms,
                trace_id=delivery.trace_id,
            )
        return sorted((attempt for attempt, _ in ended), key=lambda attempt: attempt.ended_at)

    def _claim(self, connection: Connection, in_hand: Iterable[Delivery]) -> list[Delivery]:
        held = [delivery.id for delivery in in_hand]
        values = self._key | {"in_hand": held, "room": AT_ONCE - len(held)}
        return [Delivery(**row) for row in rows(connection, SQL["claim"], values)]

    def _record(
        self, connection: Connection, attempts: Sequence[Attempt], *, is_last: bool, trouble: str | None = None
    ) -> None:
        told = json.dumps([attempt.plain() for attempt in attempts])
        connection.execute(SQL["record"], self._key | {"attempts": told, "is_last": is_last, "trouble": trouble})

    def _ending(self, attempts: Sequence[Attempt], trouble: str | None = None) -> Effects:
        """Record what is left, and let go of the endpoint."""

        def effects(connection: Connection) -> None:
            self._record(connection, attempts, is_last=True, trouble=trouble)

        return effects
