"""What a message gives away besides its topic: rules and sentences of signals.toml, judged sentence by sentence.

A signal is a hint with its evidence, never a reason to drop anything.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chalicelib.kit.embeddings import MODEL, embed
from chalicelib.kit.once import once
from chalicelib.triage.head import Floats

SENSITIVE = ("refund", "account_access", "legal", "payment", "security", "cancellation")

_STRONG, _WEAK = 0.9, 0.4
# Closeness in meaning: by how much a sentence is nearer to the signal than to what is unlike it, by the mean of
# the _NEAREST cosines on either side. At the detector's margin it is as likely as not; below _ALIKE it is not alike.
_NEAREST, _STEEPNESS, _ALIKE, _AT_MOST = 3, 40.0, 0.28, 0.85

VECTORS = Path(__file__).with_name("signals.npz")  # made by `prepare`

_MOST_SENTENCES, _LONGEST_SENTENCE = 24, 300
_BREAK = re.compile(r"(?<=[.!?…。！？])\s+|\s*\n\s*|\s+[-–—•]\s+")


@dataclass(frozen=True)
class Signal:
    """`confidence` is that of `value`; `evidence` are words of the text or the sentence that gave it away."""

    value: Any
    confidence: float
    evidence: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"confidence": round(self.confidence, 3)}


@dataclass(frozen=True)
class Sentences:
    texts: list[str]
    vectors: Floats


@dataclass(frozen=True)
class Detector:
    strong: list[re.Pattern[str]]
    weak: list[re.Pattern[str]]
    like: Floats
    unlike: Floats
    margin: float

    def __call__(self, sentences: Sentences) -> tuple[float, list[str]]:
        """How probable the signal is in any of the sentences, and the words that say so."""
        doubt, evidence = 1.0, []
        for patterns, weight in ((self.strong, _STRONG), (self.weak, _WEAK)):
            for pattern in patterns:
                match = next(filter(None, map(pattern.search, sentences.texts)), None)
                if match and match[0].strip():
                    doubt *= 1 - weight
                    evidence.append(match[0].strip())
        if sentences.texts:
            alike = _nearest(sentences.vectors, self.like)
            margin = alike - _nearest(sentences.vectors, self.unlike)
            margin[alike < _ALIKE] = -1
            best = int(margin.argmax())
            meaning = min(1 / (1 + np.exp(-_STEEPNESS * (float(margin[best]) - self.margin))), _AT_MOST)
            doubt *= 1 - meaning
            if meaning >= 0.5:
                evidence.append(sentences.texts[best])
        return float(1 - doubt), list(dict.fromkeys(evidence))[:5]


def _nearest(vectors: Floats, sentences: Floats) -> Floats:
    """The mean of the highest cosines of each vector."""
    mean: Floats = np.sort(vectors @ sentences.T, axis=1)[:, -_NEAREST:].mean(axis=1)
    return mean


def split(text: str) -> list[str]:
    """The first sentences of a text, each once."""
    parts = [part.strip()[:_LONGEST_SENTENCE] for part in _BREAK.split(text) if part and part.strip()]
    return list(dict.fromkeys(parts))[:_MOST_SENTENCES]


def read(text: str) -> dict[str, Signal]:
    """spam, wants_human, injection, sensitive, sentiment and priority of a message."""
    parts = split(text)
    return judge(Sentences(parts, embed(parts)))


def judge(sentences: Sentences) -> dict[str, Signal]:
    """The same for a message whose sentences were embedded already."""
    found = {name: detector(sentences) for name, detector in _detectors().items()}
    signals = {name: _flag(*found[name]) for name in ("spam", "wants_human", "injection")}
    signals["sensitive"] = _topics(found)
    signals["sentiment"] = _sentiment(*found["negative"], *found["positive"])
    signals["priority"] = _priority(found, signals)
    return signals


def _flag(probability: float, evidence: list[str]) -> Signal:
    raised = probability >= 0.5
    return Signal(raised, probability if raised else 1 - probability, evidence if raised else [])


def _topics(found: dict[str, tuple[float, list[str]]]) -> Signal:
    topics = [name for name in SENSITIVE if found[name][0] >= 0.5]
    if not topics:
        return Signal([], 1 - max(found[name][0] for name in SENSITIVE))
    evidence = [words for name in topics for words in found[name][1][:2]]
    return Signal(topics, max(found[name][0] for name in topics), evidence)


def _sentiment(negative: float, complaint: list[str], positive: float, praise: list[str]) -> Signal:
    # Thanks are a form of politeness: praise has to outweigh the complaint beside it.
    if negative >= 0.5 and negative >= positive * 0.9:
        return Signal("negative", negative, complaint)
    if positive >= 0.5:
        return Signal("positive", positive, praise)
    return Signal("neutral", 1 - max(negative, positive))


def _priority(found: dict[str, tuple[float, list[str]]], signals: dict[str, Signal]) -> Signal:
    urgent, high, low = found["urgent"], found["high"], found["low"]
    security = "security" in signals["sensitive"].value
    if signals["spam"].value:
        return Signal("low", signals["spam"].confidence, signals["spam"].evidence)
    if low[0] >= 0.5 and low[0] >= urgent[0] and not security:
        return Signal("low", low[0], low[1])
    if urgent[0] >= 0.5:
        return Signal("urgent", urgent[0], urgent[1])
    if security or "legal" in signals["sensitive"].value:
        return Signal("high", signals["sensitive"].confidence, signals["sensitive"].evidence)
    angry = signals["sentiment"].value == "negative"
    if high[0] >= (0.4 if angry else 0.5):
        return Signal("high", max(high[0], 0.5), high[1])
    return Signal("normal", 1 - max(urgent[0], high[0], low[0]))


def prepare(target: Path = VECTORS) -> bool:
    """Embed the sentences of signals.toml once, at build time: a container that starts has no second to spare for it.

    Writes `target` unless it holds them already. Returns whether anything was written.
    """
    texts = _sentences(_tables())
    if _prepared(target, texts) is not None:
        return False
    written = target.with_suffix(".new.npz")
    np.savez(written, digest=np.array(_digest(texts)), vectors=embed(texts))
    written.replace(target)
    return True


def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("signals.toml").read_text(encoding="utf-8"))


def _sentences(tables: dict[str, Any]) -> list[str]:
    kinds = [table if isinstance(table, list) else [*table["like"], *table["unlike"]] for table in tables.values()]
    return list(dict.fromkeys(text for kind in kinds for text in kind))


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\0".join([MODEL, *texts]).encode()).hexdigest()


def _prepared(file: Path, texts: list[str]) -> Floats | None:
    if not file.exists():
        return None
    with np.load(file) as kept:
        return kept["vectors"] if str(kept["digest"]) == _digest(texts) else None


@once
def _detectors() -> dict[str, Detector]:
    tables = _tables()
    texts = _sentences(tables)
    prepared = _prepared(VECTORS, texts)
    places = {text: place for place, text in enumerate(texts)}
    vectors = embed(texts) if prepared is None else prepared
    everyday = tables.pop("everyday")
    made = {}
    for name, table in tables.items():
        others = (
            [text for other in tables if other != name for text in tables[other]["like"]] if table.get("alone") else []
        )
        made[name] = Detector(
            strong=[re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in table["strong"]],
            weak=[re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in table.get("weak", [])],
            like=vectors[[places[text] for text in table["like"]]],
            unlike=vectors[[places[text] for text in [*table["unlike"], *everyday, *others]]],
            margin=table["margin"],
        )
    return made
