"""Small pictures: upright, without what the camera wrote, and never at the price of the function's memory."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from chalicelib.files.thumbnail import SIDE, thumbnail
from PIL import Image

from tests.files.conftest import PNG


def picture(size: tuple[int, int], form: str = "JPEG", orientation: int | None = None) -> bytes:
    kept = io.BytesIO()
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
        exif[0x010E] = "taken at home"
    Image.new("RGB", size, "red").save(kept, form, exif=exif)
    return kept.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_an_image_becomes_a_small_one_of_the_same_shape(form: str) -> None:
    made = thumbnail(picture((1600, 800), form))
    assert made
    with Image.open(io.BytesIO(made)) as small:
        assert (small.format, small.size) == ("WEBP", (SIDE, SIDE // 2))


def test_it_stands_upright_and_says_nothing_of_the_camera() -> None:
    made = thumbnail(picture((1600, 800), orientation=6))
    assert made
    with Image.open(io.BytesIO(made)) as small:
        assert small.size == (SIDE // 2, SIDE)
        assert not small.getexif()
    assert b"taken at home" not in made


def test_a_small_image_is_not_made_larger() -> None:
    made = thumbnail(PNG)
    assert made
    with Image.open(io.BytesIO(made)) as small:
        assert small.size == (1, 1)


def bomb() -> bytes:
    """A PNG that says it is 60,000 pixels a side."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack("!I", len(content)) + kind + content + struct.pack("!I", zlib.crc32(kind + content))

    head = struct.pack("!IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return PNG[:8] + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("data", [bomb(), PNG[:40], b"", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_too_large_broken_or_no_picture_has_none(data: bytes) -> None:
    assert thumbnail(data) is None
