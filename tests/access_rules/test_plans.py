"""What a plan includes is enforced where rows are made, also of two at once; what comes in is never refused."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Behind, Shop, new_shop, together, waits
from tests.people import Actor, act_as, connect, new_user

CONTACT = "insert into public.contacts (organization_id, email) values (%s, %s)"
INVITE = "insert into public.invitations (organization_id, email, role, invited_by) values (%s, %s, 'agent', %s)"


def limited(shop: Shop, **limits: int) -> None:
    key = f"plan_{uuid4().hex[:8]}"
    shop.db.execute(
        "insert into private.plans (key, contacts, mails_per_month, workflows, seats) values (%s, %s, %s, %s, %s)",
        [key, *(limits.get(name) for name in ("contacts", "mails", "workflows", "seats"))],
    )
    shop.db.execute("update public.organizations set plan = %s where id = %s", [key, shop.organization])


def refused(what: str) -> pytest.RaisesExc[psycopg.Error]:
    return pytest.raises(psycopg.Error, match=rf"the plan includes \d+ {what}")


def usage(shop: Shop, actor: Actor) -> dict[str, tuple[int, int | None]]:
    rows = shop.as_(actor, "select * from public.usage(%s)", shop.organization)
    return {row["what"]: (row["used"], row["allowed"]) for row in rows}


def count(shop: Shop, table: str) -> int:
    return int(shop.value(f"select count(*) from public.{table} where organization_id = %s", shop.organization))


def an_address() -> str:
    return f"{uuid4()}@people.example"


def test_without_a_plan_there_is_no_limit(shop: Shop) -> None:
    admin = shop.member("admin")
    shop.as_(admin, CONTACT, shop.organization, an_address())
    assert usage(shop, admin) == {
        "contacts": (1, None), "mails": (0, None), "seats": (1, None), "storage": (0, None),
        "workflows": (0, None),
    }  # fmt: skip


def test_people_and_programs_make_contacts_up_to_the_plan(shop: Shop) -> None:
    agent = shop.member()
    limited(shop, contacts=2)
    key = shop.value(
        "insert into public.api_keys (organization_id, name, prefix, scopes) values"
        " (%s, 'robot', 'pgd_00000000', array['contacts:write']) returning id",
        shop.organization,
    )
    for _ in range(2):
        shop.as_(agent, CONTACT, shop.organization, an_address())
    for actor in (agent, Actor("pgdesk_api_key", key_id=key)):
        with refused("contacts") as problem:
            shop.as_(actor, CONTACT, shop.organization, an_address())
        assert problem.value.sqlstate == "PT402"
    assert usage(shop, agent)["contacts"] == (2, 2)


def test_a_list_that_does_not_fit_is_refused_whole(shop: Shop) -> None:
    agent = shop.member()
    limited(shop, contacts=3)
    many = "insert into public.contacts (organization_id, email) select %s, 'c' || n || '@people.example' from"
    with refused("contacts"):
        shop.as_(agent, f"{many} generate_series(1, 4) as n", shop.organization)
    shop.as_(agent, f"{many} generate_series(1, 3) as n", shop.organization)
    # Who is there already is no addition.
    shop.as_(
        agent,
        "insert into public.contacts (organization_id, email, name) values (%s, 'c1@people.example', 'One')"
        " on conflict (organization_id, email) do update set name = excluded.name",
        shop.organization,
    )


def test_what_comes_in_is_never_refused(shop: Shop) -> None:
    """A stranger's mail makes a contact, and so does who comes by the portal."""
    agent = shop.member()
    limited(shop, contacts=0)
    shop.as_(shop.functions, CONTACT, shop.organization, an_address())
    visitor = Actor("authenticated", new_user(shop.db, an_address()))
    shop.as_(visitor, "select public.become_contact(%s)", shop.organization)
    shop.as_(visitor, "select public.open_ticket(%s, 'Hello', 'Hello')", shop.organization)
    assert usage(shop, agent)["contacts"] == (2, 0)


def test_of_two_who_make_the_last_one_passes(shop: Shop, shared: Settings) -> None:
    agent = shop.member()
    limited(shop, contacts=1)
    with connect(shared, "postgres") as first, connect(shared, "postgres") as second:
        with first.transaction():
            act_as(first, agent)
            first.execute(CONTACT, [shop.organization, an_address()])

            def insert() -> None:
                with second.transaction():
                    act_as(second, agent)
                    second.execute(CONTACT, [shop.organization, an_address()])

            late = Behind(insert)
            waits(shop, second)
        with refused("contacts"):
            late.get()
    assert count(shop, "contacts") == 1


def test_of_many_at_once_as_many_pass_as_there_is_room(shop: Shop, shared: Settings) -> None:
    agent = shop.member()
    limited(shop, contacts=7)

    def insert() -> None:
        with connect(shared, "postgres") as db:
            for _ in range(4):
                try:
                    with db.transaction():
                        act_as(db, agent)
                        db.execute(CONTACT, [shop.organization, an_address()])
                except psycopg.Error as error:
                    if error.sqlstate != "PT402":
                        raise

    together(insert, insert, insert)
    assert count(shop, "contacts") == 7


def test_a_seat_is_kept_for_who_is_invited(shop: Shop) -> None:
    admin = shop.member("admin")
    limited(shop, seats=2)
    email = an_address()
    shop.as_(admin, INVITE, shop.organization, email, admin.user_id)
    shop.as_(admin, INVITE, shop.organization, email, admin.user_id)  # anew: in the place of the first
    with refused("seats"):
        shop.as_(admin, INVITE, shop.organization, an_address(), admin.user_id)
    invitation = shop.value("select id from public.invitations where email = %s", email)
    invited = Actor("authenticated", new_user(shop.db, email))
    shop.as_(invited, "select public.accept_invitation(%s)", invitation)
    assert usage(shop, admin)["seats"] == (2, 2)


def test_nobody_takes_a_seat_that_the_plan_has_lost(shop: Shop) -> None:
    admin, email = shop.member("admin"), an_address()
    shop.as_(admin, INVITE, shop.organization, email, admin.user_id)
    limited(shop, seats=1)
    invitation = shop.value("select id from public.invitations where email = %s", email)
    invited = Actor("authenticated", new_user(shop.db, email))
    with refused("seats"):
        shop.as_(invited, "select public.accept_invitation(%s)", invitation)
    shop.db.execute("update public.organizations set plan = 'unlimited' where id = %s", [shop.organization])
    shop.as_(invited, "select public.accept_invitation(%s)", invitation)  # it was not used up


def mail(shop: Shop, kind: str) -> str:
    ticket = shop.ticket()
    message = shop.say(ticket, "member", member_id=shop.member().user_id)["id"] if kind == "reply" else None
    return str(
        shop.value(
            "insert into public.outgoing_mails (organization_id, ticket_id, message_id, kind, is_automatic, contact_id,"
            " to_address, from_address, reply_to, subject, body_text, body_html) select %s, t.id, %s, %s, false,"
            " t.contact_id, 'a@b.example', 'c@d.example', 'c@d.example', 's', 'b', 'b' from public.tickets as t"
            " where t.id = %s returning status",
            shop.organization, message, kind, ticket,
        )
    )  # fmt: skip


def test_beyond_the_plan_answers_go_out_and_receipts_do_not(shop: Shop) -> None:
    admin = shop.member("admin")
    limited(shop, mails=2)
    assert [mail(shop, kind) for kind in ("receipt", "reply", "receipt", "reply")] == [
        "stored", "stored", "suppressed", "stored"
    ]  # fmt: skip
    assert usage(shop, admin)["mails"] == (3, 2)


@pytest.fixture
def alone(desk: Settings) -> Iterator[Shop]:
    with connect(desk, "supabase_admin") as db:
        yield new_shop(desk, db)


def test_what_is_sent_in_bulk_is_refused_beyond_the_plan(alone: Shop) -> None:
    alone.db.execute("alter table public.outgoing_mails drop constraint outgoing_mails_kind_check")
    limited(alone, mails=1)
    assert mail(alone, "campaign") == "stored"
    with refused("mails"):
        mail(alone, "campaign")


def test_a_table_that_comes_later_is_limited_by_one_line(alone: Shop) -> None:
    alone.db.execute(
        "create table public.workflows (id uuid default private.uuid7(), organization_id uuid not null);"
        " create trigger workflows_plan after insert on public.workflows referencing new table as made_rows"
        " for each statement execute function private.keep_to_plan('workflows')"
    )
    admin = alone.member("admin")
    limited(alone, workflows=1)
    make = "insert into public.workflows (organization_id) values (%s)"
    alone.db.execute(make, [alone.organization])
    with refused("workflows"):
        alone.db.execute(make, [alone.organization])
    assert usage(alone, admin)["workflows"] == (1, 1)


def test_members_see_what_is_used_and_change_no_plan(shop: Shop) -> None:
    for actor in (new_shop(shop.settings, shop.db).member("owner"), shop.customer()[1]):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            usage(shop, actor)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(
            shop.member("owner"), "update public.organizations set plan = 'business' where id = %s", shop.organization
        )
