"""What a person wrote now, apart from the mail they quote and the signature below.

Only the copy that is shown first and given to triage is cut; the full text is stored beside it. Where it is not clear
that something is quoted, it stays: a line too much costs a glance, a line too few costs the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import clients
from .lines import Line, from_text, to_text
from .markup import lines_of

MAX_LINES = 20_000
_LABEL = re.compile(r"[\s*_>]*([^\W\d_][\w .'’-]{0,24}?)\s*[*_]*\s?[:：]\s*[*_]*\s*(.*)")
_DATE = re.compile(r"\d{1,2}[:.h]\s?\d{2}|\b(?:19|20)\d\d\b|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d+年|\d+월")
_DASHED_NAME = re.compile(r"-{1,2}[^\W\d_]\w*\.?(?: [^\W\d_]\w*\.?){0,2}")
_DELIMITER = re.compile(r"(?:--|—|–|‐‐)\s*")
_SHORT = 90  # characters: a line of a signature or header block, not of prose


@dataclass(frozen=True, slots=True)
class Reply:
    """`text` is the new part (never empty where the mail has text); `cut` says whether anything was left out."""

    text: str
    signature: str
    cut: bool


def new_text(text: str, html: str | None = None, answers: bool = True) -> Reply:
    """Cuts quotes and signature from a body.

    `answers` says that the mail is a reply (In-Reply-To, References, "Re:").
    """
    reply = _of_lines(from_text(text), text, answers)
    if reply.cut or not html:
        return reply
    # The plain text gave no hint; the HTML may carry its client's markers.
    marked = lines_of(html)
    if any(line.depth or line.mark in ("cut", "attribution") for line in marked):
        by_markers = _of_lines(marked, text, answers)
        if by_markers.cut:
            return by_markers
    return reply


def of_html(html: str, answers: bool = True) -> Reply:
    """The same for a body that is HTML only."""
    lines = lines_of(html)
    return _of_lines(lines, to_text(lines), answers)


def _of_lines(lines: list[Line], whole: str, answers: bool) -> Reply:
    lines = lines[:MAX_LINES]
    body = _without_quotes(lines, answers)
    kept, signature = _without_signature(body)
    kept = _without_last_quote(kept)
    text = to_text(kept).strip()
    if not text:  # only a quote, or only a signature: then that is the message
        text, signature = to_text(body).strip(), ""
    whole = whole.strip()
    if not text:
        return Reply(whole, "", cut=False)
    return Reply(text, signature, cut=_letters(text) < _letters(whole))


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


# ---- quotes


def _without_quotes(lines: list[Line], answers: bool) -> list[Line]:
    end = _end_of_new(lines)
    introduced = _attributions(lines, end)
    kinds = [
        "q" if line.depth or number in introduced else "e" if line.blank else "t"
        for number, line in enumerate(lines[:end])
    ]
    texts = [number for number, kind in enumerate(kinds) if kind == "t"]
    quotes = [number for number, kind in enumerate(kinds) if kind == "q"]
    if not texts or not quotes:
        return _without_rules(lines[:end]) if texts else []
    first, last = quotes[0], quotes[-1]
    if any(first < number < last for number in texts) and _answers_between(kinds):
        return _without_rules(lines[: texts[-1] + 1])
    if not introduced and not answers and first > texts[0] and last < texts[-1]:
        return _without_rules(lines[:end])  # quoting something in the middle of a fresh mail is part of saying it
    return _without_rules([line for line, kind in zip(lines[:end], kinds, strict=True) if kind != "q"])


def _without_last_quote(lines: list[Line]) -> list[Line]:
    """A quote below the last new words: it came to be last when the signature below it was cut."""
    end = len(lines)
    while end and (lines[end - 1].depth or lines[end - 1].blank):
        end -= 1
    return lines[:end] if end else lines


def _answers_between(kinds: list[str]) -> bool:
    """True where new text stands between quotes: answers to single points read badly without them."""
    return re.search(r"q[e]*t[te]*q", "".join(kinds)) is not None


def _without_rules(lines: list[Line]) -> list[Line]:
    """Drawn lines and blanks at the end belonged to what was cut."""
    while lines and (lines[-1].blank or lines[-1].mark == "rule"):
        lines = lines[:-1]
    return lines


def _end_of_new(lines: list[Line]) -> int:
    """Where a block of earlier mail begins that is not marked line by line; the number of lines if nowhere."""
    for number, line in enumerate(lines):
        if line.depth:
            continue
        if line.mark == "cut":
            return number
        if line.blank or len(line.text) > 400:
            continue
        if clients.FORWARDED.fullmatch(line.text):
            return len(lines)
        if clients.ORIGINAL.fullmatch(line.text) or clients.ABOVE.fullmatch(line.text):
            return number
        if _header_block(lines, number):
            return number
    return len(lines)


def _header_block(lines: list[Line], start: int) -> bool:
    """A From/Sent/To/Subject block in a known language; below a drawn line, any three short labelled lines."""
    if _LABEL.match(lines[start].text) is None:
        return False
    ruled = any(line.mark == "rule" for line in lines[max(0, start - 3) : start])
    known: set[str] = set()
    labelled = misses = 0
    mailbox = False
    for line in _unblank(lines, start, 10):
        found = _LABEL.match(line.text)
        label = " ".join(found[1].lower().split()) if found else ""
        if found is None or (label not in clients.LABELS and not ruled):
            misses += 1
            if misses > 1 and not (labelled and len(line.text) < _SHORT and misses <= 3):
                break
            mailbox = mailbox or "@" in line.text
            continue
        labelled += 1
        mailbox = mailbox or "@" in found[2]
        if label in clients.LABELS:
            known.add(label)
        if label in clients.SUBJECT:
            break
    from_known = bool(known & clients.FROM)
    if ruled and labelled >= 3 and (mailbox or from_known):
        return True
    return from_known and len(known) >= 3 and (mailbox or bool(known & clients.SUBJECT))


def _unblank(lines: list[Line], start: int, limit: int) -> Iterator[Line]:
    """Up to `limit` lines from `start` on, without single blank lines; two in a row end it."""
    blanks = 0
    for line in lines[start : start + 2 * limit]:
        blanks = blanks + 1 if line.blank else 0
        if blanks > 1:
            return
        if not line.blank:
            yield line
            limit -= 1
        if not limit:
            return


def _attributions(lines: list[Line], end: int) -> set[int]:
    """Numbers of the lines that introduce a quote; where no marked quote follows, of all lines after, too."""
    introduced: set[int] = set()
    for number, line in enumerate(lines[:end]):
        if line.mark == "attribution" and not line.depth:
            introduced.add(number)
            continue
        if line.depth or line.blank or len(line.text) > 400:
            continue
        colon = line.text.rstrip(" *_\u200e\u200f\u202c").endswith((":", "："))
        if not colon and not (clients.WROTE.search(line.text) and _quote_follows(lines, number)):
            continue
        start = _attribution_start(lines, number)
        if start is None:
            continue
        introduced.update(range(start, number + 1))
        if not _quote_follows(lines, number) and not any(later.depth for later in lines[number:end]):
            introduced.update(range(number + 1, end))
            break
    return introduced


def _attribution_start(lines: list[Line], last: int) -> int | None:
    """The first line of an attribution that ends at `last`, or None where there is none."""
    quoted = _quote_follows(lines, last)
    joined = ""
    for start in range(last, max(-1, last - 5), -1):
        line = lines[start]
        if line.depth or line.blank or line.mark == "rule" or len(joined) + len(line.text) > 500:
            return None
        joined = f"{line.text} {joined}"
        wrote = clients.WROTE.search(joined) is not None
        dated = _DATE.search(joined) is not None
        named = "@" in joined
        broken = joined.count(">") > joined.count("<")  # an address that began on the line before
        if (wrote and dated) or (quoted and named and (wrote or dated) and not broken):
            return start - 1 if start and _opens_before(lines[start - 1], line) else start
    return None


def _opens_before(before: Line, line: Line) -> bool:
    """True where the attribution began one line above ("On Mon, 2 April" / "2012 at 6:26, X wrote:")."""
    if before.depth or len(before.text) > _SHORT or clients.OPENS.match(line.text):
        return False
    return clients.OPENS.match(before.text) is not None


def _quote_follows(lines: list[Line], number: int) -> bool:
    return next((line.depth > 0 for line in lines[number + 1 : number + 8] if not line.blank), False)


# ---- signatures


def _without_signature(lines: list[Line]) -> tuple[list[Line], str]:
    """Cuts from the end: client signatures, list footers, disclaimers, device lines, "-- " blocks, contact blocks."""
    cut: list[Line] = []
    marked = [line for line in lines if line.mark == "signature"]
    if marked and any(not line.blank and line.mark != "signature" for line in lines):
        lines, cut = [line for line in lines if line.mark != "signature"], marked
    for _ in range(6):
        lines = _without_rules(lines)
        start = _signature_start(lines)
        if start is None or not any(not line.blank for line in lines[:start]):
            break
        cut = lines[start:] + cut
        lines = lines[:start]
    return lines, to_text(cut).strip()


def _signature_start(lines: list[Line]) -> int | None:
    if not lines:
        return None
    for find in (_device, _footer, _delimited, _disclaimer, _dashed_name, _contact_block):
        start = find(lines)
        if start is not None:
            return start
    return None


def _device(lines: list[Line]) -> int | None:
    last = len(lines) - 1
    text = lines[last].text.strip()
    return last if len(text) <= 120 and clients.DEVICE.fullmatch(text) else None


def _footer(lines: list[Line]) -> int | None:
    """A drawn line with a mailing list's footer below."""
    for number in range(len(lines) - 1, max(-1, len(lines) - 12), -1):
        if lines[number].mark == "rule":
            below = " ".join(line.text for line in lines[number:])
            return number if clients.LIST_FOOTER.search(below) else None
    return None


def _delimited(lines: list[Line]) -> int | None:
    """The usual "-- " line (RFC 3676 §4.3), the first one within reach of the end."""
    for number in range(max(1, len(lines) - 25), len(lines)):
        if not lines[number].depth and _DELIMITER.fullmatch(lines[number].text):
            return number
    return None


def _disclaimer(lines: list[Line]) -> int | None:
    for number in range(max(1, len(lines) - 25), len(lines)):
        opens = lines[number - 1].blank or lines[number - 1].mark == "rule"
        if opens and not lines[number].depth and clients.DISCLAIMER.match(" ".join(x.text for x in lines[number:][:4])):
            return number
    return None


def _dashed_name(lines: list[Line]) -> int | None:
    """A last line such as "-Anna Berg": a name, not the last point of a list."""
    if len(lines) < 2 or lines[-1].depth or not _DASHED_NAME.fullmatch(lines[-1].text.strip()):
        return None
    before = next((line.text.lstrip() for line in reversed(lines[:-1]) if not line.blank), "")
    return None if before.startswith("-") else len(lines) - 1


def _contact_block(lines: list[Line]) -> int | None:
    """What follows a closing and a name, where it holds a phone, an address or the like; closing and name stay."""
    for number in range(max(0, len(lines) - 16), len(lines)):
        if len(lines[number].text) > 60 or not clients.CLOSING.fullmatch(lines[number].text):
            continue
        rest = [at for at in range(number + 1, len(lines)) if not lines[at].blank]
        block = rest[1:]
        if not block or any(len(lines[at].text) > _SHORT or "?" in lines[at].text for at in rest):
            return None
        return block[0] if any(clients.CONTACT.search(lines[at].text) for at in block) else None
    return None
