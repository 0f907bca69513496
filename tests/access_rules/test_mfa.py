"""An organization that asks for a second factor is closed to members without, whichever way they come."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
import psycopg
import pytest

from infra.local import tokens
from infra.local.auth import totp
from infra.local.settings import Settings
from tests.auth.conftest import FAST, PASSWORD, running
from tests.data_model.shop import Shop, new_shop
from tests.people import Actor, Connection, not_there
from tests.rest.conftest import serving

# How a member reaches an organization: rows, a search behind a definer function, a role, a live topic.
WAYS = (
    "select 1 from public.tickets where organization_id = %(org)s",
    "select 1 from public.members where organization_id = %(org)s",
    "select 1 from public.organizations where id = %(org)s",
    "select 1 from public.search_tickets(%(org)s, 'parcel')",
    "select 1 where private.my_role(%(org)s) is not null",
    "select 1 where private.may_join('org:' || %(org)s)",
    "select 1 from public.compositions where organization_id = %(org)s",
)


@contextmanager
def at_level(shop: Shop, actor: Actor, aal: str) -> Iterator[Connection]:
    with shop.acting(actor, request__jwt__claims=json.dumps(actor.claims | {"aal": aal})) as db:
        yield db


def seen(shop: Shop, actor: Actor, aal: str) -> list[int]:
    """How many rows each of the ways gives."""
    with at_level(shop, actor, aal) as db:
        return [len(db.execute(way.encode(), {"org": str(shop.organization)}).fetchall()) for way in WAYS]


@pytest.fixture
def strict(shop: Shop) -> Shop:
    contact = shop.contact()
    ticket = shop.value(
        "insert into public.tickets (organization_id, channel, contact_id, subject) values (%s, 'email', %s, 'parcel')"
        " returning id",
        shop.organization, contact,
    )  # fmt: skip
    shop.say(ticket, body_text="Where is my parcel?")
    shop.db.execute("update public.organizations set require_mfa = true where id = %s", [shop.organization])
    return shop


def test_without_the_second_factor_a_member_sees_nothing(strict: Shop) -> None:
    agent = strict.member()
    ticket = strict.value("select id from public.tickets where organization_id = %s", strict.organization)
    strict.db.execute(
        "insert into public.compositions (organization_id, ticket_id, user_id, body) values (%s, %s, %s, 'Dear')",
        [strict.organization, ticket, agent.user_id],
    )
    assert seen(strict, agent, "aal1") == [0] * len(WAYS)
    assert min(seen(strict, agent, "aal2")) == 1


def test_without_it_a_member_does_nothing_either(strict: Shop) -> None:
    owner = strict.member("owner")
    ticket = strict.value("select id from public.tickets where organization_id = %s", strict.organization)
    with at_level(strict, owner, "aal1") as db:
        assert db.execute("update public.tickets set subject = 'x' where id = %s", [ticket]).rowcount == 0
        assert db.execute("delete from public.members where user_id = %s", [owner.user_id]).rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
            db.execute("insert into public.teams (organization_id, name) values (%s, 'x')", [strict.organization])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
            db.execute("select public.set_availability(%s, 'online')", [strict.organization])
        with not_there(), db.transaction():
            db.execute("select public.send_reply(%s, 'x', 100)", [ticket])


def test_they_are_told_what_is_asked_for_and_nothing_more(strict: Shop) -> None:
    agent = strict.member()
    for aal, needs in (("aal1", True), ("aal2", False)):
        with at_level(strict, agent, aal) as db:
            (row,) = db.execute("select * from public.my_memberships()").fetchall()
        assert (row["organization_id"], row["needs_mfa"]) == (strict.organization, needs)
        assert (row["unread_unassigned"] is None) is needs


def test_other_organizations_of_the_same_user_stay_open(strict: Shop) -> None:
    agent, other = strict.member(), new_shop(strict.settings, strict.db)
    other.db.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')",
        [other.organization, agent.user_id],
    )
    other.ticket()
    assert seen(other, agent, "aal1")[:3] == [1, 1, 1]
    assert seen(strict, agent, "aal1")[:3] == [0, 0, 0]


def test_contacts_keys_and_functions_are_not_asked(strict: Shop) -> None:
    _, customer = strict.customer()
    (row,) = strict.as_(customer, "select public.open_ticket(%s, 'Hello', 'Hello') as ticket", strict.organization)
    assert row["ticket"]
    assert len(strict.as_(customer, "select 1 from public.tickets")) == 1
    key = strict.value(
        "insert into public.api_keys (organization_id, name, prefix, scopes) values"
        " (%s, 'robot', 'pgd_00000000', array['tickets:read']) returning id",
        strict.organization,
    )
    assert len(strict.as_(Actor("pgdesk_api_key", key_id=key), "select 1 from public.tickets")) == 2
    assert len(strict.as_(strict.functions, "select 1 from public.tickets")) == 2


def test_only_who_has_a_second_factor_asks_for_one(shop: Shop) -> None:
    admin, agent = shop.member("admin"), shop.member()
    ask = "update public.organizations set require_mfa = %s where id = %s"
    with at_level(shop, admin, "aal1") as db, pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
        db.execute(ask, [True, shop.organization])
    with at_level(shop, agent, "aal2") as db:
        assert db.execute(ask, [True, shop.organization]).rowcount == 0
    with at_level(shop, admin, "aal2") as db:
        assert db.execute(ask, [True, shop.organization]).rowcount == 1
    with at_level(shop, admin, "aal1") as db:
        assert db.execute(ask, [False, shop.organization]).rowcount == 0
    with at_level(shop, admin, "aal2") as db:
        assert db.execute(ask, [False, shop.organization]).rowcount == 1


def test_the_second_lock_is_on_every_table_of_an_organization(shop: Shop) -> None:
    bare = shop.db.execute(
        "select c.relname from pg_class as c"
        " join pg_attribute as a on a.attrelid = c.oid and a.attname = 'organization_id'"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not exists ("
        "  select from pg_policies as p where p.tablename = c.relname and p.permissive = 'RESTRICTIVE'"
        "  and p.policyname = 'A second factor where it is asked for' and p.cmd = 'ALL')"
    ).fetchall()
    assert bare == []


def test_rights_of_members_are_asked_for_in_two_places(shop: Shop) -> None:
    """Whatever else reads who is a member from the caller's id would let in who came without the second factor."""
    found = shop.db.execute(
        "select proname from pg_proc where pronamespace in ('public'::regnamespace, 'private'::regnamespace)"
        r" and prosrc ~ 'public\.members' and prosrc ~ 'auth\.uid\(\)' order by proname"
    ).fetchall()
    assert {row["proname"] for row in found} <= MAY_READ_MEMBERS, "ask private.my_organizations() or my_role() instead"


# my_role and my_organizations themselves; what everybody may about their own membership; what guards or stamps a change
# that its policy has let through.
MAY_READ_MEMBERS = {
    "my_role", "my_organizations", "my_memberships", "closed_organizations", "accept_invitation", "create_organization",
    "my_invitations", "set_display_name", "guard_members", "keep_article_version", "remove_member",
    "transfer_ownership",
    # Whether others are members, of who has passed one of the two.
    "open_room", "join_room",
}  # fmt: skip


def test_the_lock_costs_one_look_a_statement(strict: Shop) -> None:
    for _ in range(3):
        strict.ticket()
    agent = strict.member()
    with at_level(strict, agent, "aal2") as db:
        plan = db.execute(
            "explain (analyze, format json) select count(*) from public.tickets where organization_id = %s",
            [strict.organization],
        ).fetchone()
    assert plan

    def looks(node: dict[str, object]) -> Iterator[dict[str, object]]:
        yield node
        for child in node.get("Plans", []):  # type: ignore[attr-defined]
            yield from looks(child)

    asked = [node for node in looks(plan["QUERY PLAN"][0]["Plan"]) if node["Node Type"] == "ProjectSet"]
    assert len(asked) >= 2  # my_organizations and closed_organizations, each once however many rows there are
    assert all(node["Actual Loops"] in (0, 1) for node in asked)


def test_the_whole_way_with_an_authenticator_app(shared: Settings, strict: Shop) -> None:
    with running(shared, FAST) as auth, serving(shared) as rest, httpx.Client(base_url=rest) as desk:
        address = auth.user()
        client = auth.client()
        signed_in = client.sign_in_with_password({"email": address, "password": PASSWORD})
        assert signed_in.user
        strict.db.execute(
            "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')",
            [strict.organization, UUID(signed_in.user.id)],
        )

        def tickets() -> list[object]:
            session = client.get_session()
            assert session
            headers = {
                "apikey": shared.keys.publishable_key,
                "authorization": f"Bearer {session.access_token}",
            }
            found: list[object] = desk.get(f"/tickets?organization_id=eq.{strict.organization}", headers=headers).json()
            return found

        assert tickets() == []
        factor = client.mfa.enroll({"factor_type": "totp", "friendly_name": "phone", "issuer": "Desk"})
        assert factor.totp is not None
        code = totp.code_at(factor.totp.secret, time.time())
        client.mfa.challenge_and_verify({"factor_id": factor.id, "code": code})
        session = client.get_session()
        assert session
        assert tokens.verify(shared.keys, session.access_token)["aal"] == "aal2"
        assert len(tickets()) == 1
