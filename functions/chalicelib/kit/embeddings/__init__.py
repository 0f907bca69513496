"""Sentence vectors without a network: all-MiniLM-L6-v2 in int8, run by numpy alone.

`embed` is what others need, and `tokenizer` to count; MODEL names the model in rows that keep its vectors.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.kit.embeddings.blas import use_one_thread
from chalicelib.kit.embeddings.model import WIDTH, MiniLM
from chalicelib.kit.embeddings.wordpiece import MAX_CHARACTERS, WordPiece
from chalicelib.kit.once import once

MODEL = "all-MiniLM-L6-v2-int8"
DIMENSIONS = WIDTH

# Where the model's files are: beside this module, or where the deployment unpacks them. Read here and not among the
# settings: vectors are also made where there is no database.
FOLDER = Path(os.environ.get("PGDESK_EMBEDDING_FOLDER") or Path(__file__).parent)
_BATCH_TOKENS = 2048  # bounds the memory of one pass: 12 MB for the widest layer
_REMEMBERED = 1024
_REMEMBERED_LENGTH = 2000

Vectors = NDArray[np.float32]

_FEW = 2000  # characters: who has more to embed makes nobody wait for it

_lock = threading.Lock()
_turn = threading.Lock()
_asked: dict[str, Future[Vectors]] = {}
_recent: OrderedDict[str, Vectors] = OrderedDict()


class ModelMissingError(RuntimeError):
    """The model files are not in FOLDER."""


def embed(texts: Sequence[str]) -> Vectors:
    """Unit-length float32 vectors (len(texts), 384), one a text; their inner product is the cosine.

    A text counts up to its 256th token. An empty text has a vector too, near no other. Safe to call from threads.
    """
    clipped = [text[:MAX_CHARACTERS] for text in texts]
    vectors = {text: _recall(text) for text in clipped}
    if missing := [text for text, vector in vectors.items() if vector is None]:
        few = sum(map(len, missing)) <= _FEW
        vectors.update(_together(missing) if few else _make(missing))
    return np.array([vectors[text] for text in clipped], np.float32).reshape(-1, WIDTH)


def _together(texts: list[str]) -> dict[str, Vectors]:
    """One thread at a time makes what all wait for: each pass reads all weights, be it for one text or for ten."""
    with _lock:
        mine = {text: _asked.setdefault(text, Future()) for text in texts}
    with _turn:
        with _lock:
            asked = dict(_asked)
            _asked.clear()
        try:
            for text, vector in _make(list(asked)) if asked else ():
                asked[text].set_result(vector)
        except BaseException:
            for future in asked.values():
                future.cancel()
            raise
    return {text: future.result() for text, future in mine.items()}


def _make(texts: list[str]) -> Iterator[tuple[str, Vectors]]:
    for batch in _batches(texts):
        for (text, _), vector in zip(batch, _model()([ids for _, ids in batch]), strict=True):
            _remember(text, vector)
            yield text, vector


def _batches(texts: list[str]) -> Iterator[list[tuple[str, list[int]]]]:
    """Texts with their ids, shortest first: short ones that follow each other are attended to at once."""
    tokenize = tokenizer()
    batch: list[tuple[str, list[int]]] = []
    tokens = 0
    for text, ids in sorted(((text, tokenize(text)) for text in texts), key=lambda pair: len(pair[1])):
        if batch and tokens + len(ids) > _BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
        batch.append((text, ids))
        tokens += len(ids)
    yield batch


def _recall(text: str) -> Vectors | None:
    with _lock:
        vector = _recent.get(text)
        if vector is not None:
            _recent.move_to_end(text)
        return vector


def _remember(text: str, vector: Vectors) -> None:
    """The consumers of one ticket embed the same text within a second: keep the last few."""
    if len(text) > _REMEMBERED_LENGTH:
        return
    with _lock:
        _recent[text] = vector.copy()
        while len(_recent) > _REMEMBERED:
            _recent.popitem(last=False)


@once
def _model() -> MiniLM:
    use_one_thread()
    return MiniLM.load(_file("minilm.npz"))


@once
def tokenizer() -> WordPiece:
    """The model's tokenizer."""
    return WordPiece.load(_file("vocab.txt"))


def _file(name: str) -> Path:
    path = FOLDER / name
    if not path.is_file():
        raise ModelMissingError(f"{path} is missing: `python -m pgdesk.models` builds it")
    return path
