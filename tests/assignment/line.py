"""A team with people in it, and the line that waits for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop
from tests.people import Actor


def team(shop: Shop, assignment: str = "round_robin", name: str = "Support") -> UUID:
    made: UUID = shop.value(
        "insert into public.teams (organization_id, name, assignment) values (%s, %s, %s) returning id",
        shop.organization, name, assignment,
    )  # fmt: skip
    return made


def agent(shop: Shop, team_id: UUID | None = None, capacity: int = 10, status: str = "online") -> Actor:
    """A member of role agent who is at work."""
    someone = shop.member()
    if team_id:
        join(shop, someone, team_id)
    shop.db.execute(
        "insert into public.member_availability (organization_id, user_id, status, capacity) values (%s, %s, %s, %s)",
        [shop.organization, someone.user_id, status, capacity],
    )
    return someone


def join(shop: Shop, someone: Actor, team_id: UUID) -> None:
    shop.db.execute(
        "insert into public.team_members (organization_id, team_id, user_id) values (%s, %s, %s)",
        [shop.organization, team_id, someone.user_id],
    )


def skill(shop: Shop, name: str, *people: Actor) -> UUID:
    """A category that asks for a skill, which these people have."""
    made = shop.value(
        "insert into public.skills (organization_id, name) values (%s, %s) returning id", shop.organization, name
    )
    for someone in people:
        shop.db.execute(
            "insert into public.member_skills (organization_id, user_id, skill_id) values (%s, %s, %s)",
            [shop.organization, someone.user_id, made],
        )
    category: UUID = shop.value(
        "insert into public.ticket_categories (organization_id, key, name, skill_id) values (%s, %s, %s, %s)"
        " returning id",
        shop.organization, name, name, made,
    )  # fmt: skip
    return category


def waiting(shop: Shop, team_id: UUID | None, **columns: Any) -> UUID:
    """A ticket that needs a person."""
    ticket = shop.ticket()
    given = {"team_id": team_id, "ai_state": "off"} | columns
    places = ", ".join(f"{name} = %({name})s" for name in given)
    shop.db.execute(f"update public.tickets set {places} where id = %(id)s", given | {"id": ticket})
    return ticket


def solve(shop: Shop, ticket: UUID) -> None:
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])


def asked(shop: Shop) -> int:
    """How many rounds of assignment are asked for, now."""
    count: int = shop.value(
        "select count(*) from private.jobs where organization_id = %s and consumer = 'clock' and state = 'waiting'"
        ' and payload = \'{"ring": "assign"}\' and run_at <= now()',
        shop.organization,
    )
    return count


def assign(shop: Shop) -> None:
    """What the consumer does where a round is asked for; nothing, where none is."""
    if asked(shop):
        shop.db.execute(
            "delete from private.jobs where organization_id = %s and consumer = 'clock' and run_at <= now()",
            [shop.organization],
        )
        shop.as_(shop.functions, "select private.ring(%s)", Jsonb({"ring": "assign"}))


def assignee(shop: Shop, ticket: UUID) -> UUID | None:
    found: UUID | None = shop.ticket_row(ticket)["assignee_id"]
    return found


def loads(shop: Shop) -> dict[UUID, int]:
    """Open tickets by assignee."""
    rows = shop.db.execute(
        "select a.user_id, (select count(*) from public.tickets as t where t.assignee_id = a.user_id"
        " and t.organization_id = a.organization_id and t.status_category = 'open') as tickets"
        " from public.member_availability as a where a.organization_id = %s",
        [shop.organization],
    )
    return {row["user_id"]: row["tickets"] for row in rows}


def rule(shop: Shop, conditions: dict[str, Any], position: int = 0, **columns: Any) -> UUID:
    given = {"organization_id": shop.organization, "conditions": Jsonb(conditions), "position": position} | columns
    names, places = ", ".join(given), ", ".join(f"%({name})s" for name in given)
    row = shop.db.execute(
        f"insert into public.routing_rules (name, {names}) values ('rule ' || gen_random_uuid(), {places})"
        " returning id",
        given,
    ).fetchone()
    assert row
    return UUID(str(row["id"]))
