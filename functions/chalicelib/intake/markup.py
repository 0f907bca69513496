"""HTML mail to lines of text, with the quote and signature markers that mail clients leave in it."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import nh3

from .lines import Line, Mark, from_text, to_text
from .text import storable

# More tags than any newsletter has. html5ever takes quadratic time in nesting depth: 20,000 nested tags cost 1.5 s.
MAX_TAGS = 20_000
MAX_CHARACTERS = 3_000_000
# The same in the number of attributes of one tag: 60,000 cost 2 s. No attribute comes without one of its separators.
MAX_SEPARATORS = 60_000


def names(text: str) -> frozenset[str]:
    """The names in a text, for tables that are easier to read so."""
    return frozenset(text.split())


_BLOCKS = names(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3"
    " h4 h5 h6 header hr li main nav ol p pre section table tbody tfoot thead tr ul"
)
_PARAGRAPHS = names("p h1 h2 h3 h4 h5 h6 ul ol table pre")
TAGS = _BLOCKS | names("a b big br code em font i img ins q s small span strike strong sub sup td th tt u")
UNSEEN = names("script style title head template noscript iframe object textarea select svg math")
_MARKERS = frozenset(("class", "id", "style", "name", "type", "data-signatureblock", "data-marker"))
_VOID = frozenset(("br", "hr", "img"))

_TIDY = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(UNSEEN),
    attributes={"*": set(_MARKERS), "a": {"href"}, "img": {"alt"}},
    link_rel=None,
)

# Containers of earlier mail, by client: what follows such a container is new text again.
_QUOTED = re.compile(
    r"(?:^|[\s_])(?:yahoo_quoted|protonmail_quote|tutanota_quote|zmail_extra|fairemail_quote|mimestream_quote|"
    r"missive_quote|front-blockquote|olk_src_body_section|quoted-text|aolmsgpart\S*|messagereplysection|gmx_quote)(?:\s|$)"
)
# Markers after which everything is earlier mail (Outlook on every device, Hotmail, Zimbra).
_CUT = re.compile(
    r"(?:^|[\s_])(?:divrplyfwdmsg|appendonsend|stopspelling|zwchr|__zwchr__|outlookmessageheader|"
    r"mail-editor-reference-message-container|ms-outlook-mobile-reference-message|replysplit|"
    r"ymail_android_signature_reply|mobileouthist\S*)(?:\s|$)"
)
_ATTRIBUTION = re.compile(r"(?:^|[\s_])(?:gmail_attr|moz-cite-prefix|reply-intro|protonmail_reply_intro)(?:\s|$)")
_SIGNATURE = re.compile(
    r"(?:^|[\s_])(?:gmail_signature|gmail_signature_prefix|moz-signature|signature|ms-outlook-ios-signature|"
    r"ms-outlook-mobile-signature|protonmail_signature_block\S*|applemailsignature|messagesignaturesection|"
    r"yahoo-signature|ydp\w*signature|tutanota_signature|zimbra_signature|mobile-signature)(?:\s|$)"
)
# Outlook draws this line above the header block of the mail it answers.
_RULED = re.compile(r"border-top\s*:\s*(?:solid|[\d.]+p[tx]\s+solid|1px|none\s+#)|border-top-(?:style|color)\s*:")
_NO_BORDER = re.compile(r"border(?:-left)?\s*:\s*(?:none|0)")


def text_of(source: str) -> str:
    """All text of an HTML body, quotes prefixed by `>`."""
    return to_text(lines_of(source))


def too_large(source: str) -> bool:
    """True where cleaning the HTML could take more than a few seconds."""
    if len(source) > MAX_CHARACTERS or source.count("<") > MAX_TAGS:
        return True
    quotes = source.count('"') + source.count("'")
    return len(source.split()) + source.count("/") + quotes // 2 > MAX_SEPARATORS


def lines_of(source: str) -> list[Line]:
    """The visible text of an HTML body as lines with depth and marks. Never raises; linear in the input."""
    if too_large(source):
        return [Line(line) for line in _crude(source[:MAX_CHARACTERS]).split("\n")]
    reader = _Reader()
    reader.feed(_TIDY.clean(source))
    reader.close()
    return reader.finish()


def _crude(source: str) -> str:
    """Text of HTML that is too large to be parsed: everything outside angle brackets."""
    pieces = [piece.partition(">")[2] for piece in f">{source}".split("<")]
    return "\n".join(filter(None, map(str.strip, storable(html.unescape(" ".join(pieces))).split("\n"))))


class _Reader(HTMLParser):
    """Reads tidy, well-formed HTML; the stack holds (tag, deeper, mark) of every open element."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[Line] = []
        self._words: list[str] = []
        self._stack: list[tuple[str, int, Mark]] = []
        self._depth = 0
        self._marks: list[Mark] = []
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: (value or "")[:400].lower() for name, value in attrs}
        labels = (
            f"{known.get('class', '')} {known.get('id', '')} {known.get('name', '')} {known.get('data-marker', '')}"
        )
        if tag == "br":
            self._flush(force=True)
            return
        if tag in _BLOCKS:
            self._flush()
        if _CUT.search(labels):
            self._lines.append(Line("", self._depth, "cut"))
        if tag == "hr":
            self._lines.append(Line("", self._depth, "rule"))
        if tag == "img" and known.get("alt"):
            self._words.append(dict(attrs)["alt"] or "")
        if tag in _VOID:
            return
        if tag in _PARAGRAPHS:
            self._gap()
        if _RULED.search(known.get("style", "")) and tag in _BLOCKS:
            self._lines.append(Line("", self._depth, "rule"))
        self._open(tag, labels, known)

    def _open(self, tag: str, labels: str, known: dict[str, str]) -> None:
        deeper = 0
        if tag == "blockquote":
            indented = (
                _NO_BORDER.search(known.get("style", "")) and known.get("type") != "cite" and "quote" not in labels
            )
            deeper = 0 if indented else 1
        elif _QUOTED.search(labels) or known.get("name") == "quote":
            deeper = 1
        mark: Mark = ""
        if _ATTRIBUTION.search(labels):
            mark = "attribution"
        elif _SIGNATURE.search(labels) or "data-signatureblock" in known:
            mark = "signature"
        if deeper:
            self._flush()
        if mark:
            self._flush()
            self._marks.append(mark)
        self._depth += deeper
        self._preformatted += tag == "pre"
        if tag == "li":
            self._words.append("- ")
        self._stack.append((tag, deeper, mark))

    def handle_endtag(self, tag: str) -> None:
        if not self._stack or self._stack[-1][0] != tag:
            return  # cannot be in tidy HTML
        if tag in _BLOCKS or self._stack[-1][1] or self._stack[-1][2]:
            self._flush()
        _, deeper, mark = self._stack.pop()
        self._depth -= deeper
        self._preformatted -= tag == "pre"
        if mark:
            self._marks.pop()
        if tag in _PARAGRAPHS:
            self._gap()
        if tag in ("td", "th"):
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._preformatted:
            self._words.append(data)
            return
        first, *rest = data.split("\n")
        self._words.append(first)
        for line in rest:
            self._flush(force=True)
            self._words.append(line)

    def _flush(self, force: bool = False) -> None:
        joined = storable("".join(self._words)).replace("\n", " ")
        text = joined.rstrip() if self._preformatted else " ".join(joined.split())
        self._words.clear()
        if text.startswith(">"):
            (typed,) = from_text(text)
            self._lines.append(Line(typed.text, self._depth + typed.depth))
        elif text or force:
            self._lines.append(Line(text, self._depth, self._marks[-1] if self._marks else ""))

    def _gap(self) -> None:
        """One blank line between paragraphs."""
        if self._lines and not self._lines[-1].blank:
            self._lines.append(Line("", self._depth, self._marks[-1] if self._marks else ""))

    def finish(self) -> list[Line]:
        self._flush()
        return self._lines
