"""Headers and addresses of TUS 1.0.0 (tus.io/protocols/resumable-upload), read as the platform reads them."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping

from infra.local.storage.errors import StorageError
from infra.local.storage.names import check_bucket, check_key

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,expiration"
CONTENT_TYPE = "application/offset+octet-stream"
NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
PAIR = re.compile(r"([\x21-\x2b\x2d-\x7f]+)(?: ([A-Za-z0-9+/]*={0,2}))?")


def tus_error(status: int, message: str) -> StorageError:
    return StorageError(status, "TusError", message)


def check_headers(headers: Mapping[str, str], method: str) -> None:
    """Raises TusError for a missing version of the protocol, and for every header that is not in its form."""
    if "tus-resumable" not in headers:
        raise tus_error(412, "Tus-Resumable Required\n")
    rules: dict[str, Callable[[str], object]] = {
        "upload-offset": NUMBER.fullmatch,
        "upload-length": NUMBER.fullmatch,
        "upload-defer-length": lambda value: value == "1",
        "upload-metadata": lambda value: parse_metadata(value) is not None,
        "tus-resumable": lambda value: value == VERSION,
        "upload-concat": lambda value: value == "partial" or value.startswith("final;"),
    }
    if method == "PATCH":
        rules["content-type"] = lambda value: value == CONTENT_TYPE
    wrong = [name for name, rule in rules.items() if name in headers and not rule(headers[name])]
    if wrong:
        raise tus_error(400, f"Invalid {' '.join(wrong)}\n")


def parse_metadata(header: str) -> dict[str, str | None] | None:
    """Upload-Metadata: `key base64, key base64`, a key without value is None. None where it is not in that form."""
    metadata: dict[str, str | None] = {}
    for pair in header.split(","):
        match = PAIR.fullmatch(pair)
        if match is None or match[1] in metadata or len(match[2] or "") % 4:
            return None
        metadata[match[1]] = b64decode(match[2]).decode(errors="replace") if match[2] else None
    return metadata


def format_metadata(metadata: Mapping[str, str | None]) -> str:
    return ",".join(
        key if value is None else f"{key} {b64encode(value.encode()).decode()}" for key, value in metadata.items()
    )


def upload_id(bucket: str, key: str, version: str) -> str:
    """The last segment of an upload's address."""
    return urlsafe_b64encode(f"{bucket}/{key}/{version}".encode()).decode().rstrip("=")


def parse_upload_id(text: str) -> tuple[str, str, str]:
    """Bucket, key and version of an upload's address. Raises StorageError where it is none."""
    text = text.rstrip("/").rpartition("/")[2]
    try:
        decoded = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)).decode()
    except ValueError:
        raise StorageError(400, "InvalidUploadId", "Invalid upload id") from None
    bucket, _, rest = decoded.partition("/")
    key, _, version = rest.rpartition("/")
    if not rest or not version:
        raise StorageError(400, "InvalidUploadId", "Invalid upload id")
    return check_bucket(bucket), check_key(key), version
