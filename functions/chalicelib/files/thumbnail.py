"""A small picture of an image, without what cameras write into it (place, owner)."""

from __future__ import annotations

import io
import warnings

SIDE = 320  # pixels
# Decoded, four octets each: what a function's memory has room for beside the file.
MAX_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
TYPE = "image/webp"


def thumbnail(data: bytes) -> bytes | None:
    """WebP of at most SIDE pixels a side. None: not an image that can be read, or too large to be."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    return None
                image.draft("RGB", (SIDE * 2, SIDE * 2))
                upright = ImageOps.exif_transpose(image)
                upright.thumbnail((SIDE, SIDE))
                small = upright.convert("RGBA" if upright.mode in ("RGBA", "LA", "P", "PA") else "RGB")
                kept = io.BytesIO()
                small.save(kept, "WEBP", quality=80)
                return kept.getvalue()
    except Exception:
        return None
