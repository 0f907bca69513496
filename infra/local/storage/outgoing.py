"""An object as it is sent: headers from its row, bytes from its file, whole or the range that was asked for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import IO, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from infra.local.storage.blobs import PIECE, Blobs
from infra.local.storage.errors import BytesGoneError, StorageError

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
HEADER = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Types that a browser would run as a page of this origin if a link led to them.
ACTIVE = re.compile(r"svg|xml|html", re.IGNORECASE)


async def send_object(
    request: Request, blobs: Blobs, row: dict[str, Any], *, expires: datetime | None = None, head: bool = False
) -> Response:
    """The response for a stored object: 200, 206 for a range, 304 where the client has it (RFC 9110 §13, §14).

    Raises InvalidRange for a range past the end, BytesGoneError where the row's bytes have been replaced since.
    """
    headers = object_headers(row, expires)
    if "download" in request.query_params:
        headers["Content-Disposition"] = disposition(request.query_params["download"])
    if _is_fresh(request, headers):
        return Response(status_code=304, headers={k: v for k, v in headers.items() if not k.startswith("Content-")})
    if head:
        return Response(headers=headers | {"Content-Length": str(_size(row))})
    if "if-none-match" in request.headers and "Cache-Control" in headers:
        headers["Cache-Control"] += ", stale-while-revalidate=30"  # for caches, while they fetch the new one
    file = await run_in_threadpool(blobs.open, row["version"] or "")
    if file is None:
        raise BytesGoneError
    size = file.seek(0, 2)
    try:
        span = _span(request, headers, size)
    except StorageError:
        file.close()
        raise
    if span is None:
        return StreamingResponse(_read(file, 0, size), headers=headers | {"Content-Length": str(size)})
    start, end = span
    headers |= {"Content-Range": f"bytes {start}-{end}/{size}", "Content-Length": str(end - start + 1)}
    return StreamingResponse(_read(file, start, end - start + 1), 206, headers)


def object_headers(
    row: dict[str, Any], expires: datetime | None = None, mime_type: str | None = None
) -> dict[str, str]:
    """Type, ETag, dates and caching of an object, from its row; of what was made of it where `mime_type` is given."""
    metadata = row["metadata"] or {}
    mime_type = mime_type or str(metadata.get("mimetype") or "application/octet-stream")
    if "text/html" in mime_type:  # the platform never serves a stranger's page
        mime_type = "text/plain"
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": mime_type,
        "ETag": str(metadata.get("eTag") or ""),
        "Last-Modified": _http_date(_modified(row)),
        "X-Robots-Tag": str(metadata.get("xRobotsTag") or "none"),
        "X-Content-Type-Options": "nosniff",
    }
    if ACTIVE.search(mime_type):
        headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    if expires is not None:
        headers["Expires"] = _http_date(expires)
    elif metadata.get("cacheControl"):
        headers["Cache-Control"] = str(metadata["cacheControl"])
    for name, value in headers.items():
        if not HEADER.fullmatch(value):  # the row may have been written by hand
            message = f'Invalid character in response header "{name}": {value[:50]}'
            raise StorageError(400, "InvalidRequest", message, "invalid_header_char")
    return headers


def _size(row: dict[str, Any]) -> int:
    size = (row["metadata"] or {}).get("size")
    return size if isinstance(size, int) else 0


def _modified(row: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat((row["metadata"] or {})["lastModified"])
    except (KeyError, TypeError, ValueError):
        changed: datetime = row["updated_at"]
        return changed


def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def disposition(filename: str) -> str:
    """Content-Disposition for `?download=filename`; an empty one keeps the object's own name."""
    if not filename:
        return "attachment;"
    name = quote(filename, safe="!'()*")  # encodeURIComponent's alphabet
    return f"attachment; filename={name}; filename*=UTF-8''{name}"


def _is_fresh(request: Request, headers: dict[str, str]) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
        return known.strip() == "*" or headers["ETag"] in tags
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return parsedate_to_datetime(headers["Last-Modified"]) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def _span(request: Request, headers: dict[str, str], size: int) -> tuple[int, int] | None:
    """First and last byte asked for. None for the whole: no range, several ranges, or one that cannot be read."""
    match = RANGE.fullmatch(request.headers.get("range", "").strip().lower())
    condition = request.headers.get("if-range")
    if match is None or match[0] == "bytes=-" or (condition is not None and condition != headers["ETag"]):
        return None
    first, last = match[1], match[2]
    if not first:  # the last so many bytes
        start, end = max(size - int(last), 0), size - 1
        satisfiable = int(last) > 0 and size > 0
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < int(first):
            return None
        satisfiable = start < size
    if not satisfiable:
        raise StorageError(416, "InvalidRange", "The requested range is not satisfiable", "invalid_range")
    return start, end


async def _read(file: IO[bytes], start: int, count: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        while count > 0:
            piece = await run_in_threadpool(file.read, min(PIECE, count))
            if not piece:
                return
            count -= len(piece)
            yield piece
