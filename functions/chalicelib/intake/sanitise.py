"""HTML mail made safe to show (ASVS 5.0, 1.3.1): an allow list, nothing that runs, nothing that loads by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

import nh3

from .markup import TAGS, UNSEEN, names, too_large
from .text import storable

_ATTRIBUTES = {
    "*": {"align", "bgcolor", "dir", "lang", "style", "title", "valign"},
    "a": {"href"},
    "col": {"span", "width"},
    "font": {"color", "face", "size"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "td": {"colspan", "height", "rowspan", "width"},
    "th": {"colspan", "height", "rowspan", "width"},
}
_STYLES = names(
    "background-color border border-bottom border-collapse border-color border-left border-right "
    "border-spacing border-style border-top border-width color direction font-family font-size font-style "
    "font-weight height letter-spacing line-height list-style-type margin margin-bottom margin-left "
    "margin-right margin-top max-width padding padding-bottom padding-left padding-right padding-top "
    "text-align text-decoration text-indent vertical-align white-space width word-break"
)
# Whatever loads, escapes or leaves its place: url(), CSS escapes and comments, functions, at-rules, negative lengths.
_STYLE_TRICKS = re.compile(r"url|\\|/\*|expression|@|import|var\s*\(|attr\s*\(|:\s*-\s*[\d.]|\s-[\d.]", re.IGNORECASE)
_SAFE_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_REMOTE = re.compile(r"https?:", re.IGNORECASE)
# What the cleaner writes: every value in double quotes, every double quote within escaped.
_IMAGE = re.compile(r"<img((?: [a-z-]+=\"[^\"]*\")*)>")
_SOURCE = re.compile(r" src=\"(https?:[^\"]*)\"", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Displayed:
    """`html` may be put into a page. Remote images carry their address in `data-remote-src` and do not load until a
    reader asks; `cid:` images keep their `src` and are resolved by the reader's client."""

    html: str
    remote_images: int


def displayed(source: str) -> Displayed | None:
    """The mail's HTML for display; None where it is too large to be cleaned in time (the text is shown then)."""
    if too_large(source):
        return None
    clean = storable(_CLEANER.clean(storable(source)))
    blocked = 0

    def block(image: re.Match[str]) -> str:
        nonlocal blocked
        attributes, found = _SOURCE.subn(r' data-remote-src="\1"', image[1])
        blocked += found
        return f"<img{attributes}>"

    return Displayed(_IMAGE.sub(block, clean), blocked)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return None if _STYLE_TRICKS.search(value) else value
    stripped = re.sub(r"[\x00-\x20]+", "", value)
    if name == "href":
        return value if re.match(r"(?:https?|mailto|tel):", stripped, re.IGNORECASE) else None
    if name == "src":
        allowed = _REMOTE.match(stripped) or stripped[:4].lower() == "cid:" or _SAFE_DATA.fullmatch(stripped)
        return stripped if allowed else None
    if name == "title" and tag == "a":
        return None  # it would show another address than the link's
    return value


_CLEANER = nh3.Cleaner(
    tags=set(TAGS) - {"fieldset", "form"} | {"caption", "col", "colgroup"},
    clean_content_tags=set(UNSEEN),
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
    url_relative="deny",
    filter_style_properties=set(_STYLES),
)
