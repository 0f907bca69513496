"""A body as lines that know whether they are quoted: what plain text and HTML have in common for `reply`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

# cut: a client's marker, everything from here on is quoted. attribution: "On …, X wrote:". rule: a drawn line.
Mark = Literal["", "cut", "attribution", "signature", "rule"]

_QUOTE = re.compile(r"(?:[ \t]{0,3}>(?!From ))+ ?")
_RULE = re.compile(r"\s*[-_=*—―─]{6,}\s*")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, without its quote prefix; `depth` is how deep it is quoted."""

    text: str
    depth: int = 0
    mark: Mark = ""

    @property
    def blank(self) -> bool:
        return not self.text.strip()


def from_text(text: str) -> list[Line]:
    """Lines of a plain text body (`\\n` line ends); `>` prefixes become depth, drawn lines are marked."""
    found = []
    for line in text.split("\n"):
        prefix = _QUOTE.match(line)
        if prefix:
            found.append(Line(line[prefix.end() :], prefix[0].count(">")))
        else:
            found.append(Line(line, 0, "rule" if _RULE.fullmatch(line) else ""))
    return found


def to_text(lines: list[Line]) -> str:
    """The lines as text again, quotes prefixed by `>`, runs of blank lines collapsed to two at most."""
    text = "\n".join(f"{'>' * line.depth} {line.text}".rstrip() if line.depth else line.text.rstrip() for line in lines)
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n")


def unflow(text: str, delsp: bool) -> str:
    """Joins the soft line breaks of format=flowed (RFC 3676 §4); quote depth and the signature line are kept."""
    paragraphs: list[list[str]] = []
    joining = False
    depth_before = 0
    for line in text.split("\n"):
        body = line.lstrip(">")
        depth = len(line) - len(body)
        body = body.removeprefix(" ")
        soft = body.endswith(" ") and body != "-- "
        kept = body[:-1] if soft and delsp else body
        if joining and depth == depth_before and body != "-- ":
            paragraphs[-1].append(kept)
        else:
            paragraphs.append([">" * depth + (" " if depth else ""), kept])
        joining, depth_before = soft, depth
    return "\n".join("".join(paragraph) for paragraph in paragraphs)
