"""What a file is by its content. Its name and what its sender calls it are not asked.

Signatures are those of the formats' own specifications; text is what decodes as text and holds no NUL.
"""

from __future__ import annotations

import io
import re
import zipfile

UNKNOWN = "application/octet-stream"
# How much of a text is looked at.
TEXT_BYTES = 65536

# The first octets, and the type.
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    (b"#!", "text/x-script"),
)
# In RIFF and in the ISO base media format, the type stands behind the length.
RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
BRANDS = {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"avif": "image/avif",
          b"M4A ": "audio/mp4", b"qt  ": "video/quicktime"}  # fmt: skip
# Streams of a compound file (MS-CFB) by which the programs know their own, as its directory spells them.
COMPOUND = (
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
)
OFFICE = "application/vnd.openxmlformats-officedocument."
PACKAGES = (
    ("word/", OFFICE + "wordprocessingml.document"),
    ("xl/", OFFICE + "spreadsheetml.sheet"),
    ("ppt/", OFFICE + "presentationml.presentation"),
)
PROGRAMS = {
    "META-INF/MANIFEST.MF": "application/java-archive",
    "AndroidManifest.xml": "application/vnd.android.package-archive",
}
MARKUP = re.compile(
    rb"\s*(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(?P<what>!doctype\s+html|html|svg|!doctype\s+svg|[a-z])",
    re.IGNORECASE | re.DOTALL,
)
# What a browser may do as a page, wherever it stands in the first of it.
ACTIVE = re.compile(rb"<(?:script|html|head|body|iframe|object|embed|svg)[\s>/]", re.IGNORECASE)


def sniff(data: bytes) -> str:
    """The type of a file by its octets."""
    if data[:4] == b"PK\x03\x04" or data[:4] == b"PK\x05\x06":
        return _package(data)
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return next((kind for name, kind in COMPOUND if name.encode("utf-16-le") in data), "application/x-cfb")
    if data[:4] == b"RIFF":
        return RIFF.get(data[8:12], UNKNOWN)
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:12], "video/mp4")
    for start, kind in SIGNATURES:
        if data.startswith(start):
            return kind
    if data[:2] == b"BM" and int.from_bytes(data[2:6], "little") == len(data):
        return "image/bmp"
    return _text(data)


def _package(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if names[:1] == ["mimetype"] and archive.getinfo("mimetype").file_size < 200:
                declared = archive.read("mimetype").decode("ascii", "replace")
                if declared.startswith("application/vnd.oasis.opendocument.") or declared == "application/epub+zip":
                    return declared
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError):
        return UNKNOWN
    for name, kind in PROGRAMS.items():
        if name in names:
            return kind
    if "[Content_Types].xml" in names:
        return next((kind for folder, kind in PACKAGES if any(n.startswith(folder) for n in names)), "application/zip")
    return "application/zip"


def _text(data: bytes) -> str:
    head = data[:TEXT_BYTES]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            head = head[: len(head) // 2 * 2].decode("utf-16").encode()
        except UnicodeDecodeError:
            return UNKNOWN
    if b"\0" in head or any(octet < 9 or 13 < octet < 27 for octet in head):
        return UNKNOWN
    match = MARKUP.match(head)
    if match or ACTIVE.search(head):
        what = match["what"].lower() if match else b""
        if b"svg" in what:
            return "image/svg+xml"
        return "text/html" if not head.lstrip().startswith(b"<?xml") or ACTIVE.search(head) else "application/xml"
    return "text/plain"
