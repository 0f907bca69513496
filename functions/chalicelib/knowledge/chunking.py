"""An article cut into passages that the embedding model can read whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.knowledge.markdown import plain, sections

# The model reads 256. A little less makes a passage that is about one thing, and leaves room to count: the tokenizer
# itself stops at 256.
MAX_TOKENS = 192
# The model adds one mark before and one after a text.
_MARKS = 2
# The model takes an overlong word for one unknown token. A passage is for people too: no token stands for more.
_CHARACTERS_PER_TOKEN = 16
# Between sentences; the fallback between words keeps a text without any punctuation within bounds.
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]?\s+|(?<=[。！？])")


@dataclass(frozen=True)
class Chunk:
    """A passage. `title`: the article's with the headings above the passage; `tokens`: the model's count of `text`."""

    ordinal: int
    title: str
    heading: str
    text: str
    tokens: int


def chunk(title: str, body: str, count: Callable[[str], int], max_tokens: int = MAX_TOKENS) -> list[Chunk]:
    """Cut a Markdown article into passages of at most `max_tokens` tokens, each within one section.

    `count` gives a text's tokens without the model's two marks. An article without any text gives one passage that
    repeats its title, so that it can still be found.
    """
    room = max_tokens - _MARKS

    def size(text: str) -> int:
        return max(count(text), len(text) // _CHARACTERS_PER_TOKEN)

    chunks: list[Chunk] = []
    title = plain(title)
    for section in sections(body):
        heading = " › ".join(section.headings)
        # An article that begins by repeating its title has no need of it twice.
        below = [text for text in section.headings if text.casefold() != title.casefold()]
        named = " › ".join([title, *below])
        for text in _pack(section.blocks, size, room):
            chunks.append(Chunk(len(chunks), named, heading, text, count(text) + _MARKS))
    return chunks or [Chunk(0, title, "", title, count(title) + _MARKS)]


def _pack(blocks: tuple[str, ...], size: Callable[[str], int], room: int) -> Iterator[str]:
    """Join neighbouring blocks while they fit; take apart the ones that never do."""
    text, used = "", 0
    for piece, joint in _pieces(blocks, size, room):
        tokens = size(piece)
        if text and used + tokens > room:
            yield text
            text, used = "", 0
        text = f"{text}{joint}{piece}" if text else piece
        used += tokens
    if text:
        yield text


def _pieces(blocks: tuple[str, ...], size: Callable[[str], int], room: int) -> Iterator[tuple[str, str]]:
    """Pieces that each fit, with what joins a piece to the one before it."""
    for block in blocks:
        if size(block) <= room:
            yield block, "\n\n"
            continue
        joint = "\n\n"
        for line in block.split("\n"):
            if size(line) <= room:
                yield line, joint
            else:
                for sentence in _sentences(line, size, room):
                    yield sentence, joint
                    joint = " "
            joint = "\n"


def _sentences(line: str, size: Callable[[str], int], room: int) -> Iterator[str]:
    for sentence in filter(None, (part.strip() for part in _SENTENCE.split(line))):
        if size(sentence) <= room:
            yield sentence
        else:
            yield from _words(sentence, size, room)


def _words(sentence: str, size: Callable[[str], int], room: int) -> Iterator[str]:
    """Cut where no sentence ends: at spaces, and inside a word only if the word alone is too long."""
    text, used = "", 0
    for word in sentence.split():
        for part in _halves(word, size, room):
            tokens = size(part)
            if text and used + tokens > room:
                yield text
                text, used = "", 0
            text = f"{text} {part}" if text else part
            used += tokens
    if text:
        yield text


def _halves(word: str, size: Callable[[str], int], room: int) -> Iterator[str]:
    if len(word) == 1 or size(word) <= room:
        yield word
        return
    middle = len(word) // 2
    yield from _halves(word[:middle], size, room)
    yield from _halves(word[middle:], size, room)
