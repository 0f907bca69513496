"""What Storage does with objects. PostgreSQL is asked for each permission, as the caller, before any effect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from infra.local.storage import names, rows
from infra.local.storage.blobs import Blob, Blobs
from infra.local.storage.callers import Caller, Database
from infra.local.storage.errors import (
    StorageError,
    access_denied,
    already_exists,
    no_such_bucket,
    no_such_key,
    too_large,
    wrong_role,
)
from infra.local.storage.incoming import Incoming

SWEEP = "storage.object.sweep"


class Objects:
    """Reads, uploads, copies, moves and removals. `operation` is what policies see as storage.operation()."""

    def __init__(self, database: Database, blobs: Blobs, most: int) -> None:
        self.database = database
        self.blobs = blobs
        self.most = most  # bytes of a file

    async def sweep(self) -> None:
        """Remove bytes that no row points to: left by a process that was killed between the row and the file."""
        caller = Caller("service_role", {"role": "service_role"})
        addresses = await run_in_threadpool(lambda: set(self.blobs.addresses()))
        async with self.database.as_admin(caller, SWEEP) as db:
            used = await rows.versions_in_use(db, list(addresses))
        await self._reclaim(caller, SWEEP, addresses - used)

    async def find(
        self, caller: Caller, operation: str, bucket: str, key: str, *, admin: bool = False
    ) -> dict[str, Any]:
        """The object's row as the caller sees it, or as it is with `admin`. Raises NoSuchKey."""
        names.check_key(key)
        scope = self.database.as_admin if admin else self.database.as_caller
        async with scope(caller, operation) as db:
            row = await rows.find_object(db, bucket, key)
        if row is None:
            raise no_such_key()
        return row

    async def bucket(self, caller: Caller, operation: str, bucket: str) -> dict[str, Any]:
        """The bucket, whoever asks. Raises NoSuchBucket."""
        async with self.database.as_admin(caller, operation) as db:
            row = await rows.find_bucket(db, bucket)
        if row is None:
            raise no_such_bucket()
        return row

    async def find_public(self, caller: Caller, operation: str, bucket: str, key: str) -> dict[str, Any]:
        """The object of a public bucket, whoever asks. Raises NoSuchBucket, also where the bucket is not public."""
        if not (await self.bucket(caller, operation, bucket))["public"]:
            raise no_such_bucket()
        return await self.find(caller, operation, bucket, key, admin=True)

    async def check_upload(self, caller: Caller, operation: str, row: rows.NewObject, *, upsert: bool) -> None:
        """Insert the row as the caller and take it back: policies and constraints say whether it may be."""
        try:
            async with self.database.as_caller(caller, operation, trial=True) as db:
                await rows.insert_object(db, row, upsert=upsert)
        except StorageError as error:
            raise _for_a_key(error) from error

    async def upload(
        self, caller: Caller, operation: str, bucket: str, key: str, incoming: Incoming, *, upsert: bool,
        owner: str | None, trusted: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Take a file in. `trusted`: a signed URL has allowed it already. Returns the new row."""
        names.check_key(key)
        settings = await self.bucket(caller, operation, bucket)
        limit = names.size_limit(settings["file_size_limit"], key, self.most)
        mime_type = names.check_mime(incoming.mime_type, settings["allowed_mime_types"], key)
        names.check_header("cache-control", incoming.cache_control)
        if incoming.length is not None and incoming.length > limit and not incoming.is_form:
            raise too_large()
        expected: dict[str, Any] = {"mimetype": mime_type}
        if incoming.length is not None:
            expected["contentLength"] = incoming.length
        row = rows.NewObject(bucket, key, owner, expected, incoming.user_metadata)
        if not trusted:
            await self.check_upload(caller, operation, row, upsert=upsert)
        blob = await self.blobs.receive(incoming.chunks, limit)
        try:
            metadata = _metadata(blob, mime_type, incoming.cache_control)
            if incoming.robots is not None:
                metadata["xRobotsTag"] = incoming.robots
            row = replace(row, version=blob.address, metadata=metadata, user_metadata=incoming.user_metadata or {})
            return await self._complete(caller, operation, row, blob, upsert=upsert)
        finally:
            await run_in_threadpool(self.blobs.discard, blob)

    async def adopt(
        self, caller: Caller, operation: str, row: rows.NewObject, file: Path, mime_type: str, cache_control: str, *,
        upsert: bool,
    ) -> None:  # fmt: skip
        """Make an object of bytes that have arrived already, if all was checked."""
        blob = await run_in_threadpool(self.blobs.weigh, file)
        row = replace(row, version=blob.address, metadata=_metadata(blob, mime_type, cache_control))
        await self._complete(caller, operation, row, blob, upsert=upsert)

    async def copy(
        self, caller: Caller, operation: str, source: dict[str, Any], bucket: str, key: str, *, upsert: bool,
        metadata: dict[str, Any], user_metadata: dict[str, Any] | None,
    ) -> dict[str, Any]:  # fmt: skip
        """A second object with the bytes of `source`, a row that the caller has seen. Returns the new row."""
        names.check_key(key)
        row = rows.NewObject(bucket, key, caller.owner, metadata, user_metadata)
        await self.check_upload(caller, operation, row, upsert=upsert)
        return await self._complete(caller, operation, replace(row, version=source["version"]), None, upsert=upsert)

    async def move(
        self, caller: Caller, operation: str, bucket: str, key: str, new_bucket: str, new_key: str
    ) -> dict[str, Any]:
        """Give an object another name or bucket, if the caller may see it, change it, and have it there."""
        names.check_key(new_key)
        async with self.database.as_caller(caller, operation) as db:
            row = await rows.move_object(db, bucket, key, new_bucket, new_key, caller.owner)
        if row is None:
            raise no_such_key()
        return row

    async def remove(self, caller: Caller, operation: str, bucket: str, keys: list[str]) -> list[dict[str, Any]]:
        """Delete what the caller may delete of `keys`. Returns the rows that went."""
        async with self.database.as_caller(caller, operation) as db:
            removed = await rows.delete_objects(db, bucket, keys)
        await self._reclaim(caller, operation, (row["version"] for row in removed))
        return removed

    async def empty(self, caller: Caller, operation: str, bucket: str) -> None:
        """Delete all objects of a bucket, or none: raises AccessDenied where the caller may not delete every one."""
        async with self.database.as_admin(caller, operation) as db:
            there = await rows.count_objects(db, bucket)
        async with self.database.as_caller(caller, operation) as db:
            removed = await rows.delete_objects(db, bucket, None)
            if len(removed) < there:
                raise wrong_role("Access denied: Invalid role")
        await self._reclaim(caller, operation, (row["version"] for row in removed))

    async def remove_one(self, caller: Caller, operation: str, bucket: str, key: str) -> None:
        """Delete one object. Raises NoSuchKey where there is none, AccessDenied where the caller may not."""
        if not await self.remove(caller, operation, bucket, [key]):
            await self.find(caller, operation, bucket, key, admin=True)
            raise access_denied()

    async def _complete(
        self, caller: Caller, operation: str, row: rows.NewObject, blob: Blob | None, *, upsert: bool
    ) -> dict[str, Any]:
        """Place the bytes and write the row, together. Whatever they took the place of, or fail to be, is removed."""
        previous: dict[str, Any] | None = None
        try:
            async with self.database.as_admin(caller, operation) as db:
                await rows.lock_version(db, row.version)
                if blob is not None:
                    await run_in_threadpool(self.blobs.place, blob)
                elif not await run_in_threadpool(self.blobs.exists, row.version):
                    raise no_such_key()
                previous = await rows.find_object(db, row.bucket, row.name, lock=True)
                kept = await rows.put_object(db, row, upsert=upsert)
        except StorageError as error:
            await self._reclaim(caller, operation, [row.version])
            raise _for_a_key(error) from error
        if previous is not None and previous["version"] != row.version:
            await self._reclaim(caller, operation, [previous["version"]])
        return kept

    async def _reclaim(self, caller: Caller, operation: str, versions: Iterable[str | None]) -> None:
        """Remove the bytes of versions that no row has any more."""
        for version in {version for version in versions if version}:
            async with self.database.as_admin(caller, operation) as db:
                await rows.lock_version(db, version)
                if not await rows.versions_in_use(db, [version]):
                    await run_in_threadpool(self.blobs.remove, version)


def _metadata(blob: Blob, mime_type: str, cache_control: str) -> dict[str, Any]:
    return {
        "eTag": f'"{blob.md5}"',
        "size": blob.size,
        "mimetype": mime_type,
        "cacheControl": cache_control,
        "lastModified": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "contentLength": blob.size,
        "httpStatusCode": 200,
    }


def _for_a_key(error: StorageError) -> StorageError:
    return already_exists("KeyAlreadyExists") if error.code == "ResourceAlreadyExists" else error
