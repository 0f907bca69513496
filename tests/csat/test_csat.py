"""A contact is asked once after each resolution, and their word is theirs alone to change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.data_model.shop import Shop
from tests.people import Actor, not_there


@pytest.fixture
def asking(shop: Shop) -> Shop:
    """A shop that asks an hour after a ticket was resolved."""
    shop.db.execute("update public.organizations set ask_csat_after = '1 hour' where id = %s", [shop.organization])
    return shop


def resolved(shop: Shop, contact: UUID | None = None) -> UUID:
    """A ticket that an agent has answered and solved."""
    ticket = shop.ticket(contact)
    shop.say(ticket)
    agent = shop.member()
    shop.as_(agent, "update public.tickets set assignee_id = %s where id = %s", agent.user_id, ticket)
    shop.as_(agent, "select public.send_reply(%s, 'Here you are.', 1)", ticket)
    solve(shop, ticket)
    return ticket


def solve(shop: Shop, ticket: UUID) -> None:
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])


def ring(shop: Shop, ticket: UUID) -> None:
    """The hour goes by."""
    jobs = shop.db.execute(
        "delete from private.jobs where payload ->> 'ring' = 'csat' and payload ->> 'ticket_id' = %s"
        " returning payload::text",
        [str(ticket)],
    ).fetchall()
    for job in jobs:
        shop.as_(shop.functions, "select private.ring(%s)", job["payload"])


def surveys(shop: Shop, ticket: UUID) -> list[dict[str, Any]]:
    return shop.db.execute("select * from public.csat_surveys where ticket_id = %s order by id", [ticket]).fetchall()


def asked(shop: Shop, ticket: UUID) -> int:
    """How often: a mail goes out with each."""
    return int(shop.value("select count(*) from public.events where type = 'csat.asked' and ticket_id = %s", ticket))


def rate(shop: Shop, actor: Actor, ticket: UUID, score: int | None, comment: str = "") -> dict[str, Any]:
    (rating,) = shop.as_(actor, "select * from public.rate_ticket(%s, %s, %s)", ticket, score, comment)
    return rating


def test_nobody_is_asked_unless_the_organization_wants_it(shop: Shop) -> None:
    ticket = resolved(shop)
    ring(shop, ticket)
    assert surveys(shop, ticket) == []


def test_a_resolution_is_asked_about_once(asking: Shop) -> None:
    ticket = resolved(asking)
    ring(asking, ticket)
    asking.db.execute("update public.tickets set status = 'closed' where id = %s", [ticket])
    ring(asking, ticket)
    (survey,) = surveys(asking, ticket)
    assert survey["member_id"] == asking.ticket_row(ticket)["assignee_id"]
    assert survey["answered_by"] == "member"
    assert asked(asking, ticket) == 1


def test_the_next_resolution_is_asked_about_again(asking: Shop) -> None:
    ticket = resolved(asking)
    ring(asking, ticket)
    asking.say(ticket)
    solve(asking, ticket)
    ring(asking, ticket)
    assert len(surveys(asking, ticket)) == 2


def test_who_has_written_again_is_not_asked(asking: Shop) -> None:
    ticket = resolved(asking)
    asking.say(ticket)
    ring(asking, ticket)
    assert surveys(asking, ticket) == []


@pytest.mark.parametrize(
    ("table", "change", "named_by"),
    [
        ("tickets", "is_spam = true", "id"),
        ("tickets", "last_contact_at = null", "id"),  # only machines have written
        ("tickets", "last_answer_at = null", "id"),  # nobody has answered
        ("contacts", "suppressed_at = now()", "contact_id"),
        ("organizations", "ask_csat_after = null", "organization_id"),
    ],
)
def test_some_are_not_asked(asking: Shop, table: str, change: str, named_by: str) -> None:
    ticket = resolved(asking)
    which = f"id = (select t.{named_by} from public.tickets as t where t.id = %s)"
    asking.db.execute(f"update public.{table} set {change} where {which}", [ticket])
    ring(asking, ticket)
    assert surveys(asking, ticket) == []


def test_a_contact_rates_their_ticket_in_the_portal_and_is_not_asked_by_mail(asking: Shop) -> None:
    contact, customer = asking.customer()
    ticket = resolved(asking, contact)
    rating = rate(asking, customer, ticket, 4, " Quick ")
    assert (rating["score"], rating["comment"], rating["via"]) == (4, "Quick", "portal")
    assert rating["member_id"] == asking.ticket_row(ticket)["assignee_id"]
    ring(asking, ticket)
    assert asked(asking, ticket) == 0


def test_a_rating_is_changed_not_added_and_the_same_word_is_told_once(asking: Shop) -> None:
    contact, customer = asking.customer()
    ticket = resolved(asking, contact)
    first = rate(asking, customer, ticket, 2)
    assert rate(asking, customer, ticket, 2)["id"] == first["id"]
    assert rate(asking, customer, ticket, 5)["id"] == first["id"]
    told = [event["data"] for event in asking.events(first["id"])]
    assert told == [
        {"score": 2, "previous": None, "has_comment": False},
        {"score": 5, "previous": 2, "has_comment": False},
    ]


def test_only_the_tickets_own_contact_rates_it(asking: Shop) -> None:
    ticket = resolved(asking)
    for stranger in (asking.customer()[1], asking.member("owner")):
        with not_there():
            rate(asking, stranger, ticket, 1)


@pytest.mark.parametrize("score", [0, 6, None])
def test_a_rating_is_one_to_five(asking: Shop, score: int | None) -> None:
    contact, customer = asking.customer()
    ticket = resolved(asking, contact)
    with pytest.raises(psycopg.DataError, match="1 to 5"):
        rate(asking, customer, ticket, score)


def test_an_open_ticket_cannot_be_rated_nor_an_old_one(asking: Shop) -> None:
    contact, customer = asking.customer()
    ticket = resolved(asking, contact)
    asking.db.execute("update public.tickets set status = 'open' where id = %s", [ticket])
    with pytest.raises(psycopg.ProgrammingError, match="nothing to rate"):
        rate(asking, customer, ticket, 5)
    solve(asking, ticket)
    rate(asking, customer, ticket, 5)
    asking.db.execute(
        "update public.csat_surveys set expires_at = now() - interval '1 second' where ticket_id = %s", [ticket]
    )
    with pytest.raises(psycopg.ProgrammingError, match="is over"):
        rate(asking, customer, ticket, 1)
