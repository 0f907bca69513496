"""Tags, and who has them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop
from tests.people import Actor


def tag(shop: Shop, name: str, parent: UUID | None = None) -> UUID:
    made: UUID = shop.value(
        "insert into public.tags (organization_id, name, parent_id) values (%s, %s, %s) returning id",
        shop.organization, name, parent,
    )  # fmt: skip
    return made


def names(shop: Shop) -> set[str]:
    """Of the organization's tags."""
    return {
        row["name"]
        for row in shop.db.execute("select name from public.tags where organization_id = %s", [shop.organization])
    }


def tag_contact(shop: Shop, contact: UUID, label: UUID) -> None:
    shop.db.execute(
        "insert into public.contact_tags (organization_id, contact_id, tag_id) values (%s, %s, %s)"
        " on conflict do nothing",
        [shop.organization, contact, label],
    )


def untag_contact(shop: Shop, contact: UUID, label: UUID) -> None:
    shop.db.execute("delete from public.contact_tags where contact_id = %s and tag_id = %s", [contact, label])


def tag_session(shop: Shop, session: UUID, label: UUID) -> None:
    shop.db.execute(
        "insert into public.session_taggings (organization_id, session_id, tag_id) values (%s, %s, %s)"
        " on conflict do nothing",
        [shop.organization, session, label],
    )


def untag_session(shop: Shop, session: UUID, label: UUID) -> None:
    shop.db.execute("delete from public.session_taggings where session_id = %s and tag_id = %s", [session, label])


def label_ticket(shop: Shop, ticket: UUID, *tags: str) -> None:
    shop.db.execute("update public.tickets set tags = %s where id = %s", [list(tags), ticket])


def tags_of(shop: Shop, ticket: UUID) -> list[str]:
    """As the ticket names them."""
    named: list[str] = shop.ticket_row(ticket)["tags"]
    return named


def linked(shop: Shop, ticket: UUID) -> set[str]:
    """As the ticket is found by them."""
    rows = shop.db.execute(
        "select t.name from public.ticket_tags as l join public.tags as t on t.id = l.tag_id where l.ticket_id = %s",
        [ticket],
    )
    return {row["name"] for row in rows}


def on_session(shop: Shop, session: UUID) -> set[tuple[str, str]]:
    """Name and source of what a session has."""
    rows = shop.db.execute(
        "select t.name, s.source from public.session_tags as s join public.tags as t on t.id = s.tag_id"
        " where s.session_id = %s",
        [session],
    )
    return {(row["name"], row["source"]) for row in rows}


def on_contact(shop: Shop, contact: UUID) -> set[str]:
    rows = shop.db.execute(
        "select t.name from public.contact_tags as l join public.tags as t on t.id = l.tag_id where l.contact_id = %s",
        [contact],
    )
    return {row["name"] for row in rows}


def bulk(
    shop: Shop, actor: Actor, target: str, of: dict[str, Any], add: list[str], remove: list[str]
) -> dict[str, Any]:
    (job,) = shop.as_(
        actor, "select * from public.bulk_tag(%s, %s, %s, %s, %s)", shop.organization, target, Jsonb(of), add, remove
    )
    return job


def job_row(shop: Shop, job_id: UUID) -> dict[str, Any]:
    row = shop.db.execute("select * from public.tag_jobs where id = %s", [job_id]).fetchone()
    assert row
    return row


def work(shop: Shop, rounds: int = 100) -> int:
    """What the consumer does, until nothing waits or so many rounds are over. Returns how many there were."""
    for done in range(rounds):
        row = shop.db.execute(
            "delete from private.jobs where id = (select id from private.jobs where organization_id = %s"
            " and payload ->> 'ring' = 'tag_job' and state = 'waiting' limit 1) returning payload",
            [shop.organization],
        ).fetchone()
        if row is None:
            return done
        shop.as_(shop.functions, "select private.ring(%s)", Jsonb(row["payload"]))
    return rounds
