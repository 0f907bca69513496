"""A multinomial logistic regression in numpy: small enough to fit in the background of a Lambda function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]

_HISTORY = 8
_ITERATIONS = 150
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Weights:
    """Logits of a text with features x (d,) are x @ matrix + bias, one a class."""

    matrix: Floats  # (d, classes)
    bias: Floats  # (classes,)

    def logits(self, features: Floats) -> Floats:
        result: Floats = features @ self.matrix + self.bias
        return result


def fit(features: Floats, labels: Ints, classes: int, *, cost: float = 10.0, start: Weights | None = None) -> Weights:
    """The weights that minimise mean cross-entropy + |matrix|² / (2 cost n).

    `features` (n, d) are used as they are, `labels` (n,) are class numbers below `classes`; `start` saves iterations.
    """
    n, width = features.shape
    penalty = np.float32(1 / (cost * n))
    target = np.zeros((n, classes), np.float32)
    target[np.arange(n), labels] = 1

    def loss(flat: Floats) -> tuple[float, Floats]:
        matrix = flat.reshape(width + 1, classes)
        scores = features @ matrix[:-1]
        scores += matrix[-1]
        scores -= scores.max(axis=1, keepdims=True)
        chosen = scores[np.arange(n), labels].sum(dtype=np.float64)
        np.exp(scores, out=scores)
        total = scores.sum(axis=1, keepdims=True)
        value = (np.log(total).sum(dtype=np.float64) - chosen) / n
        scores /= total
        scores -= target
        scores /= np.float32(n)
        gradient = np.empty_like(matrix)
        np.matmul(features.T, scores, out=gradient[:-1])
        gradient[-1] = scores.sum(axis=0)
        gradient[:-1] += penalty * matrix[:-1]
        return value + 0.5 * float(penalty) * float(np.vdot(matrix[:-1], matrix[:-1])), gradient.ravel()

    begin = np.zeros((width + 1) * classes, np.float32)
    if start is not None:
        begin = np.vstack([start.matrix, start.bias]).astype(np.float32).ravel()
    found = _minimise(loss, begin).reshape(width + 1, classes)
    return Weights(matrix=found[:-1], bias=found[-1])


def _minimise(loss: Any, at: Floats) -> Floats:
    """L-BFGS (Nocedal and Wright, algorithm 7.5) with a backtracking line search."""
    value, gradient = loss(at)
    steps: list[tuple[Floats, Floats, float]] = []
    for _ in range(_ITERATIONS):
        if float(np.abs(gradient).max()) < _TOLERANCE:
            break
        direction = _direction(gradient, steps)
        slope = float(np.vdot(gradient, direction))
        length = 1.0 if steps else 1.0 / max(float(np.linalg.norm(gradient)), 1e-12)
        for _ in range(20):
            moved = at + np.float32(length) * direction
            moved_value, moved_gradient = loss(moved)
            if moved_value <= value + 1e-4 * length * slope:
                break
            length *= 0.5
        else:
            break
        step, change = moved - at, moved_gradient - gradient
        curvature = float(np.vdot(step, change))
        if curvature > 1e-10:
            steps = [*steps[1 - _HISTORY :], (step, change, 1 / curvature)]
        at, value, gradient = moved, moved_value, moved_gradient
    return at


def _direction(gradient: Floats, steps: list[tuple[Floats, Floats, float]]) -> Floats:
    direction = -gradient
    shares = []
    for step, change, scale in reversed(steps):
        share = scale * float(np.vdot(step, direction))
        direction -= np.float32(share) * change
        shares.append(share)
    if steps:
        step, change, scale = steps[-1]
        direction *= np.float32(1 / (scale * float(np.vdot(change, change))))
    for (step, change, scale), share in zip(steps, reversed(shares), strict=True):
        direction += np.float32(share - scale * float(np.vdot(change, direction))) * step
    return direction
