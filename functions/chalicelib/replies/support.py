"""Does a passage carry a sentence? A check that needs no model: words, numbers, and meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from chalicelib.kit.embeddings import embed
from chalicelib.kit.retrieval import Passage

_WORD = re.compile(r"[^\W\d_]{3,}")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LINK = re.compile(r"\b(?:https?://|www\.)\S+|\b[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE)
STEM = 5  # letters compared: enough to pair "refunds" with "refunded", in most languages
# Below this a sentence is not carried: it is left out of what may be sent.
SUPPORTED = 0.6


def support(sentences: Sequence[str], passages: Sequence[str]) -> list[float]:
    """How well each passage text carries the sentence beside it, 0 to 1.

    The share of the sentence's words that the passage has, or the cosine of the two where that is higher; 0 where the
    sentence has a number, link or address that the passage lacks: those are what a wrong answer does harm with.
    """
    if not sentences:
        return []
    vectors = embed([*sentences, *passages])
    count = len(sentences)
    cosines = np.einsum("ij,ij->i", vectors[:count], vectors[count:])
    return [
        0.0 if _invents(sentence, passage) else round(max(_coverage(sentence, passage), float(cosine)), 4)
        for sentence, passage, cosine in zip(sentences, passages, cosines.clip(0, 1), strict=True)
    ]


def best_support(sentence: str, passages: Sequence[Passage]) -> float:
    """The support of the passage that carries the sentence best."""
    texts = [f"{passage.title} {passage.heading} {passage.text}" for passage in passages]
    return max(support([sentence] * len(texts), texts), default=0.0)


def _coverage(sentence: str, passage: str) -> float:
    words = {word[:STEM] for word in _WORD.findall(sentence.lower())}
    known = {word[:STEM] for word in _WORD.findall(passage.lower())}
    return len(words & known) / len(words) if words else 1.0


def _invents(sentence: str, passage: str) -> bool:
    return any(
        not set(pattern.findall(sentence.lower())) <= set(pattern.findall(passage.lower()))
        for pattern in (_NUMBER, _LINK)
    )
