"""Articles cut into passages."""

from __future__ import annotations

import time

import pytest
from chalicelib.knowledge.chunking import MAX_TOKENS, chunk
from chalicelib.knowledge.consumer import count_tokens
from chalicelib.knowledge.markdown import plain, sections


def test_passages_keep_the_headings_above_them() -> None:
    body = "Intro.\n\n# Billing\n\nOne.\n\n## Refunds\n\nTwo.\n\n# Shipping #\n\nThree.\n\nSetext\n------\n\nFour."
    cut = chunk("Help", body, count_tokens)
    assert [(c.heading, c.text) for c in cut] == [
        ("", "Intro."),
        ("Billing", "One."),
        ("Billing › Refunds", "Two."),
        ("Shipping", "Three."),
        ("Shipping › Setext", "Four."),
    ]
    assert cut[2].title == "Help › Billing › Refunds"
    assert [c.ordinal for c in cut] == [0, 1, 2, 3, 4]


def test_a_heading_that_repeats_the_title_is_not_said_twice() -> None:
    assert chunk("Refunds", "# Refunds\n\nText.", count_tokens)[0].title == "Refunds"


@pytest.mark.parametrize(
    "body",
    [
        "word " * 5000,
        "A sentence that ends. " * 800,
        "\n".join(f"- item number {n} of a list" for n in range(600)),
        "x" * 20000,
        "漢字" * 4000,
        "```\n" + "print hello\n" * 700 + "```",
        "| a | b |\n|---|---|\n" + "| left cell | right cell |\n" * 400,
    ],
    ids=["words", "sentences", "list", "one word", "no spaces", "code", "table"],
)
def test_no_passage_is_longer_than_the_model_reads_and_no_word_is_lost(body: str) -> None:
    cut = chunk("Long", body, count_tokens)
    assert len(cut) > 1
    assert all(count_tokens(c.text) + 2 <= MAX_TOKENS for c in cut)
    letters = [sum(map(str.isalnum, text)) for text in ("".join(c.text for c in cut), plain(body))]
    assert letters[0] == letters[1]


def test_a_number_sign_in_code_is_no_heading() -> None:
    found = sections("Run:\n\n~~~sh\n# a comment\nmake\n~~~\n\nDone.")
    assert [(s.headings, s.blocks) for s in found] == [((), ("Run:", "# a comment\nmake", "Done."))]


def test_a_fence_that_is_never_closed_runs_to_the_end() -> None:
    assert sections("```\n# one\ntwo")[0].blocks == ("# one\ntwo",)


def test_markup_is_removed_and_words_stay() -> None:
    text = (
        "See **[the guide](https://a.example/x_y)** or `config_file_name`, ![a chart](c.png) and <https://b.example>.\n"
        "Press <kbd>Ctrl</kbd> &amp; 2 * 3 * 4, snake_case_name, *really* ~~never~~ __now__ \\*star\\*"
    )
    assert plain(text) == (
        "See the guide or config_file_name, a chart and https://b.example.\n"
        "Press Ctrl & 2 * 3 * 4, snake_case_name, really never now *star*"
    )


def test_an_article_of_a_title_alone_can_be_found() -> None:
    for body in ("", "   \n\n", "<!-- nothing -->", "# \n"):
        assert [c.text for c in chunk("Only a title", body, count_tokens)] == ["Only a title"]


@pytest.mark.parametrize(
    "odd", ["[" * 20_000, "*a" * 20_000, "`" * 20_000, "<" * 20_000, "__" * 20_000, "![](" * 20_000]
)
def test_odd_markup_costs_no_time(odd: str) -> None:
    started = time.process_time()
    plain(odd)
    assert time.process_time() - started < 2
