"""What an organization need not keep goes by rules, each day, and nothing else does."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from tests.people import new_member
from tests.privacy.conftest import Office
from tests.privacy.test_requests import MARK, a_customer, mentions


def ring(office: Office) -> None:
    with office.db.transaction():
        office.db.execute("select set_config('app.organization_id', %s, true)", [str(office.box.acme)])
        office.db.execute('select private.ring(\'{"ring": "retention"}\')')


def rule(office: Office, what: str, keep: str = "30 days") -> None:
    office.as_(
        office.admin,
        "insert into public.retention_rules (organization_id, what, keep) values (%s, %s, %s) returning what",
        office.box.acme, what, keep,
    )  # fmt: skip


def solve(office: Office, ticket: UUID, days_ago: int) -> None:
    office.as_(office.admin, "update public.tickets set status = 'solved' where id = %s returning id", ticket)
    office.db.execute(
        "update public.tickets set resolved_at = now() - make_interval(days => %s) where id = %s", [days_ago, ticket]
    )


def gone(office: Office, what: str) -> int:
    return int(office.box.row("select gone from public.retention_rules where what = %s", what)["gone"])


def test_tickets_that_have_rested_lose_their_words_and_files_and_younger_ones_none(office: Office) -> None:
    contact, old = a_customer(office)
    _, young = a_customer(office, "someoneelse")
    solve(office, old, 31)
    solve(office, young, 29)
    rule(office, "resolved_tickets")
    ring(office)
    office.work()
    assert gone(office, "resolved_tickets") == 1
    of_the_contact = {"public.contacts", "private.contact_keys", "private.contact_words", "private.ticket_search"}
    assert set(mentions(office, MARK)) <= of_the_contact
    assert not any(str(old) in path for path in office.stored())
    assert office.box.row("select erased_at from public.tickets where id = %s", young)["erased_at"] is None
    assert office.box.row("select erased_at from public.contacts where id = %s", contact)["erased_at"] is None


def test_an_open_ticket_is_kept_however_old_it_is(office: Office) -> None:
    _, ticket = a_customer(office)
    office.db.execute("update public.tickets set created_at = now() - interval '9 years' where id = %s", [ticket])
    rule(office, "resolved_tickets")
    ring(office)
    assert gone(office, "resolved_tickets") == 0


def test_raw_mail_goes_once_it_is_filed_and_the_ticket_keeps_what_it_said(office: Office) -> None:
    _, ticket = a_customer(office)
    age = "update {} set {} = private.uuid7_floor(now() - interval '31 days') where organization_id = %s"
    with office.db.transaction():
        office.db.execute("set local session_replication_role = replica")
        office.db.execute(age.format("public.inbound_mails", "id").encode(), [office.box.acme])
        office.db.execute(age.format("private.inbound_raw", "inbound_mail_id").encode(), [office.box.acme])
    rule(office, "raw_mail")
    ring(office)
    assert office.box.count("private.inbound_raw") == 0
    assert gone(office, "raw_mail") == 1
    assert office.box.row("select body_text from public.messages where ticket_id = %s and seq = 1", ticket)["body_text"]


def test_spam_goes_as_a_whole(office: Office) -> None:
    _, ticket = a_customer(office)
    _, kept = a_customer(office, "someoneelse")
    office.db.execute(
        "update public.tickets set is_spam = (id = %s), last_message_at = now() - interval '31 days'", [ticket]
    )
    rule(office, "spam")
    ring(office)
    office.work()
    assert [row["id"] for row in office.db.execute("select id from public.tickets").fetchall()] == [kept]
    assert not any(str(ticket) in path for path in office.stored())


def test_a_contact_without_words_left_who_was_not_heard_of_is_erased(office: Office) -> None:
    contact, _ = a_customer(office)
    quiet = office.box.row(
        "insert into public.contacts (id, organization_id, email, created_at, updated_at) values"
        " (private.uuid7_floor(now() - interval '31 days'), %s, 'quiet@customer.test', now() - interval '31 days',"
        " now() - interval '31 days') returning id",
        office.box.acme,
    )["id"]
    rule(office, "contacts")
    ring(office)
    assert office.box.row("select email from public.contacts where id = %s", quiet)["email"] is None
    assert office.box.row("select email from public.contacts where id = %s", contact)["email"]


def test_the_rules_are_kept_again_tomorrow_and_not_without_a_rule(office: Office) -> None:
    rule(office, "spam")
    waiting = (
        "select run_at > now() + interval '23 hours' as later from private.jobs where payload ->> 'ring' = 'retention'"
    )
    assert office.db.execute(waiting).fetchall() == [{"later": False}]  # a new one is kept at once
    office.db.execute("delete from private.jobs")
    ring(office)
    assert office.db.execute(waiting).fetchall() == [{"later": True}]
    office.db.execute("delete from private.jobs")
    office.as_(office.admin, "delete from public.retention_rules returning what")
    ring(office)
    assert office.db.execute(waiting).fetchall() == []


@pytest.mark.parametrize("keep", ["1 hour", "60 years", "-1 day"])
def test_a_time_that_nobody_can_mean_is_refused(office: Office, keep: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        rule(office, "spam", keep)


def test_rules_are_the_admins(office: Office) -> None:
    manager = new_member(office.db, office.box.acme, "manager")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        office.as_(
            manager,
            "insert into public.retention_rules (organization_id, what, keep) values (%s, 'spam', '9 days')",
            office.box.acme,
        )
