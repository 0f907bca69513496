"""Files that go with a mail: each was looked at before, and is sent as what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from chalicelib.email.port import Refused
from chalicelib.kit import storage
from chalicelib.kit.database import queries, rows, transaction
from chalicelib.kit.jobs import Retry

SQL = queries(__file__)
BUCKET = "attachments"
# Encoded they are a third larger: what Resend (40 MB) and Mailgun (25 MB) take, whichever it is.
MAX_BYTES = 18 * 2**20
AGAIN = timedelta(seconds=5)


@dataclass(frozen=True)
class File:
    """One file as a mail carries it."""

    name: str
    type: str
    content: bytes


def files_of(organization_id: UUID, mail: Mapping[str, Any]) -> list[File]:
    """The files of the mail's message. Raises Refused where one may not go out or all are too much, Retry where one is
    still being looked at or Storage is away."""
    from storage3.exceptions import StorageApiError

    if mail["message_id"] is None:
        return []
    with transaction(organization_id) as connection:
        listed = rows(connection, SQL["files"], {"message_id": mail["message_id"]})
    for file in listed:
        if file["verdict"] == "waiting":
            raise Retry("a file of the message is being looked at", after=AGAIN)
        if file["verdict"] not in ("clean", "unscanned"):
            raise Refused(f"{file['file_name']} cannot be sent: {file['verdict_because'] or file['verdict']}")
    if sum(file["bytes"] for file in listed) > MAX_BYTES:
        raise Refused(f"its files are more than {MAX_BYTES // 2**20} MB together: send a link")
    try:
        return [
            File(
                file["file_name"],
                file["detected_type"] or "application/octet-stream",
                storage.get(organization_id, BUCKET, file["storage_path"]),
            )
            for file in listed
        ]
    except storage.Away as away:
        raise Retry(str(away)) from away
    except StorageApiError as error:
        raise Refused(f"a file of the message is not in Storage: {error.message}") from error
