"""Answer or escalate."""

from __future__ import annotations

import math
from dataclasses import replace
from uuid import uuid4

from chalicelib.kit import database
from chalicelib.kit.retrieval import Passage, confidence, search
from chalicelib.kit.retrieval.gate import logistic, signals

from tests.knowledge.conftest import Library

ARTICLES = {
    "How do I get a refund?": "Write to billing within 30 days. You get your money back within 14 days.",
    "Where is my parcel?": "Follow the tracking number in your confirmation mail.",
    "How do I change my password?": "Open Settings, then Security, and choose a new password.",
    "Can I use the service from abroad?": "Yes, in every country of the European Union.",
}


def ask(library: Library, question: str) -> float:
    with database.transaction(library.acme) as connection:
        return confidence(search(connection, question, "en"))


def test_what_is_answered_is_told_from_what_is_not(library: Library) -> None:
    for title, body in ARTICLES.items():
        library.publish(title, body)
    answered = ["I want my money back", "How can I set another password?", "has my parcel been shipped, where is it"]
    unanswered = ["What is the capital of France?", "Do you sell gift cards?", "how old is the universe", "hello"]
    assert min(ask(library, question) for question in answered) > max(ask(library, question) for question in unanswered)
    assert max(ask(library, question) for question in unanswered) < 0.5


def test_without_passages_there_is_no_confidence(library: Library) -> None:
    assert confidence([]) == 0
    assert ask(library, "How do I get a refund?") == 0


PASSAGE = Passage(
    chunk_id=uuid4(), article_id=uuid4(), version_id=uuid4(), slug="a", title="How do I get a refund?", heading="",
    text="Write to billing.", written_in="en", score=0.8, title_cosine=0.8, body_cosine=0.6, bm25=0.7, coverage=0.9,
    known=1.0,
)  # fmt: skip


def test_a_rival_article_lowers_confidence_another_passage_of_the_same_does_not() -> None:
    same = replace(PASSAGE, chunk_id=uuid4(), score=0.79)
    rival = replace(same, article_id=uuid4())
    alone = confidence([PASSAGE])
    assert confidence([PASSAGE, same]) == alone
    assert confidence([PASSAGE, rival]) < alone


def test_an_article_is_judged_by_the_best_of_its_passages() -> None:
    other = replace(PASSAGE, chunk_id=uuid4(), score=0.7, body_cosine=0.75, coverage=1.0)
    given = signals([PASSAGE, other])
    assert (given["body"], given["coverage"], given["title"]) == (0.75, 1.0, 0.8)


def test_confidence_is_a_probability_for_any_signals() -> None:
    for cosine in (-1.0, 0.0, 1.0):
        for coverage in (0.0, 1.0):
            for language in ("en", "de", "zh"):
                odd = replace(PASSAGE, title_cosine=cosine, body_cosine=-cosine, coverage=coverage, written_in=language)
                assert 0 <= confidence([odd]) <= 1
    assert logistic(-1e6) == 0
    assert logistic(1e6) == 1
    assert math.isfinite(signals([replace(PASSAGE, title="退款")])["says"])
