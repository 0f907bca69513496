"""Statements on storage.buckets and storage.objects. Whose eyes they see with is the transaction's matter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from infra.local.storage.callers import Connection

UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
TRIAL_VERSION = "1"


@dataclass(frozen=True)
class NewObject:
    """A row of storage.objects that is to be. `version` is the address of its bytes."""

    bucket: str
    name: str
    owner: str | None
    metadata: dict[str, Any]
    user_metadata: dict[str, Any] | None
    version: str = TRIAL_VERSION

    def parameters(self) -> dict[str, Any]:
        return {
            "bucket": self.bucket,
            "name": self.name,
            "owner": self.owner if self.owner and UUID.fullmatch(self.owner) else None,
            "owner_id": self.owner,
            "metadata": Jsonb(self.metadata),
            "user_metadata": Jsonb(self.user_metadata) if self.user_metadata is not None else None,
            "version": self.version,
        }


INSERT = """
insert into storage.objects (bucket_id, name, owner, owner_id, metadata, user_metadata, version)
values (%(bucket)s, %(name)s, %(owner)s, %(owner_id)s, %(metadata)s, %(user_metadata)s, %(version)s)
"""
UPSERT = (
    INSERT
    + """
on conflict (bucket_id, name) do update set
  owner = coalesce(excluded.owner, objects.owner), owner_id = coalesce(excluded.owner_id, objects.owner_id),
  metadata = excluded.metadata, user_metadata = excluded.user_metadata, version = excluded.version
"""
)


async def insert_object(db: Connection, row: NewObject, *, upsert: bool) -> None:
    """Add the row; with `upsert` in place of one of that name. Only then SELECT and UPDATE policies are asked, too."""
    await db.execute(UPSERT + " returning *" if upsert else INSERT, row.parameters())


async def put_object(db: Connection, row: NewObject, *, upsert: bool) -> dict[str, Any]:
    """Like insert_object, and return the row as it is now."""
    cursor = await db.execute((UPSERT if upsert else INSERT) + " returning *", row.parameters())
    found = await cursor.fetchone()
    assert found is not None
    return found


async def find_object(db: Connection, bucket: str, name: str, *, lock: bool = False) -> dict[str, Any] | None:
    plain = "select * from storage.objects where bucket_id = %s and name = %s"
    locking = "select * from storage.objects where bucket_id = %s and name = %s for update"
    return await (await db.execute(locking if lock else plain, [bucket, name])).fetchone()


async def find_names(db: Connection, bucket: str, names: list[str]) -> set[str]:
    statement = "select name from storage.objects where bucket_id = %s and name = any (%s)"
    return {row["name"] for row in await (await db.execute(statement, [bucket, names])).fetchall()}


async def delete_objects(db: Connection, bucket: str, names: list[str] | None) -> list[dict[str, Any]]:
    """Delete the named objects, or all of the bucket, as far as the role may; returns those that were."""
    statement = (
        "delete from storage.objects where bucket_id = %s and (%s::text[] is null or name = any (%s)) returning *"
    )
    return await (await db.execute(statement, [bucket, names, names])).fetchall()


async def move_object(
    db: Connection, bucket: str, name: str, new_bucket: str, new_name: str, owner: str | None
) -> dict[str, Any] | None:
    statement = (
        "update storage.objects set bucket_id = %s, name = %s, owner = coalesce(%s, owner), "
        "owner_id = coalesce(%s, owner_id) where bucket_id = %s and name = %s returning *"
    )
    owner_uuid = owner if owner and UUID.fullmatch(owner) else None
    return await (await db.execute(statement, [new_bucket, new_name, owner_uuid, owner, bucket, name])).fetchone()


async def lock_version(db: Connection, version: str) -> None:
    """Until the transaction ends nobody else places or removes the bytes of this version."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended(%s, 5453))", [version])


async def versions_in_use(db: Connection, versions: list[str]) -> set[str]:
    """Those of `versions` that some object still has."""
    statement = "select distinct version from storage.objects where version = any (%s)"
    return {row["version"] for row in await (await db.execute(statement, [versions])).fetchall()}


async def search(
    db: Connection, bucket: str, prefix: str, search_text: str, limit: int, offset: int, column: str, order: str
) -> list[dict[str, Any]]:
    """One level of the tree, as storage.search() sees it."""
    statement = "select * from storage.search(%s, %s, %s, 1, %s, %s, %s, %s)"
    cursor = await db.execute(statement, [prefix, bucket, limit, offset, search_text, column, order])
    return await cursor.fetchall()


# Folders are dated by the creation of the oldest object in them. The key breaks ties: a cursor points at one place.
ENTRIES = """
with found as (
  select o.*, position('/' in substr(o.name, length(%(prefix)s) + 1)) as slash
  from storage.objects o
  where o.bucket_id = %(bucket)s and starts_with(o.name, %(prefix)s)
),
entries as (
  select f.name as key, f.id, f.created_at, f.updated_at, f.last_accessed_at, f.metadata
  from found f
  where f.slash = 0 or not %(delimited)s
  union all
  select left(f.name, length(%(prefix)s) + f.slash), null, min(f.created_at), min(f.created_at), null, null
  from found f
  where f.slash > 0 and %(delimited)s
  group by 1
)
select * from entries e
where %(after_key)s::text is null or ({sort}, e.key collate "C") {beyond} ({after}, %(after_key)s collate "C")
order by {sort} {direction}, e.key collate "C" {direction}
limit %(limit)s
"""


async def search_pages(
    db: Connection,
    bucket: str,
    prefix: str,
    limit: int,
    column: str,
    *,
    descending: bool,
    delimited: bool,
    after: tuple[str, str] | None,
) -> list[dict[str, Any]]:
    """Objects under `prefix`, and with `delimited` folders in place of what lies deeper, after the cursor's place.

    `column` is name, created_at or updated_at; `after` is the last entry's value of it and its key.
    """
    by_name = column == "name"
    statement = sql.SQL(ENTRIES).format(
        sort=sql.SQL('e.key collate "C"') if by_name else sql.SQL("e.{}").format(sql.Identifier(column)),
        after=sql.SQL('%(after_sort)s collate "C"') if by_name else sql.SQL("%(after_sort)s::timestamptz"),
        beyond=sql.SQL("<" if descending else ">"),
        direction=sql.SQL("desc" if descending else "asc"),
    )
    parameters = {"bucket": bucket, "prefix": prefix, "delimited": delimited, "limit": limit}
    parameters |= {"after_sort": after[0] if after else None, "after_key": after[1] if after else None}
    return await (await db.execute(statement, parameters)).fetchall()


BUCKET_COLUMNS = (
    "id, name, coalesce(owner::text, '') as owner, public, created_at, updated_at, file_size_limit, "
    "allowed_mime_types, type::text"
)
BUCKET_ORDER = {"id", "name", "created_at", "updated_at"}


async def find_bucket(db: Connection, bucket: str) -> dict[str, Any] | None:
    statement = sql.SQL("select {} from storage.buckets where id = %s").format(sql.SQL(BUCKET_COLUMNS))
    return await (await db.execute(statement, [bucket])).fetchone()


async def list_buckets(
    db: Connection, limit: int | None, offset: int, column: str, *, descending: bool, search_text: str
) -> list[dict[str, Any]]:
    statement = sql.SQL(
        "select {columns} from storage.buckets where strpos(lower(name), lower(%s)) > 0 "
        "order by {column} {direction} limit %s offset %s"
    ).format(
        columns=sql.SQL(BUCKET_COLUMNS),
        column=sql.Identifier(column if column in BUCKET_ORDER else "name"),
        direction=sql.SQL("desc" if descending else "asc"),
    )
    return await (await db.execute(statement, [search_text, limit, offset])).fetchall()


async def count_objects(db: Connection, bucket: str) -> int:
    row = await (
        await db.execute("select count(*) as found from storage.objects where bucket_id = %s", [bucket])
    ).fetchone()
    return int(row["found"]) if row else 0


async def insert_bucket(db: Connection, bucket: str, name: str, owner: str | None, values: dict[str, Any]) -> None:
    statement = (
        "insert into storage.buckets (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types) "
        "values (%s, %s, %s, %s, %s, %s, %s)"
    )
    owner_uuid = owner if owner and UUID.fullmatch(owner) else None
    settings = [values.get("public") or False, values.get("file_size_limit"), values.get("allowed_mime_types")]
    await db.execute(statement, [bucket, name, owner_uuid, owner, *settings])


async def update_bucket(db: Connection, bucket: str, values: dict[str, Any]) -> bool:
    """Set the given columns. Returns whether the role could see and change the bucket."""
    changes = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
    )
    statement = sql.SQL("update storage.buckets set {}, updated_at = now() where id = %(id)s").format(changes)
    return (await db.execute(statement, values | {"id": bucket})).rowcount > 0


async def delete_bucket(db: Connection, bucket: str) -> bool:
    return (await db.execute("delete from storage.buckets where id = %s", [bucket])).rowcount > 0
