"""An answer without a language model: the best passages in their own words, cited."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chalicelib.kit.embeddings import embed
from chalicelib.kit.retrieval import Passage
from chalicelib.kit.sentences import split_sentences
from chalicelib.replies.answer import Answer, Sentence

WHOLE_WORDS = 120  # a passage up to this length is given whole: steps and conditions belong together
WINDOW_WORDS = 100
# A second article is quoted too only if it answers nearly as well, and well at all.
SECOND_WITHIN = 0.04
SECOND_AT_LEAST = 0.3


def extract(question: str, passages: Sequence[Passage]) -> Answer | None:
    """The passage that answers best, and one of another article where it is as good. None without passages."""
    if not passages:
        return None
    chosen = [passages[0]]
    for passage in passages[1:]:
        is_other = passage.article_id != chosen[0].article_id
        if is_other and passage.score >= max(SECOND_AT_LEAST, chosen[0].score - SECOND_WITHIN):
            chosen.append(passage)
            break
    sentences: list[Sentence] = []
    blocks: list[str] = []
    for number, passage in enumerate(chosen, start=1):
        text = _relevant(question, passage.text)
        blocks.append(f"{text} [{number}]")
        sentences += [Sentence(part, (passage,), 1.0) for part in split_sentences(text)]
    sources = [f"[{number}] {passage.title}" for number, passage in enumerate(chosen, start=1)]
    return Answer("\n\n".join([*blocks, "\n".join(sources)]), tuple(sentences), "extract")


def _relevant(question: str, text: str) -> str:
    """The part of a long passage that is nearest to the question: consecutive lines, in their own order."""
    if len(text.split()) <= WHOLE_WORDS:
        return text
    parts = split_sentences(text)
    vectors = embed([question, *parts])
    nearness = vectors[1:] @ vectors[0]
    start = end = int(np.argmax(nearness))
    words = len(parts[start].split())
    while True:
        before = nearness[start - 1] if start > 0 else -1.0
        after = nearness[end + 1] if end + 1 < len(parts) else -1.0
        if max(before, after) < 0:
            break
        grown = start - 1 if before >= after else end + 1
        words += len(parts[grown].split())
        if words > WINDOW_WORDS:
            break
        start, end = min(start, grown), max(end, grown)
    return " ".join(parts[start : end + 1])
