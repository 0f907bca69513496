"""Sentence vectors: right against the published weights, the same alone and in company, safe with any text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from chalicelib.kit.embeddings import DIMENSIONS, MODEL, embed

from pgdesk.models import BuildError
from tests.embeddings.reference import PAIRS, Reference

# `.venv/bin/python -m tests.embeddings.reference`
PUBLISHED_COSINES = [0.7293, 0.2973, 0.6272, 0.0384, 0.1999, 0.3026]

SENTENCES = [
    "Hello, my parcel is missing.",
    "Is it possible to pay by invoice? We are a school and cannot use cards.",
    "the app says error 503 since this morning!!!",
    "I'd like to cancel my plan before it renews on the 3rd, please.",
    "Your driver left the box in the rain; everything inside is ruined and I want my money back.",
    "How do I give a colleague access to our account?",
    "Please send me a receipt for my last order.",
]
FRAGMENTS = ["thanks a lot, that solved it :)", "Receipt", "???"]


def test_a_vector_has_384_dimensions_and_unit_length() -> None:
    vectors = embed(SENTENCES)
    assert vectors.shape == (len(SENTENCES), DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert MODEL == "all-MiniLM-L6-v2-int8"


@pytest.mark.parametrize(("pair", "cosine"), list(zip(PAIRS, PUBLISHED_COSINES, strict=True)))
def test_cosines_are_those_of_the_published_weights(pair: tuple[str, str], cosine: float) -> None:
    left, right = embed(pair)
    assert float(left @ right) == pytest.approx(cosine, abs=0.02)


@pytest.mark.full
def test_vectors_are_within_cosine_0_999_of_the_published_fp32_weights() -> None:
    try:
        reference = Reference.load()
    except BuildError as error:
        pytest.skip(str(error))
    cosines = {text: float(reference.embed(text) @ embed([text])[0]) for text in [*SENTENCES, *FRAGMENTS]}
    assert min(cosines[text] for text in SENTENCES) >= 0.999
    assert min(cosines[text] for text in FRAGMENTS) >= 0.997  # a few tokens average less of the rounding away


def test_a_text_has_the_same_vector_alone_and_among_others() -> None:
    texts = [f"{sentence} Number {at}." for at, sentence in enumerate(SENTENCES)]
    together = embed([*texts, "much longer " * 100])[: len(texts)]
    alone = np.concatenate([embed([text + " "]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)


def test_order_and_repetition_are_kept() -> None:
    first, second, third = embed(["apples", "oranges and lemons", "apples"])
    assert np.array_equal(first, third)
    assert not np.allclose(first, second)


def test_no_texts_give_no_vectors() -> None:
    assert embed([]).shape == (0, DIMENSIONS)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\x00\ufffd\u200b", "😀" * 300, "a" * 100_000, "\ud800 lone", "[CLS] [SEP]"]
)
def test_any_text_has_a_finite_vector(text: str) -> None:
    vector = embed([text])[0]
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


def test_text_beyond_the_256th_token_does_not_count() -> None:
    beginning = "word " * 254
    clipped, whole = embed([beginning, beginning + "entirely different ending about refunds"])
    assert np.allclose(clipped, whole, atol=1e-6)


def test_threads_get_the_vectors_of_their_own_texts() -> None:
    texts = [f"question {at} about parcel {at * 7}" for at in range(24)]
    expected = embed(texts)
    fresh = [text + "\n" for text in texts]
    with ThreadPoolExecutor(4) as pool:
        found = np.concatenate(list(pool.map(lambda text: embed([text]), fresh)))
    assert np.allclose(found, expected, atol=1e-5)
