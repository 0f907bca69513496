"""Consumer `send_mail`: a public answer, or a new ticket's receipt, becomes one mail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.email import provider
from chalicelib.email.render import bodies, headers, mailbox, subject_line
from chalicelib.kit.database import Connection, one, queries, transaction
from chalicelib.kit.jobs import Effects, Job
from chalicelib.kit.logging import log
from chalicelib.kit.reply_token import make_token, reply_address
from chalicelib.kit.settings import settings

SQL = queries(__file__)


def handle(job: Job) -> Effects | None:
    """Store the mail, send it with the job's id as idempotency key, and note what became of it."""
    with transaction(job.tenant) as connection:
        mail = _stored(connection, job)
    if mail is None or mail["status"] != "stored":
        return None
    if job.attempt > 1 and mail["is_old"]:
        # The provider has forgotten the key by now: another try could mail it twice. A person looks.
        return _mark(mail, "unknown", "no try succeeded within the time that the provider remembers its key")
    try:
        sent = provider.send(mail, str(job.id))
    except provider.Refused as refused:
        log("mail.refused", level="error", outgoing_mail_id=mail["id"])
        return _mark(mail, "failed", str(refused))

    def effects(connection: Connection) -> None:
        values = {"id": mail["id"], "provider": provider.NAME, "provider_id": sent.provider_id}
        connection.execute(SQL["mark_sent"], values | {"message_id_header": sent.message_id})

    return effects


def _stored(connection: Connection, job: Job) -> dict[str, Any] | None:
    """The mail of this job, rendered and kept if it was not before. None where nothing is to be mailed."""
    if job.payload["type"] == "message.sent":
        kind, context = "reply", one(connection, SQL["message_context"], {"message_id": job.payload["subject_id"]})
    else:
        kind, context = "receipt", one(connection, SQL["receipt_context"], {"ticket_id": job.payload["subject_id"]})
    key = {"kind": kind, "ticket_id": job.payload["ticket_id"], "message_id": None}
    key["message_id"] = job.payload["subject_id"] if kind == "reply" else None
    if (kept := one(connection, SQL["stored"], key)) is not None:
        return kept
    if context is None:
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
