"""Sentence vectors without a network: all-MiniLM-L6-v2 in int8, run by numpy alone.

`embed` is what others need, and `tokenizer` to count; MODEL names the model in rows that keep its vectors.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
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

_lock = threading.Lock()
_recent: OrderedDict[str, Vectors] = OrderedDict()


class ModelMissingError(RuntimeError):
    """The model files are not in FOLDER."""


def embed(texts: Sequence[str]) -> Vectors:
    """Unit-length float32 vectors (len(texts), 384), one a text; their inner product is the cosine.

    A text counts up to its 256th token. An empty text has a vector too, near no other. Safe to call from threads.
    """
    clipped = [text[:MAX_CHARACTERS] for text in texts]
    vectors = np.empty((len(clipped), WIDTH), np.float32)
    missing: dict[str, list[int]] = {}
    for row, text in enumerate(clipped):
        known = _recall(text)
        if known is None:
            missing.setdefault(text, []).append(row)
        else:
            vectors[row] = known
    for batch in _batches(list(missing)) if missing else ():
        for (text, _), vector in zip(batch, _model()([ids for _, ids in batch]), strict=True):
            vectors[missing[text]] = vector
            _remember(text, vector)
    return vectors


def _batches(texts: list[str]) -> Iterator[list[tuple[str, list[int]]]]:
    """Texts with their ids, shortest first, so that those of one length follow each other."""
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
