"""What a file is, is told by its octets: not by its name, nor by what its sender calls it."""

from __future__ import annotations

import io
import zipfile

import pytest
from chalicelib.files.allowed import takes
from chalicelib.files.sniff import UNKNOWN, sniff
from chalicelib.kit.storage import given_out_as
from hypothesis import given
from hypothesis import strategies as st

from tests.files.conftest import PNG


def package(**files: str) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return kept.getvalue()


OFFICE = "application/vnd.openxmlformats-officedocument."
FILES = {
    "png": (PNG, "image/png"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\0", "image/jpeg"),
    "webp": (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
    "mp4": (b"\0\0\0\x18ftypisom\0\0\0\0", "video/mp4"),
    "pdf": (b"%PDF-1.7\n", "application/pdf"),
    "docx": (package(**{"[Content_Types].xml": "", "word__document.xml": ""}), OFFICE + "wordprocessingml.document"),
    "xlsx": (package(**{"[Content_Types].xml": "", "xl__workbook.xml": ""}), OFFICE + "spreadsheetml.sheet"),
    "odt": (
        package(mimetype="application/vnd.oasis.opendocument.text", **{"content.xml": ""}),
        "application/vnd.oasis.opendocument.text",
    ),
    "doc": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512) + "WordDocument".encode("utf-16-le"),
        "application/msword",
    ),
    "msi": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "application/x-cfb"),
    "zip": (package(a="b"), "application/zip"),
    "jar": (package(**{"META-INF__MANIFEST.MF": ""}), "application/java-archive"),
    "broken zip": (b"PK\x03\x04 and no more", UNKNOWN),
    "exe": (b"MZ\x90\0\x03", "application/vnd.microsoft.portable-executable"),
    "elf": (b"\x7fELF\x02\x01", "application/x-elf"),
    "script": (b"#!/bin/sh\nrm -rf /\n", "text/x-script"),
    "text": ("Grüße aus Köln\n".encode(), "text/plain"),
    "latin text": ("Grüße".encode("latin-1"), "text/plain"),
    "utf-16 text": ("\ufeffHello".encode("utf-16-le"), "text/plain"),
    "csv": (b"a;b\n1;2\n", "text/plain"),
    "html": (b"<!DOCTYPE html><p>hi", "text/html"),
    "html after a comment": (b"<!-- x --> <html>", "text/html"),
    "html further down": (b"Hello\n\n<script>alert(1)</script>", "text/html"),
    "utf-16 html": ("\ufeff<script>".encode("utf-16-le"), "text/html"),
    "svg": (b'<?xml version="1.0"?><svg onload="x()">', "image/svg+xml"),
    "xml": (b'<?xml version="1.0"?><order/>', "application/xml"),
    "nothing known": (b"\x01\x02\x03\0\xff", UNKNOWN),
    "empty": (b"", "text/plain"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_known_by_its_content(name: str) -> None:
    content, kind = FILES[name]
    assert sniff(content) == kind


@given(st.binary(max_size=3000))
def test_no_octets_make_it_fail(data: bytes) -> None:
    assert "/" in sniff(data)


@pytest.mark.parametrize(
    "name", ["png", "jpeg", "pdf", "docx", "odt", "doc", "zip", "text", "csv", "html", "heic", "mp4"]
)
def test_what_a_desk_usually_needs_is_taken(name: str) -> None:
    assert takes(None, FILES[name][1])


@pytest.mark.parametrize("name", ["exe", "elf", "jar", "msi", "script", "nothing known", "broken zip"])
def test_programs_and_what_nobody_knows_are_not_taken(name: str) -> None:
    assert not takes(None, FILES[name][1])


def test_an_organization_says_what_it_takes() -> None:
    assert takes(["image/*", "application/pdf"], "image/png")
    assert takes(["application/octet-stream"], UNKNOWN)
    assert not takes(["image/*"], "application/pdf")
    assert not takes(["image/png"], "image/png2")


@pytest.mark.parametrize("name", ["html", "svg", "xml", "docx", "nothing known", "html further down"])
def test_what_a_browser_could_run_is_given_out_as_a_download(name: str) -> None:
    assert given_out_as(FILES[name][1]) == "application/octet-stream"
    assert given_out_as("image/png") == "image/png"
