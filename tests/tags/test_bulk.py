"""Many are tagged at once: what a filter finds, at once or in the background, with progress."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from infra.local.settings import Settings
from tests.data_model.shop import Shop, connect, new_shop, together
from tests.people import ROLE_OF_KEYS, Actor, act_as, not_there
from tests.tags.labels import (
    bulk,
    job_row,
    label_ticket,
    linked,
    names,
    on_contact,
    on_session,
    tag,
    tag_contact,
    tags_of,
    work,
)
from tests.tags.visits import session

EVERY: dict[str, Any] = {"conditions": {"all": []}}


def many_contacts(shop: Shop, count: int) -> None:
    shop.db.execute(
        "insert into public.contacts (organization_id, name) select %s, 'No. ' || n from generate_series(1, %s) as n",
        [shop.organization, count],
    )


def tagged_contacts(shop: Shop, label: str) -> int:
    count: int = shop.value(
        "select count(*) from public.contact_tags as l join public.tags as t on t.id = l.tag_id"
        " where t.organization_id = %s and t.name = %s",
        shop.organization, label,
    )  # fmt: skip
    return count


def test_tickets_that_a_condition_finds_get_some_tags_and_lose_others(shop: Shop) -> None:
    agent = shop.member()
    parcel, other = shop.ticket(), shop.ticket()
    for ticket, subject in ((parcel, "My parcel"), (other, "An invoice")):
        shop.db.execute("update public.tickets set subject = %s where id = %s", [subject, ticket])
        label_ticket(shop, ticket, "keep", "Old")
    found = {"conditions": {"field": "subject", "op": "contains", "value": "PARCEL"}}
    job = bulk(shop, agent, "tickets", found, ["New", "keep"], ["OLD", "never heard of"])
    assert (job["state"], job["total"], job["done"], job["changed"]) == ("done", 2, 2, 1)
    assert job["created_by"] == agent.user_id
    assert (tags_of(shop, parcel), tags_of(shop, other)) == (["keep", "New"], ["keep", "Old"])
    assert linked(shop, parcel) == {"keep", "New"}
    assert "never heard of" not in names(shop)
    again = bulk(shop, agent, "tickets", found, ["New"], ["Old"])
    assert again["changed"] == 0


def test_contacts_and_their_sessions_are_found_by_what_the_contact_is(shop: Shop) -> None:
    agent = shop.member()
    big, small = shop.contact(f"{uuid4()}@big.example"), shop.contact()
    visit, other, nobodys = session(shop, big), session(shop, small), session(shop)
    found = {"conditions": {"field": "contact.email", "op": "ends_with", "value": "@big.example"}}
    assert bulk(shop, agent, "contacts", found, ["vip"], [])["changed"] == 1
    assert (on_contact(shop, big), on_contact(shop, small)) == ({"vip"}, set())
    assert on_session(shop, visit) == {("vip", "inherited")}
    vips = {"conditions": {"field": "contact.tags", "op": "contains", "value": "VIP"}}
    assert bulk(shop, agent, "sessions", vips, ["hot"], [])["changed"] == 1
    assert on_session(shop, visit) == {("vip", "inherited"), ("hot", "direct")}
    assert on_session(shop, other) == on_session(shop, nobodys) == set()
    assert bulk(shop, agent, "sessions", EVERY, [], ["hot", "vip"])["changed"] == 1
    assert on_session(shop, visit) == {("vip", "inherited")}, "what it has from its contact is its contact's"


def test_a_list_of_ids_is_a_filter_and_ids_of_others_find_nothing(shop: Shop) -> None:
    agent, mine, not_asked = shop.member(), shop.contact(), shop.contact()
    other = new_shop(shop.settings, shop.db)
    theirs = other.contact()
    job = bulk(shop, agent, "contacts", {"ids": [str(mine), str(theirs), str(uuid4())]}, ["vip"], [])
    assert (job["total"], job["changed"]) == (1, 1)
    assert [on_contact(shop, each) for each in (mine, not_asked, theirs)] == [{"vip"}, set(), set()]


@pytest.mark.parametrize(("target", "asked", "add", "remove", "problem"), [
    ("articles", EVERY, ["x"], [], "target is"),
    ("contacts", {}, ["x"], [], "a filter is"),
    ("contacts", {"ids": [], "conditions": {}}, ["x"], [], "a filter is"),
    ("contacts", {"ids": ["x"]}, ["x"], [], "no id"),
    ("contacts", {"ids": ["%s"] * 10001}, ["x"], [], "10000 ids at most"),
    ("contacts", {"conditions": {"field": "colour", "op": "is", "value": "x"}}, ["x"], [], 'no field "colour"'),
    ("contacts", {"conditions": {"not": {"field": "subject", "op": "is_set"}}}, ["x"], [], '"subject" cannot be asked'),
    ("contacts", EVERY, [], [], "name 1 to 20 tags"),
    ("contacts", EVERY, ["x"] * 21, [], "name 1 to 20 tags"),
    ("contacts", EVERY, [" "], [], "has no name"),
    ("contacts", EVERY, ["x"], ["X"], "added and removed at once"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused_with_the_reason(
    shop: Shop, target: str, asked: dict[str, Any], add: list[str], remove: list[str], problem: str
) -> None:
    with pytest.raises(psycopg.DataError, match=problem):
        bulk(shop, shop.member(), target, asked, add, remove)


def test_only_those_who_may_write_tag_in_bulk(shop: Shop) -> None:
    for nobody in (shop.member("viewer"), shop.customer()[1], new_shop(shop.settings, shop.db).member("owner")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bulk(shop, nobody, "contacts", EVERY, ["x"], [])
    key = shop.value(
        "insert into public.api_keys (organization_id, name, prefix, scopes) values (%s, 'k', 'pgd_00000000', %s)"
        " returning id",
        shop.organization, ["contacts:write"],
    )  # fmt: skip
    robot = Actor(ROLE_OF_KEYS, key_id=key)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        bulk(shop, robot, "tickets", EVERY, ["x"], [])
    assert bulk(shop, robot, "contacts", EVERY, ["x"], [])["state"] == "done"


def test_a_ticket_without_room_is_left_as_it_is_and_the_others_go_on(shop: Shop) -> None:
    agent, full, free = shop.member(), shop.ticket(), shop.ticket()
    label_ticket(shop, full, *(f"tag {n}" for n in range(100)))
    job = bulk(shop, agent, "tickets", EVERY, ["one more"], ["never heard of"])
    assert (job["state"], job["changed"], job["skipped"]) == ("done", 1, 1)
    assert len(tags_of(shop, full)) == 100
    assert tags_of(shop, free) == ["one more"]


def test_many_are_tagged_in_the_background_with_progress_and_none_that_came_later(shop: Shop) -> None:
    agent = shop.member()
    many_contacts(shop, 501)
    job = bulk(shop, agent, "contacts", EVERY, ["vip"], [])
    assert (job["state"], job["total"], job["done"]) == ("running", 501, 0)
    many_contacts(shop, 2)
    seen = []
    while work(shop, rounds=1):
        (row,) = shop.as_(agent, "select state, done, changed from public.tag_jobs where id = %s", job["id"])
        seen.append((row["state"], row["done"], row["changed"]))
    assert seen == [("running", 200, 200), ("running", 400, 400), ("done", 501, 501)]
    assert tagged_contacts(shop, "vip") == 501


def test_a_filter_is_asked_of_each_when_its_turn_comes_and_means_its_asker_by_me(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    shop.db.execute(
        "insert into public.tickets (organization_id, channel, contact_id) select %s, 'api', %s"
        " from generate_series(1, 501)",
        [shop.organization, contact],
    )
    mine = {"conditions": {"field": "assignee_id", "op": "is", "value": "me"}}
    job = bulk(shop, agent, "tickets", mine, ["mine"], [])
    last = shop.value(
        "update public.tickets set assignee_id = %s where id = (select id from public.tickets"
        " where organization_id = %s order by id desc limit 1) returning id",
        agent.user_id, shop.organization,
    )  # fmt: skip
    work(shop)
    assert job_row(shop, job["id"])["changed"] == 1
    assert tags_of(shop, last) == ["mine"]


def test_a_canceled_tagging_stops_where_it_is(shop: Shop) -> None:
    agent = shop.member()
    many_contacts(shop, 700)
    job = bulk(shop, agent, "contacts", EVERY, ["vip"], [])
    work(shop, rounds=1)
    for nobody in (shop.member("viewer"), new_shop(shop.settings, shop.db).member("owner")):
        with not_there():
            shop.as_(nobody, "select public.cancel_tag_job(%s)", job["id"])
    shop.as_(agent, "select public.cancel_tag_job(%s)", job["id"])
    work(shop)
    row = job_row(shop, job["id"])
    assert (row["state"], row["done"], tagged_contacts(shop, "vip")) == ("canceled", 200, 200)
    with not_there():
        shop.as_(agent, "select public.cancel_tag_job(%s)", job["id"])


def test_what_will_not_get_better_is_written_into_the_row(shop: Shop) -> None:
    many_contacts(shop, 501)
    job = bulk(shop, shop.member(), "contacts", EVERY, ["vip"], [])
    shop.db.execute('update public.tag_jobs set filter = \'{"ids": ["no id"]}\' where id = %s', [job["id"]])
    work(shop)
    row = job_row(shop, job["id"])
    assert (row["state"], "invalid input syntax" in row["error"]) == ("failed", True)
    assert row["finished_at"]


def test_a_tag_that_is_renamed_or_merged_while_it_is_given_out_is_given_out_as_it_is(shop: Shop) -> None:
    manager = shop.member("manager")
    many_contacts(shop, 501)
    kept = tag(shop, "kept")
    given = tag(shop, "given")
    bulk(shop, manager, "contacts", EVERY, ["given"], [])
    work(shop, rounds=1)
    shop.db.execute("update public.tags set name = 'gift' where id = %s", [given])
    shop.as_(manager, "select public.merge_tags(%s, %s)", given, kept)
    work(shop)
    assert tagged_contacts(shop, "kept") == 501
    assert names(shop) == {"kept"}


def test_two_members_who_tag_the_same_tickets_at_once_both_succeed(shop: Shop, shared: Settings) -> None:
    agents = [shop.member(), shop.member()]
    tickets = [shop.ticket() for _ in range(40)]

    def tagging(agent: Actor, label: str) -> None:
        with connect(shared, "supabase_admin") as db:
            for _ in range(3):
                with db.transaction():
                    act_as(db, agent)
                    db.execute(
                        "select public.bulk_tag(%s, 'tickets', '{\"conditions\": {\"all\": []}}', array[%s])",
                        [shop.organization, label],
                    )

    together(*[lambda n=n: tagging(agents[n % 2], f"tag {n}") for n in range(4)])
    assert all(set(tags_of(shop, ticket)) == {f"tag {n}" for n in range(4)} for ticket in tickets)
    assert all(linked(shop, ticket) == set(tags_of(shop, ticket)) for ticket in tickets)


def test_tagging_in_bulk_while_tags_are_renamed_and_merged_ends_well(shop: Shop, shared: Settings) -> None:
    """Nobody waits for ever, and every ticket ends with tags that are there."""
    manager = shop.member("manager")
    tickets = [shop.ticket() for _ in range(20)]
    labels = [tag(shop, f"tag {n}") for n in range(4)]

    def attempt(statement: str, *parameters: object) -> None:
        with connect(shared, "supabase_admin") as db:
            try:
                with db.transaction():
                    act_as(db, manager)
                    db.execute(statement, parameters)
            except psycopg.errors.InvalidParameterValue:
                pass  # two names that mean one tag by now
            except psycopg.ProgrammingError as error:
                if error.sqlstate not in ("PT404", "PT409"):
                    raise

    def tagging(seed: int) -> None:
        for step in range(6):
            attempt(
                "select public.bulk_tag(%s, 'tickets', '{\"conditions\": {\"all\": []}}', array[%s], array[%s])",
                shop.organization, f"tag {(seed + step) % 4}", f"tag {(seed + step + 1) % 4}",
            )  # fmt: skip

    def renaming() -> None:
        for step in range(6):
            attempt("update public.tags set name = %s where id = %s", f"named {step}", labels[step % 4])

    def merging() -> None:
        attempt("select public.merge_tags(%s, %s)", labels[0], labels[1])
        attempt("select public.delete_tag(%s)", labels[2])

    together(lambda: tagging(0), lambda: tagging(2), renaming, merging)
    work(shop)
    assert (
        shop.value(
            "select count(*) from public.tag_jobs where organization_id = %s and state <> 'done'", shop.organization
        )
        == 0
    )
    there = names(shop)
    for ticket in tickets:
        assert set(tags_of(shop, ticket)) <= there
        assert linked(shop, ticket) == set(tags_of(shop, ticket))


def test_a_contact_that_is_tagged_tells_it_once(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    for _ in range(2):
        bulk(shop, agent, "contacts", {"ids": [str(contact)]}, ["vip"], [])
    bulk(shop, agent, "contacts", {"ids": [str(contact)]}, [], ["vip"])
    told = [(event["type"], event["actor_id"]) for event in shop.events(contact)]
    assert told == [
        ("contact.created", None), ("contact.tagged", agent.user_id), ("contact.untagged", agent.user_id),
    ]  # fmt: skip


def test_a_rule_may_ask_for_tags_of_the_contact(shop: Shop) -> None:
    contact = shop.contact()
    tag_contact(shop, contact, tag(shop, "VIP"))
    ticket: UUID = shop.ticket(contact)
    asked = {"field": "contact.tags", "op": "contains", "value": "vip"}
    holds = "select private.condition_holds(%s, private.ticket_facts(t)) from public.tickets as t where t.id = %s"
    assert shop.value("select private.condition_error(%s)", Jsonb(asked)) is None
    assert shop.value(holds, Jsonb(asked), ticket) is True
    assert shop.value(holds, Jsonb(asked), shop.ticket()) is False
