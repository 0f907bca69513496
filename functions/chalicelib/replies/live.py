"""A reply that a visitor sees while it is made: sentence by sentence, each checked as the whole will be.

Half a sentence cannot be checked, so none is shown; what is shown is the beginning of the reply's text. The message is
the truth: these are hints on the ticket's topic, which a client forgets with the message, or when they are withdrawn.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from chalicelib.kit.database import keepable
from chalicelib.kit.retrieval import Passage
from chalicelib.replies.model import WrittenSentence, shown, traced
from chalicelib.replies.support import SUPPORTED

# Between two hints, in seconds: faster than that nobody reads.
PAUSE = 0.075
# Of one sentence in JSON, in characters: the schema allows 1200.
LONGEST = 20_000
_FULLY = re.compile(r'"answered"\s*:\s*"fully"')
_BEGIN = re.compile(r'"sentences"\s*:\s*\[')
_DECODER = json.JSONDecoder()

Tell = Callable[[str, dict[str, Any]], None]


class Live:
    """Reads a model's JSON as it comes. `tell` takes a hint's name and payload; where it fails, the rest is not shown:
    the reply itself does not depend on it."""

    def __init__(self, passages: Sequence[Passage], tell: Tell, about: dict[str, Any]) -> None:
        self._passages, self._tell = passages, tell
        self._about = about | {"reply_id": str(uuid4())}
        self._text, self._at, self._begun = "", 0, False
        self._order: dict[str, int] = {}
        self._pending: list[str] = []
        self._told_at = 0.0
        self._index = 0
        self._open = True

    def fed(self, text: str) -> None:
        """More of what the model writes."""
        if not self._open:
            return
        self._text += text
        for sentence in self._complete():
            self._pending.append(sentence)
        if self._pending and time.monotonic() - self._told_at >= PAUSE:
            self._say(" ".join(self._pending))

    def failed(self) -> None:
        """It comes to nothing: what was shown is taken back, and nothing more is shown."""
        self._open = False
        if self._index:
            self._hint("reply.withdrawn", {"by_person": False})

    def _say(self, text: str) -> None:
        if self._hint("reply.delta", {"index": self._index, "text": keepable(text if not self._index else f" {text}")}):
            self._index += 1
            self._told_at = time.monotonic()
            self._pending = []

    def _hint(self, name: str, more: dict[str, Any]) -> bool:
        try:
            self._tell(name, self._about | more)
        except Exception:  # whatever it is, the reply goes on
            self._open = False
            return False
        return True

    def _complete(self) -> list[str]:
        """Sentences that have come to their end since the last time, as far as they hold."""
        found: list[str] = []
        if not self._begun:
            begin = _BEGIN.search(self._text)
            # It says first whether it has an answer: to the rest a person will see.
            if begin is None or not _FULLY.search(self._text, 0, begin.start()):
                self._open = begin is None and len(self._text) < LONGEST
                return found
            self._at, self._begun = begin.end(), True
        while self._open:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n,":
                self._at += 1
            if self._at >= len(self._text):
                break
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                self._open = self._text[self._at] == "{" and len(self._text) - self._at < LONGEST
                break
            self._text, self._at = self._text[end:], 0
            text = self._held(value)
            if text is None:
                self._open = False
            else:
                found.append(text)
        return found

    def _held(self, value: Any) -> str | None:
        try:
            written = WrittenSentence.model_validate(value)
        except ValidationError:
            return None
        if any(number < 1 or number > len(self._passages) for number in written.passages):
            return None
        sentence = traced(written, self._passages)
        if not sentence.passages or sentence.support < SUPPORTED:
            return None
        for passage in sentence.passages:
            self._order.setdefault(str(passage.article_id), len(self._order) + 1)
        return shown(sentence, self._order)
