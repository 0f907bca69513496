"""The public question sets, and a throwaway desk that publishes them: what the retrieval benchmarks share."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from chalicelib.kit import database, jobs
from chalicelib.kit.embeddings import embed
from chalicelib.kit.retrieval import Passage, search
from chalicelib.kit.retrieval.vectors import literal
from chalicelib.kit.settings import settings as function_settings
from chalicelib.knowledge import consumer
from psycopg.rows import dict_row

from infra.local.ports import free_ports
from infra.local.postgres import Cluster, create_database
from infra.local.settings import Settings
from pgdesk import schema

DATA = Path(os.environ.get("PGDESK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
INDEX = jobs.Consumer("index_article", consumer.handle)
Connection = psycopg.Connection[dict[str, Any]]


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
        """As a function asks: role pgdesk_functions, bound to the tenant."""
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


def other_domains(many: int = 300) -> list[str]:
    """Questions that StackFAQ answers none of: to a bank (Banking77), and of no domain (CLINC's out-of-scope)."""
    with (DATA / "banking77" / "train.csv").open(newline="") as file:
        banking = [row["text"] for row in csv.DictReader(file)]
    clinc = json.loads((DATA / "clinc150" / "train_val.json").read_text())
    scope = [text for part, rows in clinc.items() if part.startswith("oos") for text, _ in rows]
    return random.Random(7).sample(banking, many) + scope


@contextmanager
def desk() -> Iterator[Connection]:
    """A throwaway database with pgdesk's schema, and the functions pointed at it. Yields postgres' connection."""
    with tempfile.TemporaryDirectory(prefix="pgdesk-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        stack = Settings(data=Path(folder), db_port=free_ports(1)[0], database="bench")
        server = Cluster(stack, version=int(os.environ.get("PGDESK_POSTGRES", "16")), throwaway=True)
        server.start()
        try:
            create_database(stack)
            schema.declare(stack.database_url("postgres"))
            schema.admit_functions(stack.database_url("postgres"), stack.keys.service_password)
            os.environ["PGDESK_DATABASE_URL"] = stack.database_url("pgdesk_functions")
            function_settings.cache_clear()
            with psycopg.connect(stack.database_url("postgres"), autocommit=True, row_factory=dict_row) as connection:
                yield connection
        finally:
            database.close()
            server.stop()


def publish(connection: Connection, source: Set) -> Base:
    """Found an organization, publish the articles by RPC and have the consumer index them."""
    organization = value(
        connection,
        "insert into public.organizations (name, slug, language) values (%s, %s, %s) returning id",
        source.name,
        re.sub("[^a-z0-9]+", "-", source.name.lower()),
        source.language,
    )
    article_ids = [
        value(
            connection,
            "select (public.publish_article((public.create_article(%s, %s, %s, %s)).id)).id",
            organization,
            title,
            body,
            source.language,
        )
        for title, body in source.articles
    ]
    while claimed := connection.execute("select id from private.claim_jobs(100)").fetchall():
        for row in claimed:
            with redirect_stdout(io.StringIO()):  # the functions' log
                outcome = jobs.run(INDEX, row["id"])
            assert outcome == "done", outcome
    for table in ("private.chunk_index", "private.postings", "public.chunks", "public.articles"):
        connection.execute(f"analyze {table}".encode())
    return Base(source, organization, article_ids)


def value(connection: Connection, statement: str, *parameters: object) -> Any:
    """The only value of the only row."""
    row = connection.execute(statement.encode(), parameters).fetchone()
    assert row
    return next(iter(row.values()))


@dataclass(frozen=True)
class Asked:
    """A question put to a base that lacks some articles. `article` is the one that answers it, -1 for none."""

    article: int
    right: bool
    passages: list[Passage]


class Vectors:
    """Embeddings of questions as text, each made once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, question: str) -> str:
        if question not in self._known:
            self._known[question] = literal(embed([question])[0])
        return self._known[question]


def ask_without(
    connection: Connection, base: Base, removed: set[int], questions: Sequence[tuple[str, int]], vectors: Vectors
) -> list[Asked]:
    """Put questions while the articles at `removed` are out of search. Nothing of it stays."""
    asked = []
    with connection.transaction(force_rollback=True):
        connection.execute(
            "delete from private.chunk_index where organization_id = %s and article_id = any(%s)",
            [base.organization_id, [base.article_ids[at] for at in removed]],
        )
        for question, article in questions:
            rows = connection.execute(
                "select * from private.search_chunks(%s, %s, %s::extensions.vector, %s, 20, 3)",
                [base.organization_id, question, vectors(question), base.of.language],
            )
            passages = [Passage(**row) for row in rows]
            right = bool(passages) and article >= 0 and passages[0].article_id == base.article_ids[article]
            asked.append(Asked(article, right, passages))
    return asked


def half(base: Base, seed: int) -> set[int]:
    """Half of a base's articles, drawn by `seed`."""
    many = len(base.article_ids)
    return set(random.Random(seed).sample(range(many), many // 2))
