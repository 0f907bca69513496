"""What the tests of merging, splitting and linking do with tickets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.data_model.shop import Shop
from tests.people import Actor


def asked(shop: Shop, *texts: str, contact: UUID | None = None) -> UUID:
    """A ticket in which its requester has written."""
    ticket = shop.ticket(contact)
    for text in texts or ("a question",):
        shop.say(ticket, body_text=text)
    return ticket


def merge(shop: Shop, agent: Actor, into: UUID, *tickets: UUID, share: bool = False) -> list[dict[str, Any]]:
    return shop.as_(agent, "select * from public.merge_tickets(%s, %s, %s)", into, list(tickets), share)


def undo(shop: Shop, agent: Actor, move: dict[str, Any]) -> dict[str, Any]:
    return shop.as_(agent, "select * from public.undo_move(%s)", move["id"])[0]


def split(shop: Shop, agent: Actor, ticket: UUID, *messages: UUID, subject: str | None = None) -> dict[str, Any]:
    return shop.as_(agent, "select * from public.split_ticket(%s, %s, %s)", ticket, list(messages), subject)[0]


def link(shop: Shop, agent: Actor, ticket: UUID, kind: str, other: UUID) -> None:
    shop.as_(
        agent, "insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)"
        " values (%s, %s, %s, %s)",
        shop.organization, ticket, other, kind,
    )  # fmt: skip


def texts(shop: Shop, ticket: UUID) -> list[str]:
    """What stands in a ticket, as it is shown: in the order of time."""
    rows = shop.db.execute("select body_text from public.messages where ticket_id = %s order by id", [ticket])
    return [row["body_text"] for row in rows.fetchall()]


def numbers(shop: Shop, ticket: UUID) -> list[int]:
    rows = shop.db.execute("select seq from public.messages where ticket_id = %s order by seq", [ticket])
    return [row["seq"] for row in rows.fetchall()]
