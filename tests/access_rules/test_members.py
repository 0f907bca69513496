"""Members come and go: work is handed over, names stay, tokens end at once, ownership passes in one step."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from infra.local import tokens
from infra.local.settings import Settings
from tests.data_model.shop import Behind, Shop, new_shop, together, waits
from tests.people import Actor, act_as, connect, new_user, not_there
from tests.rest.conftest import serving

FAR = 4102444800


def remove(shop: Shop, by: Actor, whom: Actor, hand_over_to: Actor | None = None) -> int:
    (row,) = shop.as_(
        by, "select public.remove_member(%s, %s, %s) as handed_over",
        shop.organization, whom.user_id, hand_over_to and hand_over_to.user_id,
    )  # fmt: skip
    return int(row["handed_over"])


def give(shop: Shop, ticket: UUID, whom: Actor) -> None:
    shop.db.execute("update public.tickets set assignee_id = %s where id = %s", [whom.user_id, ticket])


def assignee(shop: Shop, ticket: UUID) -> UUID | None:
    found: UUID | None = shop.ticket_row(ticket)["assignee_id"]
    return found


def role_of(shop: Shop, actor: Actor) -> str | None:
    row = shop.db.execute(
        "select role::text from public.members where organization_id = %s and user_id = %s",
        [shop.organization, actor.user_id],
    ).fetchone()
    return row["role"] if row else None


def test_who_is_removed_hands_over_what_is_not_resolved(shop: Shop) -> None:
    admin, leaving, heir = shop.member("admin"), shop.member(), shop.member()
    open_one, waiting, solved = shop.ticket(), shop.ticket(), shop.ticket()
    for ticket in (open_one, waiting, solved):
        give(shop, ticket, leaving)
    shop.db.execute("update public.tickets set status = 'pending' where id = %s", [waiting])
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [solved])
    assert remove(shop, admin, leaving, heir) == 2
    assert [assignee(shop, ticket) for ticket in (open_one, waiting)] == [heir.user_id, heir.user_id]
    assert assignee(shop, solved) == leaving.user_id
    assert role_of(shop, leaving) is None


def test_without_an_heir_the_team_assigns_anew(shop: Shop) -> None:
    admin, leaving, other = shop.member("admin"), shop.member(), shop.member()
    team = shop.value(
        "insert into public.teams (organization_id, name, assignment) values (%s, 'T', 'least_loaded') returning id",
        shop.organization,
    )
    for actor in (leaving, other):
        shop.db.execute(
            "insert into public.team_members (organization_id, team_id, user_id) values (%s, %s, %s)",
            [shop.organization, team, actor.user_id],
        )
        shop.as_(actor, "select public.set_availability(%s, 'online')", shop.organization)
    ticket = shop.ticket()
    shop.db.execute(
        "update public.tickets set team_id = %s, assignee_id = %s where id = %s", [team, leaving.user_id, ticket]
    )
    assert remove(shop, admin, leaving) == 0
    assert assignee(shop, ticket) is None
    with shop.acting(shop.functions) as db:
        db.execute("reset role")
        db.execute("select private.ring_assign('{}')")
    assert assignee(shop, ticket) == other.user_id


def test_a_ticket_that_opens_again_is_not_given_to_who_has_left(shop: Shop) -> None:
    admin, leaving = shop.member("admin"), shop.member()
    ticket = shop.ticket()
    give(shop, ticket, leaving)
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])
    remove(shop, admin, leaving)
    shop.say(ticket, "contact")
    assert shop.ticket_row(ticket)["status_category"] == "open"
    assert assignee(shop, ticket) is None
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="not a member"):
        give(shop, ticket, leaving)


def test_who_gives_a_ticket_to_somebody_being_removed_is_refused(shop: Shop, shared: Settings) -> None:
    admin, leaving, ticket = shop.member("admin"), shop.member(), shop.ticket()
    with connect(shared, "postgres") as first, connect(shared, "postgres") as second:
        with first.transaction():
            act_as(first, admin)
            first.execute("select public.remove_member(%s, %s)", [shop.organization, leaving.user_id])
            giving = Behind(
                lambda: second.execute(
                    "update public.tickets set assignee_id = %s where id = %s", [leaving.user_id, ticket]
                )
            )
            waits(shop, second)
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="not a member"):
            giving.get()
    assert assignee(shop, ticket) is None


def test_a_token_that_is_out_opens_nothing_any_more(shop: Shop) -> None:
    admin, leaving = shop.member("admin"), shop.member()
    shop.ticket()
    token = tokens.sign(shop.settings.keys, leaving.claims | {"aud": "authenticated", "exp": FAR})
    headers = {"apikey": shop.settings.keys.publishable_key, "authorization": f"Bearer {token}"}
    with serving(shop.settings) as rest, httpx.Client(base_url=rest, headers=headers) as client:
        tickets = f"/tickets?organization_id=eq.{shop.organization}"
        assert len(client.get(tickets).json()) == 1
        remove(shop, admin, leaving)
        assert client.get(tickets).json() == []
        assert client.post("/rpc/take_next", json={"organization_id": str(shop.organization)}).status_code == 403
        assert client.post("/rpc/my_memberships").json() == []


def test_only_admins_remove_others_and_nobody_above_themselves(shop: Shop) -> None:
    owner, admin, manager, agent = (shop.member(role) for role in ("owner", "admin", "manager", "agent"))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only admins"):
        remove(shop, manager, agent)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="cannot give or take role owner"):
        remove(shop, admin, owner)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only admins"):
        remove(shop, new_shop(shop.settings, shop.db).member("owner"), agent)
    with not_there("no member"):
        remove(shop, admin, Actor("authenticated", uuid4()))
    for heir in (agent, shop.member("viewer"), new_shop(shop.settings, shop.db).member()):
        with pytest.raises(psycopg.DataError, match="handed over to another agent"):
            remove(shop, admin, agent, heir)
    remove(shop, admin, agent)
    assert [role_of(shop, who) for who in (owner, admin, manager, agent)] == ["owner", "admin", "manager", None]


def test_anybody_leaves_but_the_last_owner(shop: Shop) -> None:
    owner, viewer = shop.member("owner"), shop.member("viewer")
    shop.as_(viewer, "select public.leave_organization(%s)", shop.organization)
    assert role_of(shop, viewer) is None
    with pytest.raises(psycopg.errors.CheckViolation, match="needs an owner"):
        shop.as_(owner, "select public.leave_organization(%s)", shop.organization)


def test_who_comes_back_is_the_same_author(shop: Shop) -> None:
    admin, agent = shop.member("admin"), shop.member()
    remove(shop, admin, agent)
    shop.db.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'viewer')",
        [shop.organization, agent.user_id],
    )
    assert shop.value("select left_at from public.authors where user_id = %s", agent.user_id) is None


def test_ownership_passes_in_one_step(shop: Shop) -> None:
    owner, agent, admin = shop.member("owner"), shop.member(), shop.member("admin")
    transfer = "select public.transfer_ownership(%s, %s)"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only an owner"):
        shop.as_(admin, transfer, shop.organization, admin.user_id)
    with not_there("no member"):
        shop.as_(owner, transfer, shop.organization, uuid4())
    with pytest.raises(psycopg.DataError, match="owner already"):
        shop.as_(owner, transfer, shop.organization, owner.user_id)
    shop.as_(owner, transfer, shop.organization, agent.user_id)
    assert (role_of(shop, owner), role_of(shop, agent)) == ("admin", "owner")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only an owner"):
        shop.as_(owner, transfer, shop.organization, owner.user_id)


def test_of_transfers_at_once_one_comes_to_pass(shop: Shop, shared: Settings) -> None:
    owner, heirs = shop.member("owner"), [shop.member(), shop.member()]

    def transfer(heir: Actor) -> None:
        with connect(shared, "postgres") as db, db.transaction():
            act_as(db, owner)
            try:
                with db.transaction():
                    db.execute("select public.transfer_ownership(%s, %s)", [shop.organization, heir.user_id])
            except psycopg.errors.InsufficientPrivilege:
                return

    together(lambda: transfer(heirs[0]), lambda: transfer(heirs[1]))
    assert sorted(str(role_of(shop, who)) for who in (owner, *heirs)) == ["admin", "agent", "owner"]


def test_one_token_serves_an_agencys_organizations_and_mixes_none(shop: Shop) -> None:
    """Read and written by the same token: what names one organization touches no other."""
    client_a, client_b = shop, new_shop(shop.settings, shop.db)
    agency = client_a.member("manager")
    client_b.db.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')",
        [client_b.organization, agency.user_id],
    )
    tickets = {}
    for desk in (client_a, client_b):
        tickets[desk.organization] = desk.ticket()
        desk.say(tickets[desk.organization])
    shop.db.execute("update public.tickets set ai_state = 'off' where id = any(%s)", [list(tickets.values())])
    token = tokens.sign(shop.settings.keys, agency.claims | {"aud": "authenticated", "exp": FAR})
    headers = {"apikey": shop.settings.keys.publishable_key, "authorization": f"Bearer {token}"}
    with serving(shop.settings) as rest, httpx.Client(base_url=rest, headers=headers) as client:
        listed = {UUID(row["organization_id"]): row for row in client.post("/rpc/my_memberships").json()}
        assert {key: row["role"] for key, row in listed.items()} == {
            client_a.organization: "manager", client_b.organization: "agent"
        }  # fmt: skip
        for organization, ticket in tickets.items():
            assert (listed[organization]["unread_unassigned"], listed[organization]["needs_mfa"]) == (1, False)
            rows = client.get(f"/tickets?organization_id=eq.{organization}&select=id").json()
            assert rows == [{"id": str(ticket)}]
            taken = client.post("/rpc/take_next", json={"organization_id": str(organization)}).json()
            assert [row["id"] for row in taken] == [str(ticket)]
        # What a role allows in one it does not in the other; and no row leads from one into the other.
        for organization, status in ((client_a.organization, 201), (client_b.organization, 403)):
            answer = client.post("/teams", json={"organization_id": str(organization), "name": "New"})
            assert answer.status_code == status
        team = client.get(f"/teams?organization_id=eq.{client_a.organization}&select=id").json()[0]["id"]
        moved = client.patch(f"/tickets?id=eq.{tickets[client_b.organization]}", json={"team_id": team})
        assert moved.status_code == 409


def test_who_is_invited_finds_the_way_in_by_their_confirmed_address_alone(shop: Shop) -> None:
    admin, email = shop.member("admin"), f"{uuid4()}@people.example"

    def found(actor: Actor) -> list[str]:
        return [row["organization"] for row in shop.as_(actor, "select organization from public.my_invitations()")]

    shop.as_(
        admin, "insert into public.invitations (organization_id, email, role, invited_by) values (%s, %s, 'agent', %s)",
        shop.organization, email, admin.user_id,
    )  # fmt: skip
    invited, other = (Actor("authenticated", new_user(shop.db, address)) for address in (email, f"x{email}"))
    shop.db.execute("update auth.users set email_confirmed_at = null where id = %s", [invited.user_id])
    assert (found(invited), found(other), found(admin)) == ([], [], [])
    shop.db.execute("update auth.users set email_confirmed_at = now() where id = %s", [invited.user_id])
    (name,) = found(invited)
    assert name == shop.value("select name from public.organizations where id = %s", shop.organization)
    shop.db.execute("update public.members set role = 'manager' where user_id = %s", [admin.user_id])
    assert found(invited) == []  # its inviter may invite no more
    shop.db.execute("update public.members set role = 'admin' where user_id = %s", [admin.user_id])
    shop.as_(invited, "select public.accept_invitation((select id from public.my_invitations()))")
    assert found(invited) == []
