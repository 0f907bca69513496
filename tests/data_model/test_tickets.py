"""Tickets: numbers without gaps, a category that follows the status, and whose word on a field stands."""

from __future__ import annotations

import random

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Behind, Shop, new_shop, together, waits
from tests.people import Actor, connect, new_user


def test_numbers_have_no_gaps_however_many_open_tickets_at_once(shop: Shop, shared: Settings) -> None:
    """Four writers, one in three transactions undone; another organization counts for itself."""
    contact, other = shop.contact(), new_shop(shared, shop.db)
    insert = "insert into public.tickets (organization_id, channel, contact_id) values (%s, 'api', %s)"

    def write(seed: int) -> None:
        dice = random.Random(seed)
        with psycopg.connect(shared.database_url("postgres")) as db:
            for _ in range(25):
                for _ in range(dice.randint(1, 3)):
                    db.execute(insert, [shop.organization, contact])
                db.rollback() if dice.random() < 0.33 else db.commit()

    together(*[lambda seed=seed: write(seed) for seed in range(4)])
    rows = shop.db.execute("select number from public.tickets where organization_id = %s", [shop.organization])
    numbers = sorted(row["number"] for row in rows)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 50
    assert other.ticket_row(other.ticket())["number"] == 1


def test_the_category_follows_the_status(shop: Shop) -> None:
    ticket = shop.ticket()
    for status, category, resolved in [
        ("new", "open", False), ("pending", "waiting", False), ("solved", "resolved", True),
        ("closed", "resolved", True), ("open", "open", False),
    ]:  # fmt: skip
        shop.db.execute("update public.tickets set status = %s where id = %s", [status, ticket])
        row = shop.ticket_row(ticket)
        assert (row["status"], row["status_category"], row["resolved_at"] is not None) == (status, category, resolved)


def test_the_time_of_resolution_is_the_first(shop: Shop) -> None:
    ticket = shop.ticket()
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])
    first = shop.ticket_row(ticket)["resolved_at"]
    shop.db.execute("update public.tickets set status = 'closed' where id = %s", [ticket])
    assert shop.ticket_row(ticket)["resolved_at"] == first


def test_an_unknown_status_is_refused_by_name(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="there is no status parked"):
        shop.as_(agent, "update public.tickets set status = 'parked' where id = %s", ticket)


def test_a_status_of_ones_own_works_and_cannot_change_its_meaning_in_use(shop: Shop) -> None:
    admin, ticket = shop.member("admin"), shop.ticket()
    change = "update public.ticket_statuses set category = 'open' where organization_id = %s and key = 'parked'"
    shop.as_(
        admin,
        "insert into public.ticket_statuses (organization_id, key, name, category)"
        " values (%s, 'parked', 'P', 'waiting')",
        shop.organization,
    )
    shop.as_(admin, "update public.tickets set status = 'parked' where id = %s", ticket)
    assert shop.ticket_row(ticket)["status_category"] == "waiting"
    with pytest.raises(psycopg.errors.CheckViolation, match="status parked is in use"):
        shop.as_(admin, change, shop.organization)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.as_(
            admin, "delete from public.ticket_statuses where organization_id = %s and key = 'parked'", shop.organization
        )
    shop.as_(admin, "update public.tickets set status = 'open' where id = %s", ticket)
    shop.as_(admin, change, shop.organization)


def test_a_status_waits_for_who_is_giving_it_before_it_changes_its_meaning(shop: Shop, shared: Settings) -> None:
    ticket = shop.ticket()
    change = "update public.ticket_statuses set category = 'open' where organization_id = %s and key = 'on_hold'"
    with connect(shared, "postgres") as agent, connect(shared, "postgres") as admin:
        with agent.transaction():
            agent.execute("update public.tickets set status = 'on_hold' where id = %s", [ticket])
            changing = Behind(lambda: admin.execute(change, [shop.organization]))
            waits(shop, admin)
        with pytest.raises(psycopg.errors.CheckViolation, match="in use"):
            changing.get()


@pytest.mark.parametrize("key", ["new", "open", "pending"])
def test_the_statuses_that_pgdesk_sets_can_be_renamed_and_nothing_else(shop: Shop, key: str) -> None:
    admin = shop.member("admin")
    mine = f"where organization_id = '{shop.organization}' and key = '{key}'"
    shop.as_(admin, f"update public.ticket_statuses set name = 'Something', position = 9 {mine}")
    for forbidden in (
        f"update public.ticket_statuses set category = 'resolved' {mine}",
        f"delete from public.ticket_statuses {mine}",
    ):
        with pytest.raises(psycopg.errors.CheckViolation, match=f"status {key} is set by pgdesk itself"):
            shop.as_(admin, forbidden)


def test_a_members_word_on_a_field_stands_beside_what_was_said_before(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    shop.as_(shop.functions, "update public.tickets set priority = 'high', language = 'de' where id = %s", ticket)
    assert shop.ticket_row(ticket)["set_by_member"] == []
    shop.as_(agent, "update public.tickets set priority = 'low' where id = %s", ticket)
    shop.as_(agent, "update public.tickets set is_spam = true, language = 'de' where id = %s", ticket)
    shop.as_(agent, "update public.tickets set status = 'open', subject = 'x' where id = %s", ticket)
    assert shop.ticket_row(ticket)["set_by_member"] == ["is_spam", "priority"]  # the language was the same


def test_a_team_that_is_removed_is_not_a_members_word_on_its_tickets(shop: Shop) -> None:
    """Triage may route them again."""
    ticket, manager = shop.ticket(), shop.member("manager")
    team = shop.value(
        "insert into public.teams (organization_id, name) values (%s, 'Billing') returning id", shop.organization
    )
    shop.as_(shop.functions, "update public.tickets set team_id = %s where id = %s", team, ticket)
    shop.as_(manager, "delete from public.teams where id = %s", team)
    row = shop.ticket_row(ticket)
    assert row["team_id"] is None
    assert row["set_by_member"] == []


def test_assigning_a_person_takes_the_ticket_from_the_ai(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    shop.as_(agent, "update public.tickets set assignee_id = %s, ai_state = 'on' where id = %s", agent.user_id, ticket)
    assert shop.ticket_row(ticket)["ai_state"] == "off"
    shop.as_(agent, "update public.tickets set assignee_id = null where id = %s", ticket)
    assert shop.ticket_row(ticket)["ai_state"] == "off"
    shop.as_(agent, "update public.tickets set ai_state = 'on' where id = %s", ticket)
    assert shop.ticket_row(ticket)["ai_state"] == "on"


def test_nobody_outside_the_organization_is_assigned(shop: Shop) -> None:
    ticket, agent, stranger = shop.ticket(), shop.member(), new_user(shop.db)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.as_(agent, "update public.tickets set assignee_id = %s where id = %s", stranger, ticket)


def test_each_change_is_told_once_with_what_changed(shop: Shop) -> None:
    ticket, agent = shop.ticket(), shop.member()
    shop.as_(
        agent, "update public.tickets set priority = 'high', assignee_id = %s where id = %s", agent.user_id, ticket
    )
    shop.as_(agent, "update public.tickets set priority = 'high' where id = %s", ticket)  # nothing changed
    created, assigned, updated = shop.events(ticket)
    assert (created["type"], created["audience"], created["actor_id"]) == ("ticket.created", "contact", None)
    assert (assigned["type"], assigned["audience"], assigned["actor_id"]) == (
        "ticket.assigned",
        "agents",
        agent.user_id,
    )
    assert updated["type"] == "ticket.updated"
    assert updated["data"] == {"priority": "high", "assignee_id": str(agent.user_id), "ai_state": "off"}


def test_a_contact_opens_a_ticket_in_the_portal_as_itself(shop: Shop) -> None:
    contact, customer = shop.customer()
    (opened,) = shop.as_(customer, "select * from public.open_ticket(%s, 'Hi', 'Where is it?')", shop.organization)
    assert (opened["contact_id"], opened["channel"], opened["status"]) == (contact, "portal", "new")
    (message,) = shop.as_(customer, "select * from public.messages where ticket_id = %s", opened["id"])
    assert (message["sender"], message["contact_id"], message["seq"]) == ("contact", contact, 1)
    assert message["is_verified"]


def test_a_contact_opens_no_ticket_for_another_nor_by_mail(shop: Shop) -> None:
    _, customer = shop.customer()
    other = shop.contact()
    for arguments in (f"'portal', '{other}'", "'email'", f"'email', '{other}'"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.as_(customer, f"select * from public.open_ticket(%s, 'Hi', 'x', {arguments})", shop.organization)
    assert shop.value("select count(*) from public.tickets where organization_id = %s", shop.organization) == 0


def test_an_agent_opens_a_ticket_for_a_contact_of_its_own_organization(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    foreign = new_shop(shop.settings, shop.db).contact()
    call = "select * from public.open_ticket(%s, 'They rang', 'It is broken', 'phone', %s)"
    (opened,) = shop.as_(agent, call, shop.organization, contact)
    assert opened["contact_id"] == contact
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.as_(agent, call, shop.organization, foreign)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(shop.member("viewer"), call, shop.organization, contact)


def test_a_stranger_opens_no_ticket_and_is_told_why(shop: Shop) -> None:
    stranger = Actor("authenticated", new_user(shop.db))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not a contact of this organization"):
        shop.as_(stranger, "select public.open_ticket(%s, 'Hi', 'x')", shop.organization)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(stranger, "select public.open_ticket(%s, 'Hi', 'x', 'portal', %s)", shop.organization, shop.contact())


@pytest.mark.parametrize("body", ["", " \n\t ", None])
def test_a_ticket_is_not_opened_without_words(shop: Shop, body: str | None) -> None:
    _, customer = shop.customer()
    with pytest.raises(psycopg.errors.CheckViolation, match="needs a first message"):
        shop.as_(customer, "select public.open_ticket(%s, 'Hi', %s)", shop.organization, body)


def test_a_ticket_of_no_organization_is_refused_by_name(shop: Shop) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="there is no organization"):
        shop.db.execute(
            "insert into public.tickets (organization_id, channel, contact_id)"
            " values (gen_random_uuid(), 'api', gen_random_uuid())"
        )
