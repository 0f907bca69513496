"""Plain WordPiece of the uncased BERT models: text to token ids.

Follows the reference tokenizer (clean, split CJK, strip accents, lower-case, split at white space and punctuation,
then longest match from the left), except that special tokens written in the text stay ordinary text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

MAX_TOKENS = 256
MAX_CHARACTERS = 16_384  # read of one text: far beyond what 256 tokens of prose need, and a bound on the work
_MAX_WORD = 100

_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """Splits text into ids of `vocabulary`; thread-safe."""

    def __init__(self, vocabulary: list[str]) -> None:
        self._ids = {word: at for at, word in enumerate(vocabulary)}
        self._unknown = self._ids["[UNK]"]
        self._start, self._end = self._ids["[CLS]"], self._ids["[SEP]"]
        self._pieces = lru_cache(maxsize=20_000)(self._split)

    @classmethod
    def load(cls, path: Path) -> WordPiece:
        return cls(path.read_text(encoding="utf-8").split("\n")[:-1])

    def __call__(self, text: str) -> list[int]:
        """[CLS] … [SEP], at most 256 ids."""
        pieces = (piece for word in _words(text[:MAX_CHARACTERS]) for piece in self._pieces(word))
        return [self._start, *islice(pieces, MAX_TOKENS - 2), self._end]

    def _split(self, word: str) -> tuple[int, ...]:
        if len(word) > _MAX_WORD:
            return (self._unknown,)
        found: list[int] = []
        at = 0
        while at < len(word):
            for end in range(len(word), at, -1):
                piece = self._ids.get(word[at:end] if at == 0 else "##" + word[at:end])
                if piece is not None:
                    found.append(piece)
                    at = end
                    break
            else:
                return (self._unknown,)
        return tuple(found)


def _words(text: str) -> Iterator[str]:
    text = text.lower() if text.isascii() else unicodedata.normalize("NFD", text)
    return iter("".join(map(_normal, text)).split())


@lru_cache(maxsize=4096)
def _normal(character: str) -> str:
    """What stands for one character of NFD text: itself in lower case, nothing, or itself between spaces."""
    if character in " \t\n\r":
        return " "
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if character == "\ufffd" or category in {"Mn", "Cc", "Cf", "Co", "Cs"}:
        return ""
    code = ord(character)
    if category[0] == "P" or 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126:
        return f" {character} "
    if any(first <= code <= last for first, last in _CJK):
        return f" {character} "
    return character.lower()
