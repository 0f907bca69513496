"""A sentence counts as carried only if a passage says it: numbers, links and denials to the letter."""

from __future__ import annotations

import pytest
from chalicelib.replies.support import SUPPORTED, support

PASSAGE = (
    "You have 30 days from the day of delivery to return anything that is unused. The link works for 60 minutes. "
    "Returns from the EU are free. Delivery costs 4.90 euros. Gas cartridges cannot be sent by express. "
    "See https://kestrel.example/returns or write to returns@kestrel.example."
)

CARRIED = [
    "You have 30 days from the day of delivery to return anything unused.",
    "You can return unused items within 30 days of delivery.",
    "Returns from the EU are free.",
    "Delivery costs 4.90 euros.",
    "Gas cartridges can't be sent by express.",
    "More is at https://kestrel.example/returns.",
    "Write to returns@kestrel.example for a return.",
]
NOT_CARRIED = [
    "You have 60 days from the day of delivery to return anything that is unused.",  # a number that stands for minutes
    "You have 45 days from the day of delivery to return anything that is unused.",
    "The link works for 30 minutes.",
    "Delivery costs 9.90 euros.",
    "Returns from the EU are not free.",
    "Returns from the EU are never free.",
    "Gas cartridges can be sent by express.",
    "See https://evil.example/returns for the return.",
    "See evil.example/returns for the return.",
    "Write to returns@evil.example for a return.",
    "We repair zips, buckles and seams in our workshop in Hamburg.",
    "Our shop in Berlin is open on Sundays.",
]


@pytest.mark.parametrize("sentence", CARRIED)
def test_what_the_passage_says_is_carried(sentence: str) -> None:
    assert support([sentence], [PASSAGE])[0] >= SUPPORTED


@pytest.mark.parametrize("sentence", NOT_CARRIED)
def test_what_the_passage_does_not_say_is_not(sentence: str) -> None:
    assert support([sentence], [PASSAGE])[0] < SUPPORTED


def test_nothing_to_check_is_fine() -> None:
    assert support([], []) == []
