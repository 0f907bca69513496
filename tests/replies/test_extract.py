"""Without a language model the reply is the knowledge base's own words."""

from __future__ import annotations

from chalicelib.kit.sentences import split_sentences
from chalicelib.replies.extract import extract

from tests.replies.passages import passage


def test_a_reply_quotes_the_best_passage_and_names_its_article() -> None:
    best, other = passage("Wash it by hand.", "Wash a tent"), passage("Post is slow.", "Delivery", score=0.2)
    answer = extract("How do I wash a tent?", [best, other])
    assert answer is not None
    assert answer.body == "Wash it by hand. [1]\n\n[1] Wash a tent"
    assert [(s.text, s.passages, s.support) for s in answer.sentences] == [("Wash it by hand.", (best,), 1.0)]


def test_every_sentence_is_cited_and_is_in_its_passage_word_for_word() -> None:
    text = "First do this.\n1. Open the lid.\n2. Close it.\n\nIs it shut? Then wait."
    answer = extract("lid", [passage(text)])
    assert answer is not None
    assert [s.text for s in answer.sentences] == split_sentences(text)
    assert all(s.text in s.passages[0].text for s in answer.sentences)
    assert text in answer.body


def test_a_second_article_is_quoted_only_if_it_answers_as_well() -> None:
    first, near, far = passage("One.", "A"), passage("Two.", "B", score=0.58), passage("Three.", "C", score=0.5)
    answer = extract("q", [first, near, far])
    assert answer is not None
    assert answer.body == "One. [1]\n\nTwo. [2]\n\n[1] A\n[2] B"
    alone = extract("q", [first, far])
    assert alone is not None
    assert "Three" not in alone.body
    weak = extract("q", [passage("One.", "A", score=0.12), passage("Two.", "B", score=0.11)])
    assert weak is not None
    assert "Two" not in weak.body


def test_of_a_long_passage_the_part_nearest_to_the_question_is_quoted_in_order() -> None:
    noise = [
        f"The shop in street {n} sells socks, hats and gloves to people who like to walk in hills." for n in range(12)
    ]
    wanted = "A snapped tent pole is repaired with the sleeve in the bag."
    text = "\n".join([*noise[:6], wanted, *noise[6:]])
    answer = extract("My tent pole snapped, how do I repair it?", [passage(text)])
    assert answer is not None
    assert wanted in answer.body
    assert len(answer.body.split()) < 130
    at = [text.index(s.text) for s in answer.sentences]
    assert at == sorted(at)


def test_without_passages_there_is_no_answer() -> None:
    assert extract("anything", []) is None
