"""Questions to the knowledge base from inside a function."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from chalicelib.kit.database import Connection, queries, rows
from chalicelib.kit.embeddings import embed
from chalicelib.kit.retrieval.vectors import literal

SQL = queries(__file__)


@dataclass(frozen=True)
class Passage:
    """A passage that may answer a question. All numbers but `score` are signals of sql/55_retrieval.sql."""

    chunk_id: UUID
    article_id: UUID
    version_id: UUID
    slug: str
    title: str
    heading: str
    text: str
    written_in: str
    score: float
    title_cosine: float
    body_cosine: float
    bm25: float
    coverage: float
    known: float


def search(
    connection: Connection, question: str, language: str | None, *, max_chunks: int = 20, per_article: int = 3
) -> list[Passage]:
    """The best passages for a question among the published articles of the connection's tenant, best first.

    `language` is the question's (ISO 639-1), None where it is not known. Embedding takes some milliseconds: to keep
    the transaction short, call `embed([question])` before it; this call then finds the vector remembered.
    """
    found = rows(
        connection,
        SQL["search"],
        {
            "question": question,
            "embedding": literal(embed([question])[0]),
            "language": language,
            "max_chunks": max_chunks,
            "per_article": per_article,
        },
    )
    return [Passage(**row) for row in found]
