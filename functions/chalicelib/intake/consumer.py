"""Consumer `intake`: a kept raw mail is read, judged, and filed where it belongs."""

from __future__ import annotations

import hashlib
import re
from contextlib import nullcontext
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from chalicelib.kit import storage
from chalicelib.kit.database import Connection, call, keepable, one, queries
from chalicelib.kit.jobs import Effects, Job, Retry
from chalicelib.kit.logging import log
from chalicelib.kit.reply_token import ReplyToken, read_token
from chalicelib.kit.settings import settings

from .authenticity import Authenticity, authenticity
from .bounce import Bounce
from .machine import Verdict, judge
from .mime import Attachment, Parsed, Unreadable, parse
from .reply import new_text
from .sanitise import displayed

SQL = queries(__file__)
BUCKET = "attachments"
# From this attempt on a failure is written into the ledger, where an admin sees it, instead of tried again.
LAST_ATTEMPT = 5
# More recipients than are ever taken for participants.
MOST_NAMED = 50


def handle(job: Job) -> Effects | None:
    """Read the mail of a job and file it. What cannot be read or filed is quarantined with the reason."""
    mail_id = UUID(job.payload["inbound_mail_id"])
    row = call(SQL["to_read"], {"id": mail_id}, job.tenant)
    if row is None or row["state"] in ("done", "quarantined"):
        return None
    try:
        mail = _read(job, mail_id, row)
    except (Retry, psycopg.OperationalError, storage.Away):
        raise  # not the mail's fault: it waits as long as its job may be tried
    except Exception as error:
        if job.attempt < LAST_ATTEMPT:
            raise
        log("mail.quarantined", level="error", inbound_mail_id=mail_id, error=type(error).__name__)
        return _quarantine(mail_id, f"reading failed: {type(error).__name__}: {error}")
    if isinstance(mail, Unreadable):
        return _quarantine(mail_id, mail.reason)
    return _file(job, mail_id, mail)


def _read(job: Job, mail_id: UUID, row: dict[str, Any]) -> dict[str, Any] | Unreadable:
    """What private.file_mail wants to know, with the attachments in Storage already."""
    parsed = parse(bytes(row["raw"]))
    if isinstance(parsed, Unreadable):
        return parsed
    verdict = judge(parsed, row["own_addresses"], row["envelope_from"])
    sender = parsed.sender.email if parsed.sender else ""
    checked = authenticity(parsed, settings().receiver_name or None, row["verdicts"])
    secret = settings().reply_secret.get_secret_value()
    recipients = row["recipients"] + [address.email for address in parsed.to + parsed.cc]
    token = read_token([secret] if secret else [], job.tenant, recipients, sender)
    message_ids = _answered(parsed, verdict)
    if _note(job, mail_id, parsed, verdict, checked, message_ids) and job.attempt < LAST_ATTEMPT:
        raise Retry("a mail that this one answers is still being read", after=timedelta(seconds=1))
    return {
        "sender": sender,
        "sender_name": parsed.sender.name if parsed.sender else parsed.headers.get("from", 200),
        "is_verified": _is_verified(checked, token),
        "token_ticket_id": str(token.ticket_id) if token else None,
        "token_is_senders": token.for_sender if token else False,
        "message_ids": message_ids,
        "named": _named(parsed, row["own_addresses"]),
        "bounced": verdict.bounce.recipients if verdict.bounce else [],
        "bounce_is_permanent": bool(verdict.bounce and verdict.bounce.permanent),
        "attachments": [
            _store(job.tenant, mail_id, number, file) for number, file in enumerate(parsed.attachments, start=1)
        ]
        if verdict.kind in ("human", "list", "auto_reply")
        else [],
        **_bodies(parsed, verdict),
    }


def _named(parsed: Parsed, own_addresses: list[str]) -> list[dict[str, str]]:
    """Whom a mail is addressed to besides us."""
    return [
        {"email": each.email, "name": each.name}
        for each in (parsed.to + parsed.cc)[:MOST_NAMED]
        if re.sub(r"\+[^@]*@", "@", each.email) not in own_addresses
    ]


def _answered(parsed: Parsed, verdict: Verdict) -> list[str]:
    """Message-IDs that may name the thread, nearest first. A bounce names the mail it returns."""
    if verdict.bounce:
        return verdict.bounce.original_ids
    return list(dict.fromkeys(parsed.in_reply_to + parsed.references[::-1]))


def _is_verified(checked: Authenticity, token: ReplyToken | None) -> bool:
    """DMARC held, or the answer came back over the address that only its sender was given."""
    return checked.verified or bool(token and token.for_sender and checked.dmarc != "fail")


def _note(
    job: Job, mail_id: UUID, parsed: Parsed, verdict: Verdict, checked: Authenticity, message_ids: list[str]
) -> bool:
    decision = {
        "verdict": verdict.evidence,
        "authenticity": {"spf": checked.spf, "dkim": checked.dkim, "evidence": checked.evidence},
        "defects": parsed.defects,
        "protection": parsed.protection or None,
        "answers": message_ids[:10],
    }
    values = {
        "id": mail_id,
        "sender": parsed.sender.email if parsed.sender else None,
        "subject": parsed.subject,
        "verdict": verdict.kind,
        "dmarc": checked.dmarc,
        "decision": Jsonb(decision),
        "message_ids": message_ids,
    }
    noted = call(SQL["note_parsed"], values, job.tenant)
    return bool(noted and noted["must_wait"])


def _bodies(parsed: Parsed, verdict: Verdict) -> dict[str, str | None]:
    if verdict.bounce:
        return {"body_text": _words_of(verdict.bounce), "reply_text": None, "body_html": None}
    answers = bool(parsed.in_reply_to or parsed.references) or parsed.subject[:4].rstrip().endswith(":")
    reply = new_text(parsed.text, parsed.html, answers=answers)
    shown = displayed(parsed.html) if parsed.html else None
    return {
        "body_text": parsed.text,
        "reply_text": reply.text if reply.cut else None,
        "body_html": shown.html if shown else None,
    }


def _words_of(bounce: Bounce) -> str:
    """What an agent reads as a note in the ticket."""
    what = (
        "was delayed" if bounce.action == "delayed" else "was delivered" if bounce.action == "delivered" else "failed"
    )
    lines = [f"Mail to {', '.join(bounce.recipients) or 'the contact'} {what}."]
    lines += [line for line in (f"Status {bounce.status}" if bounce.status else "", bounce.diagnostic) if line]
    return "\n".join(lines)


def _store(organization_id: UUID, mail_id: UUID, number: int, file: Attachment) -> dict[str, Any]:
    """Put a file where every attempt puts it, and describe it."""
    name = file.name or {"text/calendar": "invitation.ics", "message/rfc822": "message.eml"}.get(
        file.type, "attachment"
    )
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[-80:].lstrip(".") or "attachment"
    path = f"{organization_id}/{mail_id}/{number}-{safe}"
    storage.put(organization_id, BUCKET, path, file.data, storage.given_out_as(file.type))
    return {
        "file_name": name[:255],
        "content_type": file.type,
        "bytes": len(file.data),
        "sha256": hashlib.sha256(file.data).hexdigest(),
        "content_id": file.content_id,
        "is_inline": file.inline,
        "storage_path": path,
    }


def _file(job: Job, mail_id: UUID, mail: dict[str, Any]) -> Effects:
    def effects(connection: Connection) -> None:
        is_last = job.attempt >= LAST_ATTEMPT
        try:
            # With a savepoint what is refused can still be written into the ledger.
            with connection.transaction() if is_last else nullcontext():
                filed = one(connection, SQL["file"], {"id": mail_id, "mail": Jsonb(mail)})
            log(
                "mail.filed",
                inbound_mail_id=mail_id,
                **{key: filed[key] for key in ("outcome", "ticket_id")} if filed else {},
            )
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if not is_last:
                raise
            _quarantine(mail_id, f"filing failed: {error.diag.message_primary}")(connection)

    return effects


def _quarantine(mail_id: UUID, reason: str) -> Effects:
    def effects(connection: Connection) -> None:
        connection.execute(SQL["quarantine"], {"id": mail_id, "reason": keepable(reason)})

    return effects
