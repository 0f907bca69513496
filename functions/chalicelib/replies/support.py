"""Does a passage carry a sentence? A check that needs no model: words, numbers, denials, and meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from chalicelib.kit.embeddings import embed
from chalicelib.kit.retrieval import Passage
from chalicelib.kit.sentences import split_sentences

_WORD = re.compile(r"[^\W\d_]{3,}")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LINK = re.compile(
    r"\b(?:https?://|www\.)[^\s<>]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:[\w-]+\.)+[a-z]{2,24}\b(?:/[^\s<>]*)?",
    re.IGNORECASE,
)
# What a number counts, where it is one of the things that are confused with harm. Compared by its first letters.
_COUNTED = re.compile(
    r"(\d+(?:[.,:]\d+)*)[\s-]*(?:(?:working|business|calendar|full)\s)?"
    r"(sec|min|hour|stund|heure|hora|day|tag|jour|día|dia|week|woch|semai|seman|month|monat|mois|mes|year|jahr|ans?\b|año"
    r"|percent|prozent|%|eur|€|usd|\$|gbp|£|chf)",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|nothing|cannot|without|nor|nicht|kein\w*|nie|niemals|nichts|ohne|ne|pas|jamais|aucune?|sans"
    r"|sin|nunca|ningun[oa]?|non|não)\b|n['’]t\b",
    re.IGNORECASE,
)
STEM = 5  # letters compared: enough to pair "refunds" with "refunded", in most languages
# Below this a sentence is not carried: an answer that has one is not sent by itself.
SUPPORTED = 0.6


def support(sentences: Sequence[str], passages: Sequence[str]) -> list[float]:
    """How well each passage text carries the sentence beside it, 0 to 1.

    The share of the sentence's words that the passage has, or the cosine of the two where that is higher; 0 where the
    sentence has a number, link or address that the passage lacks, or denies what the passage affirms (or the other way
    round): those are what a wrong answer does harm with.
    """
    if not sentences:
        return []
    vectors = embed([*sentences, *passages])
    count = len(sentences)
    cosines = np.einsum("ij,ij->i", vectors[:count], vectors[count:]).clip(0, 1)
    return [
        0.0
        if _invents(sentence, passage) or _contradicts(sentence, passage)
        else round(max(_coverage(sentence, passage), float(cosine)), 4)
        for sentence, passage, cosine in zip(sentences, passages, cosines, strict=True)
    ]


def supports(sentence: str, passages: Sequence[Passage]) -> list[float]:
    """How well each of these passages, read with its title, carries the sentence."""
    texts = [f"{passage.title}\n{passage.text}" for passage in passages]
    return support([sentence] * len(texts), texts)


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in _WORD.findall(text.lower())}


def _coverage(sentence: str, passage: str) -> float:
    words = _stems(sentence)
    return len(words & _stems(passage)) / len(words) if words else 1.0


def _invents(sentence: str, passage: str) -> bool:
    return (
        not set(_NUMBER.findall(sentence)) <= set(_NUMBER.findall(passage))
        or not _links(sentence) <= _links(passage)
        or not _counted(sentence) <= _counted(passage)
    )


def _links(text: str) -> set[str]:
    return {found.rstrip(".,;:!?)'\"").lower() for found in _LINK.findall(text)}


def _counted(text: str) -> set[tuple[str, str]]:
    return {(number, unit.lower()[:3]) for number, unit in _COUNTED.findall(text)}


def _contradicts(sentence: str, passage: str) -> bool:
    """Does it deny what the passage's nearest sentence affirms, or affirm what that one denies?"""
    nearest = max(split_sentences(passage), key=lambda part: _coverage(sentence, part), default="")
    if _coverage(sentence, nearest) < SUPPORTED:
        return False
    return bool(_DENIAL.search(sentence)) != bool(_DENIAL.search(nearest))
