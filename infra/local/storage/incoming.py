"""An upload as it arrives, raw or multipart/form-data, read as a stream and never held whole."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from infra.local.storage.errors import invalid_request, too_large
from infra.local.storage.robots import check_robots

MAX_FIELDS = 10
MAX_FIELD = 1024 * 1024  # bytes
BINARY = "application/octet-stream"


@dataclass(frozen=True)
class Incoming:
    """A file on its way. `length` is what the client says of the request's size, None where it says nothing."""

    mime_type: str
    cache_control: str
    user_metadata: dict[str, Any] | None
    length: int | None
    chunks: AsyncIterator[bytes]
    is_form: bool = False
    robots: str | None = None


async def read_upload(request: Request) -> Incoming:
    """Read as much of `request` as it takes to know the file's type; its bytes are left to be read from `chunks`."""
    content_type = request.headers.get("content-type", "")
    length, robots = declared_length(request), request.headers.get("x-robots-tag") or None
    if robots is not None:
        check_robots(robots)
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        form = _Form(request.stream(), options.get(b"boundary", b""))
        await form.find_file()
        cache_seconds = form.fields.get("cacheControl")
        return Incoming(
            mime_type=form.fields.get("contentType") or form.file_type or BINARY,
            cache_control=f"max-age={cache_seconds}" if cache_seconds else "no-cache",
            user_metadata=_metadata(form.fields.get("metadata") or form.fields.get("userMetadata")),
            length=length,
            chunks=form.file_chunks(),
            is_form=True,
            robots=robots,
        )
    return Incoming(
        mime_type=content_type or BINARY,
        cache_control=request.headers.get("cache-control", "no-cache"),
        user_metadata=header_metadata(request),
        length=length,
        chunks=request.stream(),
        robots=robots,
    )


def header_metadata(request: Request) -> dict[str, Any] | None:
    """The caller's own metadata from `x-metadata` (JSON in base64); what cannot be read is left out, as upstream."""
    header = request.headers.get("x-metadata")
    if header is None:
        return None
    try:
        return _metadata(b64decode(header, validate=False).decode())
    except ValueError:
        return None


def _metadata(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def declared_length(request: Request) -> int | None:
    """What the client says of the request's size, None where it says nothing."""
    header = request.headers.get("content-length", "")
    return int(header) if header.isascii() and header.isdigit() and len(header) < 16 else None


@dataclass
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    is_file: bool = False


class _Form:
    """A multipart/form-data body (RFC 7578). Fields before the first file are read; what follows it is passed over."""

    def __init__(self, stream: AsyncIterator[bytes], boundary: bytes) -> None:
        if not boundary:
            raise invalid_request("No content provided: the multipart body has no boundary")
        self.fields: dict[str, str] = {}
        self.file_type = ""
        self._stream = stream
        self._part = _Part()
        self._header = (bytearray(), bytearray())
        self._value = bytearray()
        self._file: deque[bytes] = deque()
        self._found = self._file_ended = self._ended = False
        callbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, cast("Any", callbacks))
        except FormParserError as error:
            raise invalid_request(f"No content provided: {error}") from None

    async def find_file(self) -> None:
        """Read up to the first file. Raises InvalidRequest where there is none."""
        while not self._found:
            if not await self._feed():
                raise invalid_request("No content provided")

    async def file_chunks(self) -> AsyncIterator[bytes]:
        """The first file's bytes. Raises InvalidRequest where the body ends before the form does."""
        while True:
            while self._file:
                yield self._file.popleft()
            if self._ended:
                return
            if not await self._feed():
                raise invalid_request("Unexpected end of the multipart body")

    async def _feed(self) -> bool:
        chunk = await anext(self._stream, None)
        if chunk is None:
            return False
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise invalid_request(f"The multipart body cannot be read: {error}") from None
        return True

    def _on_part_begin(self) -> None:
        self._part = _Part()

    def _on_header_end(self) -> None:
        name, value = self._header
        self._part.headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._part.headers.get(b"content-disposition", b""))
        self._part.name = options.get(b"name", b"").decode(errors="replace")
        self._part.is_file = b"filename" in options or self._part.name == ""
        if self._part.is_file and not self._found:
            self._found = True
            self.file_type = self._part.headers.get(b"content-type", b"").decode("latin-1")
        elif not self._found and len(self.fields) >= MAX_FIELDS:
            raise invalid_request(f"The form has more than {MAX_FIELDS} fields")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file and not self._file_ended:
            self._file.append(data[start:end])
        elif not self._found:
            self._value += data[start:end]
            if len(self._value) > MAX_FIELD:
                raise too_large("field")

    def _on_part_end(self) -> None:
        if self._part.is_file:
            self._file_ended = True
        elif not self._found:
            self.fields[self._part.name] = self._value.decode(errors="replace")
            self._value.clear()

    def _on_end(self) -> None:
        self._ended = True
