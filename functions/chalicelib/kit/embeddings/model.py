"""The forward pass of all-MiniLM-L6-v2 (BERT, 6 layers, 12 heads, 384 wide) in numpy.

The matrices are kept as float32 (42 MB), the word table stays int8 (12 MB) and is scaled where it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH = 384
HEADS = 12
LAYERS = 6
_EPSILON = np.float32(1e-12)


@dataclass(frozen=True, slots=True)
class _Layer:
    attention_in: Floats  # (384, 3 * 384): query, key and value side by side
    attention_in_bias: Floats
    attention_out: Floats
    attention_out_bias: Floats
    attention_norm: Floats
    attention_norm_bias: Floats
    up: Floats  # (384, 1536)
    up_bias: Floats
    down: Floats  # (1536, 384)
    down_bias: Floats
    norm: Floats
    norm_bias: Floats


class MiniLM:
    """Sentence vectors from token ids; has no state besides the weights, so threads may share it."""

    def __init__(self, tensors: dict[str, NDArray[Any]]) -> None:
        self._words, self._words_scale = tensors["words"], tensors["words_scale"]
        # A text is one segment: its kind's vector is the same for every token, so it joins the positions.
        self._positions: Floats = tensors["positions"] * tensors["positions_scale"] + tensors["kinds"][0]
        self._norm, self._norm_bias = tensors["norm"], tensors["norm_bias"]
        self._layers = [_layer(tensors, f"{at}.") for at in range(LAYERS)]

    @classmethod
    def load(cls, path: Path) -> MiniLM:
        with np.load(path) as archive:
            return cls({name: archive[name] for name in archive.files if name != "source"})

    def __call__(self, ids: Sequence[Sequence[int]]) -> Floats:
        """Unit vectors (n, 384) of n token lists, none of them empty.

        The tokens of all texts stand one after the other, without padding; only attention looks at them text by text,
        so lists of one length that follow each other are the least work.
        """
        lengths = [len(sequence) for sequence in ids]
        tokens = np.concatenate([np.asarray(sequence, np.intp) for sequence in ids])
        state: Floats = self._words[tokens] * self._words_scale[tokens]
        state += self._positions[np.concatenate([np.arange(length) for length in lengths])]
        state = _normalise(state, self._norm, self._norm_bias)
        runs = [(len(list(run)), length) for length, run in groupby(lengths)]
        for layer in self._layers:
            state = _forward(layer, state, runs)
        starts = np.cumsum([0, *lengths[:-1]])
        pooled: Floats = np.add.reduceat(state, starts, axis=0)
        pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
        return pooled


def _layer(tensors: dict[str, NDArray[Any]], prefix: str) -> _Layer:
    def weights(name: str) -> Floats:
        matrix: Floats = tensors[prefix + name] * tensors[f"{prefix}{name}_scale"]
        return matrix

    joined = ("query", "key", "value")
    attention_in = np.concatenate([weights(name) for name in joined], axis=1)
    attention_in_bias = np.concatenate([tensors[f"{prefix}{name}_bias"] for name in joined])
    # The scores are divided by the root of a head's width: done once, in the query's weights.
    scale = np.float32((WIDTH // HEADS) ** -0.5)
    attention_in[:, :WIDTH] *= scale
    attention_in_bias[:WIDTH] *= scale
    return _Layer(
        attention_in=attention_in,
        attention_in_bias=attention_in_bias,
        attention_out=weights("attention_out"),
        attention_out_bias=tensors[prefix + "attention_out_bias"],
        attention_norm=tensors[prefix + "attention_norm"],
        attention_norm_bias=tensors[prefix + "attention_norm_bias"],
        up=weights("up"),
        up_bias=tensors[prefix + "up_bias"],
        down=weights("down"),
        down_bias=tensors[prefix + "down_bias"],
        norm=tensors[prefix + "norm"],
        norm_bias=tensors[prefix + "norm_bias"],
    )


def _forward(layer: _Layer, state: Floats, runs: Sequence[tuple[int, int]]) -> Floats:
    """One transformer layer over `state` (tokens, 384): of each run so many texts, of so many tokens each."""
    mixed = state @ layer.attention_in
    mixed += layer.attention_in_bias
    attended = np.empty_like(state)
    end = 0
    for texts, length in runs:
        start, end = end, end + texts * length
        attended[start:end] = _attend(mixed[start:end].reshape(texts, length, 3, HEADS, WIDTH // HEADS))
    attended = attended @ layer.attention_out
    attended += layer.attention_out_bias
    attended += state
    state = _normalise(attended, layer.attention_norm, layer.attention_norm_bias)
    inner = state @ layer.up
    inner += layer.up_bias
    outer = _gelu(inner) @ layer.down
    outer += layer.down_bias
    outer += state
    return _normalise(outer, layer.norm, layer.norm_bias)


def _attend(mixed: Floats) -> Floats:
    """What each token of texts of one length takes from the others of its text: (texts * length, 384)."""
    query, key, value = mixed.transpose(2, 0, 3, 1, 4)
    scores = query @ key.transpose(0, 1, 3, 2)
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    taken: Floats = (scores @ value).transpose(0, 2, 1, 3).reshape(-1, WIDTH)
    return taken


def _normalise(rows: Floats, weight: Floats, bias: Floats) -> Floats:
    """Layer normalisation, in place."""
    rows -= rows.mean(axis=1, keepdims=True)
    variance = np.einsum("rw,rw->r", rows, rows)[:, None] / np.float32(rows.shape[1])
    rows *= 1 / np.sqrt(variance + _EPSILON)
    rows *= weight
    rows += bias
    return rows


def _gelu(x: Floats) -> Floats:
    """x * Phi(x), Phi by Abramowitz and Stegun 7.1.26 (error below 1.5e-7)."""
    size = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911 / np.sqrt(2)) * size)
    tail = t * np.float32(1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(coefficient)
        tail *= t
    np.multiply(x, x, out=t)
    t *= np.float32(-0.5)
    tail *= np.exp(t, out=t)
    # x * Phi(x) = max(x, 0) - |x| * tail / 2 on either side of zero.
    tail *= size
    tail *= np.float32(0.5)
    result: Floats = np.maximum(x, 0, out=size)
    result -= tail
    return result
