"""The whole history out of a database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from tests.faults.history import Accepted, History, Taken

Connection = psycopg.Connection[DictRow]

LEDGER = """
select m.id, o.slug as organization, m.organization_id, m.message_id_header, encode(m.content_sha256, 'hex') as content,
  m.state::text as state, m.reason, m.outcome, m.ticket_id, m.message_id, m.bytes, length(r.raw) as raw_bytes
from public.inbound_mails as m
join public.organizations as o on o.id = m.organization_id
left join private.inbound_raw as r on r.inbound_mail_id = m.id
order by m.id
"""
ATTACHMENTS = "select message_id, encode(sha256, 'hex') as sha256, storage_path from public.attachments"
OBJECTS = "select name from storage.objects where bucket_id = 'attachments' order by name"
MESSAGES = "select *, sender::text as sender from public.messages order by id"
TICKETS = "select *, channel::text as channel from public.tickets order by id"
ROUTES = "select event_type, consumer, only_if from private.routes"
JOBS = "select *, state::text as state from private.jobs order by id"
EFFECTS = "select provider_event_id as id, type from public.mail_events order by id"
# By what they are about: a large history fits in memory, embeddings and bodies in HTML are not needed.
TRIAGE = "select message_id, ticket_id, is_spam from public.triage_results order by id"


def collect(
    database: Connection, accepted: Iterable[Accepted], taken: Iterable[Taken], webhooks: Iterable[str]
) -> History:
    """Every row that a mail's way through the desk leaves behind, read in one snapshot."""

    def every(table: str) -> list[DictRow]:
        return database.execute(sql.SQL("select * from public.{} order by id").format(sql.Identifier(table))).fetchall()

    def read(query: Any) -> list[DictRow]:
        return database.execute(query).fetchall()

    with database.transaction():
        database.execute("set transaction isolation level repeatable read, read only")
        return History(
            accepted=list(accepted),
            ledger=read(LEDGER),
            messages=read(MESSAGES),
            tickets=read(TICKETS),
            attachments=read(ATTACHMENTS),
            objects=[row["name"] for row in read(OBJECTS)],
            contacts=every("contacts"),
            triage=read(TRIAGE),
            drafts=every("drafts"),
            outgoing=every("outgoing_mails"),
            events=every("events"),
            routes=read(ROUTES),
            jobs=read(JOBS),
            taken=list(taken),
            webhooks=list(webhooks),
            webhook_effects=[(row["id"], row["type"]) for row in read(EFFECTS)],
        )
