"""Consumer `fetch_mail`: a mail that a provider holds is fetched, and kept like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from chalicelib.intake.identity import identity
from chalicelib.intake.keep import act_for, keep, resolve
from chalicelib.kit.database import Connection, keepable, one, queries, transaction
from chalicelib.kit.jobs import Effects, Job, Retry
from chalicelib.kit.logging import log
from chalicelib.kit.metrics import provider_failed

from . import mailgun, resend, ses, upload
from .held import Content, Held, Lost, enter, mark_kept

SQL = queries(__file__)
PROVIDERS: Mapping[str, Callable[[Mapping[str, Any]], Content]] = {
    resend.NAME: resend.fetch,
    mailgun.NAME: mailgun.fetch,
    ses.NAME: ses.fetch,
    upload.NAME: upload.fetch,
}
# From this attempt on (about a day after the first) a failure is written down where an admin sees it. The consumer's
# max_attempts in sql/16_jobs.sql.
LAST_ATTEMPT = 16


def handle(job: Job) -> Effects | None:
    """Fetch the mail of a job and keep it; its reading is the consumer intake's."""
    with transaction(job.organization_id) as connection:
        row = one(connection, SQL["to_fetch"], {"id": UUID(job.payload["provider_mail_id"])})
    if row is None:
        return None
    if row["state"] != "waiting":
        return _tidied(row)
    try:
        content = PROVIDERS[row["provider"]](row)
    except Lost as lost:
        return _failed(row, str(lost))
    except Retry as retry:
        provider_failed(row["provider"], "Retry")
        if job.attempt < LAST_ATTEMPT:
            raise
        return _failed(row, f"gave up after {job.attempt} attempts: {retry}")
    except Exception as error:
        if job.attempt < LAST_ATTEMPT:
            raise
        return _failed(row, f"gave up after {job.attempt} attempts: {type(error).__name__}")
    return _kept(row, content)


def _kept(row: Mapping[str, Any], content: Content) -> Effects:
    """Its own organization keeps the mail; others whom only the content named get rows, and jobs, of their own."""
    mail = identity(content.raw)

    def effects(connection: Connection) -> None:
        own: UUID | None = row["organization_id"]
        recipients = list(dict.fromkeys([*row["recipients"], *content.recipients]))
        act_for(connection, None)
        addressed, _ = resolve(connection, recipients)
        others = [recipient for each, found in addressed.items() if each != own for recipient, _ in found]
        if others:
            enter(connection, replace(_held(row), recipients=others))
        elif own is None:
            connection.execute(SQL["mark_unaddressed"], {"id": row["id"], "recipients": recipients[:1000]})
            log("mail.unaddressed", level="warning", provider=row["provider"], provider_id=row["provider_id"])
        act_for(connection, own)
        if own is not None:
            # An address that was given up since the mail came does not unmake whose it is.
            mine = addressed.get(own) or [(recipient, None) for recipient in row["recipients"]]
            kept = keep(connection, own, mine, row["envelope_from"], mail, content.raw)
            mark_kept(connection, row["id"], kept["id"])
            log("mail.fetched", provider=row["provider"], provider_id=row["provider_id"], inbound_mail_id=kept["id"])
            if row["provider"] == upload.NAME:
                _again(connection, row)

    return effects


def _again(connection: Connection, row: Mapping[str, Any]) -> None:
    """Another job, to clear the upload away once this one's effects are committed."""
    values = {"id": row["id"], "after": timedelta(0), "dedupe_key": f"kept:{row['id']}"}
    connection.execute(SQL["fetch_later"], values)


def _held(row: Mapping[str, Any]) -> Held:
    names = ("provider", "provider_id", "recipients", "locator", "envelope_from", "verdicts")
    return Held(*(row[name] for name in names))


def _failed(row: Mapping[str, Any], reason: str) -> Effects:
    log("mail.fetch_failed", level="error", provider=row["provider"], provider_id=row["provider_id"])

    def effects(connection: Connection) -> None:
        connection.execute(SQL["mark_failed"], {"id": row["id"], "reason": keepable(reason)})

    return effects


def _tidied(row: Mapping[str, Any]) -> Effects | None:
    """A repeat has nothing to do, except for an upload: it has served its time."""
    if row["provider"] != upload.NAME or row["state"] not in ("kept", "announced"):
        return None
    upload.tidy(row)

    def effects(connection: Connection) -> None:
        connection.execute(SQL["forget_announced"], {"id": row["id"]})

    return effects
