"""How the head's logits and the votes of near examples become one calibrated probability.

The same arithmetic is `private.predict_category` in sql/60_triage.sql; here it serves to fit its two weights and the
bounds of the known on examples that the prediction had not seen. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chalicelib.triage.head import Floats, Ints, Weights, fit
from chalicelib.triage.lexical import PLACES, Sparse

# These four stand in private.predict_category too.
NEAR = 100  # candidates by embedding
VOTERS = 20  # of them, by embedding and wording
WORDING = 0.6  # what common wording counts beside cosine
WIDTH = 0.05  # a voter whose similarity is smaller by this counts e times less
DOUBT = 0.03  # what a class without a voter is given

_JUDGED = 2000  # examples at most that the blend is fitted on
_FOLDS = 5
_BLOCK = 64  # rows of cosines at once: 5 MB for 20,000 examples


@dataclass(frozen=True)
class Blend:
    """score = slope * logit + vote * ln(share of votes + DOUBT); the probability is its softmax.

    A text is unknown when z(best logit) + z(mean cosine of the 5 nearest) is below `floor`; the four moments are those
    of known texts.
    """

    slope: float = 1.4
    vote: float = 0.6
    logit_mean: float = 0.0
    logit_deviation: float = 1.0
    cosine_mean: float = 0.6
    cosine_deviation: float = 0.1
    floor: float = -4.0


@dataclass(frozen=True)
class Neighbours:
    shares: Floats  # (n, classes): votes, summing to 1
    cosine: Floats  # (n,): mean of the 5 nearest


def fit_blend(
    embeddings: Floats, wording: Sequence[Sparse], labels: Ints, classes: int, *, reject: float, seed: int = 0
) -> Blend:
    """Judge out-of-fold logits and leave-one-out votes of (a sample of) the examples themselves.

    `reject` is the share of known texts that may be taken for unknown. With fewer than two examples in most classes
    there is nothing to judge by, and the defaults stand.
    """
    counts = np.bincount(labels, minlength=classes)
    if len(labels) < 20 or np.median(counts[counts > 0]) < 2:
        return Blend()
    random = np.random.default_rng(seed)
    folds = _folds(labels, random)
    logits = np.zeros((len(labels), classes), np.float32)
    for fold in range(_FOLDS):
        held = folds == fold
        if held.any() and not held.all():
            logits[held] = fit(embeddings[~held], labels[~held], classes).logits(embeddings[held])
    judged = random.permutation(len(labels))[:_JUDGED]
    near = neighbours(embeddings, wording, labels, classes, judged)
    slope, vote = _fit_weights(logits[judged], np.log(near.shares + np.float32(DOUBT)), labels[judged])
    best = logits[judged].max(axis=1)
    blend = Blend(
        slope=slope,
        vote=vote,
        logit_mean=float(best.mean()),
        logit_deviation=float(best.std()) + 1e-6,
        cosine_mean=float(near.cosine.mean()),
        cosine_deviation=float(near.cosine.std()) + 1e-6,
    )
    return replace(blend, floor=float(np.quantile(familiarity(blend, best, near.cosine), reject)))


def familiarity(blend: Blend, best_logit: Floats, cosine: Floats) -> Floats:
    """How much texts are like what was filed; 0 is the mean of known ones."""
    known: Floats = (best_logit - blend.logit_mean) / blend.logit_deviation
    return known + (cosine - blend.cosine_mean) / blend.cosine_deviation


def neighbours(
    embeddings: Floats, wording: Sequence[Sparse], labels: Ints, classes: int, rows: NDArray[np.intp]
) -> Neighbours:
    """The votes on each of `rows` by all other examples."""
    shares = np.zeros((len(rows), classes), np.float32)
    nearest = np.zeros(len(rows), np.float32)
    starts = np.cumsum([0, *(len(one.places) for one in wording)])
    places = np.concatenate([one.places for one in wording])
    values = np.concatenate([one.values for one in wording])
    mine = np.zeros(PLACES, np.float32)
    block = np.empty((0, 0), np.float32)
    count = min(NEAR, len(labels) - 1)
    for at, row in enumerate(rows):
        if at % _BLOCK == 0:
            block = embeddings[rows[at : at + _BLOCK]] @ embeddings.T
        cosines = block[at % _BLOCK]
        cosines[row] = -np.inf
        near = np.argpartition(-cosines, count - 1)[:count]
        mine[wording[row].places] = wording[row].values
        common = np.array(
            [mine[places[s:e]] @ values[s:e] for s, e in zip(starts[near], starts[near + 1], strict=True)]
        )
        mine[wording[row].places] = 0
        alike = cosines[near] + WORDING * common
        voters = np.argsort(-alike, kind="stable")[:VOTERS]
        votes = np.exp((alike[voters] - alike[voters[0]]) / WIDTH)
        np.add.at(shares[at], labels[near[voters]], votes / votes.sum())
        nearest[at] = np.sort(cosines[near])[-5:].mean()
    return Neighbours(shares, nearest)


def probabilities(weights: Weights, blend: Blend, embeddings: Floats, near: Neighbours) -> Floats:
    """(n, classes)."""
    scores = np.float32(blend.slope) * weights.logits(embeddings)
    scores += np.float32(blend.vote) * np.log(near.shares + np.float32(DOUBT))
    return _softmax(scores)


def _fit_weights(logits: Floats, votes: Floats, labels: Ints) -> tuple[float, float]:
    """Newton's method on the mean cross-entropy of slope * logits + vote * votes: convex, two unknowns."""
    at = np.array([1.0, 0.5])
    inputs = np.stack([logits, votes]).astype(np.float64)  # (2, n, classes)
    chosen = inputs[:, np.arange(len(labels)), labels]
    for _ in range(50):
        shares = _softmax(np.tensordot(at, inputs, 1))
        expected = (inputs * shares).sum(axis=2)  # (2, n)
        gradient = (expected - chosen).mean(axis=1)
        second = np.einsum("inc,jnc,nc->ij", inputs, inputs, shares) / len(labels) - expected @ expected.T / len(labels)
        step = np.linalg.solve(second + 1e-6 * np.eye(2), gradient)
        at = np.clip(at - step, 0.02, 10)
        if np.abs(step).max() < 1e-6:
            break
    return float(at[0]), float(at[1])


def _folds(labels: Ints, random: np.random.Generator) -> Ints:
    """A fold for each example, every class spread evenly."""
    folds = np.zeros(len(labels), np.intp)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        folds[members] = (np.arange(len(members)) + random.integers(_FOLDS)) % _FOLDS
    return folds


def _softmax(scores: Floats) -> Floats:
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = scores / scores.sum(axis=1, keepdims=True)
    return shares
