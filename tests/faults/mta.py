"""A receiver that hands mail to the desk as any MTA would: what got no 2xx is sent again, until it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from chalicelib.intake.identity import identity

from infra.local.settings import Settings
from pgdesk.mail import client
from tests.faults.history import Accepted
from tests.faults.mailbox import DESKS, Mail

RETRY_SECONDS = 0.05  # doubled up to a second; a real one waits minutes
WORKERS = 4


@dataclass
class Mta:
    """Sends mails in order, a few at a time, as long as `may_send` allows. `attempts` counts requests."""

    settings: Settings
    mails: Sequence[Mail]
    promised: dict[tuple[str, str, str], Accepted] = field(default_factory=dict)  # all that this desk ever promised
    attempts: int = 0
    broken: list[str] = field(default_factory=list)  # answers that no retry can mend

    def __post_init__(self) -> None:
        self._turn = threading.Condition()
        self._next = 0
        self._allowed = 0
        self._done: set[int] = set()
        self._ending = threading.Event()

    @property
    def sent(self) -> int:
        """How many mails have their 2xx, in all their copies."""
        with self._turn:
            return len(self._done)

    @property
    def allowed(self) -> int:
        return self._allowed

    @property
    def finished(self) -> bool:
        return self.sent == len(self.mails)

    def allow(self, more: int) -> None:
        """Let that many more mails go out."""
        with self._turn:
            self._allowed = min(self._allowed + more, len(self.mails))
            self._turn.notify_all()

    @contextmanager
    def sending(self) -> Iterator[Mta]:
        threads = [threading.Thread(target=self._work, name=f"mta-{number}") for number in range(WORKERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            with self._turn:
                self._turn.notify_all()
            for thread in threads:
                thread.join()

    def _work(self) -> None:
        with client(self.settings) as http:
            while (number := self._take()) is not None:
                mail = self.mails[number]
                for _ in range(mail.copies):
                    self._deliver(http, mail)
                with self._turn:
                    self._done.add(number)
                    self._turn.notify_all()

    def _take(self) -> int | None:
        """The next mail that may go; an answer waits until the mail that it answers was taken."""
        with self._turn:
            while not self._ending.is_set():
                if self._next < self._allowed:
                    number = self._next
                    self._next += 1
                    while not self._may_go(number) and not self._ending.is_set():
                        self._turn.wait()
                    return None if self._ending.is_set() else number
                self._turn.wait()
        return None

    def _may_go(self, number: int) -> bool:
        answered = self.mails[number].answers
        return answered is None or any(self.mails[done].message_id == answered for done in self._done)

    def _deliver(self, http: httpx.Client, mail: Mail) -> None:
        pause = RETRY_SECONDS
        while not self._ending.is_set():
            with self._turn:
                self.attempts += 1
            try:
                answer = http.post(
                    "/inbound/mime", params=[("rcpt", each) for each in mail.recipients], content=mail.raw
                )
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 202:
                self._note(mail, answer)
                return
            if answer is not None and 400 <= answer.status_code < 500 and answer.status_code != 429:
                self.broken.append(f"{answer.status_code} {answer.text[:200]}")
                return
            self._ending.wait(pause)
            pause = min(pause * 2, 1.0)

    def _note(self, mail: Mail, answer: httpx.Response) -> None:
        content = identity(mail.raw).content.hex()
        slugs = {address: slug for slug, address in DESKS.items()}
        with self._turn:
            for kept in answer.json()["mails"]:
                slug = slugs[kept["recipients"][0]]
                key = (slug, mail.message_id, content)
                before = self.promised.get(key)
                self.promised[key] = Accepted(
                    organization=slug,
                    message_id=mail.message_id,
                    content=content,
                    ledger_ids=frozenset({kept["id"]}) | (before.ledger_ids if before else frozenset()),
                    is_human=mail.is_human,
                    answers=mail.answers,
                    files=mail.files,
                )
