"""An organization with categories, and the functions' connection to its database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from chalicelib.kit import database, jobs
from chalicelib.kit.settings import settings as functions_settings
from chalicelib.triage import consumer, refit
from psycopg.rows import DictRow, dict_row

from infra.local.settings import Settings
from pgdesk import models


@pytest.fixture(scope="session", autouse=True)
def model_files() -> None:
    models.build()


@dataclass
class Shop:
    """An organization, seen as the owner of the database sees it, and what happens in it."""

    connection: psycopg.Connection[DictRow]
    id: UUID
    agent: UUID

    def one(self, query: str, **parameters: Any) -> dict[str, Any]:
        row = self.connection.execute(query, parameters).fetchone()
        assert row is not None
        return row

    def all(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        cursor = self.connection.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []

    def run(self, query: str, **parameters: Any) -> None:
        self.connection.execute(query, parameters)

    def category(self, key: str, skill: str | None = None) -> UUID:
        row = self.one(
            "insert into public.ticket_categories (organization_id, key, name, skill_id)"
            " select %(o)s, %(key)s, %(key)s, (select id from public.skills where name = %(skill)s) returning id",
            o=self.id, key=key, skill=skill,
        )  # fmt: skip
        return UUID(str(row["id"]))

    def teach(self, category: UUID, *texts: str) -> None:
        for text in texts:
            self.run(
                "insert into public.triage_examples (organization_id, category_id, text) values (%(o)s, %(c)s, %(t)s)",
                o=self.id, c=category, t=text,
            )  # fmt: skip

    def write(self, body: str, subject: str = "", ticket: UUID | None = None) -> tuple[UUID, UUID]:
        """A contact's message; returns ticket and message."""
        contact = self.one(
            "insert into public.contacts (organization_id, email) values (%(o)s, %(e)s)"
            " on conflict (organization_id, email) do update set email = excluded.email returning id",
            o=self.id, e="ann@customer.example",
        )["id"]  # fmt: skip
        if ticket is None:
            ticket = self.one(
                "insert into public.tickets (organization_id, subject, channel, contact_id)"
                " values (%(o)s, %(s)s, 'email', %(c)s) returning id",
                o=self.id, s=subject, c=contact,
            )["id"]  # fmt: skip
        message = self.one(
            "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
            " values (%(o)s, %(t)s, 'contact', %(c)s, %(b)s) returning id",
            o=self.id, t=ticket, c=contact, b=body,
        )["id"]  # fmt: skip
        assert ticket is not None
        return ticket, message

    def work(self, name: str) -> list[str]:
        """Run the waiting jobs of a consumer, whenever they are due; returns how each ended."""
        handlers = {"triage": consumer.handle, "refit": refit.handle}
        # As the relay does, but for one consumer and without its clock.
        waiting = self.all(
            "update private.jobs set state = 'published', lease_until = now() + interval '1 minute'"
            " where consumer = %(n)s and state = 'waiting' returning id",
            n=name,
        )
        return [
            jobs.run(jobs.Consumer(name, handlers[name]), row["id"])
            for row in sorted(waiting, key=lambda row: row["id"])
        ]

    def triage(self, body: str, subject: str = "") -> dict[str, Any]:
        """A new ticket with this message, triaged: the result's row."""
        _, message = self.write(body, subject)
        assert self.work("triage") == ["done"]
        return self.one("select * from public.triage_results where message_id = %(m)s", m=message)

    def as_agent(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """One statement through the API's role, signed in as the shop's agent."""
        with self.connection.transaction():
            self.run(
                "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %(c)s, true)",
                c=json.dumps({"sub": str(self.agent), "role": "authenticated"}),
            )
            return self.all(query, **parameters)


@pytest.fixture
def desk(swept: Settings) -> Settings:
    return swept


@pytest.fixture
def shop(desk: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("PGDESK_DATABASE_URL", desk.database_url("pgdesk_functions"))
    functions_settings.cache_clear()
    database.close()
    with psycopg.connect(desk.database_url("postgres"), autocommit=True, row_factory=dict_row) as connection:
        organization = connection.execute(
            "insert into public.organizations (name, slug) values ('Shop', 'shop') returning id"
        ).fetchone()
        assert organization is not None
        agent = uuid4()
        connection.execute("insert into auth.users (id, email) values (%s, 'agent@shop.example')", [agent])
        connection.execute(
            "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')",
            [organization["id"], agent],
        )
        yield Shop(connection, organization["id"], agent)
    database.close()
    functions_settings.cache_clear()
