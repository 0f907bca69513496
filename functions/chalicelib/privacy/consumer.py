"""The consumer `privacy`: contacts are exported and erased, files whose rows are gone removed, keys rotated."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from chalicelib.kit import storage
from chalicelib.kit.database import Connection, one, queries, rows, transaction
from chalicelib.kit.jobs import Dead, Effects, Job, Retry
from chalicelib.privacy import export, rotation

SQL = queries(__file__)


def handle(job: Job) -> Effects:
    """By the payload's `task`: `export` and `erasure` of a `request_id`, `files`, `rotate`."""
    tasks: dict[object, Callable[[Job], Effects]] = {
        "export": _export,
        "erasure": _erase,
        "files": _remove,
        "rotate": rotation.rotate,
    }
    task = tasks.get(job.payload.get("task"))
    if task is None:
        raise Dead(f"there is no task {job.payload.get('task')!r}")
    return task(job)


def _export(job: Job) -> Effects:
    try:
        made = export.make(job.tenant, _request_id(job))
    except storage.Away as away:
        raise Retry(str(away)) from away
    return lambda connection: export.keep(connection, made)


def _erase(job: Job) -> Effects:
    """Some tickets in each step, and the contact at last: every step is a transaction, and the job comes again."""
    values = {"request_id": _request_id(job)}

    def effects(connection: Connection) -> None:
        step = one(connection, SQL["erase_contact"], values)
        assert step is not None
        if step["goes_on"]:
            connection.execute(SQL["erase_on"], values)

    return effects


def _remove(job: Job) -> Effects:
    with transaction(job.tenant) as connection:
        files = rows(connection, SQL["doomed_files"])
    try:
        for file in files:
            storage.remove(job.tenant, file["bucket"], file["path"])
    except storage.Away as away:
        raise Retry(str(away)) from away

    def effects(connection: Connection) -> None:
        connection.execute(SQL["files_removed"], {"removed": [file["id"] for file in files]})

    return effects


def _request_id(job: Job) -> UUID:
    return UUID(str(job.payload["request_id"]))
