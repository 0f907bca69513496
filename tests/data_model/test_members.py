"""Members, invitations and organizations: nobody rises by themselves, and there is always an owner."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Behind, Shop, new_shop, together, waits
from tests.people import ANON, Actor, connect, new_user, not_there

WORLD = Path(__file__).parents[1] / "isolation" / "world.sql"
REMOVE = "delete from public.members where organization_id = %s and user_id = %s"
PROMOTE = "update public.members set role = %s::public.member_role where organization_id = %s and user_id = %s"


def role_of(shop: Shop, actor: Actor) -> str | None:
    row = shop.db.execute(
        "select role::text from public.members where organization_id = %s and user_id = %s",
        [shop.organization, actor.user_id],
    ).fetchone()
    return row["role"] if row else None


def invite(shop: Shop, by: Actor, email: str, role: str = "agent") -> UUID:
    """As a member does. The key comes from the superuser's look, for admins see invitations and agents none."""
    shop.as_(
        by,
        "insert into public.invitations (organization_id, email, role, invited_by) values (%s, %s, %s, %s)",
        shop.organization, email, role, by.user_id,
    )  # fmt: skip
    return UUID(str(shop.value("select id from public.invitations where email = %s order by created_at desc", email)))


def accept(shop: Shop, actor: Actor, invitation: UUID) -> UUID:
    (row,) = shop.as_(actor, "select public.accept_invitation(%s) as organization", invitation)
    return UUID(str(row["organization"]))


def test_who_founds_an_organization_owns_it(shop: Shop) -> None:
    founder = Actor("authenticated", new_user(shop.db))
    (row,) = shop.as_(founder, "select * from public.create_organization('Acme', %s)", f"acme-{uuid4().hex[:8]}")
    founded = Shop(shop.settings, shop.db, row["id"])
    assert role_of(founded, founder) == "owner"
    statuses = shop.value("select count(*) from public.ticket_statuses where organization_id = %s", row["id"])
    assert statuses == 6


def test_anonymous_visitors_found_nothing(shop: Shop) -> None:
    visitor = new_user(shop.db)
    for claims in ({"role": "authenticated", "sub": str(visitor), "is_anonymous": True}, {"role": "authenticated"}):
        with (
            shop.acting(Actor("authenticated", visitor), request__jwt__claims=json.dumps(claims)) as db,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            db.transaction(),
        ):
            db.execute("select public.create_organization('Acme', 'acme-anonymous')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(ANON, "select public.create_organization('Acme', 'acme-anonymous')")


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a b", "a" * 64, "ä"])
def test_an_odd_slug_is_refused(shop: Shop, slug: str) -> None:
    founder = Actor("authenticated", new_user(shop.db))
    with pytest.raises(psycopg.errors.CheckViolation, match="slug"):
        shop.as_(founder, "select public.create_organization('Acme', %s)", slug)


def test_the_last_owner_neither_leaves_nor_steps_down(shop: Shop) -> None:
    owner, second = shop.member("owner"), shop.member("admin")
    for statement in (REMOVE, PROMOTE.replace("%s::public.member_role", "'admin'")):
        with pytest.raises(psycopg.errors.CheckViolation, match="needs an owner"):
            shop.as_(owner, statement, shop.organization, owner.user_id)
    shop.as_(owner, PROMOTE, "owner", shop.organization, second.user_id)
    shop.as_(owner, REMOVE, shop.organization, owner.user_id)
    assert role_of(shop, owner) is None


def test_the_account_of_the_last_owner_is_not_deleted_from_under_the_organization(shop: Shop) -> None:
    owner, agent = shop.member("owner"), shop.member()
    with pytest.raises(psycopg.errors.CheckViolation, match="needs an owner"):
        shop.db.execute("delete from auth.users where id = %s", [owner.user_id])
    shop.db.execute("delete from auth.users where id = %s", [agent.user_id])
    assert role_of(shop, agent) is None


def test_of_two_owners_who_leave_at_once_one_stays(shop: Shop, shared: Settings) -> None:
    owners = [shop.member("owner"), shop.member("owner")]
    with connect(shared, "postgres") as first, connect(shared, "postgres") as second:
        with first.transaction():
            first.execute(REMOVE, [shop.organization, owners[0].user_id])
            leaving = Behind(lambda: second.execute(REMOVE, [shop.organization, owners[1].user_id]))
            waits(shop, second)
        with pytest.raises(psycopg.errors.CheckViolation, match="needs an owner"):
            leaving.get()
    assert role_of(shop, owners[1]) == "owner"


def test_owners_who_remove_each_other_leave_one(shop: Shop, shared: Settings) -> None:
    for _ in range(10):
        desk = new_shop(shared, shop.db)
        owners = [desk.member("owner"), desk.member("owner")]

        def remove(whom: Actor, desk: Shop = desk) -> None:
            with connect(shared, "postgres") as db:
                try:
                    db.execute(REMOVE, [desk.organization, whom.user_id])
                except psycopg.errors.CheckViolation:
                    return

        together(lambda owners=owners: remove(owners[0]), lambda owners=owners: remove(owners[1]))  # type: ignore[misc]
        assert sorted(str(role_of(desk, owner)) for owner in owners) == ["None", "owner"]


def test_nobody_gives_a_role_above_their_own_or_takes_one(shop: Shop) -> None:
    owner, admin, agent = shop.member("owner"), shop.member("admin"), shop.member()
    for whom, role in ((admin, "owner"), (agent, "owner"), (owner, "agent")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="role admin cannot give or take role owner"):
            shop.as_(admin, PROMOTE, role, shop.organization, whom.user_id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(admin, REMOVE, shop.organization, owner.user_id)
    shop.as_(agent, PROMOTE, "admin", shop.organization, agent.user_id)  # touches no row: only admins change members
    assert role_of(shop, agent) == "agent"
    shop.as_(admin, PROMOTE, "admin", shop.organization, agent.user_id)
    assert role_of(shop, agent) == "admin"


def test_anyone_leaves_by_themselves_and_removes_no_other(shop: Shop) -> None:
    viewer, agent = shop.member("viewer"), shop.member()
    shop.as_(viewer, REMOVE, shop.organization, agent.user_id)
    assert role_of(shop, agent) == "agent"
    shop.as_(viewer, REMOVE, shop.organization, viewer.user_id)
    assert role_of(shop, viewer) is None


def test_who_leaves_lets_go_of_open_tickets_and_is_remembered_by_the_rest(shop: Shop) -> None:
    shop.member("owner")
    agent, ticket, solved = shop.member(), shop.ticket(), shop.ticket()
    shop.as_(agent, "select public.set_display_name(%s, 'Ada')", shop.organization)
    shop.db.execute("update public.tickets set assignee_id = %s where id in (%s, %s)", [agent.user_id, ticket, solved])
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [solved])
    message = shop.say(ticket, "member", member_id=agent.user_id)
    shop.as_(agent, REMOVE, shop.organization, agent.user_id)
    assert shop.ticket_row(ticket)["assignee_id"] is None
    assert shop.ticket_row(solved)["assignee_id"] == agent.user_id
    author = "select name, left_at is not null as gone from public.messages join public.authors on user_id = member_id"
    assert shop.db.execute(f"{author} where messages.id = %s", [message["id"]]).fetchone() == {
        "name": "Ada", "gone": True
    }  # fmt: skip


def test_an_invitation_makes_a_member_with_its_role_once(shop: Shop) -> None:
    email = f"{uuid4()}@people.example"
    invited = Actor("authenticated", new_user(shop.db, email))
    invitation = invite(shop, shop.member("admin"), email, "manager")
    assert accept(shop, invited, invitation) == shop.organization
    assert role_of(shop, invited) == "manager"
    with not_there(match=str(invitation)):
        accept(shop, invited, invitation)


def test_the_case_of_an_address_does_not_matter(shop: Shop) -> None:
    email = f"{uuid4()}@people.example"
    invited = Actor("authenticated", new_user(shop.db, email.upper()))
    accept(shop, invited, invite(shop, shop.member("admin"), email))
    assert role_of(shop, invited) == "agent"
    with pytest.raises(psycopg.errors.CheckViolation):
        invite(shop, shop.member("admin"), "Somebody@People.example")


def test_an_invitation_is_for_its_address_and_confirmed_ones_only(shop: Shop) -> None:
    admin, email = shop.member("admin"), f"{uuid4()}@people.example"
    invitation = invite(shop, admin, email)
    thief = Actor("authenticated", new_user(shop.db))
    claimant = Actor("authenticated", new_user(shop.db, email, confirmed=False))
    for actor in (thief, claimant, admin):
        with not_there():
            accept(shop, actor, invitation)
    assert role_of(shop, claimant) is None


def test_an_invitation_expires_and_can_be_sent_anew(shop: Shop) -> None:
    admin, email = shop.member("admin"), f"{uuid4()}@people.example"
    invited = Actor("authenticated", new_user(shop.db, email))
    first = invite(shop, admin, email)
    shop.db.execute("update public.invitations set expires_at = now() where id = %s", [first])
    with not_there(match="no open invitation"):
        accept(shop, invited, first)
    second = invite(shop, admin, email)  # takes the place of the first
    assert shop.value("select count(*) from public.invitations where email = %s", email) == 1
    accept(shop, invited, second)


def test_who_may_not_invite_replaces_no_invitation(shop: Shop) -> None:
    email = f"{uuid4()}@people.example"
    invitation = invite(shop, shop.member("admin"), email)
    for actor in (shop.member("manager"), new_shop(shop.settings, shop.db).member("owner")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            invite(shop, actor, email)
    assert shop.value("select id from public.invitations where email = %s", email) == invitation


@pytest.mark.parametrize("loss", ["demoted", "removed", "left the service"])
def test_an_invitation_ends_with_its_inviters_right_to_give_it(shop: Shop, loss: str) -> None:
    admin, email = shop.member("admin"), f"{uuid4()}@people.example"
    invited = Actor("authenticated", new_user(shop.db, email))
    invitation = invite(shop, admin, email)
    statement = {
        "demoted": "update public.members set role = 'agent' where user_id = %s",
        "removed": "delete from public.members where user_id = %s",
        "left the service": "delete from auth.users where id = %s",
    }[loss]
    shop.db.execute(statement, [admin.user_id])
    with not_there(match="no open invitation"):
        accept(shop, invited, invitation)


def test_everybody_names_themselves_and_rises_no_higher_by_it(shop: Shop) -> None:
    agent = shop.member("agent")
    shop.as_(agent, "select public.set_display_name(%s, ' Ada ')", shop.organization)
    assert shop.value("select display_name from public.members where user_id = %s", agent.user_id) == "Ada"
    shop.as_(agent, PROMOTE, "manager", shop.organization, agent.user_id)
    assert role_of(shop, agent) == "agent"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(
            new_shop(shop.settings, shop.db).member("owner"),
            "select public.set_display_name(%s, 'Eve')",
            shop.organization,
        )


def test_an_invitation_does_not_change_who_is_a_member_already(shop: Shop) -> None:
    owner = shop.member("owner")
    email = shop.value("select email from auth.users where id = %s", owner.user_id)
    accept(shop, owner, invite(shop, shop.member("admin"), email, "viewer"))
    assert role_of(shop, owner) == "owner"


def test_invitations_reach_up_to_the_inviters_role_and_never_to_owner(shop: Shop) -> None:
    admin, manager = shop.member("admin"), shop.member("manager")
    with pytest.raises(psycopg.errors.CheckViolation):
        invite(shop, shop.member("owner"), "a@people.example", "owner")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        invite(shop, manager, "b@people.example", "viewer")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(
            admin,
            "insert into public.invitations (organization_id, email, role, invited_by) values (%s, %s, 'agent', %s)",
            shop.organization, "c@people.example", manager.user_id,
        )  # fmt: skip


def test_an_address_belongs_to_one_organization_and_takes_tags(shop: Shop) -> None:
    name = uuid4().hex
    insert = "insert into public.mail_addresses (organization_id, address) values (%s, %s)"
    shop.as_(shop.member("admin"), insert, shop.organization, f"{name}@desk.example")
    other = new_shop(shop.settings, shop.db)
    with pytest.raises(psycopg.errors.UniqueViolation):
        shop.as_(other.member("admin"), insert, other.organization, f"{name}@desk.example")
    for address in (f"{name}@desk.example", f" {name.upper()}@Desk.Example ", f"{name}+t-123+x@desk.example"):
        row = shop.as_(shop.functions, "select organization_id from private.resolve_address(%s)", address)
        assert row == [{"organization_id": shop.organization}], address
    for address in (f"x{name}@desk.example", f"{name}@desk.example.org", "", "+@", f"{name}"):
        assert shop.as_(shop.functions, "select * from private.resolve_address(%s)", address) == [], address


def test_an_organization_goes_with_all_it_has(desk: Settings) -> None:
    """Every tenant table has rows of two organizations; one is deleted, and the other keeps every one of its own."""
    with connect(desk, "supabase_admin") as db:
        home, away = new_shop(desk, db), new_shop(desk, db)
        for shop in (home, away):
            slug = f"slug-{uuid4().hex[:8]}"
            values = {
                "org": str(shop.organization), "slug": slug, "owner": shop.member("owner").user_id,
                "contact_email": f"ada@{slug}.example",
            }  # fmt: skip
            for statement in WORLD.read_text().split(";\n"):
                if statement.strip():
                    db.execute(statement.encode(), values)
        tables = db.execute(
            "select attrelid::regclass::text as name from pg_attribute join pg_class on pg_class.oid = attrelid"
            " where attname = 'organization_id' and relkind in ('r', 'p') and not relispartition"
            " and relnamespace in ('public'::regnamespace, 'private'::regnamespace)"
        ).fetchall()
        assert len(tables) > 30

        def count(shop: Shop) -> dict[str, int]:
            counting = "select count(*) from {} where organization_id = %s"
            return {row["name"]: shop.value(counting.format(row["name"]), shop.organization) for row in tables}

        kept = count(away)
        db.execute("delete from public.organizations where id = %s", [home.organization])
        assert set(count(home).values()) == {0}
        assert count(away) == kept
