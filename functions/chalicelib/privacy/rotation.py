"""A new data key, and what older ones sealed sealed anew. A slice in each job, so that each is short."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.kit.database import Connection, one, queries, rows, transaction
from chalicelib.kit.jobs import Dead, Effects, Job
from chalicelib.kit.logging import log
from chalicelib.kit.secrets import DataKey, Unreadable, new_sealing_key, opening_key, sealing_key
from chalicelib.privacy.sensitive import indexed

SQL = queries(__file__)
SLICE = 100
FIRST = UUID(int=0)


def rotate(job: Job) -> Effects:
    """Payload: nothing for a rotation that begins, `version` and `last_id` for one that goes on.

    What cannot be opened (a master key was lost) is left as it is, logged, and keeps its key. Raises Dead where that is
    all that is left, so that somebody sees it.
    """
    organization_id = job.tenant
    key = _key(job)
    last_id = UUID(str(job.payload.get("last_id", FIRST)))
    with transaction(organization_id) as connection:
        found = rows(connection, SQL["sealed_by_old_keys"], {"last_id": last_id, "most": SLICE})
    anew = [again for row in found if (again := _resealed(key, row))]
    if found and not anew and len(found) < SLICE:
        raise Dead(f"{len(found)} secrets cannot be opened, and keep their keys")

    def effects(connection: Connection) -> None:
        for values in anew:
            connection.execute(SQL["reseal"], values)
        if len(found) == SLICE:
            connection.execute(SQL["rotate_on"], {"version": key.version, "last_id": found[-1]["id"]})
            return
        retired = one(connection, SQL["retire_data_keys"])
        log("privacy.rotated", version=key.version, retired=retired["keys"] if retired else 0)

    return effects


def _key(job: Job) -> DataKey:
    """The key to seal with: a new one, unless this job goes on or runs once more, and has made it."""
    newest = sealing_key(job.tenant)
    if "version" in job.payload:
        return newest
    with transaction(job.tenant) as connection:
        row = one(connection, SQL["newest_key_at"], {"organization_id": job.tenant})
    assert row is not None
    if row["created_at"] >= job.created_at:
        return newest
    return new_sealing_key(job.tenant, newest.version + 1)


def _resealed(key: DataKey, row: dict[str, Any]) -> dict[str, Any] | None:
    table, row_id = row["table_name"], row["id"]
    try:
        secret = opening_key(key.organization_id, row["key_version"]).open(table, row_id, bytes(row["sealed"]))
    except Unreadable as error:
        log("privacy.unreadable", level="error", error=str(error), table=table, row_id=row_id)
        return None
    return {
        "table_name": table,
        "id": row_id,
        "old_sealed": row["sealed"],
        "sealed": key.seal(table, row_id, secret),
        "key_version": key.version,
        "blind_index": indexed(key, row["indexed_by"], secret) if row["indexed_by"] else None,
    }
