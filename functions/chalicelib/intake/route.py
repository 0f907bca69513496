"""POST /inbound/mime?rcpt=…: a receiver hands over one raw mail (RFC 822) with its envelope recipients."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.kit.database import transaction
from chalicelib.kit.http import HttpError, Request, Response, json_response, require_bearer
from chalicelib.kit.settings import settings

from .identity import Identity, identity
from .keep import MAX_RECIPIENTS, Addressed, keep, resolve
from .provider import upload

# Lambda takes 6 MB an event, in which a body is in base64.
MAX_BODY = 4_500_000
BY_REFERENCE = "POST /inbound/uploads grants a place to upload it; then hand it in with upload=… and an empty body."


def receive(request: Request) -> Response:
    """Keep a mail for every organization it is addressed to, and queue its reading.

    `rcpt` is an envelope recipient and may come several times; `from` is the envelope sender, where it is known (empty
    for the null sender). The body is the mail, whatever its bytes; with `upload` it is empty, and the mail is what was
    uploaded there. Answers:

    - 202 once it is committed: `mails` has one entry per organization (ledger id, recipients, whether it was here
      before), `unknown` the recipients that are nobody's. The same mail again gives the same ids. What was uploaded is
      in `fetching` instead: a job fetches it.
    - 400: no recipient. 401: no or wrong bearer secret.
    - 404 `unknown_address`: no recipient is ours. It will not become so by trying again: nothing is kept.
      `unknown_upload`: it was not granted to these recipients.
    - 413: too large for one request; the hint says how it comes by reference.
    - 5xx: nothing is promised, try again.
    """
    addressed, unknown = _addressed(request)
    envelope_from = next(iter(request.query.get("from", ())), None)
    if path := next(iter(request.query.get("upload", ())), None):
        if request.body:
            raise HttpError(400, "body_and_upload", "a mail comes in the body or by upload, not both")
        return upload.hand_in(addressed, unknown, path, envelope_from)
    if len(request.body) > MAX_BODY:
        raise HttpError(413, "too_large", f"a mail of more than {MAX_BODY} octets", BY_REFERENCE)
    mail = identity(request.body)
    mails = [
        _accept(organization_id, found, envelope_from, mail, request.body)
        for organization_id, found in addressed.items()
    ]
    return json_response(202, {"mails": mails, "unknown": unknown})


def grant_upload(request: Request) -> Response:
    """POST /inbound/uploads?rcpt=…: a place for a mail that is too large for one request, up to 40 MB.

    201: `uploads` has one entry per organization: `url` takes the mail by PUT, within two hours; `upload` is what
    /inbound/mime wants then; `recipients` are whom to name there. 400, 401, 404 as above.
    """
    return upload.grant(*_addressed(request))


def _addressed(request: Request) -> tuple[Addressed, list[str]]:
    """Whose the recipients are, by organization, and which are nobody's. At least one is somebody's."""
    require_bearer(request, settings().inbound_secret.get_secret_value())
    recipients = list(dict.fromkeys(filter(None, (value.strip()[:320] for value in request.query.get("rcpt", ())))))
    if not recipients:
        raise HttpError(400, "recipient_missing", "the query parameter rcpt is missing", "Name the envelope recipient.")
    if len(recipients) > MAX_RECIPIENTS:
        raise HttpError(400, "too_many_recipients", f"more than {MAX_RECIPIENTS} recipients in one request")
    with transaction() as connection:
        addressed, unknown = resolve(connection, recipients)
    if not addressed:
        named = ", ".join(recipients[:5])
        raise HttpError(
            404, "unknown_address", f"nobody here receives mail at {named}", "Add it to the mail addresses."
        )
    return addressed, unknown


def _accept(
    organization_id: UUID,
    addressed: list[tuple[str, UUID | None]],
    envelope_from: str | None,
    mail: Identity,
    raw: bytes,
) -> dict[str, Any]:
    with transaction(organization_id) as connection:
        return keep(connection, organization_id, addressed, envelope_from, mail, raw)
