"""The wording of a text as a sparse unit vector: what the embedding, which knows the meaning, smooths over.

Words, pairs of words and the letters inside words are hashed into 65,536 signed places. The inner product of two such
vectors is the share of wording they have in common. The same text always has the same vector, on any machine.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

PLACES = 65_536
_WORDS = 160  # counted of one text: enough for a message, and a bound on the size of its vector
_LONGEST = 30  # letters counted of one word
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Sparse:
    """Places (ascending, from 0) and their values; of unit length unless the text has no word."""

    places: NDArray[np.int32]
    values: NDArray[np.float32]

    def literal(self) -> str:
        """As pgvector reads a sparsevec; its places count from 1."""
        pairs = ",".join(f"{place + 1}:{value:.6g}" for place, value in zip(self.places, self.values, strict=True))
        return f"{{{pairs}}}/{PLACES}"

    @classmethod
    def of_bytes(cls, data: bytes) -> Sparse:
        """From `sparsevec_send`: three big-endian int32 (dimensions, count, unused), then places, then values."""
        count = int.from_bytes(data[4:8], "big")
        return cls(
            places=np.frombuffer(data, ">i4", count, 12).astype(np.int32),
            values=np.frombuffer(data, ">f4", count, 12 + 4 * count).astype(np.float32),
        )


def lexical(text: str) -> Sparse:
    """The vector of a text's first 160 words."""
    counts: dict[int, int] = {}
    for gram in _grams([match[0][:_LONGEST] for match in _WORD.finditer(text.lower())][:_WORDS]):
        code = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
        place = (code >> 1) % PLACES
        counts[place] = counts.get(place, 0) + (1 if code & 1 else -1)
    kept = sorted(place for place, count in counts.items() if count)
    values = np.array([counts[place] for place in kept], np.float32)
    values = np.sign(values) * np.log1p(np.abs(values))
    return Sparse(np.array(kept, np.int32), values / max(float(np.linalg.norm(values)), 1e-9))


def _grams(words: list[str]) -> list[str]:
    grams = [*words, *(f"{left} {right}" for left, right in pairwise(words))]
    for word in words:
        edged = f"<{word}>"
        for size in (3, 4, 5):
            grams.extend("#" + edged[at : at + size] for at in range(len(edged) - size + 1))
    return grams
