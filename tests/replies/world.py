"""An organization with a small knowledge base, a contact who writes, and the consumers run by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from chalicelib.kit import database
from chalicelib.kit.jobs import Consume, Consumer, run
from chalicelib.kit.settings import settings as function_settings

from infra.local.settings import Settings
from tests.people import Actor, Connection, act_as, connect, new_member, new_organization

RETURNS = """You have 30 days from the day of delivery to return anything that is unused and in its original packaging.

1. Sign in, open **My orders**, choose the order and press **Return items**.
2. Print the label, or show the QR code at the parcel shop.
3. Hand the parcel in within 7 days.

Returns from the EU are free."""
TENTS = """Wash a tent by hand with lukewarm water and mild soap. Never use a washing machine.

Dry it completely before you pack it: a damp tent grows mould within 48 hours."""
POINTS = "We deliver to more than 40,000 pick-up points. A parcel waits there for 10 days. See https://kestrel.example/points."


@contextmanager
def functions_environment(settings: Settings, patch: pytest.MonkeyPatch, **values: str) -> Iterator[None]:
    """The environment of the functions, on this database."""
    patch.setenv("PGDESK_DATABASE_URL", settings.database_url("pgdesk_functions"))
    patch.setenv("PGDESK_REPLY_SECRET", "a secret for reply addresses")
    patch.setenv("PGDESK_FUNCTIONS_URL", "https://desk.example/functions/v1")
    for name, value in values.items():
        patch.setenv(f"PGDESK_{name.upper()}", value)
    function_settings.cache_clear()
    database.close()
    try:
        yield
    finally:
        database.close()
        function_settings.cache_clear()


@dataclass
class World:
    """One organization. `db` is a session of `postgres`, which sees everything."""

    settings: Settings
    db: Connection
    organization: UUID
    contact: UUID
    agent: Actor

    def one(self, query: str, *parameters: Any) -> dict[str, Any]:
        row = self.db.execute(query, parameters).fetchone()
        assert row is not None
        return row

    def all(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        return self.db.execute(query, parameters).fetchall()

    def article(self, slug: str, title: str, body: str, language: str = "en") -> UUID:
        article = self.one(
            "insert into public.articles (organization_id, slug, language) values (%s, %s, %s) returning id",
            self.organization, slug, language,
        )["id"]  # fmt: skip
        self.edit(article, title, body)
        self.db.execute("update public.articles set status = 'published' where id = %s", [article])
        return UUID(str(article))

    def edit(self, article: UUID, title: str, body: str) -> None:
        self.db.execute(
            "insert into public.article_versions (organization_id, article_id, title, body) values (%s, %s, %s, %s)",
            [self.organization, article, title, body],
        )

    def ticket(self, text: str, subject: str = "", *, channel: str = "portal", verified: bool = True) -> UUID:
        """A new ticket with its first message. Returns the ticket's id."""
        ticket = self.one(
            "insert into public.tickets (organization_id, subject, channel, contact_id, mail_address_id)"
            " values (%s, %s, %s, %s, (select id from public.mail_addresses where is_default and organization_id = %s))"
            " returning id",
            self.organization, subject, channel, self.contact, self.organization,
        )["id"]  # fmt: skip
        self.writes(ticket, text, verified=verified)
        return UUID(str(ticket))

    def writes(self, ticket: UUID, text: str, *, verified: bool = True, **columns: Any) -> UUID:
        """The contact writes into a ticket. Returns the message's id."""
        values = {
            "organization_id": self.organization, "ticket_id": ticket, "sender": "contact", "contact_id": self.contact,
            "body_text": text, "is_verified": verified, **columns,
        }  # fmt: skip
        names, marks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
        row = self.db.execute(f"insert into public.messages ({names}) values ({marks}) returning id", values).fetchone()
        assert row is not None
        return UUID(str(row["id"]))

    def last_message(self, ticket: UUID) -> UUID:
        row = self.one("select id from public.messages where ticket_id = %s order by seq desc limit 1", ticket)
        return UUID(str(row["id"]))

    def triaged(self, message: UUID, **seen: Any) -> None:
        """What triage saw in a message, for tests that are not about seeing it."""
        values = {
            "language": "en", "priority": "normal", "sentiment": "neutral", "is_spam": False, "wants_human": False,
            "sensitive": [], "injection": False, **seen,
        }  # fmt: skip
        self.db.execute(
            "insert into public.triage_results (organization_id, ticket_id, message_id, text, embedding, lexical,"
            " model, abstained, language, priority, sentiment, is_spam, wants_human, sensitive, injection, signals, ms)"
            " select organization_id, ticket_id, id, body_text, array_fill(0, array[384])::extensions.vector,"
            " '{}/65536'::extensions.sparsevec, 'none', true, %(language)s, %(priority)s, %(sentiment)s, %(is_spam)s,"
            " %(wants_human)s, %(sensitive)s, %(injection)s, '{}', 0 from public.messages where id = %(message)s",
            {"message": message, **values},
        )

    def enqueue(self, consumer: str, **payload: Any) -> UUID:
        row = self.one(
            "select private.enqueue(%s, %s, %s::jsonb) as id",
            self.organization,
            consumer,
            json.dumps(payload, default=str),
        )
        return UUID(str(row["id"]))

    def run_job(self, handle: Consume, consumer: str, job: UUID) -> str:
        """One attempt at a job, as a wake-up would start it."""
        self.db.execute(
            "update private.jobs set state = 'published', lease_until = now() + interval '1 min' where id = %s"
            " and state = 'waiting'",
            [job],
        )
        return run(Consumer(consumer, handle), job)

    def run_all(self, handle: Consume, consumer: str) -> list[str]:
        """Every waiting job of a consumer, in order."""
        jobs = self.all("select id from private.jobs where consumer = %s and state = 'waiting' order by id", consumer)
        return [self.run_job(handle, consumer, job["id"]) for job in jobs]

    def as_agent(self, query: str, *parameters: Any) -> dict[str, Any]:
        """One statement as the agent, the way PostgREST runs it."""
        with connect(self.settings, "authenticator") as session, session.transaction():
            act_as(session, self.agent)
            row = session.execute(query, parameters).fetchone()
        assert row is not None
        return row


@contextmanager
def open_world(settings: Settings, slug: str = "kestrel") -> Iterator[World]:
    """An organization that answers by itself, with one address, one agent and one contact."""
    with connect(settings, "supabase_admin") as people, connect(settings, "postgres") as db:
        organization = new_organization(people, slug)
        agent = new_member(people, organization, "agent")
        db.execute("update public.organizations set ai_mode = 'auto' where id = %s", [organization])
        db.execute(
            "insert into public.mail_addresses (organization_id, address, display_name, is_default)"
            " values (%s, %s, 'Kestrel Support', true)",
            [organization, f"support@{slug}.example"],
        )
        contact = db.execute(
            "insert into public.contacts (organization_id, email, name) values (%s, %s, 'Ann') returning id",
            [organization, f"ann-{uuid4().hex[:6]}@customer.example"],
        ).fetchone()
        assert contact is not None
        try:
            yield World(settings, db, organization, contact["id"], agent)
        finally:
            # Everything of theirs goes with it.
            db.execute("delete from public.organizations")
