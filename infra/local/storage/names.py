"""What buckets, objects, mime types and sizes may be called."""

from __future__ import annotations

import re
from typing import Any

from infra.local.storage.errors import (
    StorageError,
    invalid_bucket_name,
    invalid_key,
    invalid_mime_type,
    invalid_request,
    too_large,
)

MAX_KEY = 1024  # bytes, S3's limit
FOLDER_PLACEHOLDER = ".emptyFolderPlaceholder"

# The characters that S3 calls safe, and those it calls usable with care.
KEY = re.compile(r"[A-Za-z0-9_/!.*'() &$=@;:+,?-]+")
BUCKET = re.compile(r"[A-Za-z0-9_!.*'() &$=@;:+,?-]{1,100}")
ALLOWED_MIME = re.compile(r"[A-Za-z0-9+.-]+/([A-Za-z0-9+.-]+(;\s*charset=[A-Za-z0-9-]+)?|\*)")
MIME = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(\s*;[\x20-\x7e]*)?")
SIZE = re.compile(r"(\d+(?:\.\d+)?)(gb|mb|kb|b)", re.IGNORECASE)
UNITS = {"gb": 10**9, "mb": 10**6, "kb": 10**3, "b": 1}


def check_key(key: str) -> str:
    """An object's name: relative, without dot segments, in the characters above. Raises InvalidKey."""
    if not KEY.fullmatch(key) or len(key) > MAX_KEY or {".", ".."} & set(key.split("/")):
        raise invalid_key(key)
    return key


def check_bucket(name: Any) -> str:
    """A bucket's name. Raises InvalidBucketName."""
    if not isinstance(name, str) or not BUCKET.fullmatch(name) or name != name.strip() or name in {".", ".."}:
        raise invalid_bucket_name()
    if name.endswith("--iceberg"):  # kept for buckets of another kind
        raise invalid_bucket_name()
    return name


def check_mime(mime_type: str, allowed: list[str] | None, key: str) -> str:
    """A file's type: one that can stand in a header, and that the bucket takes. Raises InvalidMimeType."""
    if len(mime_type) > 255 or not MIME.fullmatch(mime_type):
        raise StorageError(415, "InvalidMimeType", "Invalid Content-Type header", "invalid_mime_type")
    if not allowed or key.endswith(FOLDER_PLACEHOLDER):
        return mime_type
    main, sub = mime_type.split("/", 1)
    for pattern in allowed:
        wanted_main, _, wanted_sub = pattern.partition("/")
        if main == wanted_main and wanted_sub in {"*", sub}:
            return mime_type
    raise invalid_mime_type(mime_type)


def check_header(name: str, value: str) -> str:
    """A value that will be sent back as a header: printable ASCII on one line."""
    if len(value) > 255 or not re.fullmatch(r"[\x20-\x7e]*", value):
        raise StorageError(400, "InvalidRequest", f"Invalid character in header {name}", "invalid_header_char")
    return value


def parse_allowed_mimes(value: Any) -> list[str] | None:
    """A bucket's allowed types, `image/png` or `image/*`; None allows all."""
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid_request("allowed_mime_types must be an array of strings")
    types = [item for item in value if item]
    for item in types:
        if len(item) > 1000 or not (item == "*" or ALLOWED_MIME.fullmatch(item)):
            raise invalid_mime_type(item)
    return types


def parse_size_limit(value: Any, most: int) -> int | None:
    """A bucket's limit in bytes, `most` at most, from bytes or text such as `20MB` (decimal units); None for none."""
    if value is None:
        return None
    if isinstance(value, str):
        match = SIZE.fullmatch(value.strip())
        if match is None and not (value.isascii() and value.isdigit()):
            raise invalid_request("Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B")
        value = int(float(match[1]) * UNITS[match[2].lower()]) if match else int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise invalid_request("file_size_limit must be a number of bytes")
    if value > most:
        raise too_large()
    return value


def size_limit(bucket_limit: int | None, key: str, most: int) -> int:
    """The most bytes an object called `key` may have, where no file may have more than `most`."""
    if key.endswith(FOLDER_PLACEHOLDER):
        return 0
    return most if bucket_limit is None else min(bucket_limit, most)
