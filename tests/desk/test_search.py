"""Tickets found by words, through the API's function."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from infra.local.postgres import clone_database, drop_database
from infra.local.settings import Settings
from tests.data_model.plans import cost
from tests.data_model.shop import Shop, new_shop
from tests.people import ANON, Actor, Connection, connect

SEARCH = "select id, number from public.search_tickets(%s, %s)"


@pytest.fixture(scope="module")
def database(schema_template: Settings) -> Iterator[tuple[Settings, Connection]]:
    settings = clone_database(schema_template, "desk_search")
    with connect(settings, "supabase_admin") as db:
        yield settings, db
    drop_database(settings)


@pytest.fixture
def shop(database: tuple[Settings, Connection]) -> Shop:
    return new_shop(*database)


def ticket(shop: Shop, subject: str, *texts: str, contact_id: UUID | None = None) -> UUID:
    made = shop.ticket(contact_id)
    shop.db.execute("update public.tickets set subject = %s where id = %s", [subject, made])
    for text in texts:
        shop.say(made, body_text=text)
    return made


def found(shop: Shop, query: str, actor: Actor | None = None, **options: object) -> list[UUID]:
    given = "".join(f", {name} => %({name})s" for name in options)
    values = {"organization": shop.organization, "query": query} | options
    statement = f"select id from public.search_tickets(%(organization)s, %(query)s{given})"
    with shop.acting(actor or shop.member("viewer")) as db:
        return [row["id"] for row in db.execute(statement, values)]


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


def test_pages_follow_each_other_by_number(shop: Shop) -> None:
    tickets = [ticket(shop, f"refund {n}") for n in range(7)]
    pages, before = [], None
    while page := found(shop, "refund", max_tickets=3, before_number=before):
        pages.append(page)
        before = shop.value("select number from public.tickets where id = %s", page[-1])
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [each for page in pages for each in page] == tickets[::-1]


def test_results_keep_to_status_assignee_and_team(shop: Shop) -> None:
    agent = shop.member()
    mine, other = ticket(shop, "refund", "a"), ticket(shop, "refund", "b")
    team = shop.value(
        "insert into public.teams (organization_id, name) values (%s, 'Money') returning id", shop.organization
    )
    shop.db.execute("update public.tickets set assignee_id = %s where id = %s", [agent.user_id, mine])
    shop.db.execute("update public.tickets set team_id = %s, status = 'solved' where id = %s", [team, other])
    assert found(shop, "refund", assignee_id=agent.user_id) == [mine]
    assert found(shop, "refund", team_id=team) == [other]
    assert found(shop, "refund", status_category="open") == [mine]


def test_what_is_changed_is_found_by_its_new_words_only(shop: Shop) -> None:
    contact = shop.contact("old@people.example")
    wanted = ticket(shop, "kettle", "a message", contact_id=contact)
    shop.db.execute("update public.tickets set subject = 'toaster' where id = %s", [wanted])
    shop.db.execute("update public.contacts set email = 'new@people.example' where id = %s", [contact])
    assert found(shop, "kettle") == found(shop, "old@people.example") == []
    assert found(shop, "toaster message new@people.example") == [wanted]


def test_a_message_that_moves_takes_its_words_along(shop: Shop) -> None:
    one, other = ticket(shop, "one", "umbrella"), ticket(shop, "other", "parasol")
    shop.db.execute("update public.messages set ticket_id = %s where ticket_id = %s", [other, one])
    assert found(shop, "umbrella") == [other]


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


def test_a_word_that_every_ticket_has_costs_a_page_and_a_bucket_or_two(shop: Shop) -> None:
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
    for query, rows, scanned in (("common", 50, 2 * 512 + 200), ("com", 50, 2 * 512 + 200), ("common rare", 1, 20)):
        searched = cost(shop.db, agent, SEARCH, [shop.organization, query])
        assert len(searched.rows) == rows, query
        assert searched.scanned <= scanned, query
        assert not searched.sequential & {"tickets", "ticket_search"}, query
