"""Consumer `send_mail`: an answer, a new ticket's receipt, a survey, news for a member, an invitation: each one mail.

Stored, noted as attempted, handed to the provider, noted as sent: in that order, each committed before the next. So
whoever finds an attempt whose end was never noted knows that the provider may have the mail, and asks before it sends.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chalicelib.email import port
from chalicelib.email.compose import compose
from chalicelib.email.files import File, files_of
from chalicelib.kit.database import Connection, one, queries, transaction
from chalicelib.kit.jobs import Dead, Effects, Job, Retry
from chalicelib.kit.logging import log
from chalicelib.kit.metrics import provider_failed
from chalicelib.kit.settings import SettingsError

SQL = queries(__file__)
KINDS = {
    "message.sent": "reply", "ticket.triaged": "receipt", "csat.asked": "csat", "notices": "notices",
    "invitation": "invitation", "chat": "chat",
}  # fmt: skip
# Which column of the mail names what the job is about; a receipt is its ticket's only one.
NAMED_BY = {"reply": "message_id", "csat": "about_id", "notices": "about_id", "invitation": "about_id",
            "chat": "message_id"}  # fmt: skip
WITHOUT_TICKET = {"notices", "invitation"}
HELD_BACK = "the address bounced or complained"
# Between two look-ups: as long as the mail is in doubt already, within these.
SOONEST, LATEST = timedelta(seconds=30), timedelta(hours=1)
# Then a person looks. The second stands for a job that had spent its attempts on other things.
IN_DOUBT, ENOUGH_ATTEMPTS = timedelta(hours=2), 16
# From the note of an attempt to the call, in seconds: who was stopped between them for longer may have been taken for
# dead, and the mail sent by another.
STALE = 30


def handle(job: Job) -> Effects | None:
    """Store the mail, send it, and note what became of it."""
    with transaction(job.tenant) as connection:
        mail = _stored(connection, job)
        if mail is None or mail["status"] != "stored":
            return None
        if mail["held_back"] is not None and mail["attempted_at"] is None:
            return _mark(mail, "suppressed", mail["held_back"])
        in_doubt = _is_in_doubt(mail)
        is_ready = not in_doubt and not mail["has_files"]
        attempt = _note(connection, job, mail) if is_ready else None
    if in_doubt and (settled := _look_up(job, mail)) is not None:
        return settled
    files: list[File] = []
    if not is_ready:
        try:
            files = files_of(job.tenant, mail)
        except port.Refused as refused:
            if mail["attempted_at"] is not None:
                raise Retry(f"the provider may have the mail, which cannot be sent again: {refused}") from refused
            return _mark(mail, "failed", str(refused))
        with transaction(job.tenant) as connection:
            attempt = _note(connection, job, mail, anew=in_doubt)
    return _send(job, attempt | {"files": files}) if attempt is not None else None


def _is_in_doubt(mail: Mapping[str, Any]) -> bool:
    """The provider may have it, and would not take a second one for the first."""
    if mail["attempted_at"] is None:
        return False
    try:
        return bool(_age(mail) >= port.named(mail["provider"]).remembers)
    except SettingsError:
        return True


def _age(mail: Mapping[str, Any]) -> timedelta:
    age: timedelta = datetime.now(UTC) - mail["attempted_at"]
    return age


def _note(connection: Connection, job: Job, mail: Mapping[str, Any], *, anew: bool = False) -> dict[str, Any] | None:
    """Note that the provider is about to be called. `anew`: the attempts before are known to have failed.

    Returns the mail as it is now, with `noted` (monotonic seconds) and `is_first` (no earlier attempt is in doubt);
    None where it is not to be sent any more. Raises where another attempt at the job has taken over.
    """
    name = port.chosen() if anew or mail["attempted_at"] is None else mail["provider"]
    values = {
        "id": mail["id"], "job_id": job.id, "token": job.token, "anew": anew, "provider": name,
        "message_id_header": port.named(name).message_id(mail),
    }  # fmt: skip
    noted = time.monotonic()
    row = one(connection, SQL["note_attempt"], values)
    return row and row | {"noted": noted, "is_first": anew or mail["attempted_at"] is None}


def _look_up(job: Job, mail: Mapping[str, Any]) -> Effects | None:
    """Settle a mail in doubt. None: the provider does not have it, it may be sent. Raises Retry: not yet settled."""
    try:
        # Who was called then, whoever is chosen now.
        found = port.named(mail["provider"]).look_up(mail)
    except port.Refused as refused:
        return _mark(mail, "failed", str(refused))
    except (port.CannotTell, SettingsError) as reason:
        if _age(mail) >= IN_DOUBT or job.attempt >= ENOUGH_ATTEMPTS:
            log("mail.unknown", level="error", outgoing_mail_id=mail["id"])
            return _mark(mail, "unknown", f"the provider was called, and cannot be asked whether it took it: {reason}")
        raise Retry(
            f"the provider may have the mail: {reason}", after=min(max(_age(mail), SOONEST), LATEST)
        ) from reason
    return _sent(mail, found) if found is not None else None


def _send(job: Job, mail: Mapping[str, Any]) -> Effects | None:
    try:
        if time.monotonic() - mail["noted"] > STALE:
            raise port.NotTaken("too much time went by before the provider was called")
        sent = _call(job, mail)
    except port.Refused as refused:
        log("mail.refused", level="error", outgoing_mail_id=mail["id"])
        return _mark(mail, "failed", str(refused))
    except port.NotTaken:
        if mail["is_first"]:
            with transaction(job.tenant) as connection:
                connection.execute(SQL["take_back_attempt"], {"id": mail["id"], "token": job.token})
        raise
    return _sent(mail, sent)


def _call(job: Job, mail: Mapping[str, Any]) -> port.Sent:
    """Hand it over; that it failed is counted."""
    try:
        return port.named(mail["provider"]).send(mail, str(mail["idempotency_key"]), job.attempt)
    except (port.NotTaken, port.Unclear) as failure:
        provider_failed(mail["provider"], type(failure).__name__)
        raise


def _sent(mail: Mapping[str, Any], sent: port.Sent) -> Effects:
    def effects(connection: Connection) -> None:
        values = {"provider": mail["provider"], "outgoing_mail_id": mail["id"], "at": None}
        connection.execute(SQL["mark_sent"], values | sent.__dict__)

    return effects


def _stored(connection: Connection, job: Job) -> dict[str, Any] | None:
    """The mail of this job, rendered and kept if it was not before. None where nothing is to be mailed."""
    kind, key = _asked(job)
    if (kept := one(connection, SQL["stored"], key)) is not None:
        return kept
    context = one(connection, SQL[f"{kind}_context"], key)
    if context is None:
        return None
    if context["from_address"] is None:
        raise Dead("the organization has no mail address to send from")
    # One after the other for a recipient: limits that are counted at the same time would each leave room for both.
    connection.execute(SQL["queue_up"], context)
    if kind == "receipt" and (row := one(connection, SQL["had_receipt"], context)) and row["had"]:
        return None
    mail = compose(job.tenant, kind, context)
    connection.execute(SQL["store"], key | mail | _fate(connection, kind, context, automatic=mail["is_automatic"]))
    return one(connection, SQL["stored"], key)


def _asked(job: Job) -> tuple[str, dict[str, Any]]:
    """The kind of mail that a job asks for, and what it is about, as the mail's columns have it."""
    try:
        kind, subject = KINDS[job.payload["type"]], UUID(str(job.payload["subject_id"]))
        ticket = UUID(str(job.payload["ticket_id"])) if kind not in WITHOUT_TICKET else None
    except (KeyError, ValueError):
        raise Dead("the job does not name what to write about") from None
    key: dict[str, Any] = {"kind": kind, "ticket_id": ticket, "message_id": None, "about_id": None}
    return kind, key | ({NAMED_BY[kind]: subject} if kind in NAMED_BY else {})


def _fate(connection: Connection, kind: str, context: Mapping[str, Any], *, automatic: bool) -> dict[str, Any]:
    """Whether the mail is to be sent, and if not, why."""
    if context["suppressed"]:
        return {"status": "suppressed", "reason": HELD_BACK}
    if not context.get("may_be_mailed", True):
        return {"status": "suppressed", "reason": "enough was mailed to addresses that nobody has proved"}
    if automatic and context["contact_id"] is not None:
        may = one(connection, SQL["may_mail_automatically"], context)
        if not (may and may["may"]):
            return {"status": "suppressed", "reason": "too many automatic mails to this contact"}
    return {"status": "stored", "reason": None}


def _mark(mail: Mapping[str, Any], status: str, reason: str) -> Effects:
    def effects(connection: Connection) -> None:
        connection.execute(SQL["mark"], {"id": mail["id"], "status": status, "reason": reason})

    return effects
