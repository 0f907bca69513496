"""What a contact's message does to a ticket that is over, by an organization's rules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.data_model.shop import Shop
from tests.people import Actor
from tests.tickets.desk import asked

PORTAL = (
    "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
    " values (%s, %s, 'contact', %s, %s) returning *"
)


def rule(shop: Shop, **columns: Any) -> None:
    for name, value in columns.items():
        shop.db.execute(
            f"update public.organizations set {name} = %s where id = %s".encode(), [value, shop.organization]
        )


def over(shop: Shop, contact: UUID, status: str = "solved", ago: str = "1 day", assignee: Actor | None = None) -> UUID:
    """A ticket that was resolved a while ago."""
    ticket = asked(shop, contact=contact)
    shop.db.execute(
        "update public.tickets set status = %s, assignee_id = %s where id = %s",
        [status, assignee.user_id if assignee else None, ticket],
    )
    shop.db.execute("update public.tickets set resolved_at = now() - %s::interval where id = %s", [ago, ticket])
    return ticket


def writes(shop: Shop, customer: tuple[UUID, Actor], ticket: UUID, text: str = "It broke again") -> UUID:
    """The contact writes in the portal. Returns the ticket that the message is in."""
    (said,) = shop.as_(customer[1], PORTAL, shop.organization, ticket, customer[0], text)
    return UUID(str(said["ticket_id"]))


@pytest.mark.parametrize("status", ["solved", "closed"])
def test_without_rules_a_contact_who_writes_opens_the_ticket_again(shop: Shop, status: str) -> None:
    customer = shop.customer()
    ticket = over(shop, customer[0], status, ago="3 years")
    assert writes(shop, customer, ticket, "Thanks!") == ticket
    assert shop.ticket_row(ticket)["status"] == "open"


def test_too_late_a_word_in_the_portal_opens_a_ticket_that_follows(shop: Shop) -> None:
    customer = shop.customer()
    rule(shop, reopen_within="7 days")
    in_time, late = over(shop, customer[0], ago="6 days"), over(shop, customer[0], ago="8 days")
    assert writes(shop, customer, in_time) == in_time
    follow_up = writes(shop, customer, late)
    row = shop.ticket_row(follow_up)
    assert (row["contact_id"], row["channel"], row["status"], row["last_seq"]) == (customer[0], "email", "new", 1)
    assert shop.ticket_row(late)["status"] == "solved"
    # It is the contact's own, who finds it and goes on in it.
    assert shop.as_(customer[1], "select id from public.tickets where id = %s", follow_up)
    assert writes(shop, customer, follow_up) == follow_up
    assert [e["type"] for e in shop.events(follow_up)][:2] == ["ticket.created", "ticket.linked"]


def test_closed_can_be_for_good(shop: Shop) -> None:
    customer = shop.customer()
    rule(shop, reopen_closed=False)
    solved, closed = over(shop, customer[0]), over(shop, customer[0], "closed")
    assert writes(shop, customer, solved) == solved
    assert writes(shop, customer, closed) != closed
    assert shop.ticket_row(closed)["status"] == "closed"


@pytest.mark.parametrize(
    ("kept_for", "availability", "stays"),
    [
        ("assignee", "away", True),
        ("team", "online", False),
        ("assignee_at_work", "online", True),
        ("assignee_at_work", "away", False),
        ("assignee_at_work", None, False),
    ],
)
def test_whose_a_ticket_is_that_comes_back(shop: Shop, kept_for: str, availability: str | None, stays: bool) -> None:
    agent, customer = shop.member(), shop.customer()
    rule(shop, reopen_for=kept_for, reopen_within="7 days")
    if availability:
        shop.as_(agent, "select public.set_availability(%s, %s)", shop.organization, availability)
    for ago in ("1 day", "8 days"):
        ticket = over(shop, customer[0], assignee=agent, ago=ago)
        back = shop.ticket_row(writes(shop, customer, ticket))
        assert back["assignee_id"] == (agent.user_id if stays else None), ago


@pytest.mark.parametrize(
    ("body", "only_thanks"),
    [
        ("Thanks!", True),
        ("Thank you so much for the quick help, it works now!", True),
        ("thanks a lot,\nAnn Smith", True),
        ("Vielen Dank für die schnelle Hilfe", True),
        ("Merci beaucoup", True),
        ("Thanks, but it does not work", False),
        ("Thanks. And when does it arrive?", False),
        ("Great", False),
        ("Thanks, order 4711", False),
        ("no thanks", False),
        ("Thanks for nothing", False),
        (" ".join(["thanks"] * 13), False),
        ("", False),
    ],
)
def test_thanks_alone_leave_a_ticket_solved_where_that_is_wanted(shop: Shop, body: str, only_thanks: bool) -> None:
    customer = shop.customer()
    shop.db.execute("update public.contacts set name = 'Ann Smith' where id = %s", [customer[0]])
    rule(shop, thanks_stay_solved=True, reopen_within="7 days")
    ticket = over(shop, customer[0])
    assert writes(shop, customer, ticket, body) == ticket
    assert shop.ticket_row(ticket)["status"] == ("solved" if only_thanks else "open")
    if only_thanks:
        # Nor do late ones open another.
        assert writes(shop, customer, over(shop, customer[0], ago="9 days"), body) != ticket
        assert shop.value("select count(*) from public.ticket_links where organization_id = %s", shop.organization) == 0


def test_notes_and_answers_follow_no_rule(shop: Shop) -> None:
    agent, customer = shop.member(), shop.customer()
    rule(shop, reopen_within="7 days", reopen_closed=False)
    ticket = over(shop, customer[0], "closed", ago="9 days")
    (note,) = shop.as_(agent, "select * from public.send_reply(%s, 'a note', 1, true)", ticket)
    (sent,) = shop.as_(agent, "select * from public.send_reply(%s, 'one more thing', 1)", ticket)
    assert (note["ticket_id"], sent["ticket_id"]) == (ticket, ticket)
    assert shop.ticket_row(ticket)["status"] == "closed"


def test_only_admins_make_the_rules(shop: Shop) -> None:
    change = "update public.organizations set reopen_closed = false where id = %s returning id"
    assert shop.as_(shop.member("manager"), change, shop.organization) == []
    assert shop.as_(shop.member("admin"), change, shop.organization)
