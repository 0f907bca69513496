"""Answer or escalate: how likely the best article answers the question, from retrieval signals alone.

A logistic regression whose few coefficients lie in gate.json, made by `python -m bench.fit_gate`. Its signals are on
scales that mean the same in every organization: cosines, and shares of words weighed by their rarity there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from chalicelib.kit.retrieval.search import Passage

ENGLISH = "en"
OTHERS = "other"
# Longer titles say no more, and a lead this large is as good as any.
_MAX_TITLE_WORDS = 12
_MAX_MARGIN = 0.3


def confidence(passages: Sequence[Passage]) -> float:
    """Probability that the article of the first of `passages` answers the question they were found for; 0 for none.

    Give them as `search` returns them, all of them: how far the best article stands above the next is one of the
    signals. Calibrated on questions half of which had no answer.
    """
    if not passages:
        return 0.0
    head = _heads()[ENGLISH if passages[0].written_in == ENGLISH else OTHERS]
    given = signals(passages)
    return logistic(sum(weight * term(name, given) for name, weight in head.items()))


def signals(passages: Sequence[Passage]) -> dict[str, float]:
    """What the gate looks at, by name.

    title, body   cosine of the question with the best article's title and with its nearest passage
    coverage      share of the question's words, rare ones counting more, that one passage of the article holds
    margin        how far its score lies above the next article's
    …_high        how far one of them lies above one half; margin_low: the first tenth of the margin
    says, label   a title of a word or two is a label, and being near to it means little; a title that is a question
                  says what is answered. So this changes what the others weigh: from label 1 to says 1, by its words.
    """
    best = passages[0]
    own = [passage for passage in passages if passage.article_id == best.article_id]
    others = [passage.score for passage in passages if passage.article_id != best.article_id]
    title = max(0.0, *(passage.title_cosine for passage in own))
    body = max(0.0, *(passage.body_cosine for passage in own))
    coverage = max(passage.coverage for passage in own)
    margin = min(max(best.score - max(others, default=0.0), 0.0), _MAX_MARGIN)
    says = math.log(min(max(len(best.title.split()), 1), _MAX_TITLE_WORDS)) / math.log(_MAX_TITLE_WORDS)
    return {
        "title": title,
        "title_high": max(title - 0.5, 0.0),
        "body": body,
        "body_high": max(body - 0.5, 0.0),
        "coverage": coverage,
        "coverage_high": max(coverage - 0.5, 0.0),
        "margin": margin,
        "margin_low": min(margin, 0.1),
        "says": says,
        "label": 1 - says,
    }


def term(name: str, given: Mapping[str, float]) -> float:
    """The value of one term of the regression: `1`, a signal, or signals joined by `*`."""
    return math.prod(1.0 if part == "1" else given[part] for part in name.split("*"))


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


@cache
def _heads() -> dict[str, dict[str, float]]:
    """Coefficients by term, for English and for the languages that the embedding model does not know."""
    content = json.loads(Path(__file__).with_name("gate.json").read_text(encoding="utf-8"))
    return {name: dict(head) for name, head in content["heads"].items()}
