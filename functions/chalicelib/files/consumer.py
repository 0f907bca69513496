"""The consumer `inspect_file`: nobody gets a file before it was looked at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chalicelib.files import clamd
from chalicelib.files.allowed import takes
from chalicelib.files.sniff import sniff
from chalicelib.files.thumbnail import TYPE, thumbnail
from chalicelib.kit import storage
from chalicelib.kit.database import Connection, one, queries, transaction
from chalicelib.kit.jobs import Effects, Job, Retry
from chalicelib.kit.logging import log
from chalicelib.kit.settings import settings

SQL = queries(__file__)
BUCKET = "attachments"


@dataclass(frozen=True)
class Verdict:
    """clean, unscanned, infected or refused, and why."""

    verdict: str
    because: str | None = None


def handle(job: Job) -> Effects | None:
    """Look at one file. A scanner or a Storage that is away: the job comes again, and the file waits."""
    attachment_id = UUID(str(job.payload["attachment_id"]))
    with transaction(job.tenant) as connection:
        file = one(connection, SQL["file_to_inspect"], {"attachment_id": attachment_id})
    if file is None:
        return None
    values: dict[str, Any] = dict.fromkeys(("detected_type", "bytes", "sha256", "thumbnail_path"))
    try:
        data = _fetched(job.tenant, file["storage_path"])
        if data is None:
            verdict = Verdict("refused", "the file is not in Storage")
        else:
            kind = sniff(data)
            values |= {"detected_type": kind, "bytes": len(data), "sha256": hashlib.sha256(data).digest()}
            verdict = _judge(file["file_types"], kind, data)
            if verdict.verdict in ("clean", "unscanned"):
                values["thumbnail_path"] = _keep(job.tenant, file, kind, data)
    except (storage.Away, clamd.Away) as away:
        raise Retry(str(away)) from away
    log("file.inspected", attachment_id=attachment_id, verdict=verdict.verdict, type=values["detected_type"])

    def effects(connection: Connection) -> None:
        told = {"attachment_id": attachment_id, "verdict": verdict.verdict, "because": verdict.because}
        connection.execute(SQL["file_inspected"], values | told)

    return effects


def _fetched(organization_id: UUID, path: str) -> bytes | None:
    from storage3.exceptions import StorageApiError

    try:
        return storage.get(organization_id, BUCKET, path)
    except StorageApiError:
        return None


def _judge(types: list[str] | None, kind: str, data: bytes) -> Verdict:
    if not takes(types, kind):
        return Verdict("refused", f"files of type {kind} are not taken")
    if not settings().clamd:
        return Verdict("unscanned", "no scanner is configured")
    try:
        found = clamd.scan(settings().clamd, data)
    except clamd.TooLarge:
        return Verdict("unscanned", "too large for the scanner")
    return Verdict("clean") if found is None else Verdict("infected", found)


def _keep(organization_id: UUID, file: dict[str, Any], kind: str, data: bytes) -> str | None:
    """Have Storage give the file out as what it is, and keep a small picture of it. Returns where that lies."""
    path = file["storage_path"]
    if file["kept_as"] != (wanted := storage.given_out_as(kind)):
        storage.put(organization_id, BUCKET, path, data, wanted)
    if not kind.startswith("image/") or (small := thumbnail(data)) is None:
        return None
    storage.put(organization_id, BUCKET, f"{path}.thumbnail.webp", small, TYPE)
    return f"{path}.thumbnail.webp"
