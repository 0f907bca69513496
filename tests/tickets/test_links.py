"""Links between tickets, and what they refuse."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Behind, Shop, waits
from tests.people import connect
from tests.tickets.desk import asked, link


def links(shop: Shop, ticket: UUID) -> set[tuple[UUID, str, UUID]]:
    rows = shop.db.execute("select * from public.ticket_links where %s in (ticket_id, other_ticket_id)", [ticket])
    return {(row["ticket_id"], row["kind"], row["other_ticket_id"]) for row in rows.fetchall()}


def test_two_tickets_have_one_link_of_a_kind_whichever_way_it_is_written(shop: Shop) -> None:
    agent, ticket, other = shop.member(), asked(shop), asked(shop)
    link(shop, agent, ticket, "relates", other)
    link(shop, agent, ticket, "duplicates", other)
    for kind in ("relates", "duplicates"):
        with pytest.raises(psycopg.errors.UniqueViolation):
            link(shop, agent, other, kind, ticket)
    assert links(shop, other) == {(ticket, "relates", other), (ticket, "duplicates", other)}
    with pytest.raises(psycopg.errors.CheckViolation):
        link(shop, agent, ticket, "relates", ticket)


def test_an_incident_has_one_problem_and_no_problem_stands_above_itself(shop: Shop) -> None:
    agent = shop.member()
    problem, incident, below = (asked(shop) for _ in range(3))
    link(shop, agent, incident, "child_of", problem)
    link(shop, agent, below, "child_of", incident)
    with pytest.raises(psycopg.errors.UniqueViolation):
        link(shop, agent, incident, "child_of", asked(shop))
    with pytest.raises(psycopg.errors.CheckViolation, match="stands above"):
        link(shop, agent, problem, "child_of", below)


def test_two_links_made_at_once_do_not_close_a_circle(shop: Shop, shared: Settings) -> None:
    agent, one, two, three = shop.member(), asked(shop), asked(shop), asked(shop)
    link(shop, agent, two, "child_of", three)
    with connect(shared, "supabase_admin") as session, connect(shared, "supabase_admin") as second:
        first, late = Shop(shared, session, shop.organization), Shop(shared, second, shop.organization)
        with session.transaction():
            session.execute(
                "insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)"
                " values (%s, %s, %s, 'child_of')",
                [shop.organization, one, two],
            )
            behind = Behind(lambda: link(late, agent, three, "child_of", one))
            waits(first, second)
        with pytest.raises(psycopg.errors.CheckViolation):
            behind.get()


def test_a_link_is_told_when_it_is_made_and_taken_away(shop: Shop) -> None:
    agent, ticket, other = shop.member(), asked(shop), asked(shop)
    link(shop, agent, ticket, "duplicates", other)
    shop.as_(agent, "delete from public.ticket_links where ticket_id = %s", ticket)
    told = [e for e in shop.events(ticket) if e["type"].startswith("ticket.") and "linked" in e["type"]]
    assert [(e["type"], e["data"]) for e in told] == [
        (kind, {"kind": "duplicates", "other_ticket_id": str(other)}) for kind in ("ticket.linked", "ticket.unlinked")
    ]
    assert told[0]["actor_id"] == agent.user_id


def test_tickets_of_two_organizations_are_not_linked(shop: Shop, shared: Settings) -> None:
    from tests.data_model.shop import new_shop

    agent, ticket = shop.member(), asked(shop)
    foreign = asked(new_shop(shared, shop.db))
    for one, two in ((ticket, foreign), (foreign, ticket)):
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            link(shop, agent, one, "relates", two)
