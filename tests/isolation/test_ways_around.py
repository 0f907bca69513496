"""Ways around the rules that a careful reader has tried."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from infra.local.settings import Settings
from tests.people import Actor, Connection, act_as, connect, new_member, new_organization, new_user, not_there


@pytest.fixture
def admin(desk: Settings) -> Iterator[Connection]:
    with connect(desk, "supabase_admin") as connection:
        yield connection


def test_an_admin_who_leaves_in_the_same_statement_takes_no_owner_along(admin: Connection) -> None:
    organization = new_organization(admin, "acme")
    leaving = new_member(admin, organization, "admin")
    owners = [new_member(admin, organization, "owner") for _ in range(2)]
    with admin.transaction(force_rollback=True):
        act_as(admin, leaving)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            admin.execute(
                "delete from public.members where organization_id = %s and user_id = any(%s)",
                [organization, [leaving.user_id, owners[0].user_id]],
            )


@pytest.mark.parametrize("address", ["support+billing@acme.example", "support+@acme.example"])
def test_nobody_takes_the_plus_addresses_of_another(admin: Connection, address: str) -> None:
    acme, other = new_organization(admin, "acme"), new_organization(admin, "other")
    add = "insert into public.mail_addresses (organization_id, address) values (%s, %s)"
    admin.execute(add, [acme, "support@acme.example"])
    with pytest.raises(psycopg.errors.CheckViolation):
        admin.execute(add, [other, address])
    found = admin.execute("select organization_id from private.resolve_address(%s)", [address]).fetchone()
    assert found == {"organization_id": acme}


def test_no_member_reads_the_tokens_of_reply_addresses(admin: Connection) -> None:
    organization = new_organization(admin, "acme")
    owner = new_member(admin, organization, "owner")
    with admin.transaction(force_rollback=True):
        act_as(admin, owner)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            admin.execute("select reply_to from public.outgoing_mails")


def test_a_member_who_writes_in_a_contacts_name_does_not_vouch_for_it(admin: Connection) -> None:
    organization = new_organization(admin, "acme")
    agent = new_member(admin, organization, "agent")
    contact = admin.execute(
        "insert into public.contacts (organization_id, email) values (%s, 'ada@people.example') returning id",
        [organization],
    ).fetchone()
    assert contact
    act = "select * from public.open_ticket(%s, 'A call', 'She called.', 'phone', %s)"
    verified = "select is_verified from public.messages"
    with admin.transaction(force_rollback=True):
        act_as(admin, agent)
        admin.execute(act, [organization, contact["id"]])
        assert admin.execute(verified).fetchall() == [{"is_verified": False}]
    with admin.transaction(force_rollback=True):
        herself = Actor("authenticated", new_user(admin, "ada@people.example"))
        act_as(admin, herself)
        admin.execute("select * from public.open_ticket(%s, 'Hello', 'A question.')", [organization])
        assert admin.execute(verified).fetchall() == [{"is_verified": True}]


def test_a_draft_for_a_message_of_another_ticket_is_refused(admin: Connection) -> None:
    organization = new_organization(admin, "acme")
    contact = admin.execute(
        "insert into public.contacts (organization_id, email) values (%s, 'ada@people.example') returning id",
        [organization],
    ).fetchone()
    assert contact
    tickets = [
        admin.execute(
            "select id from public.open_ticket(%s, 'Hello', 'A question.', 'portal', %s)", [organization, contact["id"]]
        ).fetchone()
        for _ in range(2)
    ]
    assert tickets[0]
    assert tickets[1]
    message = admin.execute("select id from public.messages where ticket_id = %s", [tickets[0]["id"]]).fetchone()
    assert message
    with admin.transaction(force_rollback=True):
        act_as(admin, Actor("pgdesk_functions", organization_id=organization))
        with not_there(match="not in this ticket"):
            admin.execute(
                "select * from private.record_draft(%s, %s, 1, 'x', 'send', '{}', 1, 'extract', '[]')",
                [tickets[1]["id"], message["id"]],
            )
