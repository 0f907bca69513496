"""What the knowledge base has on a question, and how likely it answers it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chalicelib.kit.database import Connection
from chalicelib.kit.retrieval import Passage, confidence, search


def find(
    connection: Connection, asked: str, narrower: Sequence[str], language: str, enough: float
) -> tuple[list[Passage], float]:
    """The passages to answer from, best first, and the probability that the first one's article answers.

    The gate is calibrated on questions; a mail that tells a story around its question dilutes them. So where the whole
    does not reach `enough`, its narrower forms are tried. One of them counts only for an article that another form, or
    the whole, finds first as well: a chance likeness of a few words does not repeat itself.
    """
    passages = search(connection, asked, language)
    sure = confidence(passages)
    if not passages or sure >= enough:
        return passages, sure
    forms = [passages, *(found for text in narrower if (found := search(connection, text, language)))]
    agreeing = Counter(found[0].article_id for found in forms)
    best = max((found for found in forms if found is passages or agreeing[found[0].article_id] > 1), key=confidence)
    return best, confidence(best)
