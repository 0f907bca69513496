"""The likest of some names: what an error suggests to somebody who has misspelt one.

PostgREST's hints come from a set that is searched by shared runs of three letters, else of two; what shares any is
weighed by edit distance. Which name is suggested, and whether one is, follows from that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from math import sqrt

RUNS = (3, 2)
WEIGHED = 50  # of those that share the most
_NO_WORD = re.compile(r"[^\w\s,]|_")


def closest(wanted: str, candidates: Iterable[str], *, at_least: float) -> str | None:
    """The candidate most like `wanted`, if it is like enough (1 is equal). Letters' case does not count."""
    named: dict[str, str] = {}
    for candidate in candidates:
        named.setdefault(candidate.lower(), candidate)
    key = wanted.lower()
    if key in named:
        return named[key]
    for size in RUNS:
        asked = _runs(key, size)
        shared = ((_shared(asked, _runs(name, size)), name) for name in named)
        sharing = sorted((pair for pair in shared if pair[0] > 0), key=lambda pair: -pair[0])[:WEIGHED]
        # A name is no more like another than their lengths are, so that what is absurdly long costs nothing.
        near = [name for _, name in sharing if min(len(key), len(name)) >= at_least * max(len(key), len(name))]
        like = [pair for pair in ((_likeness(key, name), name) for name in near) if pair[0] >= at_least]
        if like:
            return named[max(like, key=lambda pair: pair[0])[1]]
    return None


def _runs(text: str, size: int) -> Counter[str]:
    """Every run of `size` characters of the letters and digits in `text`, with a dash before and behind."""
    bare = f"-{_NO_WORD.sub('', text)}-"
    return Counter(bare[place : place + size] for place in range(len(bare) - size + 1))


def _shared(one: Counter[str], other: Counter[str]) -> float:
    """The cosine of the angle between two counts: 0 where nothing is shared."""
    product = sum(count * other[run] for run, count in one.items())
    return product and product / sqrt(_squares(one) * _squares(other))


def _squares(counts: Counter[str]) -> int:
    return sum(count * count for count in counts.values())


def _likeness(one: str, other: str) -> float:
    """1 less the edit distance over the longer one's length."""
    longest = max(len(one), len(other))
    if not longest:
        return 1.0
    previous = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        current = [row]
        for place, right in enumerate(other, 1):
            current.append(min(previous[place] + 1, current[-1] + 1, previous[place - 1] + (left != right)))
        previous = current
    return 1 - previous[-1] / longest
