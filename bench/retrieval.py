"""How well the knowledge base finds and when it keeps silent: `python -m bench.retrieval` (FULL=1: the large sizes).

Each figure stands beside its bar. Everything runs through the product's own code: articles are published by RPC, indexed
by the consumer, searched by private.search_own_chunks as the functions do. Reads ../shared/data (or $PGDESK_DATA).
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from chalicelib.kit import database, jobs
from chalicelib.kit.embeddings import embed
from chalicelib.kit.settings import settings as function_settings
from chalicelib.knowledge import consumer
from chalicelib.knowledge.retrieval import Passage, search

from infra.local.postgres import Cluster, create_database
from infra.local.settings import Settings
from pgdesk import schema

DATA = Path(os.environ.get("PGDESK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
OUT = Path(__file__).with_name("out")
FULL = os.environ.get("FULL") == "1"
INDEX = jobs.Consumer("index_article", consumer.handle)


@dataclass(frozen=True)
class Set:
    """A collection of articles (title, body) and questions (text, index of the article that answers it)."""

    name: str
    language: str
    articles: list[tuple[str, str]]
    questions: list[tuple[str, int]]


@dataclass(frozen=True)
class Base:
    """A set in the database: the organization that publishes it, and its articles' keys in order."""

    of: Set
    organization_id: UUID
    article_ids: list[UUID]

    def ask(self, question: str) -> list[Passage]:
        embed([question])
        with database.transaction(self.organization_id) as connection:
            return search(connection, question, self.of.language)


def stackfaq() -> Set:
    entries = json.loads((DATA / "stackfaq" / "faq.json").read_text())
    return Set(
        "StackFAQ",
        "en",
        [(entry["question"], "\n\n".join(entry["answers"])) for entry in entries],
        [(query, at) for at, entry in enumerate(entries) for query in entry["queries"]],
    )


def xquad(language: str) -> Set:
    paragraphs = json.loads((DATA / "xquad" / f"{language}.json").read_text())
    return Set(
        f"XQuAD-{language}",
        language,
        [(paragraph["title"].replace("_", " "), paragraph["text"]) for paragraph in paragraphs],
        [(query, at) for at, paragraph in enumerate(paragraphs) for query in paragraph["queries"]],
    )


@contextmanager
def desk() -> Iterator[psycopg.Connection]:
    """A throwaway database with pgdesk's schema, and the functions pointed at it. Yields postgres' connection."""
    with tempfile.TemporaryDirectory(prefix="pgdesk-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        stack = Settings(data=Path(folder), db_port=port, database="bench")
        server = Cluster(stack, version=int(os.environ.get("PGDESK_POSTGRES", "16")), throwaway=True)
        server.start()
        try:
            create_database(stack)
            schema.declare(stack.database_url("postgres"))
            schema.admit_functions(stack.database_url("postgres"), stack.keys.service_password)
            os.environ["PGDESK_DATABASE_URL"] = stack.database_url("pgdesk_functions")
            function_settings.cache_clear()
            with psycopg.connect(stack.database_url("postgres"), autocommit=True) as connection:
                yield connection
        finally:
            database.close()
            server.stop()


def publish(connection: psycopg.Connection, source: Set, keep: Sequence[int] | None = None) -> Base:
    """Found an organization, publish the articles (those at `keep`, if given) and index them. Others have key 0."""
    slug = re.sub("[^a-z0-9]+", "-", f"{source.name}-{len(keep or source.articles)}".lower())
    organization = _value(
        connection,
        "insert into public.organizations (name, slug, language) values (%s, %s, %s) returning id",
        source.name, slug, source.language,
    )  # fmt: skip
    ids = [UUID(int=0)] * len(source.articles)
    for at in range(len(source.articles)) if keep is None else keep:
        title, body = source.articles[at]
        ids[at] = _value(
            connection,
            "select (public.publish_article((public.create_article(%s, %s, %s, %s)).id)).id",
            organization, title, body, source.language,
        )  # fmt: skip
    index_waiting(connection)
    return Base(source, organization, ids)


def index_waiting(connection: psycopg.Connection) -> None:
    while claimed := connection.execute("select id from private.claim_jobs(100)").fetchall():
        for (job_id,) in claimed:
            assert jobs.run(INDEX, job_id) == "done"


def _value(connection: psycopg.Connection, statement: str, *parameters: object) -> UUID:
    row = connection.execute(statement, parameters).fetchone()
    assert row
    return UUID(str(row[0]))


def ranks(base: Base) -> list[int]:
    """Where the right article stands in the answer to each question, from 0; 1000 where it is missing."""
    found = []
    for question, right in base.of.questions:
        articles = list(dict.fromkeys(passage.article_id for passage in base.ask(question)))
        wanted = base.article_ids[right]
        found.append(articles.index(wanted) if wanted in articles else 1000)
    return found


def main() -> None:
    with desk() as connection:
        for source in (stackfaq(), xquad("en"), xquad("de")):
            found = ranks(publish(connection, source))
            for k in (1, 5):
                print(source.name, f"R@{k}", round(sum(rank < k for rank in found) / len(found), 4), flush=True)


if __name__ == "__main__":
    sys.exit(main())
