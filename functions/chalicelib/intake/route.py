"""POST /inbound/mime?rcpt=…: a receiver hands over one raw mail (RFC 822) with its envelope recipients."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.kit.database import one, queries, rows, transaction
from chalicelib.kit.http import Docs, HttpError, Parameter, Request, Response, json_response, require_bearer, shape
from chalicelib.kit.settings import settings

from .identity import Identity, identity

SQL = queries(__file__)
MAX_RECIPIENTS = 100

ADDRESSES = {"type": "array", "items": {"type": "string"}}
KEPT = shape(id={"type": "string", "format": "uuid"}, recipients=ADDRESSES, duplicate={"type": "boolean"})
RECEIVE_DOCS = Docs(
    ("inboundSecret",),
    {202: shape(mails={"type": "array", "items": KEPT, "minItems": 1}, unknown=ADDRESSES)},
    {400: ("recipient_missing", "too_many_recipients"), 401: ("unauthorized",), 404: ("unknown_address",)},
    (
        Parameter("rcpt", "an envelope recipient", {"type": "string", "minLength": 1}, required=True, repeated=True),
        Parameter("from", "the envelope sender; empty for the null sender"),
    ),
)


def receive(request: Request) -> Response:
    """Keep a mail for every organization it is addressed to, and queue its reading.

    `rcpt` is an envelope recipient and may come several times; `from` is the envelope sender, where it is known (empty
    for the null sender). The body is the mail, whatever its bytes. Answers:

    - 202 once it is committed: `mails` has one entry per organization (ledger id, recipients, whether it was here
      before), `unknown` the recipients that are nobody's. The same mail again gives the same ids.
    - 400: no recipient. 401: no or wrong bearer secret.
    - 404 `unknown_address`: no recipient is ours. It will not become so by trying again: nothing is kept.
    - 5xx: nothing is promised, try again.
    """
    require_bearer(request, settings().inbound_secret.get_secret_value())
    recipients = list(dict.fromkeys(filter(None, (value.strip()[:320] for value in request.query.get("rcpt", ())))))
    if not recipients:
        raise HttpError(400, "recipient_missing", "the query parameter rcpt is missing", "Name the envelope recipient.")
    if len(recipients) > MAX_RECIPIENTS:
        raise HttpError(400, "too_many_recipients", f"more than {MAX_RECIPIENTS} recipients in one request")
    addressed, unknown = _resolve(recipients)
    if not addressed:
        named = ", ".join(recipients[:5])
        raise HttpError(
            404, "unknown_address", f"nobody here receives mail at {named}", "Add it to the mail addresses."
        )
    envelope_from = next(iter(request.query.get("from", ())), None)
    mail = identity(request.body)
    mails = [
        _accept(organization_id, found, envelope_from, mail, request.body)
        for organization_id, found in addressed.items()
    ]
    return json_response(202, {"mails": mails, "unknown": unknown})


def _resolve(recipients: list[str]) -> tuple[dict[UUID, list[tuple[str, UUID]]], list[str]]:
    """Recipients by organization, each with its mail address; and those that are nobody's."""
    addressed: dict[UUID, list[tuple[str, UUID]]] = {}
    unknown = []
    with transaction() as connection:
        for recipient in recipients:
            # Postgres text holds no NUL, and no address does either.
            row = None if "\0" in recipient else one(connection, SQL["resolve_address"], {"address": recipient})
            if row is None:
                unknown.append(recipient)
            else:
                addressed.setdefault(row["organization_id"], []).append((recipient, row["mail_address_id"]))
    return addressed, unknown


def _accept(
    organization_id: UUID, addressed: list[tuple[str, UUID]], envelope_from: str | None, mail: Identity, raw: bytes
) -> dict[str, Any]:
    """One mail to one organization is one row, however many of its addresses it names."""
    kept: list[dict[str, Any]] = []
    with transaction(organization_id) as connection:
        for recipient, mail_address_id in addressed:
            values = {
                "organization_id": organization_id,
                "mail_address_id": mail_address_id,
                "recipient": recipient,
                "envelope_from": envelope_from,
                "message_id_header": mail.message_id,
                "content_sha256": mail.content,
                "raw": raw,
                "order_key": mail.sender or mail.content.hex(),
            }
            kept += rows(connection, SQL["accept"], values)
    recipients = [recipient for recipient, _ in addressed]
    return {"id": kept[0]["id"], "recipients": recipients, "duplicate": kept[0]["is_duplicate"]}
