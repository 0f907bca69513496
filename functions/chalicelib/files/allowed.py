"""Which types an organization takes."""

from __future__ import annotations

from collections.abc import Sequence

# What a desk usually needs. No programs and no scripts; pages and drawings that could run as one are given out as
# downloads only.
USUAL = (
    "image/*", "audio/*", "video/*", "text/plain", "text/html", "application/xml", "application/pdf", "application/rtf",
    "application/zip", "application/gzip", "application/x-bzip2", "application/x-xz", "application/x-7z-compressed",
    "application/vnd.rar", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
    "application/vnd.ms-outlook", "application/vnd.openxmlformats-officedocument.*",
    "application/vnd.oasis.opendocument.*", "application/epub+zip",
)  # fmt: skip


def takes(types: Sequence[str] | None, kind: str) -> bool:
    """Is a file of this type taken? `types` as `image/png` or `image/*`; None: the usual ones."""
    return any(
        kind.startswith(each[:-1]) if each.endswith("*") else kind == each
        for each in (USUAL if types is None else types)
    )
