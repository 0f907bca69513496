"""Folders of messages and mbox files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgdesk.mailbox import read_messages

MBOX = (
    b"From ann@x.test Mon Mar  2 10:00:00 2026\nFrom: ann@x.test\nSubject: 1\n\nHello\n\n>From here on\n"
    b"From there it goes\n\nFrom now on: no.\n\nFrom bob@x.test Mon Mar  2 10:00:00 2026\nFrom: bob@x.test\n\nHi\n"
)


def test_an_mbox_gives_every_message_whole(tmp_path: Path) -> None:
    file = tmp_path / "inbox"
    file.write_bytes(MBOX)
    messages = dict(read_messages(file))
    assert list(messages) == ["inbox#1", "inbox#2"]
    assert messages["inbox#1"].endswith(b"From here on\nFrom there it goes\n\nFrom now on: no.\n")
    assert messages["inbox#2"] == b"From: bob@x.test\n\nHi\n"


def test_a_folder_gives_every_file_whatever_it_is(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name, raw in {
        "a.eml": b"From: a@x.test\n\nx",
        "b.box": MBOX,
        "sub/c.txt": b"",
        "d": b"\xff",
        ".git": b"no",
    }.items():
        (tmp_path / name).write_bytes(raw)
    assert [name for name, _ in read_messages(tmp_path)] == ["a.eml", "b.box#1", "b.box#2", "d", "sub/c.txt"]


def test_a_single_message_with_a_from_line_is_kept_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "one.eml"
    file.write_bytes(b"From ann Mon Mar  2 10:00:00 2026\nFrom: a@x.test\n\nx")
    assert dict(read_messages(file)) == {"one.eml": file.read_bytes()}


def test_a_missing_mailbox_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no mailbox"):
        list(read_messages(tmp_path / "none"))
