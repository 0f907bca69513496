"""Fits the answer gate and writes functions/chalicelib/kit/retrieval/gate.json: `python -m bench.fit_gate`.

Questions with and without an answer come from removing half of the articles, several times over, so that every article
is once there and once not. Coefficients are few, held small (ridge) and of the sign that sense demands; one head serves
all English sets.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from chalicelib.kit.embeddings import MODEL
from chalicelib.kit.retrieval import gate
from numpy.typing import NDArray

from bench.knowledge_base import (
    DATA,
    Asked,
    Base,
    Connection,
    Set,
    Vectors,
    ask_without,
    desk,
    half,
    other_domains,
    publish,
    stackfaq,
    xquad,
)

Floats = NDArray[np.float64]

SIGNALS = (
    "title", "title_high", "body", "body_high", "coverage", "coverage_high", "margin", "margin_low",
)  # fmt: skip
TERMS = ("1", "says", *(f"{name}*says" for name in SIGNALS), *(f"{name}*label" for name in SIGNALS))
# All others may only raise confidence: more of a signal is never worse, also far from what was seen. Being near to a
# title that is a mere label, with the passage not nearer, speaks against the passage.
FREE = ("1", "says", "title*label")
DRAWS = 4
RIDGE = 1.0
# Questions of other domains are many and easy: each counts half.
OTHER_DOMAIN_WEIGHT = 0.5


def features(asked: Iterable[Asked]) -> Floats:
    """One row a question: the terms of the regression."""
    rows = [[gate.term(name, gate.signals(one.passages)) for name in TERMS] for one in asked]
    return np.array(rows).reshape(-1, len(TERMS))


def fit(rows: Floats, right: Floats, weights: Floats) -> Floats:
    """Ridge-penalised logistic regression, all coefficients but those of FREE terms at least 0. Columns are TERMS.

    Newton's method; each quadratic step is solved within the bounds by coordinate descent. The problem is convex.
    """
    scale = rows.std(axis=0) + 1e-9
    scale[0] = 1
    standard = rows / scale
    ridge = np.full(rows.shape[1], RIDGE)
    ridge[0] = 0
    least = np.array([-np.inf if name in FREE else 0.0 for name in TERMS])
    coefficients = np.zeros(rows.shape[1])
    for _ in range(100):
        likely = sigmoid(standard @ coefficients)
        gradient = standard.T @ (weights * (likely - right)) + ridge * coefficients
        curvature = (standard * (weights * likely * (1 - likely))[:, None]).T @ standard + np.diag(ridge + 1e-9)
        step = bounded_step(gradient, curvature, least - coefficients)
        coefficients += step
        if np.abs(step).max() < 1e-6:
            break
    result: Floats = coefficients / scale
    return result


def bounded_step(gradient: Floats, curvature: Floats, least: Floats) -> Floats:
    """The step that lessens a quadratic form most, with no coordinate below `least`."""
    step = np.zeros(len(gradient))
    for _ in range(1000):
        before = step.copy()
        for at in range(len(step)):
            slope = gradient[at] + curvature[at] @ step
            step[at] = max(step[at] - slope / curvature[at, at], least[at])
        if np.abs(step - before).max() < 1e-8:
            break
    return step


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


def fit_on(asked: Sequence[Asked]) -> Floats:
    """Coefficients from judged questions; those of other domains (article -1) count less."""
    found = [one for one in asked if one.passages]
    weights = np.array([OTHER_DOMAIN_WEIGHT if one.article < 0 else 1.0 for one in found])
    return fit(features(found), np.array([float(one.right) for one in found]), weights)


def judge(coefficients: Floats, asked: Sequence[Asked]) -> Floats:
    """Confidence in each answer; 0 where nothing was found."""
    confidences = np.zeros(len(asked))
    found = [at for at, one in enumerate(asked) if one.passages]
    confidences[found] = sigmoid(features(asked[at] for at in found) @ coefficients)
    return confidences


def draws(connection: Connection, base: Base, vectors: Vectors, many: int, others: Sequence[str] = ()) -> list[Asked]:
    """All questions of a base with half of the articles removed, for `many` draws of that half."""
    questions = [*base.of.questions, *((text, -1) for text in others)]
    return [
        one
        for seed in range(many)
        for one in ask_without(connection, base, half(base, seed // 2) ^ complement(base, seed), questions, vectors)
    ]


def complement(base: Base, seed: int) -> set[int]:
    """Every second draw removes what the one before it kept."""
    return set(range(len(base.article_ids))) if seed % 2 else set()


def numbered(source: Set) -> Set:
    """The same set with a number behind each title: titles as people make them where several are alike."""
    counts = itertools.count(1)
    return replace(
        source,
        name=f"{source.name}-numbered",
        articles=[(f"{title} ({next(counts)})", body) for title, body in source.articles],
    )


def main() -> None:
    vectors = Vectors()
    others = other_domains()
    with desk() as connection:
        english = [
            one
            for source in (stackfaq(), xquad("en"), numbered(xquad("en")))
            for one in draws(connection, publish(connection, source), vectors, DRAWS, others[::2])
        ]
        german = draws(connection, publish(connection, xquad("de")), vectors, DRAWS)
    heads = {gate.ENGLISH: fit_on(english), gate.OTHERS: fit_on(german)}
    content = {
        "made_by": "python -m bench.fit_gate",
        "model": MODEL,
        "meaning": "probability that the best article answers = logistic(sum of weight * term); terms: gate.py",
        "fitted_on": {
            gate.ENGLISH: {"sets": "StackFAQ, XQuAD-en (titles as they are, and numbered)", "judged": len(english)},
            gate.OTHERS: {"sets": "XQuAD-de", "judged": len(german)},
            "other_domains": "every second of 300 Banking77 and 200 CLINC out-of-scope questions, as unanswerable",
            "half of the articles removed, draws": DRAWS,
            "sha256": {name: sha256(DATA / name) for name in ("stackfaq/faq.json", "xquad/en.json", "xquad/de.json")},
        },
        "heads": {
            name: {term: round(float(weight), 5) for term, weight in zip(TERMS, head, strict=True)}
            for name, head in heads.items()
        },
    }
    path = Path(gate.__file__).with_name("gate.json")
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(f"{path.name}: {len(english)} + {len(german)} judged questions")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
