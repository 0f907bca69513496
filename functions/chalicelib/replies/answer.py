"""What an answer is, whoever wrote it: sentences that each rest on passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.kit.retrieval import Passage


@dataclass(frozen=True)
class Sentence:
    """One sentence (or list item) with the passages that carry it, and how well they do: 0 to 1."""

    text: str
    passages: tuple[Passage, ...]
    support: float


@dataclass(frozen=True)
class Answer:
    """`body` is what the contact would read; `sentences` are the parts of it that state something."""

    body: str
    sentences: tuple[Sentence, ...]
    source: Literal["extract", "model"]


def numbered(passages: Sequence[Passage]) -> dict[str, int]:
    """Articles in the order of their first passage, numbered from 1: what `[1]` in an answer means."""
    order: dict[str, int] = {}
    for passage in passages:
        order.setdefault(str(passage.article_id), len(order) + 1)
    return order
