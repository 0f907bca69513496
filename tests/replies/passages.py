"""Passages for tests that need no database."""

from __future__ import annotations

from uuid import uuid4

from chalicelib.kit.retrieval import Passage


def passage(text: str, title: str = "An article", *, score: float = 0.6, language: str = "en") -> Passage:
    return Passage(
        chunk_id=uuid4(), article_id=uuid4(), version_id=uuid4(), slug="an-article", title=title, heading="", text=text,
        written_in=language, score=score, title_cosine=score, body_cosine=score, bm25=score, coverage=score, known=1.0,
    )  # fmt: skip
