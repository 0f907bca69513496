"""Every word weighs in the search: only what is asked gets into it."""

from __future__ import annotations

import time

import pytest
from chalicelib.kit.question import MAX_CHARACTERS, narrower, question

MAILS = [
    (
        "Question",
        "Hi team,\n\nHow do I return it?\n\nThanks in advance!\n\nBest regards,\nAnna\nACME",
        "How do I return it?",
    ),
    ("Re: [Ticket #12] Return", "Hello, can I return worn boots?", "Return\ncan I return worn boots?"),
    ("", "Hi there! Where is my parcel?\nCheers\nBob", "Where is my parcel?"),
    ("Address", "Good morning, can it be changed? Kind regards, Tom", "Address\ncan it be changed?"),
    ("Which soap?", "Which soap? I hope this mail finds you well. Thank you very much. Julia", "Which soap?"),
    (
        "Rückgabe",
        "Sehr geehrte Damen und Herren,\nwie geht das?\nVielen Dank im Voraus.\nMit freundlichen Grüßen\nHans Müller",
        "Rückgabe\nwie geht das?",
    ),
    ("Hallo", "Liebes Team, wo ist mein Paket?", "wo ist mein Paket?"),
    ("Fwd: Re: AW: size", "Hello I need a bigger size", "size\nI need a bigger size"),
    # What only looks like a courtesy stays.
    ("Best tent", "Best tent for winter? Thanks to your advice I bought the Ridge.\nIs it warm?", None),
    ("", "No regards paid to tents", None),
    # Nothing but courtesy: better that than nothing.
    ("Hello", "Thanks!", "Thanks!"),
    ("Hi", "Hi", "Hi"),
    ("My order", "", "My order"),
    ("", "", ""),
]


@pytest.mark.parametrize(("subject", "text", "asked"), MAILS)
def test_courtesies_are_left_out(subject: str, text: str, asked: str | None) -> None:
    kept = question(subject, [text])
    assert kept == asked if asked is not None else all(word in kept for word in text.split())


def test_what_came_in_two_messages_is_one_question() -> None:
    assert question("Tent", ["Hi,\nthe pole broke.\nBob", "I forgot: it is the Ridge 3."]) == (
        "Tent\nthe pole broke.\nI forgot: it is the Ridge 3."
    )


@pytest.mark.parametrize(
    "piece", ["problem", "hope you are ", "thanks ", "hi ", "re: ", "[x] ", "a@", "Thanks\n", "kind regards "]
)
def test_hostile_text_is_read_in_bounded_time(piece: str) -> None:
    started = time.monotonic()
    asked = question((piece * 900)[:998], [piece * 100_000, piece * 100_000])
    assert time.monotonic() - started < 2
    assert len(asked) <= MAX_CHARACTERS


STORY = (
    "Hi,\nwe came back from three weeks in the hills, and it was lovely. On the last day a gust of wind got into the"
    " tent. Now a pole is broken. Can I repair it? Do I have to buy a new one?\nBob"
)


def test_the_question_in_a_story_is_also_asked_alone() -> None:
    assert narrower("Re: Broken pole", [STORY]) == [
        "Broken pole", "Broken pole\nCan I repair it?", "Broken pole\nDo I have to buy a new one?",
    ]  # fmt: skip
    assert narrower("Question", [STORY]) == ["Can I repair it?", "Do I have to buy a new one?"]


def test_a_short_mail_has_no_narrower_form() -> None:
    assert narrower("Broken pole", ["Can I repair it?"]) == []
    assert narrower("", []) == []


def test_of_many_questions_the_last_ones_are_asked() -> None:
    assert len(narrower("Tents", [STORY + " Really?" * 50])) == 4
