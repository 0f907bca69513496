"""Consumer `send_mail`: a public answer, or a new ticket's receipt, becomes one mail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chalicelib.email import provider
from chalicelib.email.render import bodies, headers, mailbox, subject_line
from chalicelib.kit.database import Connection, one, queries, transaction
from chalicelib.kit.jobs import Dead, Effects, Job
from chalicelib.kit.logging import log
from chalicelib.kit.reply_token import make_token, reply_address
from chalicelib.kit.settings import settings

SQL = queries(__file__)
KINDS = {"message.sent": "reply", "ticket.triaged": "receipt"}


def handle(job: Job) -> Effects | None:
    """Store the mail, send it with the job's id as idempotency key, and note what became of it."""
    with transaction(job.tenant) as connection:
        mail = _stored(connection, job)
    if mail is None or mail["status"] != "stored":
        return None
    if mail["is_old"]:
        # It may have been sent by an attempt that fell silent, and the provider has forgotten the key by now: another
        # try could mail it twice. A person looks.
        return _mark(mail, "unknown", "no try is known to have succeeded while the provider remembered its key")
    try:
        sent = provider.send(mail, str(job.id), job.attempt)
    except provider.Refused as refused:
        log("mail.refused", level="error", outgoing_mail_id=mail["id"])
        return _mark(mail, "failed", str(refused))

    def effects(connection: Connection) -> None:
        values = {"id": mail["id"], "provider": provider.NAME, "provider_id": sent.provider_id}
        connection.execute(SQL["mark_sent"], values | {"message_id_header": sent.message_id})

    return effects


def _stored(connection: Connection, job: Job) -> dict[str, Any] | None:
    """The mail of this job, rendered and kept if it was not before. None where nothing is to be mailed."""
    try:
        kind = KINDS[job.payload["type"]]
        subject, ticket = UUID(str(job.payload["subject_id"])), UUID(str(job.payload["ticket_id"]))
    except (KeyError, ValueError):
        raise Dead("the job names no message and no ticket to write about") from None
    key = {"kind": kind, "ticket_id": ticket, "message_id": subject if kind == "reply" else None}
    if (kept := one(connection, SQL["stored"], key)) is not None:
        return kept
    context = one(connection, SQL[f"{kind}_context"], key)
    if context is None:
        return None
    if context["from_address"] is None:
        raise Dead("the organization has no mail address to send from")
    # One after the other for a contact: limits that are counted at the same time would each leave room for both.
    connection.execute(SQL["queue_up"], context)
    if kind == "receipt" and (row := one(connection, SQL["had_receipt"], context)) and row["had"]:
        return None
    connection.execute(SQL["store"], _render(connection, job, kind, context))
    return one(connection, SQL["stored"], key)


def _render(connection: Connection, job: Job, kind: str, context: Mapping[str, Any]) -> dict[str, Any]:
    automatic = kind == "receipt" or context["sender"] == "ai"
    status, reason = "stored", None
    if context["suppressed"]:
        status, reason = "suppressed", "the address bounced or complained"
    elif automatic:
        may = one(connection, SQL["may_mail_automatically"], context)
        if not (may and may["may"]):
            status, reason = "suppressed", "too many automatic mails to this contact"
    text, html = bodies(kind, context)
    token = make_token(
        settings().reply_secret.get_secret_value(), job.tenant, context["ticket_id"], context["to_address"]
    )
    return {
        "organization_id": job.tenant,
        "ticket_id": context["ticket_id"],
        "message_id": context["message_id"],
        "kind": kind,
        "is_automatic": automatic,
        "contact_id": context["contact_id"],
        "status": status,
        "reason": reason,
        "to_address": context["to_address"],
        "from_address": mailbox(context["from_name"], context["from_address"]),
        "reply_to": reply_address(context["from_address"], token),
        "subject": subject_line(context["subject"]),
        "body_text": text,
        "body_html": html,
        "headers": json.dumps(headers(context["thread"], str(context["ticket_id"]), automatic=automatic)),
    }


def _mark(mail: Mapping[str, Any], status: str, reason: str) -> Effects:
    def effects(connection: Connection) -> None:
        connection.execute(SQL["mark"], {"id": mail["id"], "status": status, "reason": reason})

    return effects
