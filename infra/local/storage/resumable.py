"""Uploads that arrive in parts: a state and the bytes so far, on disk, so that they outlive the process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool

from infra.local.storage.blobs import PIECE
from infra.local.storage.errors import StorageError

EXPIRY_SECONDS = 24 * 60 * 60  # as on the hosted platform
LOCK_SECONDS = 5.0  # that a request waits for another of the same upload
DRAIN_SECONDS = 3.0  # that a request may go on once another waits for it
VERSION = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass
class Upload:
    """One upload. `size` is None as long as the client has not said it; `metadata` is the client's, decoded."""

    bucket: str
    key: str
    size: int | None
    metadata: dict[str, str | None]
    version: str = field(default_factory=lambda: str(uuid4()))
    created: float = field(default_factory=time.time)
    finished: bool = False

    @property
    def expires(self) -> float:
        return self.created + EXPIRY_SECONDS

    @property
    def user_metadata(self) -> dict[str, Any] | None:
        """What the client wants kept with the object; None where it is no JSON object."""
        try:
            value = json.loads(self.metadata.get("metadata") or "null")
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


class _Lock:
    """One request at a time works on an upload; the one that waits asks the other to end."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.wanted = asyncio.Event()
        self.users = 0


class Resumable:
    """Uploads under `folder`: VERSION.json and VERSION.bytes of each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: dict[str, _Lock] = {}

    def prepare(self) -> None:
        """Make the folder, and remove uploads whose time is over and bytes without a state. Only while none runs."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._expire()
        for file in self._folder.iterdir():
            if file.suffix != ".json" and not (file.suffix == ".bytes" and file.with_suffix(".json").exists()):
                file.unlink(missing_ok=True)

    def create(self, upload: Upload) -> None:
        self._expire()
        self.save(upload)
        self.bytes_of(upload).touch()

    def save(self, upload: Upload) -> None:
        """Write the state: whole, or not at all."""
        draft = self._folder / f"{upload.version}.draft"
        draft.write_text(json.dumps(asdict(upload)))
        draft.rename(self._folder / f"{upload.version}.json")

    def find(self, bucket: str, key: str, version: str) -> Upload | None:
        """The upload with that address, or None. `version` comes from the network and is part of a path: checked."""
        upload = self._read(version) if VERSION.fullmatch(version) else None
        return upload if upload is not None and (upload.bucket, upload.key) == (bucket, key) else None

    def offset(self, upload: Upload) -> int | None:
        """How many bytes have arrived; None where they are no longer there."""
        if upload.finished:
            return upload.size
        try:
            return self.bytes_of(upload).stat().st_size
        except FileNotFoundError:
            return None

    def bytes_of(self, upload: Upload) -> Path:
        return self._folder / f"{upload.version}.bytes"

    def remove(self, version: str) -> None:
        (self._folder / f"{version}.bytes").unlink(missing_ok=True)
        (self._folder / f"{version}.json").unlink(missing_ok=True)

    async def append(self, upload: Upload, chunks: AsyncIterator[bytes], most: int) -> bool:
        """Add a stream's bytes. False where it was longer than `most`; what came before that stays, as after a break.

        Raises whatever the stream raises, and StorageError where another request waited too long for this one.
        """
        wanted = self._locks[upload.version].wanted
        waiting, taken, fits = bytearray(), 0, True
        with self.bytes_of(upload).open("ab") as file:
            try:
                async with aclosing(_until_wanted(chunks, wanted)) as coming:
                    async for chunk in coming:
                        taken += len(chunk)
                        fits = taken <= most
                        if not fits:
                            break
                        waiting += chunk
                        if len(waiting) >= PIECE:
                            await run_in_threadpool(file.write, bytes(waiting))
                            waiting.clear()
            except BaseException:
                file.write(waiting)  # at once: a cancelled task may not wait
                raise
            await run_in_threadpool(_write_through, file, bytes(waiting))
        return fits

    @asynccontextmanager
    async def locked(self, version: str) -> AsyncIterator[None]:
        """Work on an upload alone. Raises LockTimeout where another request does not end in time."""
        held = self._locks.setdefault(version, _Lock())
        held.users += 1
        try:
            if held.lock.locked():
                held.wanted.set()
            try:
                await asyncio.wait_for(held.lock.acquire(), LOCK_SECONDS)
            except TimeoutError:
                raise StorageError(503, "LockTimeout", "acquiring lock timeout", "acquiring_lock_timeout") from None
            held.wanted.clear()
            try:
                yield
            finally:
                held.lock.release()
        finally:
            held.users -= 1
            if not held.users:
                self._locks.pop(version, None)

    def _expire(self) -> None:
        for state in self._folder.glob("*.json"):
            upload = self._read(state.stem)
            if upload is None or upload.expires < time.time():
                self.remove(state.stem)

    def _read(self, version: str) -> Upload | None:
        try:
            return Upload(**json.loads((self._folder / f"{version}.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None


def _write_through(file: IO[bytes], rest: bytes) -> None:
    file.write(rest)
    file.flush()
    os.fsync(file.fileno())


async def _until_wanted(chunks: AsyncIterator[bytes], wanted: asyncio.Event) -> AsyncGenerator[bytes]:
    """The stream, until DRAIN_SECONDS after `wanted`."""
    ended = asyncio.ensure_future(_drained(wanted))
    tasks: set[asyncio.Future[Any]] = {ended}
    try:
        while True:
            tasks.add(coming := asyncio.ensure_future(anext(chunks, None)))
            done, _ = await asyncio.wait({coming, ended}, return_when=asyncio.FIRST_COMPLETED)
            if coming not in done:
                raise StorageError(400, "TusError", "Request aborted due to lock acquired")
            tasks.discard(coming)
            chunk = coming.result()
            if chunk is None:
                return
            yield chunk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _drained(wanted: asyncio.Event) -> None:
    await wanted.wait()
    await asyncio.sleep(DRAIN_SECONDS)
