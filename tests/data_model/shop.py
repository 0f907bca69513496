"""An organization of its own for each test, in one database, and the people who act in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.local.settings import Settings
from tests.people import Actor, Connection, act_as, connect, new_member, new_organization, new_user


@dataclass(frozen=True)
class Shop:
    """`db` is the superuser's connection: what it does happens without a user behind it, as in a function."""

    settings: Settings
    db: Connection
    organization: UUID

    def member(self, role: str = "agent") -> Actor:
        return new_member(self.db, self.organization, role)

    def contact(self, email: str | None = None) -> UUID:
        return UUID(
            str(
                self.value(
                    "insert into public.contacts (organization_id, email) values (%s, %s) returning id",
                    self.organization,
                    email or f"{uuid4()}@people.example",
                )
            )
        )

    def customer(self) -> tuple[UUID, Actor]:
        """A contact and the user whose confirmed address it is."""
        email = f"{uuid4()}@people.example"
        return self.contact(email), Actor("authenticated", new_user(self.db, email))

    @property
    def functions(self) -> Actor:
        return Actor("pgdesk_functions", organization_id=self.organization)

    def ticket(self, contact_id: UUID | None = None) -> UUID:
        return UUID(
            str(
                self.value(
                    "insert into public.tickets (organization_id, channel, contact_id) values (%s, 'email', %s)"
                    " returning id",
                    self.organization,
                    contact_id or self.contact(),
                )
            )
        )

    def say(self, ticket_id: UUID, sender: str = "contact", **columns: Any) -> dict[str, Any]:
        """A message in a ticket, as the superuser. A contact's is the requester's."""
        if sender == "contact":
            columns.setdefault(
                "contact_id", self.value("select contact_id from public.tickets where id = %s", ticket_id)
            )
        given = {"organization_id": self.organization, "ticket_id": ticket_id, "sender": sender} | columns
        names = ", ".join(given)
        places = ", ".join(f"%({name})s" for name in given)
        row = self.db.execute(f"insert into public.messages ({names}) values ({places}) returning *", given).fetchone()
        assert row
        return row

    def value(self, statement: str, *parameters: object) -> Any:
        row = self.db.execute(statement, parameters).fetchone()
        assert row
        return next(iter(row.values()))

    def ticket_row(self, ticket_id: UUID) -> dict[str, Any]:
        row = self.db.execute("select * from public.tickets where id = %s", [ticket_id]).fetchone()
        assert row
        return row

    def events(self, subject_id: UUID) -> list[dict[str, Any]]:
        """About a subject, in the order of their happening."""
        return self.db.execute(
            "select * from public.events where subject_id = %s order by seq", [subject_id]
        ).fetchall()

    @contextmanager
    def acting(self, actor: Actor, **settings: str) -> Iterator[Connection]:
        """The superuser's connection, for one transaction in the actor's shoes. Undone on an error."""
        with self.db.transaction():
            act_as(self.db, actor)
            for name, value in settings.items():
                self.db.execute("select set_config(%s, %s, true)", [name.replace("__", "."), value])
            yield self.db

    def as_(self, actor: Actor, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """One statement as `actor`. Its rows; of one without rows, an empty list."""
        with self.acting(actor) as db:
            done = db.execute(statement, parameters)
            return done.fetchall() if done.description else []


def new_shop(settings: Settings, db: Connection) -> Shop:
    return Shop(settings, db, new_organization(db, f"shop-{uuid4().hex[:12]}"))


class Behind:
    """A statement run in a thread, because it must wait for another session."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: Exception | None = None

        def work() -> None:
            try:
                self.result = run()
            except psycopg.Error as error:
                self.error = error

        self.thread = threading.Thread(target=work)
        self.thread.start()

    def get(self) -> Any:
        self.thread.join(10)
        assert not self.thread.is_alive(), "it still waits"
        if self.error:
            raise self.error
        return self.result


def waits(shop: Shop, other: Connection) -> None:
    """Return once `other` waits for a lock."""
    for _ in range(2000):
        waiting = "select wait_event_type is not distinct from 'Lock' from pg_stat_activity where pid = %s"
        if shop.value(waiting, other.info.backend_pid):
            return
    pytest.fail("the other session never waited")


def together(*runs: Callable[[], None]) -> None:
    """Run all at once, each in its own thread; raise the first error that any of them met."""
    errors: list[BaseException] = []
    gate = threading.Barrier(len(runs))

    def work(run: Callable[[], None]) -> None:
        try:
            gate.wait(10)
            run()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "it hangs"
    if errors:
        raise errors[0]


__all__ = ["Behind", "Shop", "connect", "new_shop", "together", "waits"]
