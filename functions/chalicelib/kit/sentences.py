"""Where one sentence ends and the next begins."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[]?[A-ZÀ-ÞА-Я0-9„«¿¡])")


def split_sentences(text: str) -> list[str]:
    """Sentences and list items, in order, without losing a character that is not white space."""
    return [part.strip() for line in text.splitlines() for part in _SENTENCE_END.split(line) if part.strip()]
