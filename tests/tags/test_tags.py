"""An organization's tags: their names, their tree, and what follows when one is renamed, merged or deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.plans import cost
from tests.data_model.shop import Behind, Shop, connect, new_shop, together, waits
from tests.people import Actor, act_as, not_there
from tests.tags.labels import (
    job_row,
    label_ticket,
    linked,
    names,
    on_contact,
    on_session,
    tag,
    tag_contact,
    tag_session,
    tags_of,
    work,
)
from tests.tags.visits import session


def rename(shop: Shop, label: UUID, name: str) -> None:
    shop.db.execute("update public.tags set name = %s where id = %s", [name, label])


def move(shop: Shop, actor: Actor, label: UUID, parent: UUID | None) -> None:
    shop.as_(actor, "select public.move_tag(%s, %s)", label, parent)


def parent_of(shop: Shop, label: UUID) -> UUID | None:
    found: UUID | None = shop.value("select parent_id from public.tags where id = %s", label)
    return found


def chain(shop: Shop, *labels: str) -> list[UUID]:
    """Tags each under the one before."""
    made: list[UUID] = []
    for label in labels:
        made.append(tag(shop, label, made[-1] if made else None))
    return made


def test_a_name_is_there_once_whatever_its_case_and_spaces(shop: Shop) -> None:
    agent = shop.member()
    shop.as_(agent, "insert into public.tags (organization_id, name) values (%s, 'VIP')", shop.organization)
    with pytest.raises(psycopg.errors.UniqueViolation):
        shop.as_(agent, "insert into public.tags (organization_id, name) values (%s, 'vip')", shop.organization)
    for crooked in (" VIP 2", "two\nlines", "", "x" * 61):
        with pytest.raises(psycopg.errors.CheckViolation):
            shop.as_(
                agent, "insert into public.tags (organization_id, name) values (%s, %s)", shop.organization, crooked
            )
    assert names(new_shop(shop.settings, shop.db)) == set()


@pytest.mark.parametrize("color", ["red", "#12345", "#1234567", "#12345g", "#fff; background: url(x)"])
def test_a_color_is_a_color(shop: Shop, color: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="color"):
        shop.db.execute(
            "insert into public.tags (organization_id, name, color) values (%s, 'x', %s)", [shop.organization, color]
        )


def test_a_tag_moves_with_all_below_it_but_not_under_itself(shop: Shop) -> None:
    agent = shop.member()
    billing, refunds, partial = chain(shop, "billing", "refunds", "partial")
    other = tag(shop, "other")
    move(shop, agent, refunds, other)
    assert (parent_of(shop, refunds), parent_of(shop, partial)) == (other, refunds)
    for below in (refunds, partial):
        with pytest.raises(psycopg.errors.CheckViolation):
            move(shop, agent, refunds, below)
    move(shop, agent, refunds, None)
    assert parent_of(shop, refunds) is None
    foreign = tag(new_shop(shop.settings, shop.db), "billing")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        move(shop, agent, billing, foreign)
    with not_there():
        move(shop, agent, foreign, None)


def test_the_tree_is_five_levels_deep_at_most(shop: Shop) -> None:
    agent = shop.member()
    line = chain(shop, "1", "2", "3", "4", "5")
    with pytest.raises(psycopg.errors.CheckViolation, match="5 levels"):
        tag(shop, "6", line[-1])
    top, _ = chain(shop, "a", "b")
    with pytest.raises(psycopg.errors.CheckViolation, match="5 levels"):
        move(shop, agent, top, line[3])
    move(shop, agent, top, line[2])


def test_two_moves_at_once_make_no_circle(shop: Shop, shared: Settings) -> None:
    agent = shop.member()
    first, second = tag(shop, "first"), tag(shop, "second")
    with connect(shared, "supabase_admin") as other, other.transaction():
        act_as(other, agent)
        other.execute("select public.move_tag(%s, %s)", [first, second])
        with connect(shared, "supabase_admin") as db:

            def moving() -> None:
                with db.transaction():
                    act_as(db, agent)
                    db.execute("select public.move_tag(%s, %s)", [second, first])

            behind = Behind(moving)
            waits(shop, db)
            other.execute("commit")
            with pytest.raises(psycopg.errors.CheckViolation, match="under itself"):
                behind.get()
            other.execute("begin")
    assert (parent_of(shop, first), parent_of(shop, second)) == (second, None)


def test_moves_deletions_and_new_tags_at_once_leave_a_sound_tree(shop: Shop, shared: Settings) -> None:
    manager = shop.member("manager")
    labels = [tag(shop, f"tag {number}") for number in range(6)]

    def shuffling(seed: int) -> None:
        with connect(shared, "supabase_admin") as db:
            for step in range(12):
                moved, under = labels[(seed + step) % 6], labels[(seed * 5 + step * 7) % 6]
                try:
                    with db.transaction():
                        act_as(db, manager)
                        if step == 11 and seed < 2:
                            db.execute("select public.delete_tag(%s)", [labels[seed]])
                        elif step % 4 == 3:
                            db.execute(
                                "insert into public.tags (organization_id, name, parent_id) values (%s, %s, %s)",
                                [shop.organization, f"new {seed}.{step}", under],
                            )
                        else:
                            db.execute("select public.move_tag(%s, %s)", [moved, under])
                except (psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation):
                    pass  # a circle, too deep, or gone by now
                except psycopg.ProgrammingError as error:
                    if error.sqlstate != "PT404":
                        raise

    together(*[lambda seed=seed: shuffling(seed) for seed in range(4)])
    reached = shop.db.execute(
        "with recursive tree as (select id, 1 as level from public.tags where organization_id = %s"
        " and parent_id is null union all select t.id, tree.level + 1 from tree join public.tags as t"
        " on t.parent_id = tree.id) select count(*) as tags, max(level) as levels from tree",
        [shop.organization],
    ).fetchone()
    assert reached
    assert reached["tags"] == len(names(shop)), "every tag hangs on a root"
    assert reached["levels"] <= 5


def test_a_tag_that_a_ticket_names_is_there_in_one_spelling(shop: Shop) -> None:
    tag(shop, "Billing")
    ticket, second = shop.ticket(), shop.ticket()
    label_ticket(shop, ticket, "billing", "  New\n thing ", "BILLING", "", "new thing")
    assert tags_of(shop, ticket) == ["Billing", "New thing"]
    assert linked(shop, ticket) == {"Billing", "New thing"}
    label_ticket(shop, second, "NEW THING", "y" * 90)
    assert tags_of(shop, second) == ["New thing", "y" * 60]
    label_ticket(shop, ticket, "New thing")
    assert linked(shop, ticket) == {"New thing"}
    assert names(shop) == {"Billing", "New thing", "y" * 60}


def test_a_ticket_whose_tags_stay_costs_no_look_at_tags(shop: Shop) -> None:
    ticket = shop.ticket()
    label_ticket(shop, ticket, "one")
    plan = shop.db.execute(
        "explain (analyze, format json) update public.tickets set subject = 'x' where id = %s", [ticket]
    ).fetchone()
    assert plan
    fired = {trigger["Trigger Name"] for trigger in plan["QUERY PLAN"][0]["Triggers"]}
    assert not {name for name in fired if "tags" in name}


def test_tickets_that_name_a_new_tag_at_once_name_the_same(shop: Shop, shared: Settings) -> None:
    tickets = [shop.ticket() for _ in range(6)]

    def labelling(ticket: UUID) -> None:
        with connect(shared, "supabase_admin") as db:
            db.execute("update public.tickets set tags = '{fresh,Other}' where id = %s", [ticket])

    together(*[lambda ticket=ticket: labelling(ticket) for ticket in tickets])
    assert names(shop) == {"fresh", "Other"}
    assert all(linked(shop, ticket) == {"fresh", "Other"} for ticket in tickets)


def test_a_new_name_is_carried_into_tickets_and_the_old_one_still_means_the_tag(shop: Shop) -> None:
    label, ticket, later = tag(shop, "bill"), shop.ticket(), shop.ticket()
    label_ticket(shop, ticket, "other", "bill", "third")
    rename(shop, label, "Billing")
    assert tags_of(shop, ticket) == ["other", "Billing", "third"]
    label_ticket(shop, later, "BILL", "billing")
    assert tags_of(shop, later) == ["Billing"]
    rename(shop, label, "bill")
    assert tags_of(shop, ticket) == ["other", "bill", "third"]
    rename(shop, label, "invoices")
    assert tag(shop, "bill") != label, "a name that nobody has is free"
    label_ticket(shop, later, "bill")
    assert (linked(shop, later), linked(shop, ticket)) == ({"bill"}, {"other", "invoices", "third"})


def test_a_ticket_that_somebody_works_on_is_not_waited_for_and_follows_later(shop: Shop, shared: Settings) -> None:
    label, ticket, free = tag(shop, "bill"), shop.ticket(), shop.ticket()
    label_ticket(shop, ticket, "bill")
    label_ticket(shop, free, "bill")
    with connect(shared, "supabase_admin") as other, other.transaction():
        other.execute("select from public.tickets where id = %s for update", [ticket])
        rename(shop, label, "Billing")
        assert (tags_of(shop, ticket), tags_of(shop, free)) == (["bill"], ["Billing"])
        with pytest.raises(psycopg.ProgrammingError, match="tickets still follow"):
            tag(shop, "bill")
    assert work(shop) > 0
    assert tags_of(shop, ticket) == ["Billing"]
    tag(shop, "bill")


def test_a_ticket_that_is_tagged_while_the_tag_is_renamed_has_its_new_name(shop: Shop, shared: Settings) -> None:
    label, ticket = tag(shop, "bill"), shop.ticket()
    with connect(shared, "supabase_admin") as other, connect(shared, "supabase_admin") as db:
        with other.transaction():
            other.execute("update public.tags set name = 'Billing' where id = %s", [label])
            behind = Behind(lambda: db.execute("update public.tickets set tags = '{bill}' where id = %s", [ticket]))
            waits(shop, db)
        behind.get()
    assert (tags_of(shop, ticket), linked(shop, ticket), names(shop)) == (["Billing"], {"Billing"}, {"Billing"})


def test_a_tag_is_renamed_after_who_is_giving_it_to_a_ticket(shop: Shop, shared: Settings) -> None:
    label, ticket = tag(shop, "bill"), shop.ticket()
    with connect(shared, "supabase_admin") as other, connect(shared, "supabase_admin") as db:
        with other.transaction():
            other.execute("update public.tickets set tags = '{bill}' where id = %s", [ticket])
            behind = Behind(lambda: db.execute("update public.tags set name = 'Billing' where id = %s", [label]))
            waits(shop, db)
        behind.get()
    assert (tags_of(shop, ticket), linked(shop, ticket)) == (["Billing"], {"Billing"})


def test_many_tickets_follow_a_new_name_in_the_background(shop: Shop) -> None:
    label, contact = tag(shop, "bill"), shop.contact()
    shop.db.execute(
        "insert into public.tickets (organization_id, channel, contact_id, tags)"
        " select %s, 'api', %s, '{bill}' from generate_series(1, 501)",
        [shop.organization, contact],
    )
    named = "select count(*) from public.tickets where organization_id = %s and tags = array[%s]"
    rename(shop, label, "Billing")
    assert shop.value(named, shop.organization, "bill") == 501
    found = "select count(*) from public.ticket_tags where tag_id = %s"
    assert shop.value(found, label) == 501, "they are found by the tag all the same"
    job = shop.db.execute("select * from public.tag_jobs where tag_id = %s", [label]).fetchone()
    assert job
    assert (job["kind"], job["state"], job["total"], job["done"]) == ("rename", "running", 501, 0)
    work(shop, rounds=1)
    assert job_row(shop, job["id"])["done"] == 200
    rename(shop, label, "Invoices")
    work(shop)
    assert shop.value(named, shop.organization, "Invoices") == 501
    assert job_row(shop, job["id"])["state"] == "done"


def furnished(shop: Shop, *labels: str) -> tuple[list[UUID], UUID, UUID, UUID]:
    """Tags, and a ticket, a contact and a session that have them."""
    tags = [tag(shop, label) for label in labels]
    ticket, contact, visit = shop.ticket(), shop.contact(), session(shop)
    label_ticket(shop, ticket, *labels)
    for each in tags:
        tag_contact(shop, contact, each)
        tag_session(shop, visit, each)
    return tags, ticket, contact, visit


def test_a_merged_tag_is_replaced_wherever_it_was(shop: Shop) -> None:
    manager = shop.member("manager")
    (bill, billing), ticket, contact, visit = furnished(shop, "bill", "billing")
    only, lone, alone = shop.ticket(), shop.contact(), session(shop)
    label_ticket(shop, only, "x", "bill")
    tag_contact(shop, lone, bill)
    tag_session(shop, alone, bill)
    below = tag(shop, "refunds", bill)
    (job,) = shop.as_(manager, "select * from public.merge_tags(%s, %s)", bill, billing)
    assert (job["state"], job["total"]) == ("done", 6)
    assert tags_of(shop, ticket) == ["billing"]
    assert tags_of(shop, only) == ["x", "billing"]
    assert on_contact(shop, contact) == on_contact(shop, lone) == {"billing"}
    assert on_session(shop, visit) == on_session(shop, alone) == {("billing", "direct")}
    assert parent_of(shop, below) == billing
    label_ticket(shop, only, "BILL")
    assert tags_of(shop, only) == ["billing"], "its name means the other one from now on"
    assert names(shop) == {"billing", "refunds", "x"}


def test_all_names_that_a_merged_tag_had_mean_the_one_that_stays(shop: Shop) -> None:
    manager, ticket = shop.member("manager"), shop.ticket()
    bill, payments = tag(shop, "bill"), tag(shop, "payments")
    rename(shop, bill, "invoice")
    shop.as_(manager, "select public.merge_tags(%s, %s)", bill, payments)
    for name in ("Bill", "INVOICE"):
        label_ticket(shop, ticket, name)
        assert tags_of(shop, ticket) == ["payments"]


def test_a_tag_is_merged_into_one_below_it(shop: Shop) -> None:
    manager = shop.member("manager")
    top, middle, low = chain(shop, "top", "middle", "low")
    side = tag(shop, "side", middle)
    shop.as_(manager, "select public.merge_tags(%s, %s)", middle, low)
    assert (parent_of(shop, low), parent_of(shop, side)) == (top, low)


def test_a_deleted_tag_is_nowhere_and_what_stood_below_moves_up(shop: Shop) -> None:
    manager = shop.member("manager")
    (bill, _), ticket, contact, visit = furnished(shop, "bill", "other")
    top = tag(shop, "top")
    move(shop, manager, bill, top)
    below = tag(shop, "refunds", bill)
    (job,) = shop.as_(manager, "select * from public.delete_tag(%s)", bill)
    assert (job["state"], job["total"], job["done"]) == ("done", 3, 3)
    assert tags_of(shop, ticket) == ["other"]
    assert on_contact(shop, contact) == {"other"}
    assert on_session(shop, visit) == {("other", "direct")}
    assert parent_of(shop, below) == top
    label_ticket(shop, ticket, "bill")
    assert names(shop) == {"bill", "other", "top", "refunds"}, "the name may be used anew"


@pytest.mark.parametrize("change", ["merge", "delete"])
def test_a_tag_that_many_have_goes_in_the_background_and_nothing_new_gets_it(shop: Shop, change: str) -> None:
    manager, contact, ticket = shop.member("manager"), shop.contact(), shop.ticket()
    bill, billing = tag(shop, "bill"), tag(shop, "billing")
    tag_contact(shop, contact, bill)
    shop.db.execute(
        "with s as (insert into public.sessions (organization_id) select %s from generate_series(1, 700)"
        " returning organization_id, id) insert into public.session_taggings (organization_id, session_id, tag_id)"
        " select organization_id, id, %s from s",
        [shop.organization, bill],
    )
    (job,) = (
        shop.as_(manager, "select * from public.merge_tags(%s, %s)", bill, billing)
        if change == "merge"
        else shop.as_(manager, "select * from public.delete_tag(%s)", bill)
    )
    assert (job["state"], job["total"]) == ("running", 701)
    label_ticket(shop, ticket, "bill")
    assert tags_of(shop, ticket) == (["billing"] if change == "merge" else [])
    late = session(shop)
    if change == "merge":
        tag_session(shop, late, bill)
        assert on_session(shop, late) == {("billing", "direct")}
        tree = shop.db.execute("select name from public.tag_with_descendants(%s)", [billing])
        assert {row["name"] for row in tree} == {"bill", "billing"}, "none is missed meanwhile"
    else:
        with pytest.raises(psycopg.errors.CheckViolation, match="being deleted"):
            tag_session(shop, late, bill)
    with pytest.raises(psycopg.errors.UniqueViolation):
        tag(shop, "bill")
    with not_there():
        shop.as_(manager, "select public.delete_tag(%s)", bill)
    with not_there():
        move(shop, manager, bill, None)
    assert work(shop) == 3
    assert job_row(shop, job["id"])["state"] == "done"
    assert names(shop) == {"billing"}
    left = shop.value("select count(*) from public.session_taggings where organization_id = %s", shop.organization)
    assert left == (701 if change == "merge" else 0)


def test_a_tag_is_merged_on_while_it_is_being_merged_into(shop: Shop) -> None:
    manager = shop.member("manager")
    first, second, third = (tag(shop, name) for name in ("first", "second", "third"))
    shop.db.execute(
        "with c as (insert into public.contacts (organization_id) select %s from generate_series(1, 501)"
        " returning organization_id, id) insert into public.contact_tags (organization_id, contact_id, tag_id)"
        " select organization_id, id, %s from c",
        [shop.organization, first],
    )
    shop.as_(manager, "select public.merge_tags(%s, %s)", first, second)
    shop.as_(manager, "select public.merge_tags(%s, %s)", second, third)
    work(shop)
    assert shop.value("select count(*) from public.contact_tags where tag_id = %s", third) == 501
    assert names(shop) == {"third"}


def test_a_contact_tagged_while_the_tag_is_merged_has_the_one_that_stays(shop: Shop, shared: Settings) -> None:
    manager, contact = shop.member("manager"), shop.contact()
    bill, billing = tag(shop, "bill"), tag(shop, "billing")
    with connect(shared, "supabase_admin") as other, connect(shared, "supabase_admin") as db:
        with other.transaction():
            act_as(other, manager)
            other.execute("select public.merge_tags(%s, %s)", [bill, billing])
            behind = Behind(
                lambda: db.execute(
                    "insert into public.contact_tags (organization_id, contact_id, tag_id) values (%s, %s, %s)",
                    [shop.organization, contact, bill],
                )
            )
            waits(shop, db)
        # Merged and gone before the other could look: there is no such tag any more.
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            behind.get()
    assert on_contact(shop, contact) == set()


@pytest.mark.parametrize(("role", "does"), [
    ("viewer", set()), ("agent", {"make", "rename", "move", "tag"}),
    ("manager", {"make", "rename", "move", "tag", "merge", "delete"}),
])  # fmt: skip
def test_agents_use_tags_and_managers_remove_them(shop: Shop, role: str, does: set[str]) -> None:
    someone, contact = shop.member(role), shop.contact()
    kept, spare = tag(shop, "kept"), tag(shop, "spare")
    attempts: dict[str, tuple[Any, ...]] = {
        "make": ("insert into public.tags (organization_id, name) values (%s, 'made') returning id", shop.organization),
        "rename": ("update public.tags set name = 'named' where id = %s returning id", kept),
        "move": ("select public.move_tag(%s, %s)", spare, kept),
        "tag": (
            "insert into public.contact_tags (organization_id, contact_id, tag_id) values (%s, %s, %s) returning 1",
            shop.organization, contact, kept,
        ),
        "merge": ("select public.merge_tags(%s, %s)", spare, kept),
        "delete": ("select public.delete_tag(%s)", kept),
    }  # fmt: skip
    done = set()
    for name, (statement, *parameters) in attempts.items():
        try:
            if shop.as_(someone, statement, *parameters):
                done.add(name)
        except psycopg.errors.InsufficientPrivilege:
            pass
        except psycopg.ProgrammingError as error:
            if error.sqlstate != "PT404":
                raise
    assert done == does


def test_tickets_are_found_by_a_tag_and_by_those_below_it_newest_first(shop: Shop) -> None:
    agent = shop.member()
    billing, refunds, _ = chain(shop, "billing", "refunds", "partial")
    tickets = [shop.ticket() for _ in range(5)]
    for ticket, labels in zip(tickets, (["billing"], ["refunds"], ["other"], ["partial", "billing"], []), strict=True):
        label_ticket(shop, ticket, *labels)

    def found(label: UUID, *more: object) -> list[UUID]:
        places = ", %s" * len(more)
        return [row["id"] for row in shop.as_(agent, f"select id from public.tickets_tagged(%s{places})", label, *more)]

    assert found(billing) == [tickets[3], tickets[1], tickets[0]]
    assert found(billing, False) == [tickets[3], tickets[0]]
    assert found(refunds) == [tickets[3], tickets[1]]
    assert found(billing, True, None, 2) == [tickets[3], tickets[1]]
    assert found(billing, True, tickets[1], 2) == [tickets[0]]
    assert found(uuid4()) == []
    stranger = new_shop(shop.settings, shop.db).member("owner")
    assert shop.as_(stranger, "select id from public.tickets_tagged(%s)", billing) == []


def test_a_page_of_a_tag_that_many_tickets_have_costs_a_page(lone_shop: Shop) -> None:
    """Under row-level security, where an index over the names would serve nobody."""
    shop = lone_shop
    agent, contact, label = shop.member(), shop.contact(), tag(shop, "common")
    shop.db.execute("set session_replication_role = replica")
    shop.db.execute(
        "with t as (insert into public.tickets (organization_id, number, channel, contact_id, tags)"
        " select %s, n, 'api', %s, '{common}' from generate_series(1, 4000) as n returning organization_id, id)"
        " insert into public.ticket_tags (organization_id, ticket_id, tag_id) select organization_id, id, %s from t",
        [shop.organization, contact, label],
    )
    shop.db.execute("set session_replication_role = origin")
    shop.db.execute("analyze public.ticket_tags, public.tickets")
    spent = cost(shop.db, agent, "select id from public.tickets_tagged(%s, max_tickets => 20)", [label])
    assert len(spent.rows) == 20
    assert spent.scanned < 200
    assert not spent.sequential & {"tickets", "ticket_tags"}
