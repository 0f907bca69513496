"""Sends the deliveries of one endpoint, several at once, and says what came of each. Knows no database."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from chalicelib.kit import standard_webhooks
from chalicelib.kit.logging import kind_of, log
from chalicelib.kit.retry_after import seconds_asked
from chalicelib.kit.safe_http import Session
from chalicelib.kit.safe_url import Policy, Refused, Unanswered, parse

TIMEOUT = 15.0  # seconds for one attempt, from name to answer
KEPT = 1000  # characters of an answer


@dataclass(frozen=True)
class Delivery:
    """What is to be told: `payload` is signed and sent as it is."""

    id: UUID
    event_type: str
    payload: str
    tries: int
    trace_id: UUID | None
    created_at: datetime

    @property
    def webhook_id(self) -> str:
        """The same at every attempt: receivers drop repeats by it."""
        return f"whd_{self.id.hex}"


@dataclass(frozen=True)
class Attempt:
    """What came of one. `status` is None where there was no answer: `error` says why. `retry_after` is in seconds."""

    id: UUID
    started_at: datetime
    ms: int
    status: int | None = None
    error: str | None = None
    response: str | None = None
    retry_after: float | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(milliseconds=self.ms)

    def plain(self) -> dict[str, Any]:
        """As private.record_webhooks takes it."""
        return {**asdict(self), "id": str(self.id), "started_at": self.started_at.isoformat()}


class Sender:
    """One endpoint's URL and secrets. `send` may be called from several threads; connections are kept and shared."""

    def __init__(self, url: str, secrets: Sequence[str], policy: Policy, timeout: float = TIMEOUT) -> None:
        self._url, self._secrets, self._policy, self._timeout = url, secrets, policy, timeout
        # The one used last comes first, so that few are kept while little is to be sent.
        self._idle: queue.LifoQueue[Session] = queue.LifoQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def send(self, delivery: Delivery) -> Attempt:
        """One attempt at one delivery. Never raises for what the other side does."""
        at, started = datetime.now(UTC), time.perf_counter()
        body = delivery.payload.encode()
        try:
            with self._session() as session:
                answer = session.post(self._headers(delivery, body), body)
        except (Refused, Unanswered) as failure:
            return Attempt(delivery.id, at, _ms(started), error=str(failure))
        except Exception as defect:  # of ours: it must not hold up the endpoint's other deliveries
            log("webhook.defect", level="error", delivery_id=delivery.id, error=kind_of(defect))
            return Attempt(delivery.id, at, _ms(started), error="pgdesk failed to send it; the failure was logged")
        good = 200 <= answer.status < 300
        return Attempt(
            delivery.id,
            at,
            _ms(started),
            status=answer.status,
            error=None if good else f"the endpoint answered {answer.status}",
            response=_readable(answer.body),
            retry_after=None if good else seconds_asked(answer.headers.get("retry-after"), datetime.now(UTC)),
        )

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            session = self._idle.get_nowait()
        except queue.Empty:
            session = Session(parse(self._url), self._policy, self._timeout)
        try:
            yield session
        finally:
            self._idle.put(session)

    def _headers(self, delivery: Delivery, body: bytes) -> Mapping[str, str]:
        signed = standard_webhooks.headers(self._secrets, delivery.webhook_id, int(time.time()), body)
        # W3C Trace Context: the trace that the event belongs to, under the delivery as its parent.
        trace = delivery.trace_id and {"traceparent": f"00-{delivery.trace_id.hex}-{delivery.id.hex[16:]}-01"}
        return {"content-type": "application/json", "user-agent": "pgdesk-webhooks", **signed, **(trace or {})}


def _readable(body: bytes) -> str:
    """The beginning of an answer as Postgres can keep it."""
    return body[: KEPT * 4].decode("utf-8", "replace").replace("\0", "")[:KEPT]


def _ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
