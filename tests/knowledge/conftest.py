"""A knowledge base whose articles are indexed by hand, in step with the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from chalicelib.kit import database, jobs
from chalicelib.kit import settings as environment
from chalicelib.kit.embeddings import embed
from chalicelib.kit.retrieval.vectors import literal
from chalicelib.knowledge import consumer

from infra.local.settings import Settings
from tests.databases import copy_of
from tests.people import ANON, Actor, Connection, act_as, connect, new_member, new_organization

INDEX = jobs.Consumer("index_article", consumer.handle)


@dataclass
class Library:
    """Two organizations with an agent each. `admin` is a connection that sees everything."""

    admin: Connection
    acme: UUID
    other: UUID
    agent: Actor
    foreign_agent: Actor

    def run(self, actor: Actor, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of a statement run as `actor`."""
        with self.admin.transaction():
            act_as(self.admin, actor)
            rows = self.admin.execute(statement, parameters)
            found = rows.fetchall() if rows.description else []
            self.admin.execute("reset role")
        return found

    def publish(self, title: str, body: str, language: str = "en", *, index: bool = True) -> UUID:
        """A published article of acme, indexed unless told otherwise."""
        article = self.draft(title, body, language)
        self.run(self.agent, "select * from public.publish_article(%s)", article)
        if index:
            self.index()
        return article

    def draft(self, title: str, body: str, language: str = "en") -> UUID:
        row = self.run(
            self.agent, "select * from public.create_article(%s, %s, %s, %s)", self.acme, title, body, language
        )
        return UUID(str(row[0]["id"]))

    def index(self) -> list[str]:
        """Run acme's jobs that wait; how each ended."""
        claimed = self.admin.execute(
            "select id from private.claim_jobs(100) join private.jobs using (id, consumer)"
            " where organization_id = %s and consumer = 'index_article'",
            [self.acme],
        ).fetchall()
        return [jobs.run(INDEX, row["id"]) for row in claimed]

    def search(
        self, question: str, actor: Actor = ANON, *, meaning: bool = True, **options: Any
    ) -> list[dict[str, Any]]:
        """What `actor` finds in acme's articles. `meaning`: with an embedding of the question."""
        return self.run(
            actor,
            "select * from public.search_articles(%s, %s, %s::text::extensions.vector, %s, %s)",
            options.get("organization", self.acme),
            question,
            literal(embed([question])[0]) if meaning else None,
            options.get("language"),
            options.get("limit", 10),
        )

    def titles(self, question: str, actor: Actor = ANON, **options: Any) -> list[str]:
        return [row["title"] for row in self.search(question, actor, **options)]

    def events(self, kind: str) -> list[dict[str, Any]]:
        return self.admin.execute(
            "select * from public.events where organization_id = %s and type = %s order by seq", [self.acme, kind]
        ).fetchall()


@pytest.fixture(scope="session")
def shelves(schema_template: Settings) -> Iterator[Settings]:
    """One database for all tests here: each founds organizations of its own."""
    with copy_of(schema_template) as settings:
        yield settings


@pytest.fixture
def library(shelves: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setenv("PGDESK_DATABASE_URL", shelves.database_url("pgdesk_functions"))
    environment.settings.cache_clear()
    database.close()
    with connect(shelves, "supabase_admin") as admin:
        admin.execute("delete from private.jobs")  # what another test left undone would fill the consumer's window
        acme, other = (new_organization(admin, f"{name}-{uuid4().hex[:12]}") for name in ("acme", "other"))
        yield Library(admin, acme, other, new_member(admin, acme, "agent"), new_member(admin, other, "agent"))
    database.close()
    environment.settings.cache_clear()
