"""The forward pass of all-MiniLM-L6-v2 (BERT, 6 layers, 12 heads, 384 wide) in numpy.

The matrices are kept as float32 (42 MB), the word table stays int8 (12 MB) and is scaled where it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH = 384
HEADS = 12
LAYERS = 6
_EPSILON = np.float32(1e-12)
_MEAN = np.full(WIDTH, 1 / WIDTH, np.float32)
_TOGETHER = 64  # tokens
_ROWS = 32  # of the widest layer, taken at once: 200 kB stay near the processor

# Which tokens attend to each other, and, of several texts, the mask that keeps them apart.
_Group = tuple[slice, "Floats | None"]


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

        The tokens of all texts stand one after the other, without padding; only attention keeps the texts apart.
        """
        lengths = [len(sequence) for sequence in ids]
        tokens = np.concatenate([np.asarray(sequence, np.intp) for sequence in ids])
        state: Floats = self._words[tokens] * self._words_scale[tokens]
        state += self._positions[np.concatenate([np.arange(length) for length in lengths])]
        state = _normalise(state, self._norm, self._norm_bias)
        groups = list(_groups(lengths))
        for layer in self._layers:
            state = _forward(layer, state, groups)
        starts = np.cumsum([0, *lengths[:-1]])
        pooled: Floats = np.add.reduceat(state, starts, axis=0)
        pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
        return pooled


def _groups(lengths: Sequence[int]) -> Iterator[_Group]:
    """Texts that follow each other, as many as have _TOGETHER tokens: one attention with a mask over a few short texts
    is less work than one for each."""
    end = at = 0
    while at < len(lengths):
        first, at = at, at + 1
        while at < len(lengths) and sum(lengths[first : at + 1]) <= _TOGETHER:
            at += 1
        start, end = end, end + sum(lengths[first:at])
        text_of = np.repeat(np.arange(at - first), lengths[first:at])
        apart = text_of[:, None] != text_of
        yield slice(start, end), np.where(apart, np.float32(-np.inf), np.float32(0)) if at > first + 1 else None


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


def _forward(layer: _Layer, state: Floats, groups: Sequence[_Group]) -> Floats:
    """One transformer layer over `state` (tokens, 384)."""
    mixed = state @ layer.attention_in
    mixed += layer.attention_in_bias
    attended = np.empty_like(state)
    for tokens, mask in groups:
        attended[tokens] = _attend(mixed[tokens].reshape(-1, 3, HEADS, WIDTH // HEADS), mask)
    attended = attended @ layer.attention_out
    attended += layer.attention_out_bias
    attended += state
    state = _normalise(attended, layer.attention_norm, layer.attention_norm_bias)
    inner: Floats = state @ layer.up
    inner += layer.up_bias
    for first in range(0, len(inner), _ROWS):
        _gelu(inner[first : first + _ROWS])
    outer = inner @ layer.down
    outer += layer.down_bias
    outer += state
    return _normalise(outer, layer.norm, layer.norm_bias)


def _attend(mixed: Floats, mask: Floats | None) -> Floats:
    """What each token takes from the others that the mask lets it see: (tokens, 384)."""
    query, key, value = mixed.transpose(1, 2, 0, 3)
    scores = query @ key.transpose(0, 2, 1)
    if mask is not None:
        scores += mask
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    taken: Floats = (scores @ value).transpose(1, 0, 2).reshape(-1, WIDTH)
    return taken


def _normalise(rows: Floats, weight: Floats, bias: Floats) -> Floats:
    """Layer normalisation, in place."""
    rows -= (rows @ _MEAN)[:, None]
    rows /= np.sqrt((rows * rows) @ _MEAN + _EPSILON)[:, None]
    rows *= weight
    rows += bias
    return rows


def _gelu(x: Floats) -> None:
    """x * Phi(x) in place, Phi by Abramowitz and Stegun 7.1.26 (error below 1.5e-7)."""
    size = np.abs(x)
    t = size * np.float32(0.3275911 / np.sqrt(2))
    t += np.float32(1)
    np.reciprocal(t, out=t)
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
    np.maximum(x, 0, out=x)
    x -= tail
