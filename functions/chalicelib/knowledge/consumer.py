"""Puts an article into search once it is published or has changed."""

from __future__ import annotations

from uuid import UUID

from chalicelib.kit.database import Connection, one, queries, transaction
from chalicelib.kit.embeddings import MODEL, embed, tokenizer
from chalicelib.kit.jobs import Dead, Effects, Job
from chalicelib.kit.retrieval.vectors import literal
from chalicelib.knowledge.chunking import Chunk, chunk

SQL = queries(__file__)


def handle(job: Job) -> Effects | None:
    """Cut, embed and index the current version of the article that the event is about.

    Whichever version the event named: the newest is indexed, and where that is done already, or the article is no
    longer published, there is nothing to do.
    """
    try:
        article_id = UUID(str(job.payload["subject_id"]))
    except (KeyError, ValueError):
        raise Dead("the job names no article") from None
    with transaction(job.tenant) as connection:
        article = one(connection, SQL["article_to_index"], {"article_id": article_id, "model": MODEL})
    if article is None or article["indexed"]:
        return None
    chunks = chunk(article["title"], article["body"], count_tokens)
    parameters = {"article_id": article_id, "version_id": article["version_id"], "model": MODEL, **_columns(chunks)}

    def effects(connection: Connection) -> None:
        connection.execute(SQL["replace_chunks"], parameters)

    return effects


def prepare() -> None:
    """Load the model."""
    embed(["Hello"])


def count_tokens(text: str) -> int:
    """The model's tokens of a text without its two marks; from 254 on it says 254."""
    return len(tokenizer()(text)) - 2


def _columns(chunks: list[Chunk]) -> dict[str, list[str] | list[int]]:
    """The passages as private.replace_chunks takes them: one array a column."""
    titles = [passage.title for passage in chunks]
    texts = [passage.text for passage in chunks]
    return {
        "titles": titles,
        "headings": [passage.heading for passage in chunks],
        "texts": texts,
        "tokens": [passage.tokens for passage in chunks],
        "title_embeddings": [literal(vector) for vector in embed(titles)],
        "body_embeddings": [literal(vector) for vector in embed(texts)],
    }
