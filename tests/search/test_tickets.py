"""Tickets found by words, through the API's function."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.data_model.plans import cost
from tests.data_model.shop import Shop, new_shop
from tests.people import ANON, Actor

SEARCH = "select id, number from public.search_tickets(%s, %s, max_tickets => 50)"


def ticket(shop: Shop, subject: str, *texts: str, contact_id: UUID | None = None) -> UUID:
    made = shop.ticket(contact_id)
    shop.db.execute("update public.tickets set subject = %s where id = %s", [subject, made])
    for text in texts:
        shop.say(made, body_text=text)
    return made


def rows(shop: Shop, query: str, actor: Actor | None = None, **options: object) -> list[dict[str, Any]]:
    given = "".join(f", {name} => %({name})s" for name in options)
    values = {"organization": shop.organization, "query": query} | options
    statement = f"select * from public.search_tickets(%(organization)s, %(query)s{given})"
    with shop.acting(actor or shop.member("viewer")) as db:
        return db.execute(statement, values).fetchall()


def found(shop: Shop, query: str, actor: Actor | None = None, **options: object) -> list[UUID]:
    return [row["id"] for row in rows(shop, query, actor, **options)]


def test_a_ticket_is_found_by_subject_message_note_number_and_contact(shop: Shop) -> None:
    ann = shop.contact("ann.lee@people.example")
    shop.db.execute("update public.contacts set name = 'Ann Lee' where id = %s", [ann])
    wanted = ticket(shop, "Broken kettle", "It leaks", contact_id=ann)
    ticket(shop, "Another matter", "nothing like it", contact_id=shop.contact("bob@people.example"))
    shop.say(wanted, "member", member_id=shop.member().user_id, is_internal=True, body_text="send a voucher")
    number = shop.value("select number from public.tickets where id = %s", wanted)
    for query in ("kettle", "leaks", "voucher", "ann lee", "ann.lee@people.example", "people.example lee", str(number)):
        assert found(shop, query) == [wanted], query


def test_the_last_word_may_be_unfinished_and_the_others_not(shop: Shop) -> None:
    wanted = ticket(shop, "Delivery of a kettle")
    assert found(shop, "delivery ket") == found(shop, "kettle deliv") == [wanted]
    assert found(shop, "deliv kettle") == []


def test_case_and_accents_make_no_difference(shop: Shop) -> None:
    wanted = ticket(shop, "Größe der Bestellung", "Señor Müller, déjà vu")
    for query in ("GRÖ", "gro", "senor muller", "DEJA VU"):
        assert found(shop, query) == [wanted], query


def test_words_in_subject_or_contact_come_first_then_the_newest(shop: Shop) -> None:
    subject = ticket(shop, "refund")
    old, new = ticket(shop, "one", "a refund"), ticket(shop, "two", "a refund")
    assert found(shop, "refund") == [subject, new, old]


def test_relevance_does_not_outweigh_any_age(shop: Shop) -> None:
    subject = ticket(shop, "refund")
    shop.db.execute(
        "update private.ticket_counters set last_number = 70000 where organization_id = %s", [shop.organization]
    )
    recent = ticket(shop, "one", "a refund")
    assert found(shop, "refund") == [recent, subject]


def test_pages_follow_each_other_by_rank(shop: Shop) -> None:
    tickets = [ticket(shop, *(("refund",) if n % 3 else ("other", "refund"))) for n in range(7)]
    whole = found(shop, "refund")
    assert set(whole) == set(tickets)
    paged, before = [], None
    while page := rows(shop, "refund", max_tickets=3, before_rank=before):
        paged += [row["id"] for row in page]
        before = page[-1]["rank"]
    assert paged == whole


def test_results_keep_to_conditions_by_argument_or_in_the_query(shop: Shop) -> None:
    agent = shop.member()
    mine, other = ticket(shop, "refund", "a"), ticket(shop, "refund", "b")
    team = shop.value(
        "insert into public.teams (organization_id, name) values (%s, 'Money') returning id", shop.organization
    )
    shop.db.execute("insert into public.team_members values (%s, %s, %s)", [shop.organization, team, agent.user_id])
    shop.db.execute(
        "update public.tickets set assignee_id = %s, tags = '{vip,\"very big\"}' where id = %s", [agent.user_id, mine]
    )
    shop.db.execute("update public.tickets set team_id = %s, status = 'solved' where id = %s", [team, other])
    for query, field, value, wanted in (
        ("assignee:me", "assignee_id", "me", mine), (f"assignee:{agent.user_id}", "assignee_id", "me", mine),
        ("team:mine", "team_id", str(team), other), ("status:solved", "status", "solved", other),
        ("Status:OPEN", "status_category", "open", mine),
    ):  # fmt: skip
        assert found(shop, f"refund {query}", agent) == found(shop, query, agent) == [wanted], query
        condition = Jsonb({"field": field, "op": "is", "value": value})
        assert found(shop, "refund", agent, conditions=condition) == [wanted], field
    for query, several in (
        ("tag:vip", {mine}), ('tag:"very big"', {mine}), ("team:none refund", {mine}), ("before:2020-01-01", set()),
        ('after:"2 days ago" channel:email', {mine, other}), ("priority:low", set()), ("assignee:none", {other}),
        (f"from:{shop.ticket_row(mine)['contact_id']}", set()),
    ):  # fmt: skip
        assert set(found(shop, query, agent)) == several, query
    # What is no filter is words.
    note = ticket(shop, "another", "priority:quick before:dawn re:you")
    assert found(shop, "priority:quick", agent) == found(shop, "re:you before:dawn", agent) == [note]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="there is no field"):
        found(shop, "refund", conditions=Jsonb({"field": "colour", "op": "is", "value": "x"}))


def test_a_number_after_a_hash_is_that_ticket(shop: Shop) -> None:
    wanted = ticket(shop, "kettle")
    number = shop.ticket_row(wanted)["number"]
    ticket(shop, f"about {number}")
    assert found(shop, f"#{number}") == found(shop, f"#{number} kettle") == [wanted]
    assert found(shop, f"#{number} toaster") == found(shop, "#999999999999999999999") == []


def test_a_merged_ticket_is_found_as_the_one_it_is_in(shop: Shop) -> None:
    agent, winner, loser = shop.member(), ticket(shop, "kettle", "broken"), ticket(shop, "toaster", "burnt")
    number = shop.ticket_row(loser)["number"]
    shop.as_(agent, "select public.merge_tickets(%s, %s, share => true)", winner, [loser])
    for query in ("burnt", "kettle", f"#{number}", str(number), "broken burnt", "status:open"):
        assert found(shop, query, agent) == [winner], query


def test_what_is_quoted_stands_so_in_a_text(shop: Shop) -> None:
    wanted = ticket(shop, "one", "the lost parcel of Ann", "parcel lost")
    apart = ticket(shop, "two", "a lost ticket", "a parcel")
    subject = ticket(shop, "My Lost Parcel", "where is it")
    assert set(found(shop, "lost parcel")) == {wanted, apart, subject}
    assert set(found(shop, '"lost parcel"')) == {wanted, subject}
    assert found(shop, '"lost parcel" ann') == [wanted]
    assert found(shop, '"parcel was lost') == []


def test_the_snippet_shows_the_words_in_their_message_and_is_safe_in_html(shop: Shop) -> None:
    long = "before " * 40
    wanted = ticket(
        shop,
        "one",
        f'{long}<b>Gr\u00f6\u00dfe</b> & "r\u00e9fund" \ue000x\ue001 {"after " * 60}',
        "newer, of other things",
    )
    (row,) = rows(shop, "refund")
    assert row["id"] == wanted
    assert "&lt;b&gt;Gr\u00f6\u00dfe&lt;/b&gt; &amp; &quot;\ue000r\u00e9fund\ue001&quot; x after" in row["snippet"]
    assert row["snippet"].startswith("\u2026before")
    assert row["snippet"].endswith("after\u2026")
    assert rows(shop, "refu")[0]["snippet"] == row["snippet"]
    assert rows(shop, "one")[0]["snippet"] == "newer, of other things"


def test_what_is_changed_is_found_by_its_new_words_only(shop: Shop) -> None:
    contact = shop.contact("old@people.example")
    wanted = ticket(shop, "kettle", "a message", contact_id=contact)
    shop.db.execute("update public.tickets set subject = 'toaster' where id = %s", [wanted])
    shop.db.execute("update public.contacts set email = 'new@people.example' where id = %s", [contact])
    assert found(shop, "kettle") == found(shop, "old@people.example") == []
    assert found(shop, "toaster message new@people.example") == [wanted]


def test_nobody_but_members_finds_anything(shop: Shop) -> None:
    contact, customer = shop.customer()
    wanted = ticket(shop, "refund", contact_id=contact)
    other = new_shop(shop.settings, shop.db)
    assert found(shop, "refund") == [wanted]
    assert found(shop, "refund", customer) == []
    assert found(shop, "refund", other.member("owner")) == []
    assert found(other, "refund", other.member("owner")) == []
    with pytest.raises(Exception, match="permission denied"):
        found(shop, "refund", ANON)


@pytest.mark.parametrize(
    "query", ["", "   ", "'", "\\", "a' | 'b", "!(&|:*)", "'x':* & y", "%s", "ſ\u0301", "x" * 5000]
)
def test_no_query_is_an_error(shop: Shop, query: str) -> None:
    ticket(shop, "refund")
    assert found(shop, query) == []


def test_a_word_that_every_ticket_has_costs_a_page_and_a_bucket_or_two(lone_shop: Shop) -> None:
    shop = lone_shop
    shop.db.execute("set session_replication_role = replica")
    contact = shop.contact()
    shop.db.execute(
        "insert into public.tickets (organization_id, number, channel, contact_id, subject)"
        " select %s, n, 'email', %s, 'common ' || case when n = 3 then 'rare' else '' end"
        " from generate_series(1, 6000) as n",
        [shop.organization, contact],
    )
    shop.db.execute(
        "select private.index_ticket(id) from public.tickets; analyze private.ticket_search, public.tickets"
    )
    shop.db.execute("update private.ticket_counters set last_number = 6000")
    shop.db.execute("set session_replication_role = origin; set track_functions = 'all'")
    shop.db.execute("set stats_fetch_consistency = 'none'")
    agent = shop.member()
    small = new_shop(shop.settings, shop.db)
    ticket(small, "common")
    page = 2 * 512 + 300
    for where, who, query, several, scanned in (
        (shop, agent, "common", 50, page), (shop, agent, "com", 50, page), (shop, agent, "common rar", 1, 30),
        (shop, agent, "rare", 1, 30), (small, small.member(), "common", 1, 30), (small, small.member(), "rare", 0, 30),
    ):  # fmt: skip
        searched = cost(shop.db, who, SEARCH, [where.organization, query])
        assert len(searched.rows) == several, query
        assert searched.scanned <= scanned, query
        assert not searched.sequential & {"tickets", "ticket_search"}, query
