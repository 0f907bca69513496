"""Merging contacts: one person from then on, by whatever address they write, and two again if it was a mistake."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.data_model.shop import Behind, Shop, connect, new_shop, waits
from tests.people import Actor, act_as, new_user, not_there


def contact(shop: Shop, **columns: Any) -> UUID:
    row = {"organization_id": shop.organization, "email": f"{uuid4()}@people.example"} | columns
    row = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in row.items()}
    return UUID(
        str(
            shop.value(
                f"insert into public.contacts ({', '.join(row)}) values ({', '.join(['%s'] * len(row))}) returning id",
                *row.values(),
            )
        )
    )


def row(shop: Shop, contact_id: UUID) -> dict[str, Any]:
    found = shop.db.execute("select * from public.contacts where id = %s", [contact_id]).fetchone()
    assert found
    return found


def merge(shop: Shop, winner: UUID, *losers: UUID, by: Actor | None = None) -> list[dict[str, Any]]:
    return shop.as_(by or shop.member(), "select * from public.merge_contacts(%s, %s)", winner, list(losers))


def unmerge(shop: Shop, merge_id: UUID) -> dict[str, Any]:
    (undone,) = shop.as_(shop.member(), "select * from public.unmerge_contacts(%s)", merge_id)
    return undone


def requester(shop: Shop, ticket: UUID) -> UUID:
    found: UUID = shop.ticket_row(ticket)["contact_id"]
    return found


def test_what_was_the_losers_is_the_winners_and_goes_back(shop: Shop) -> None:
    winner, loser, agent = contact(shop), contact(shop), shop.member()
    ticket = shop.ticket(loser)
    shop.say(ticket)
    shop.as_(agent, "insert into public.contact_notes (organization_id, contact_id, body) values (%s, %s, 'Tea.')",
             shop.organization, loser)  # fmt: skip
    shop.as_(agent, "insert into public.contact_external_ids (organization_id, system, external_id, contact_id)"
             " values (%s, 'shop', '7', %s)", shop.organization, loser)  # fmt: skip

    def owners() -> set[UUID]:
        return {
            shop.value(f"select contact_id from public.{table} where organization_id = %s", shop.organization)
            for table in ("tickets", "messages", "contact_notes", "contact_external_ids")
        }

    (done,) = merge(shop, winner, loser)
    assert owners() == {winner}
    assert done["moved"] == {"tickets": 1, "messages": 1, "contact_notes": 1, "contact_external_ids": 1}
    unmerge(shop, done["id"])
    assert owners() == {loser}
    assert shop.value("select count(*) from private.contact_moves where merge_id = %s", done["id"]) == 0


def test_what_came_since_stays_with_the_winner(shop: Shop) -> None:
    winner, loser = contact(shop), contact(shop)
    (done,) = merge(shop, winner, loser)
    ticket = shop.ticket(loser)
    unmerge(shop, done["id"])
    assert requester(shop, ticket) == winner


def test_the_loser_disappears_from_lists_and_is_named_in_the_merge(shop: Shop) -> None:
    winner, loser, agent = contact(shop), contact(shop, name="Ann", email="ann@old.example"), shop.member()
    merge(shop, winner, loser, by=agent)
    assert [each["id"] for each in shop.as_(agent, "select id from public.contacts")] == [winner]
    (told,) = shop.as_(agent, "select loser_name, loser_email, merged_by from public.contact_merges")
    assert told == {"loser_name": "Ann", "loser_email": "ann@old.example", "merged_by": agent.user_id}
    (found,) = shop.as_(agent, "select id from public.find_contact(%s, 'ANN@old.example')", shop.organization)
    assert found["id"] == winner


def test_mail_from_the_losers_address_lands_at_the_winner(shop: Shop) -> None:
    winner, loser = contact(shop, email="ann@new.example"), contact(shop, email="ann@old.example")
    ticket = shop.ticket(winner)
    merge(shop, winner, loser)
    (mailed,) = shop.as_(
        shop.functions, "select private.contact_for(%s, 'ann@old.example', 'Ann') as id", shop.organization
    )
    assert mailed["id"] == winner
    knows = "select private.is_participant(%s, %s, %s) as knows"
    for address, known in (("ann@old.example", True), ("ann@new.example", True), ("eve@old.example", False)):
        (answer,) = shop.as_(shop.functions, knows, shop.organization, ticket, address)
        assert answer["knows"] is known


def test_who_signs_in_with_the_losers_address_sees_the_winners_tickets_until_it_is_undone(shop: Shop) -> None:
    (loser, customer), winner = shop.customer(), contact(shop)
    mine, theirs = shop.ticket(loser), shop.ticket(winner)
    seen = "select id from public.tickets order by id"
    (done,) = merge(shop, winner, loser)
    assert [each["id"] for each in shop.as_(customer, seen)] == [mine, theirs]
    (opened,) = shop.as_(customer, "select * from public.open_ticket(%s, 'Hello', 'Are you there?')", shop.organization)
    assert opened["contact_id"] == winner
    (became,) = shop.as_(customer, "select public.become_contact(%s) as id", shop.organization)
    assert became["id"] == winner
    unmerge(shop, done["id"])
    assert [each["id"] for each in shop.as_(customer, seen)] == [mine]


def test_a_claimed_address_that_is_not_confirmed_sees_nothing_by_a_merge(shop: Shop) -> None:
    winner, loser = contact(shop), contact(shop, email=f"{uuid4()}@old.example")
    shop.ticket(winner)
    merge(shop, winner, loser)
    claimant = Actor("authenticated", new_user(shop.db, row(shop, loser)["email"], confirmed=False))
    assert shop.as_(claimant, "select id from public.tickets") == []


def test_what_a_stale_client_writes_for_the_loser_lands_at_the_winner(shop: Shop) -> None:
    winner, loser, agent = contact(shop), contact(shop), shop.member()
    merge(shop, winner, loser)
    (opened,) = shop.as_(
        agent, "select * from public.open_ticket(%s, 'Call', 'They called', 'phone', %s)", shop.organization, loser
    )
    assert opened["contact_id"] == winner
    assert shop.value("select contact_id from public.messages where ticket_id = %s", opened["id"]) == winner


def test_the_winner_keeps_what_it_has_and_takes_what_it_lacks(shop: Shop) -> None:
    for name in ("plan", "city"):
        shop.db.execute(
            "insert into public.custom_fields (organization_id, target, key, label, type)"
            " values (%s, 'contact', %s, 'x', 'text')",
            [shop.organization, name],
        )
    winner = contact(shop, email=None, name="Ann", phone="+49 30 1234567", fields={"plan": "pro"})
    theirs = {"name": "Annie", "email": "ann@old.example", "language": "de", "fields": {"plan": "free", "city": "Bonn"}}
    loser = contact(shop, **theirs)
    shop.db.execute("update public.contacts set suppressed_at = now() where id = %s", [loser])
    before = row(shop, winner), row(shop, loser)
    (done,) = merge(shop, winner, loser)
    after = row(shop, winner)
    assert (after["name"], after["email"], after["language"]) == ("Ann", "ann@old.example", "de")
    assert after["fields"] == {"plan": "pro", "city": "Bonn"}
    assert after["suppressed_at"], "nothing is sent to an address that bounced, whoever has it"
    unmerge(shop, done["id"])
    volatile = {"updated_at": None}
    assert (row(shop, winner) | volatile, row(shop, loser) | volatile) == (before[0] | volatile, before[1] | volatile)


def test_what_was_changed_since_is_not_taken_back(shop: Shop) -> None:
    winner, loser = contact(shop, name=""), contact(shop, name="Annie")
    ticket, moved_on = shop.ticket(loser), shop.ticket(loser)
    (done,) = merge(shop, winner, loser)
    third = contact(shop)
    shop.db.execute("update public.contacts set name = 'Ann Lee' where id = %s", [winner])
    shop.db.execute("update public.tickets set contact_id = %s where id = %s", [third, moved_on])
    unmerge(shop, done["id"])
    assert row(shop, winner)["name"] == "Ann Lee"
    assert (requester(shop, ticket), requester(shop, moved_on)) == (loser, third)


def test_who_wants_no_news_at_one_address_gets_none_at_the_other(shop: Shop) -> None:
    def status() -> str:
        found: str = row(shop, winner)["subscription_status"]
        return found

    winner = contact(shop, subscription_status="subscribed", consent_source="form")
    first, second = (contact(shop, subscription_status="unsubscribed") for _ in range(2))
    one, two = merge(shop, winner, first, second)
    assert status() == "unsubscribed"
    unmerge(shop, one["id"])
    assert status() == "unsubscribed", "the other one still says so"
    unmerge(shop, two["id"])
    subscribed = contact(shop, subscription_status="subscribed", consent_source="form")
    shop.db.execute("update public.contacts set subscription_status = 'none' where id = %s", [winner])
    merge(shop, winner, subscribed)
    assert status() == "none", "they agreed for another address"


def test_what_both_have_stays_with_each(shop: Shop) -> None:
    """Both rated one article: the unique key keeps the loser's voice where it is, and the rest is moved."""
    winner, loser = contact(shop), contact(shop)
    articles = [
        shop.value(
            "insert into public.articles (organization_id, slug) values (%s, %s) returning id", shop.organization, slug
        )
        for slug in ("one", "two")
    ]
    for article in articles:
        version = shop.value(
            "insert into public.article_versions (organization_id, article_id, title, body) values (%s, %s, 'a', 'b')"
            " returning id",
            shop.organization, article,
        )  # fmt: skip
        for who in (winner, loser) if article == articles[0] else (loser,):
            shop.db.execute(
                "insert into public.article_feedback (organization_id, article_id, version_id, contact_id, helpful)"
                " values (%s, %s, %s, %s, true)",
                [shop.organization, article, version, who],
            )
    voices = "select array_agg(contact_id order by contact_id) from public.article_feedback where article_id = %s"
    (done,) = merge(shop, winner, loser)
    assert done["moved"] == {"article_feedback": 1}
    assert [shop.value(voices, article) for article in articles] == [[winner, loser], [winner]]
    unmerge(shop, done["id"])
    assert [shop.value(voices, article) for article in articles] == [[winner, loser], [loser]]


def test_a_chain_of_merges_leads_to_its_end_and_is_undone_from_there(shop: Shop) -> None:
    a, b, c = (contact(shop, email=f"{letter}-{uuid4()}@people.example") for letter in "abc")
    ticket = shop.ticket(a)
    (first,) = merge(shop, b, a)
    (second,) = merge(shop, c, b)
    assert requester(shop, ticket) == c
    for each in (a, b):
        (mailed,) = shop.as_(
            shop.functions, "select private.contact_for(%s, %s, '') as id", shop.organization, row(shop, each)["email"]
        )
        assert mailed["id"] == c
    with pytest.raises(psycopg.Error, match="has been merged itself since") as refused:
        unmerge(shop, first["id"])
    assert refused.value.sqlstate == "PT409"
    assert str(second["id"]) in str(refused.value)
    unmerge(shop, second["id"])
    assert (requester(shop, ticket), row(shop, a)["merged_into"]) == (b, b)
    unmerge(shop, first["id"])
    assert (requester(shop, ticket), row(shop, a)["merged_into"]) == (a, None)


def test_who_may_merge_what(shop: Shop) -> None:
    winner, loser = contact(shop), contact(shop)
    other = new_shop(shop.settings, shop.db)
    foreign = contact(other)
    for actor in (shop.member("viewer"), other.member("owner"), shop.customer()[1]):
        with not_there("that you may merge"):
            merge(shop, winner, loser, by=actor)
    with not_there("that you may merge"):
        merge(shop, winner, foreign)
    for losers in ([], [winner], [loser, loser]):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            merge(shop, winner, *losers)
    (done,) = merge(shop, winner, loser)
    third = contact(shop)
    for pair in ((third, loser), (loser, third)):
        with not_there("that you may merge"):
            merge(shop, *pair)
    for actor in (shop.member("viewer"), other.member("owner")):
        with not_there("that you may undo"):
            shop.as_(actor, "select * from public.unmerge_contacts(%s)", done["id"])
    unmerge(shop, done["id"])
    with pytest.raises(psycopg.Error, match="undone already"):
        unmerge(shop, done["id"])


def test_a_member_of_two_organizations_cannot_mix_their_contacts(shop: Shop) -> None:
    other, agent = new_shop(shop.settings, shop.db), shop.member()
    shop.db.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')",
        [other.organization, agent.user_id],
    )
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="stay apart"):
        merge(shop, contact(shop), contact(other), by=agent)


def test_all_of_them_or_none(shop: Shop) -> None:
    winner, loser = contact(shop), contact(shop)
    ticket = shop.ticket(loser)
    with not_there():
        merge(shop, winner, loser, uuid4())
    assert (requester(shop, ticket), row(shop, loser)["merged_into"]) == (loser, None)


def test_a_merge_is_told_and_audited(shop: Shop) -> None:
    winner, loser, agent = contact(shop), contact(shop), shop.member()
    ticket = shop.ticket(loser)
    (done,) = merge(shop, winner, loser, by=agent)
    unmerge(shop, done["id"])
    told = [event for event in shop.events(winner) if "merged" in event["type"]]
    assert [event["type"] for event in told] == ["contact.merged", "contact.unmerged"]
    assert told[0]["data"] == {"from_contact_id": str(loser), "merge_id": str(done["id"])}
    assert [event["data"] for event in shop.events(ticket) if event["type"] == "ticket.updated"] == [
        {"contact_id": str(winner)},
        {"contact_id": str(loser)},
    ]
    audited = shop.db.execute(
        "select action, actor_id from public.audit_log where table_name = 'contact_merges' and row_id = %s"
        " order by created_at, id",
        [str(done["id"])],
    ).fetchall()
    assert audited[0] == {"action": "insert", "actor_id": agent.user_id}
    assert [each["action"] for each in audited] == ["insert", "update"]


def test_what_is_being_written_for_the_loser_is_moved_and_what_comes_meanwhile_lands_at_the_winner(shop: Shop) -> None:
    winner, loser, agent = contact(shop), contact(shop), shop.member()
    new_ticket = (
        "insert into public.tickets (organization_id, channel, contact_id) values (%s, 'phone', %s) returning id"
    )
    before = shop.ticket(loser)
    with connect(shop.settings, "supabase_admin") as writer, connect(shop.settings, "supabase_admin") as merger:
        with writer.transaction():
            early = writer.execute(new_ticket, [shop.organization, loser]).fetchone()

            def merging() -> None:
                with merger.transaction():
                    act_as(merger, agent)
                    merger.execute("select public.merge_contacts(%s, %s)", [winner, [loser]])

            behind = Behind(merging)
            waits(shop, merger)
        behind.get()
        assert early
        assert {requester(shop, each) for each in (before, early["id"])} == {winner}

        (third,) = [contact(shop)]
        with merger.transaction():
            act_as(merger, agent)
            merger.execute("select public.merge_contacts(%s, %s)", [winner, [third]])
            late = Behind(lambda: writer.execute(new_ticket, [shop.organization, third]).fetchone())
            waits(shop, writer)
        assert requester(shop, late.get()["id"]) == winner


def test_a_message_and_a_merge_at_once_do_not_lock_each_other_out(shop: Shop) -> None:
    winner, loser, agent = contact(shop), contact(shop), shop.member()
    ticket = shop.ticket(loser)
    with connect(shop.settings, "supabase_admin") as writer, connect(shop.settings, "supabase_admin") as merger:
        with merger.transaction():
            act_as(merger, agent)
            merger.execute("select public.merge_contacts(%s, %s)", [winner, [loser]])
            late = Behind(
                lambda: writer.execute(
                    "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
                    " values (%s, %s, 'contact', %s, 'x') returning contact_id",
                    [shop.organization, ticket, loser],
                ).fetchone()
            )
            waits(shop, writer)
        assert late.get() == {"contact_id": winner}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_undone_from_the_last_to_the_first_everything_is_where_it_was(shop: Shop, data: st.DataObject) -> None:
    """Whatever is merged into whatever: no ticket is ever at one that is merged, and undoing all of it is exact."""
    people = [contact(shop, name=data.draw(st.sampled_from(["", "Ann"]))) for _ in range(4)]
    tickets = [shop.ticket(each) for each in people]

    def state() -> tuple[Any, ...]:
        columns = "email", "name", "merged_into", "subscription_status", "phone", "language"
        return [[row(shop, each)[name] for name in columns] for each in people], [requester(shop, t) for t in tickets]

    states, merges = [state()], []
    for _ in range(data.draw(st.integers(1, 3))):
        standing = [each for each in people if row(shop, each)["merged_into"] is None]
        winner = data.draw(st.sampled_from(standing))
        loser = data.draw(st.sampled_from([each for each in standing if each != winner]))
        merges += merge(shop, winner, loser)
        states.append(state())
        assert all(row(shop, who)["merged_into"] is None for who in state()[1])
    for done in reversed(merges):
        assert state() == states.pop()
        unmerge(shop, done["id"])
    assert [state()] == states


def test_every_reference_to_a_contact_has_a_decision(shop: Shop) -> None:
    """A table that refers to contacts says in private.contact_references what a merge does with its rows."""
    found = shop.db.execute(
        "select c.conrelid::regclass::text as table_name, a.attname as column_name"
        " from pg_constraint as c join pg_class as r on r.oid = c.conrelid and not r.relispartition"
        " join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)"
        " where c.contype = 'f' and c.confrelid = 'public.contacts'::regclass and a.attname <> 'organization_id'"
    ).fetchall()
    decided = shop.db.execute("select table_name, column_name from private.contact_references").fetchall()

    def names(rows: list[dict[str, Any]]) -> set[str]:
        return {f"{each['table_name']}.{each['column_name']}" for each in rows}

    qualified = [
        each if "." in each["table_name"] else each | {"table_name": f"public.{each['table_name']}"} for each in found
    ]
    missing = names(qualified) - names(decided)
    assert not missing, f"insert a row into private.contact_references beside the table: {sorted(missing)}"
    assert not names(decided) - names(qualified), "these are no references"


def test_every_reference_that_is_moved_is_found_by_index(shop: Shop) -> None:
    bare = shop.db.execute(
        "select r.table_name, r.column_name from private.contact_references as r where r.on_merge = 'move'"
        " and not exists (select from pg_index as i join pg_attribute as o on o.attrelid = i.indrelid"
        " and o.attnum = i.indkey[0] join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[1]"
        " where i.indrelid = r.table_name::regclass and o.attname = 'organization_id' and a.attname = r.column_name)"
    ).fetchall()
    assert bare == []


def test_nobody_behind_a_browser_comes_to_see_anothers_tickets_by_a_careless_merge(shop: Shop) -> None:
    known, visitor, agent = contact(shop), contact(shop, email=None), shop.member()
    shop.db.execute(
        "insert into public.visitors (id, organization_id, contact_id) values (gen_random_uuid(), %s, %s)",
        [shop.organization, visitor],
    )
    for pair in ((known, visitor), (visitor, known)):
        with pytest.raises(psycopg.Error, match="nobody vouches") as refused:
            merge(shop, *pair)
        assert refused.value.sqlstate == "PT409"
    assert shop.as_(agent, "select * from public.merge_contacts(%s, %s, share => true)", known, [visitor])
    assert shop.value("select contact_id from public.visitors where organization_id = %s", shop.organization) == known
