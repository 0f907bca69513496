"""WordPiece splits as the uncased BERT models were trained with."""

from __future__ import annotations

import pytest
from chalicelib.kit.embeddings.wordpiece import MAX_TOKENS, WordPiece

from pgdesk.models import TARGET


@pytest.fixture(scope="module")
def words() -> list[str]:
    return (TARGET / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello, World!", "hello , world !"),
        ("unaffordable", "una ##ff ##ord ##able"),
        ("naïve CAFÉ", "naive cafe"),
        ("don't e-mail me", "don ' t e - mail me"),
        ("$5 & 10%", "$ 5 & 10 %"),
        ("zero\u200bwidth con\x00trol", "zero ##wi ##dt ##h control"),
        ("日本", "日 本"),
        ("a\u00a0b\tc\nd", "a b c d"),
        ("x" * 101 + " ok", "[UNK] ok"),
        ("[SEP]", "[ sep ]"),
        ("", ""),
    ],
)
def test_text_is_cut_into_the_known_pieces(words: list[str], text: str, pieces: str) -> None:
    assert [words[at] for at in WordPiece(words)(text)] == ["[CLS]", *pieces.split(), "[SEP]"]


def test_a_long_text_ends_with_the_closing_token_at_256(words: list[str]) -> None:
    ids = WordPiece(words)("again " * 5000)
    assert len(ids) == MAX_TOKENS
    assert words[ids[-1]] == "[SEP]"
