"""A mail that a provider holds for us, from its announcement to the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.intake.identity import Identity, identity
from chalicelib.intake.keep import Addressed, act_for, keep, resolve
from chalicelib.kit.database import Connection, keepable, one, queries, transaction
from chalicelib.kit.http import HttpError, Response, json_response
from chalicelib.kit.logging import log

SQL = queries(__file__)
# Longer ones are no ids; note_webhook and the table would refuse them with less kind words.
MAX_WEBHOOK_ID = 255


@dataclass(frozen=True)
class Held:
    """What is known of it before it is fetched.

    `recipients` are addresses of the envelope, as far as they are known; `locator` says where it lies where `id` does
    not; `verdicts` are what the provider, as our receiver, found out about the sender (dmarc, spf, dkim: pass, fail or
    none). `tells_more`: fetching it may name more recipients.
    """

    provider: str
    id: str
    recipients: list[str]
    locator: str | None = None
    envelope_from: str | None = None
    verdicts: Mapping[str, str] | None = None
    tells_more: bool = False


@dataclass(frozen=True)
class Content:
    """What fetching brought: the raw mail, and recipients that were not known before."""

    raw: bytes
    recipients: list[str] = field(default_factory=list)


class Lost(Exception):  # noqa: N818  it is an answer, not a defect
    """The mail cannot be had, however often it is asked for; the message says why."""


def believe(source: str, webhook_id: str, mail: Held, raw: bytes | None = None) -> Response:
    """Act on a webhook whose signature was good: 200 once it is committed, also where it was here before.

    With `raw` the mail goes into the ledger at once; without, a job is to fetch it.
    """
    if not 0 < len(webhook_id) <= MAX_WEBHOOK_ID or "\0" in webhook_id:
        raise HttpError(400, "malformed", "the webhook's id is missing or too long")
    told = identity(raw) if raw is not None else None
    with transaction() as connection:
        noted = one(connection, SQL["note_webhook"], {"source": source, "id": webhook_id})
        if not noted or not noted["is_new"]:
            log("webhook.repeated", source=source, webhook_id=webhook_id)
            return json_response(200, {"status": "repeated"})
        addressed = enter(connection, mail, raw, told)
    if not addressed:
        log("mail.unaddressed", level="warning", provider=mail.provider, provider_id=mail.id)
    return json_response(200, {"status": "taken"})


def enter(connection: Connection, mail: Held, raw: bytes | None = None, told: Identity | None = None) -> Addressed:
    """Record a mail for every organization it is addressed to, and for nobody where there is none.

    Returns whose it is. The connection is bound to no tenant, before and after.
    """
    addressed, _ = resolve(connection, mail.recipients)
    for organization_id, found in addressed.items():
        act_for(connection, organization_id)
        state = "waiting" if raw is None else "kept"
        held_id = _record(connection, mail, organization_id, [recipient for recipient, _ in found], state)
        if raw is not None and told is not None:
            kept = keep(connection, organization_id, found, mail.envelope_from, told, raw)
            mark_kept(connection, held_id, kept["id"])
    act_for(connection, None)
    if addressed:
        connection.execute(SQL["forget_nobodys"], {"provider": mail.provider, "provider_id": mail.id})
    else:
        state = "waiting" if raw is None and mail.tells_more else "unaddressed"
        _record(connection, mail, None, mail.recipients, state)
    return addressed


def mark_kept(connection: Connection, provider_mail_id: UUID, inbound_mail_id: UUID) -> None:
    connection.execute(SQL["mark_kept"], {"id": provider_mail_id, "inbound_mail_id": inbound_mail_id})


def _record(
    connection: Connection, mail: Held, organization_id: UUID | None, recipients: list[str], state: str
) -> UUID:
    values = {
        "organization_id": organization_id,
        "provider": mail.provider,
        "provider_id": mail.id,
        "state": state,
        "recipients": recipients,
        "locator": mail.locator,
        "envelope_from": mail.envelope_from[:1000] if mail.envelope_from is not None else None,
        "verdicts": Jsonb(dict(mail.verdicts)) if mail.verdicts else None,
    }
    row = one(connection, SQL["record"], values)
    assert row is not None
    return UUID(str(row["id"]))


def said(fields: Mapping[str, Any], name: str, limit: int = 1000) -> str:
    """A text of what a provider posted, as Postgres can store it; empty where it is missing or no text."""
    value = fields.get(name)
    return keepable(value[:limit]) if isinstance(value, str) else ""
