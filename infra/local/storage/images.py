"""Images resized and re-encoded with Pillow, by the rules of imgproxy, which the platform uses."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any

from PIL import Image, ImageOps

from infra.local.storage.errors import StorageError, invalid_parameter, malformed

MAX_SIDE = 2000  # pixels of the result
MAX_PIXELS = 50_000_000  # of the source, as on the hosted platform
MAX_BYTES = 25 * 1024 * 1024  # of the source's file, as there
DEFAULT_QUALITY = 80
ORIENTATION = 0x0112  # EXIF's tag; from 5 on the image lies on its side
READABLE = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")  # first frame only
RESIZES = {"cover": "fill", "contain": "fit", "fill": "force"}  # the API's name → imgproxy's
FORMATS = ("origin", "avif", "webp")
GRAVITIES = ("no", "so", "ea", "we", "noea", "nowe", "soea", "sowe", "ce", "sm", "fp")

# What is refused is decided here, by the size in the file's header and before any of it is unpacked.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Transformation:
    """What a request wants of an image; None leaves a thing as it is."""

    width: int | None = None
    height: int | None = None
    resize: str | None = None
    quality: int | None = None
    format: str | None = None
    gravity: str | None = None
    x_offset: float | None = None
    y_offset: float | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str) -> Transformation:
        """Numbers may be text. Raises InvalidRequest naming the value, `where` being its place in the request."""
        made = cls(
            width=_whole(values, "width", where, 0),
            height=_whole(values, "height", where, 0),
            resize=_one_of(values, "resize", where, tuple(RESIZES)),
            quality=_whole(values, "quality", where, 20, 100),
            format=_one_of(values, "format", where, FORMATS),
            gravity=_one_of(values, "gravity", where, GRAVITIES),
            x_offset=_number(values, "x_offset", where),
            y_offset=_number(values, "y_offset", where),
        )
        if made.gravity == "fp" and not all(0 <= at <= 1 for at in made._focus()):
            raise invalid_parameter("Focal point requires x and y coordinates within 0-1 range")
        return made

    def steps(self, *, signed: bool = False) -> list[str]:
        """As imgproxy's options, or as a signed URL keeps them."""
        steps = []
        if self.height:
            steps.append(f"height:{min(self.height, MAX_SIDE)}")
        if self.width:
            steps.append(f"width:{min(self.width, MAX_SIDE)}")
        if self.width or self.height:
            kind = RESIZES[self.resize or "cover"]
            steps.append(f"resize:{self.resize or 'cover'}" if signed else f"resizing_type:{kind}")
        if self.quality:
            steps.append(f"quality:{self.quality}")
        if self.format and self.format != "origin":
            steps.append(f"format:{self.format}")
        if self.gravity == "sm" or (self.gravity and self.x_offset is None and self.y_offset is None):
            steps.append(f"gravity:{self.gravity}")
        elif self.gravity:
            steps.append(f"gravity:{self.gravity}:{_plain(self.x_offset)}:{_plain(self.y_offset)}")
        return steps

    @classmethod
    def from_signed(cls, text: str) -> Transformation:
        """What steps(signed=True) wrote."""
        values: dict[str, Any] = {}
        for name, value, *offsets in (step.split(":") for step in text.split(",") if ":" in step):
            values[name] = value
            values |= dict(zip(("x_offset", "y_offset"), offsets, strict=False))
        return cls.parse(values, "querystring")

    def scale(self, width: int, height: int) -> tuple[int, int]:
        """The size that an image is brought to before it is cropped. Nothing is enlarged."""
        wanted_width, wanted_height = self._wanted()
        by_width = width / wanted_width if wanted_width else 1.0
        by_height = height / wanted_height if wanted_height else 1.0
        kind = RESIZES[self.resize or "cover"]
        if kind != "force":
            if not wanted_width:
                by_width = by_height
            elif not wanted_height:
                by_height = by_width
            by_width = by_height = min(by_width, by_height) if kind == "fill" else max(by_width, by_height)
        least = min(by_width, by_height, 1.0)
        return max(round(width / by_width * least), 1), max(round(height / by_height * least), 1)

    def crop(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The part of a scaled image that is kept: left, top, right, bottom."""
        wanted_width, wanted_height = self._wanted()
        inner_width = min(wanted_width or width, width)
        inner_height = min(wanted_height or height, height)
        left = self._place("we", "ea", 0, width, inner_width)
        top = self._place("no", "so", 1, height, inner_height)
        return left, top, left + inner_width, top + inner_height

    def _place(self, near: str, far: str, axis: int, outer: int, inner: int) -> int:
        gravity, focus = self.gravity or "ce", self._focus()[axis]
        shift = round(focus if abs(focus) >= 1 else focus * outer)
        if gravity == "fp":
            start = round(focus * outer) - inner // 2
        elif near in gravity:
            start = shift
        elif far in gravity:
            start = outer - inner - shift
        else:
            start = (outer - inner + 1) // 2 + (0 if gravity == "sm" else shift)
        return min(max(start, 0), outer - inner)

    def _focus(self) -> tuple[float, float]:
        return self.x_offset or 0.0, self.y_offset or 0.0

    def _wanted(self) -> tuple[int, int]:
        return min(self.width or 0, MAX_SIDE), min(self.height or 0, MAX_SIDE)


# A vector image stays as it is: the caller sends it so that no script in it can run.
SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*+<svg[\s>]", re.DOTALL
)  # possessive: no text makes it try again and again
SVG_TYPE = "image/svg+xml"


def render(file: IO[bytes], wanted: Transformation, *, webp_accepted: bool) -> tuple[bytes, str]:
    """The image in `file` as wanted, and its type. Raises StorageError for what is no image, or too large a one."""
    if file.seek(0, 2) > MAX_BYTES:
        raise _refused("The source image file is too large to process")
    file.seek(0)
    beginning = file.read(1000)
    file.seek(0)
    if wanted.format in {None, "origin"} and SVG.match(beginning):
        return file.read(), SVG_TYPE
    try:
        with Image.open(file, formats=READABLE) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _refused("The source image resolution is too large to process")
            return _encode(_resize(image, wanted), image.format or "PNG", wanted, webp_accepted)
    except (OSError, ValueError, SyntaxError, ArithmeticError, EOFError, MemoryError, Image.DecompressionBombError):
        # Pillow's decoders raise any of these for a file that is broken or was made to hurt.
        raise _refused("The source image is invalid or unsupported for rendering") from None


def _resize(image: Image.Image, wanted: Transformation) -> Image.Image:
    lying = image.getexif().get(ORIENTATION, 1) >= 5
    size = wanted.scale(*(reversed(image.size) if lying else image.size))
    image.draft(None, (max(size), max(size)))  # a JPEG is unpacked no larger than it has to be
    turned = ImageOps.exif_transpose(image)
    if turned.mode in {"P", "PA", "1"}:
        turned = turned.convert("RGBA" if "transparency" in turned.info or turned.mode == "PA" else "RGB")
    if size != turned.size:
        turned = turned.resize(size, Image.Resampling.LANCZOS)
    return turned.crop(wanted.crop(*size)) if RESIZES[wanted.resize or "cover"] == "fill" else turned


def _encode(image: Image.Image, source: str, wanted: Transformation, webp_accepted: bool) -> tuple[bytes, str]:
    """Metadata is left out, except the color profile, without which colors would change."""
    kind = "JPEG" if source == "MPO" else source
    if wanted.format in {"webp", "avif"}:
        kind = wanted.format.upper()
    elif wanted.format is None and webp_accepted:
        kind = "WEBP"
    if kind == "JPEG" and image.mode not in {"RGB", "L", "CMYK"}:
        image = image.convert("RGB")
    elif kind in {"WEBP", "AVIF"} and image.mode not in {"RGB", "RGBA"}:
        image = image.convert("RGBA" if "A" in image.mode else "RGB")
    out = BytesIO()
    options: dict[str, Any] = {"quality": wanted.quality or DEFAULT_QUALITY} if kind in {"JPEG", "WEBP", "AVIF"} else {}
    if kind != "GIF" and kind != "BMP":
        options["icc_profile"] = image.info.get("icc_profile")
    image.save(out, kind, **options)
    return out.getvalue(), Image.MIME[kind]


def _refused(message: str) -> StorageError:
    return StorageError(400, "InvalidRequest", message)


def _number(values: Mapping[str, Any], name: str, where: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    try:
        number = float(value) if not isinstance(value, bool) and len(str(value)) < 32 else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise malformed(f"{where}/{name} must be number")
    return number


def _whole(values: Mapping[str, Any], name: str, where: str, least: int, most: int | None = None) -> int | None:
    number = _number(values, name, where)
    if number is None:
        return None
    if number != int(number):
        raise malformed(f"{where}/{name} must be integer")
    if number < least:
        raise malformed(f"{where}/{name} must be >= {least}")
    if most is not None and number > most:
        raise malformed(f"{where}/{name} must be <= {most}")
    return int(number)


def _one_of(values: Mapping[str, Any], name: str, where: str, allowed: tuple[str, ...]) -> str | None:
    value = values.get(name)
    if value is not None and value not in allowed:
        raise malformed(f"{where}/{name} must be equal to one of the allowed values")
    return value


def _plain(number: float | None) -> str:
    return f"{number or 0:g}"
