"""Markdown read as far as search needs it: sections with their headings, and blocks of plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,})")
_ATX = re.compile(r"^ {0,3}(?P<level>#{1,6})(?:[ \t]+(?P<text>.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])[ \t]+")
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")

# Bounded, without nesting: an article is written by members, yet a pattern must not take seconds on odd text.
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]\n]{0,500})\]\([^)\n]{0,2000}\)")
_LINK = re.compile(r"\[([^\]\n]{1,500})\]\([^)\n]{0,2000}\)")
_REFERENCE = re.compile(r"\[([^\]\n]{1,500})\]\[[^\]\n]{0,200}\]")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*\S.*$", re.MULTILINE)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^>\s]{1,2000})>")
_TAG = re.compile(r"</?(?:a|b|i|u|em|strong|p|br|hr|div|span|code|pre|kbd|sup|sub|ul|ol|li|img|table|tr|td|th|details|"
                  r"summary|blockquote|h[1-6])(?:\s[^<>]{0,1000})?/?>", re.IGNORECASE)  # fmt: skip
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.{1,1000}?\S|\S)\1")
_EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,500})(?<=\S)\*(?!\w)|(?<!\w)_(?=\S)([^_\n]{1,500})(?<=\S)_(?!\w)"
)
_STRIKE = re.compile(r"~~(?=\S)([^~\n]{1,500})~~")
_CODE = re.compile(r"(`{1,3})(?!`)([^`\n]{1,500})\1")
# What a backslash protects stands aside, in the private use area, while the rest is read.
_ESCAPED = 0xF500
_UNESCAPE = {_ESCAPED + code: code for code in range(0x21, 0x7F)}
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True)
class Section:
    """A stretch of an article under one heading. `headings` lead down to it, outermost first; none before the first."""

    headings: tuple[str, ...]
    blocks: tuple[str, ...]


def sections(body: str) -> list[Section]:
    """Cut a Markdown text at its headings. Blocks are plain text: paragraphs, lists, tables, code, without markup."""
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    lines: list[str] = []

    def close() -> None:
        blocks = tuple(_blocks(lines))
        if blocks:
            found.append(Section(tuple(text for _, text in path), blocks))
        lines.clear()

    fence = ""
    for line in _COMMENT.sub("", body.replace("\r\n", "\n").replace("\r", "\n")).split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or (mark["mark"].startswith(fence) and not line.strip(" `~"))):
            fence = "" if fence else mark["mark"]
        heading = None if fence else _heading(line, lines)
        if heading is None:
            lines.append(line)
            continue
        level, text = heading
        close()
        while path and path[-1][0] >= level:
            path.pop()
        if text:
            path.append((level, text))
    close()
    return found


def plain(text: str) -> str:
    """Text without inline Markdown and HTML tags: links become their words, images their description."""
    text = _ESCAPE.sub(lambda match: chr(_ESCAPED + ord(match[1])), text)
    text = _DEFINITION.sub("", text)
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _REFERENCE.sub(r"\1", text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _TAG.sub(" ", text)
    text = _CODE.sub(r"\2", text)
    text = _STRONG.sub(r"\2", text)
    text = _EMPHASIS.sub(lambda match: match[1] or match[2], text)
    text = _STRIKE.sub(r"\1", text)
    text = html.unescape(text).translate(_UNESCAPE)
    lines = (re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in text.replace("\x00", "").split("\n"))
    return "\n".join(line for line in lines if line)


def _heading(line: str, before: list[str]) -> tuple[int, str] | None:
    """Level and text if `line` is a heading, or underlines the line before it, which is then taken from `before`."""
    if match := _ATX.match(line):
        return len(match["level"]), plain(match["text"] or "")
    underlined = before and before[-1].strip() and (len(before) == 1 or not before[-2].strip())
    if underlined and _SETEXT.match(line) and not _ITEM.match(before[-1]) and "|" not in before[-1]:
        return (1 if "=" in line else 2), plain(before.pop())
    return None


def _blocks(lines: list[str]) -> Iterator[str]:
    """Group lines by blank lines; code between fences stays one block, as it is."""
    block: list[str] = []
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if mark and not fence:
            yield from _paragraph(block)
            block, fence = [], mark["mark"]
        elif fence and mark and mark["mark"].startswith(fence) and not line.strip(" `~"):
            yield from _code(block)
            block, fence = [], ""
        elif fence or line.strip():
            block.append(line)
        else:
            yield from _paragraph(block)
            block = []
    yield from _code(block) if fence else _paragraph(block)


def _paragraph(lines: list[str]) -> Iterator[str]:
    kept = [_line(line) for line in lines if not _TABLE_RULE.match(line) and not _RULE.match(line)]
    if text := plain("\n".join(kept)):
        yield text


def _code(lines: list[str]) -> Iterator[str]:
    text = "\n".join(line.rstrip() for line in lines).replace("\x00", "").strip("\n")
    if text.strip():
        yield text


def _line(line: str) -> str:
    line = re.sub(r"^(?: {0,3}>)+ ?", "", line)
    if line.lstrip().startswith("|"):
        return " · ".join(cell.strip() for cell in line.strip().strip("|").split("|") if cell.strip())
    return re.sub(r"^(\s*)[*+](?=[ \t])", r"\1-", line)
