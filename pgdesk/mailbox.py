"""A folder of messages, or an mbox file, as single raw mails: whatever is in it, nothing is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_FROM_LINE = re.compile(rb"^From [^\r\n]+\r?\n(?=[!-9;-~]+[ \t]*:|>From )", re.MULTILINE)
_ESCAPED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


def read_messages(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and raw bytes of every message below `path`, in order of name.

    A file that holds several messages (mbox) gives one each, named `file#1`, `file#2` …; any other file is one message,
    whatever its ending or content. Hidden files and a Maildir's `tmp` (deliveries under way) are no messages. Raises
    FileNotFoundError where there is nothing at `path`.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no mailbox at {path}")
    if path.is_file():
        yield from _of_file(path, path.name)
        return
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path)
        hidden = any(part.startswith(".") for part in inside.parts)
        under_way = file.parent.name == "tmp" and (file.parent.parent / "cur").is_dir()
        if file.is_file() and not hidden and not under_way:
            yield from _of_file(file, inside.as_posix())


def _of_file(file: Path, name: str) -> Iterator[tuple[str, bytes]]:
    raw = file.read_bytes()
    messages = split_mbox(raw)
    if len(messages) <= 1:
        yield name, raw
        return
    for number, message in enumerate(messages, 1):
        yield f"{name}#{number}", message


def split_mbox(raw: bytes) -> list[bytes]:
    """The messages of an mbox (RFC 4155), without their `From ` lines and with `>From ` unescaped; empty where `raw`
    is no mbox.

    A `From ` line begins a message where it is first or follows a blank line, and a header line follows it: so a
    sentence that begins with "From" does not cut a message in two.
    """
    if not raw.startswith(b"From "):
        return []
    starts = [
        line
        for line in _FROM_LINE.finditer(raw)
        if line.start() == 0 or raw[: line.start()].endswith((b"\n\n", b"\r\n\r\n"))
    ]
    ends = [line.start() for line in starts[1:]] + [len(raw)]
    return [
        _ESCAPED_FROM.sub(rb"\1", raw[line.end() : end]).rstrip(b"\r\n") + b"\n"
        for line, end in zip(starts, ends, strict=True)
    ]
