"""Mail too large for one request: uploaded to Storage over a signed address, then handed in by reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from chalicelib.intake.keep import Addressed, act_for
from chalicelib.kit import storage
from chalicelib.kit.database import one, queries, transaction
from chalicelib.kit.http import HttpError, Response, json_response
from chalicelib.kit.jobs import Retry

from .held import Content, Lost

SQL = queries(__file__)
NAME = "upload"
BUCKET = "inbound"
# Then what nobody handed in is cleared away. The address itself is good for two hours.
TIDY_AFTER = timedelta(days=1)
_PLACE = re.compile(r"[0-9a-f-]{36}/[0-9a-f-]{36}\.eml")


def grant(addressed: Addressed, unknown: list[str]) -> Response:
    """A place to upload one mail to, for each organization: `upload` names it, `url` takes the octets by PUT."""
    import httpx
    from storage3.exceptions import StorageApiError

    uploads: list[dict[str, Any]] = []
    for organization_id, found in addressed.items():
        path = f"{organization_id}/{uuid4()}.eml"
        recipients = [recipient for recipient, _ in found]
        try:
            url = storage.upload_address(organization_id, BUCKET, path)
        except (StorageApiError, httpx.HTTPError) as error:
            raise HttpError(503, "unavailable", f"Storage failed: {type(error).__name__}", "Try again.") from error
        with transaction(organization_id) as connection:
            held = one(connection, SQL["announce"], _values(organization_id, path, recipients))
            assert held is not None
            # Its own dedupe_key: handing in must not move it.
            later = {"id": held["id"], "after": TIDY_AFTER, "dedupe_key": f"tidy:{held['id']}"}
            connection.execute(SQL["fetch_later"], later)
        uploads.append({"upload": path, "url": url, "recipients": recipients})
    return json_response(201, {"uploads": uploads, "unknown": unknown})


def hand_in(addressed: Addressed, unknown: list[str], path: str, envelope_from: str | None) -> Response:
    """Queue the fetching of what was uploaded. Only a place that was granted to the recipients' organization counts."""
    with transaction() as connection:
        for organization_id, found in addressed.items() if _PLACE.fullmatch(path) else ():
            act_for(connection, organization_id)
            if one(connection, SQL["uploaded"], {"path": path}) is None:
                continue
            if len(addressed) > 1:
                raise HttpError(
                    400, "several_organizations", "an upload is one organization's: name its recipients only"
                )
            recipients = [recipient for recipient, _ in found]
            values = _values(organization_id, path, recipients) | {"envelope_from": envelope_from}
            held = one(connection, SQL["hand_in"], values)
            assert held is not None
            fetching = [{"id": held["id"], "upload": path, "recipients": recipients}]
            return json_response(202, {"mails": [], "fetching": fetching, "unknown": unknown})
    raise HttpError(
        404, "unknown_upload", "no such upload was granted to these recipients", "POST /inbound/uploads grants one."
    )


def fetch(row: Mapping[str, Any]) -> Content:
    """The mail that was uploaded. Raises Lost and Retry."""
    import httpx
    from storage3.exceptions import StorageApiError

    try:
        return Content(storage.get(row["organization_id"], BUCKET, row["provider_id"]))
    except StorageApiError as error:
        if _is_missing(error):
            raise Lost("nothing was uploaded") from error
        raise Retry(f"Storage failed: {error.message}") from error
    except httpx.HTTPError as error:
        raise Retry(f"Storage failed: {type(error).__name__}") from error


def tidy(row: Mapping[str, Any]) -> None:
    """Clear away the upload of a mail that is in the ledger, or that nobody handed in."""
    storage.remove(row["organization_id"], BUCKET, row["provider_id"])


def _is_missing(error: Any) -> bool:
    return str(error.status) == "404" or error.code in ("not_found", "NoSuchKey")


def _values(organization_id: UUID, path: str, recipients: list[str]) -> dict[str, Any]:
    return {"organization_id": organization_id, "path": path, "recipients": recipients}
