"""What is known of a contact, as zip files: `contact.json`, its mails as they came, its files.

The parts are small enough for Storage and for a function's memory; each opens by itself.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from uuid import UUID

from chalicelib.kit import storage
from chalicelib.kit.database import Connection, one, queries, rows, transaction
from chalicelib.kit.logging import log
from chalicelib.kit.secrets import opening_key
from chalicelib.privacy.sensitive import TABLE

SQL = queries(__file__)
BUCKET = "exports"
# A part is closed before it would grow beyond: one file alone may be 50 MB, and Storage takes 50 MB by default.
PART_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Made:
    """An export whose parts lie in Storage. `manifest` counts rows by table, and files."""

    request_id: UUID
    files: list[str]
    manifest: dict[str, int]


@dataclass
class _Part:
    body: BytesIO = field(default_factory=BytesIO)

    def add(self, name: str, content: bytes) -> None:
        with zipfile.ZipFile(self.body, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)


def make(organization_id: UUID, request_id: UUID) -> Made:
    """Write the export's parts. A repeated attempt writes them anew, to the same places.

    Raises storage.Away. What a row names and Storage does not have is left out, and told in `missing.json`.
    """
    with transaction(organization_id) as connection:
        told = one(connection, SQL["export_contact"], {"request_id": request_id})
    assert told is not None
    data: dict[str, Any] = told["data"]
    if sensitive := _opened(organization_id, request_id):
        data["sensitive_fields"] = sensitive
    manifest = {table: len(found) for table, found in data.items()}
    part = _Part()
    parts: list[str] = []
    missing: list[str] = []
    part.add("contact.json", json.dumps(data, ensure_ascii=False, indent=2).encode())
    for name, content in _files(organization_id, request_id):
        if content is None:
            missing.append(name)
            continue
        if part.body.tell() + len(content) > PART_BYTES:
            parts.append(_put(organization_id, request_id, len(parts) + 1, part))
            part = _Part()
        part.add(name, content)
        manifest["files"] = manifest.get("files", 0) + 1
    if missing:
        part.add("missing.json", json.dumps(missing).encode())
    parts.append(_put(organization_id, request_id, len(parts) + 1, part))
    return Made(request_id, parts, manifest)


def keep(connection: Connection, made: Made) -> None:
    """The request is met."""
    from psycopg.types.json import Jsonb

    values = {"request_id": made.request_id, "files": made.files, "manifest": Jsonb(made.manifest)}
    connection.execute(SQL["keep_export"], values)


def _opened(organization_id: UUID, request_id: UUID) -> dict[str, str]:
    """Sensitive fields by key. Raises secrets.Unreadable: half of what is known is no export."""
    with transaction(organization_id) as connection:
        sealed = rows(connection, SQL["sealed_of_contact"], {"request_id": request_id})
    return {
        row["key"]: opening_key(organization_id, row["key_version"]).open(TABLE, row["id"], bytes(row["sealed"]))
        for row in sealed
    }


def _files(organization_id: UUID, request_id: UUID) -> Iterator[tuple[str, bytes | None]]:
    """Name in the archive, and content; None where Storage has it not."""
    from storage3.exceptions import StorageApiError

    with transaction(organization_id) as connection:
        listed = rows(connection, SQL["files_of_contact"], {"request_id": request_id})
    for file in listed:
        name = f"{file['folder']}/{file['id']}-{_safe(file['name'])}"
        if file["path"] is None:
            with transaction(organization_id) as connection:
                mail = one(connection, SQL["raw_mail"], {"id": file["id"]})
            yield name, bytes(mail["raw"]) if mail else None
            continue
        try:
            yield name, storage.get(organization_id, file["bucket"], file["path"])
        except StorageApiError as error:
            log("privacy.file_missing", level="error", error=error.message, file_id=file["id"])
            yield name, None


def _put(organization_id: UUID, request_id: UUID, number: int, part: _Part) -> str:
    path = f"{organization_id}/{request_id}/contact-{number}.zip"
    storage.put(organization_id, BUCKET, path, part.body.getvalue(), "application/zip")
    return path


def _safe(name: str) -> str:
    """A name that is none of a folder, for whoever unpacks it."""
    return re.sub(r"[^\w.-]+", "_", name).lstrip(".")[-100:] or "file"
