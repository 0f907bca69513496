"""Contacts found while their names or addresses are typed."""

from __future__ import annotations

from uuid import UUID

from tests.data_model.plans import cost
from tests.data_model.shop import Shop, new_shop
from tests.people import Actor


def contact(shop: Shop, name: str, email: str | None = None) -> UUID:
    return UUID(
        str(
            shop.value(
                "insert into public.contacts (organization_id, name, email) values (%s, %s, %s) returning id",
                shop.organization, name, email,
            )
        )
    )  # fmt: skip


def found(shop: Shop, query: str, actor: Actor | None = None) -> list[UUID]:
    rows = shop.as_(
        actor or shop.member("viewer"), "select id from public.search_contacts(%s, %s)", shop.organization, query
    )
    return [row["id"] for row in rows]


def test_a_contact_is_found_by_the_beginnings_of_name_address_and_domain(shop: Shop) -> None:
    wanted = contact(shop, "Ann-Marie O'Hára (Sales)", "a.ohara+shop@big.example")
    contact(shop, "Bob", "bob@small.example")
    for query in (
        "a", "ann", "ANN-MARIE", "marie", "o'har", "hara", "sal", "(sales)", "ohara", "a.oh", "@big.ex", "big.example",
        "a.ohara+shop@big.example", "mar o'h", "example ann", "a.ohara+shop@b",
    ):  # fmt: skip
        assert wanted in found(shop, query), query
    for query in ("nn", "big bob", "a.ohara@big.example", "anna", "small ann"):
        assert wanted not in found(shop, query), query


def test_whole_words_come_first_then_the_newest(shop: Shop) -> None:
    old, longer, new = contact(shop, "Ann Lee"), contact(shop, "Annabel"), contact(shop, "Ann Smith")
    assert found(shop, "ann") == [new, old, longer]


def test_what_is_changed_is_found_by_its_new_words_only(shop: Shop) -> None:
    wanted = contact(shop, "Old Name", "old@people.example")
    shop.db.execute("update public.contacts set name = 'New', email = 'new@people.example' where id = %s", [wanted])
    assert found(shop, "old") == found(shop, "name") == []
    assert found(shop, "new") == found(shop, "new@people") == [wanted]


def test_a_phone_and_what_other_systems_say_are_found(shop: Shop) -> None:
    wanted = contact(shop, "Ann")
    shop.db.execute("update public.contacts set phone = '+49 (30) 123-456' where id = %s", [wanted])
    shop.db.execute(
        "insert into public.contact_external_ids (organization_id, system, external_id, contact_id)"
        " values (%s, 'shop', 'CUS_77', %s)",
        [shop.organization, wanted],
    )
    for query in ("+49 30 123", "4930123456", "49 30", "123-4", "cus_7", "ann cus_77"):
        assert found(shop, query) == [wanted], query
    shop.db.execute("delete from public.contact_external_ids where contact_id = %s", [wanted])
    assert found(shop, "cus_77") == []


def test_a_merged_contact_is_found_as_the_one_it_is(shop: Shop) -> None:
    agent = shop.member()
    winner, loser = contact(shop, "Ann", "ann@one.example"), contact(shop, "Annie", "annie@two.example")
    merge = "select id from public.merge_contacts(%s, %s)"
    merged = shop.as_(agent, merge, winner, [loser])[0]["id"]
    assert found(shop, "annie") == found(shop, "two.example") == found(shop, "ann one.ex") == [winner]
    shop.as_(agent, "select public.unmerge_contacts(%s)", merged)
    assert found(shop, "annie") == found(shop, "two.example") == [loser]


def test_names_in_any_script_are_found(shop: Shop) -> None:
    for name, query in (("Жанна Белова", "бел"), ("山田太郎", "山田"), ("Ｆｕｌｌ Width", "full"), ("Søren", "sør")):
        wanted = contact(shop, name)
        assert found(shop, query) == [wanted], name


def test_nobody_but_members_finds_anything(shop: Shop) -> None:
    _, customer = shop.customer()
    contact(shop, "Ann")
    assert len(found(shop, "ann")) == 1
    for who in (customer, new_shop(shop.settings, shop.db).member("owner")):
        assert found(shop, "ann", who) == []


def test_a_letter_that_everybody_begins_with_costs_a_page(lone_shop: Shop) -> None:
    shop = lone_shop
    shop.db.execute("set session_replication_role = replica")
    shop.db.execute(
        "insert into public.contacts (organization_id, name, email)"
        " select %s, 'Ann ' || n, 'a' || n || '@all.example' from generate_series(1, 3000) as n",
        [shop.organization],
    )
    shop.db.execute("set session_replication_role = origin")
    shop.db.execute(
        "select private.index_contact(c.id) from public.contacts as c where c.organization_id = %s", [shop.organization]
    )
    shop.db.execute("analyze private.contact_words, public.contacts; set stats_fetch_consistency = 'none'")
    agent = shop.member()
    for query, rows, scanned in (("a", 20, 400), ("@all", 20, 400), ("ann a299", 11, 6000), ("ann a", 20, 20000)):
        searched = cost(shop.db, agent, "select id from public.search_contacts(%s, %s)", [shop.organization, query])
        assert len(searched.rows) == rows, query
        assert searched.scanned <= scanned, query
        assert not searched.sequential & {"contacts", "contact_words"}, query
