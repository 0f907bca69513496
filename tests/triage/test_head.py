"""The linear head and the blend: right on what can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from chalicelib.triage.blend import Blend, fit_blend
from chalicelib.triage.head import fit
from chalicelib.triage.lexical import PLACES, Sparse, lexical
from chalicelib.triage.vectors import literal


def clusters(each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around three axes."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), each)
    points = np.eye(3, 8, dtype=np.float32)[labels] + random.normal(0, 0.25, (len(labels), 8)).astype(np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True), labels


def test_the_head_separates_what_can_be_separated() -> None:
    points, labels = clusters(40)
    fresh, expected = clusters(40, seed=1)
    assert (fit(points, labels, 3).logits(fresh).argmax(axis=1) == expected).mean() > 0.95


def test_the_fit_is_the_minimum_of_its_objective() -> None:
    points, labels = clusters(30)
    cost = 2.0
    weights = fit(points, labels, 3, cost=cost)

    def objective(matrix: np.ndarray, bias: np.ndarray) -> float:
        scores = (points @ matrix + bias).astype(np.float64)
        loss = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(labels)), labels]
        return float(loss.mean() + (matrix.astype(np.float64) ** 2).sum() / (2 * cost * len(labels)))

    best = objective(weights.matrix, weights.bias)
    random = np.random.default_rng(2)
    for _ in range(20):
        step = random.normal(0, 0.05, weights.matrix.shape)
        assert objective(weights.matrix + step, weights.bias) > best - 1e-5


def test_a_blend_of_too_few_examples_keeps_the_defaults() -> None:
    points, labels = clusters(1)
    assert fit_blend(points, [lexical("one")] * 3, labels, 3, reject=0.03) == Blend()


def test_the_floor_rejects_the_share_of_known_texts_that_it_was_asked_for() -> None:
    points, labels = clusters(100)
    wording = [lexical(f"text {at}") for at in range(300)]
    strict = fit_blend(points, wording, labels, 3, reject=0.2)
    mild = fit_blend(points, wording, labels, 3, reject=0.01)
    assert mild.floor < strict.floor < 0


def test_wording_is_a_unit_vector_that_common_words_bring_together() -> None:
    left, right, other = lexical("return the red shoes"), lexical("the red shoes, returned"), lexical("invoice number")
    for one in (left, right, other):
        assert np.linalg.norm(one.values) == pytest.approx(1, abs=1e-5)
        assert (np.diff(one.places) > 0).all()

    def common(one: Sparse, two: Sparse) -> float:
        dense = np.zeros(PLACES)
        dense[one.places] = one.values
        return float(dense[two.places] @ two.values)

    assert common(left, right) > 0.4
    assert abs(common(left, other)) < 0.1


def test_wording_of_nothing_is_empty_and_of_much_is_bounded() -> None:
    assert lexical("").literal() == f"{{}}/{PLACES}"
    assert lexical("?!").literal() == f"{{}}/{PLACES}"
    assert len(lexical(" ".join(f"word{at}" for at in range(100_000))).places) < 4000


def test_a_vector_s_literal_keeps_every_bit_of_a_float32() -> None:
    vector = np.random.default_rng(0).normal(size=5).astype(np.float32)
    read = np.array([np.float32(part) for part in literal(vector)[1:-1].split(",")])
    assert np.allclose(read, vector, rtol=1e-7, atol=0)
