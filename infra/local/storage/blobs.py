"""The bytes of objects on disk, found by what they are: sha256. A name is never part of a path."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from starlette.concurrency import run_in_threadpool

from infra.local.storage.errors import too_large

ADDRESS = re.compile(r"[0-9a-f]{64}")
PIECE = 256 * 1024  # bytes held before they are written or sent


@dataclass(frozen=True)
class Blob:
    """Bytes received and lying in a temporary file. `address` is their sha256, `md5` what S3 uses as the ETag."""

    temporary: Path
    address: str
    md5: str
    size: int


class Blobs:
    """Files under `folder`. Writing is in two steps: `receive` what may yet be refused, then `place` what is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"

    def prepare(self) -> None:
        """Make the folders, and remove what uploads that were cut off left behind."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for file in self._incoming.iterdir():
            file.unlink(missing_ok=True)

    async def receive(self, chunks: AsyncIterator[bytes], limit: int) -> Blob:
        """Write a stream to a temporary file. Raises EntityTooLarge once it is longer than `limit` bytes."""
        descriptor, name = await run_in_threadpool(tempfile.mkstemp, dir=self._incoming)
        path = Path(name)
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        waiting = bytearray()

        def write(piece: bytes) -> None:
            sha256.update(piece)
            md5.update(piece)
            file.write(piece)

        def finish() -> None:
            write(bytes(waiting))
            file.flush()
            os.fsync(file.fileno())

        try:
            with os.fdopen(descriptor, "wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise too_large()
                    waiting += chunk
                    if len(waiting) >= PIECE:
                        await run_in_threadpool(write, bytes(waiting))
                        waiting.clear()
                await run_in_threadpool(finish)
        except BaseException:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - a cancelled task may not wait
            raise
        return Blob(path, sha256.hexdigest(), md5.hexdigest(), size)

    def weigh(self, file: Path) -> Blob:
        """Bytes that were received elsewhere on this disk."""
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        with file.open("rb") as stream:
            while piece := stream.read(PIECE):
                sha256.update(piece)
                md5.update(piece)
                size += len(piece)
        return Blob(file, sha256.hexdigest(), md5.hexdigest(), size)

    def place(self, blob: Blob) -> None:
        """Put received bytes where `open` finds them: whole, or not at all."""
        target = self._path(blob.address)
        target.parent.mkdir(exist_ok=True)
        blob.temporary.rename(target)

    def discard(self, blob: Blob) -> None:
        """Remove received bytes that were not placed."""
        blob.temporary.unlink(missing_ok=True)

    def open(self, address: str) -> IO[bytes] | None:
        """The bytes at `address`, or None where there are none."""
        try:
            return self._path(address).open("rb")
        except FileNotFoundError:
            return None

    def exists(self, address: str) -> bool:
        return self._path(address).exists()

    def remove(self, address: str) -> None:
        self._path(address).unlink(missing_ok=True)

    def addresses(self) -> Iterator[str]:
        """Every address that has bytes."""
        for file in self._folder.glob("??/*"):
            if ADDRESS.fullmatch(file.name):
                yield file.name

    def _path(self, address: str) -> Path:
        # The address comes from a row; a row that somebody wrote by hand must not name another file.
        if not ADDRESS.fullmatch(address):
            return self._folder / "none" / "none"
        return self._folder / address[:2] / address
