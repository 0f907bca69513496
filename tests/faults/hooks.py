"""The provider's webhooks: it tells of every mail that it took, more than once, until it gets a 2xx for it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from chalicelib.kit.standard_webhooks import headers

from tests.faults.history import Taken
from tests.faults.provider import Provider

RETRY_SECONDS = 0.2
TIMES = 2  # each is sent so often, although it was answered


@dataclass
class Hooks:
    """Posts `email.delivered` to `url`, signed with `secret`. `answered` has the ids that got a 2xx."""

    provider: Provider
    url: str
    secret: str
    answered: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return all(self.answered.get(_id(mail), 0) >= TIMES for mail in list(self.provider.taken))

    @contextmanager
    def telling(self) -> Iterator[Hooks]:
        ending = threading.Event()
        thread = threading.Thread(target=self._work, args=(ending,), name="hooks")
        thread.start()
        try:
            yield self
        finally:
            ending.set()
            thread.join()

    def _work(self, ending: threading.Event) -> None:
        with httpx.Client(timeout=30, trust_env=False) as client:
            while not ending.is_set():
                due = [mail for mail in list(self.provider.taken) if self.answered.get(_id(mail), 0) < TIMES]
                told = [self._tell(client, mail) for mail in due]
                if not all(told) or not due:
                    ending.wait(RETRY_SECONDS)

    def _tell(self, client: httpx.Client, mail: Taken) -> bool:
        event = {
            "type": "email.delivered",
            "created_at": datetime.now(UTC).isoformat(),
            "data": {"email_id": mail.provider_id, "to": [mail.to], "tags": {"outgoing_mail": mail.own_id}},
        }
        body = json.dumps(event).encode()
        signed = headers([self.secret], _id(mail), int(time.time()), body)
        try:
            answer = client.post(self.url, content=body, headers=signed | {"content-type": "application/json"})
        except httpx.HTTPError:
            return False
        if answer.status_code in (400, 401, 403, 404):
            self.refused.append(answer.text[:200])
        if answer.status_code != 200:
            return False
        self.answered[_id(mail)] = self.answered.get(_id(mail), 0) + 1
        return True


def _id(mail: Taken) -> str:
    return f"msg_{mail.provider_id}"
