"""Bytes of unknown charset to text that Postgres can store. Nothing here raises on any input."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# What senders write, and what they mean. Latin-1 means Windows-1252 and so on (WHATWG Encoding Standard, §4.2).
_MEANT = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "windows-874": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "iso-2022-jp": "iso2022_jp_ext",
    "cp-850": "cp850",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-user-defined": "cp1252",
}
# Python calls these text codecs, but they are not charsets (and some take quadratic time).
_NOT_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem", "charmap"}
# In these a byte above 0x7f carries no charset of its own: declared, they are often wrong.
_SINGLE_BYTE = re.compile(r"cp125\d|iso8859|koi8|mac|cp8|cp4|latin", re.IGNORECASE)

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_JIS_ESCAPE = re.compile(rb"\x1b(\$[@B]|\([BJI])")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def storable(text: str) -> str:
    """The text without NUL, other control characters and lone surrogates; line ends are `\\n`.

    Postgres cannot hold NUL, UTF-8 cannot hold a surrogate, and a control character in a name or subject only serves
    to deceive a reader.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _SURROGATES.sub("\ufffd", text))


def one_line(text: str, limit: int) -> str:
    """`storable` text with white space collapsed, cut to `limit` characters: for subjects, names, file names."""
    return " ".join(storable(text[: limit * 4]).split())[:limit]


def decode(data: bytes, declared: str | None = None) -> str:
    """Text of `data`, believing the declared charset only as far as the bytes bear it out."""
    for bom, marked in _BOMS:
        if data.startswith(bom):
            return data.decode(marked, "replace")
    name = _codec(declared)
    if name is None or _SINGLE_BYTE.search(name):
        # A single-byte charset accepts anything, so UTF-8 that is valid and not plain ASCII is the better witness.
        guess = _decoded_strictly(data, "utf-8")
        if guess is not None and (name is None or not data.isascii()):
            return _jis(data, guess)
        if name is None:
            return _guess(data)
        return _jis(data, data.decode(name, "replace"))
    text = _decoded_strictly(data, name)
    if text is not None:
        return text
    if name.startswith("utf"):
        # One cut or flipped byte in real UTF-8 costs that character; text in quite another charset is guessed anew.
        lenient = data.decode(name, "replace")
        if lenient.count("\ufffd") * 4 <= sum(ch > "\x7f" for ch in lenient):
            return lenient
        return _guess(data)
    best = data.decode(name, "replace")
    utf8 = _decoded_strictly(data, "utf-8")
    return utf8 if utf8 is not None else best


@lru_cache(maxsize=256)
def _codec(declared: str | None) -> str | None:
    """Python's name of a declared charset, or None when it is unknown or no charset."""
    if not declared or len(declared) > 64 or not declared.isascii():
        return None
    label = declared.strip(" \t\r\n\"'<>;").lower()
    label = _MEANT.get(label, label)
    try:
        info = codecs.lookup(label)
    except (LookupError, ValueError):
        bare = label.removeprefix("x-").replace(" ", "")
        try:
            info = codecs.lookup(_MEANT.get(bare, bare))
        except (LookupError, ValueError):
            return None
    if not getattr(info, "_is_text_encoding", True) or info.name.replace("-", "_") in _NOT_CHARSETS:
        return None
    return _MEANT.get(info.name, info.name)


def _decoded_strictly(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeError, ValueError):
        return None


def _guess(data: bytes) -> str:
    """No charset declared: UTF-8 if valid, UTF-16 if it looks like it, else Windows-1252 (what such senders use)."""
    if len(data) >= 4 and len(data) % 2 == 0:
        evens, odds = data[::2].count(0), data[1::2].count(0)
        if max(evens, odds) > len(data) // 4 and min(evens, odds) == 0:
            return data.decode("utf-16-le" if odds else "utf-16-be", "replace")
    text = _decoded_strictly(data, "utf-8")
    return text if text is not None else data.decode("cp1252", "replace")


def _jis(data: bytes, text: str) -> str:
    """ISO-2022-JP is 7-bit, so mail in it is often declared ASCII; its escapes give it away."""
    if data.isascii() and _JIS_ESCAPE.search(data):
        return _decoded_strictly(data, "iso2022_jp_ext") or text
    return text
