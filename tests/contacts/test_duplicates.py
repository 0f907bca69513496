"""Suggestions of contacts that may be one person: with reasons, the likeliest first, and never every pair compared."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.data_model.plans import cost
from tests.data_model.shop import Shop, new_shop
from tests.people import Actor, not_there

Pair = tuple[float, list[str]]


def contact(shop: Shop, email: str | None = None, name: str = "", **columns: Any) -> UUID:
    row = {"organization_id": shop.organization, "email": email, "name": name} | columns
    made = shop.value(
        f"insert into public.contacts ({', '.join(row)}) values ({', '.join(['%s'] * len(row))}) returning id",
        *row.values(),
    )
    return UUID(str(made))


def suggested(shop: Shop, of: UUID | None = None, by: Actor | None = None) -> dict[tuple[UUID, UUID], Pair]:
    rows = shop.as_(
        by or shop.member("viewer"), "select * from public.duplicate_contacts(%s, %s)", shop.organization, of
    )
    assert [each["score"] for each in rows] == sorted((each["score"] for each in rows), reverse=True)
    return {(each["contact_id"], each["other_id"]): (each["score"], each["reasons"]) for each in rows}


def external(shop: Shop, contact_id: UUID, system: str, value: str) -> None:
    shop.db.execute(
        "insert into public.contact_external_ids (organization_id, system, external_id, contact_id)"
        " values (%s, %s, %s, %s)",
        [shop.organization, system, value, contact_id],
    )


@pytest.mark.parametrize(
    ("one", "other", "reasons"),
    [
        ({"email": "ann.lee@acme.example"}, {"email": "annlee+shop@acme.example"}, ["same_mailbox"]),
        ({"email": "ann.lee@gmail.com"}, {"email": "annlee@googlemail.com"}, ["same_mailbox"]),
        ({"phone": "+49 30 1234567"}, {"phone": "030/123 45 67"}, ["same_phone"]),
        ({"name": "Ann Lee"}, {"name": "Lee, Ann"}, ["same_name"]),
        ({"name": "José Müller"}, {"name": "jose muller"}, ["same_name"]),
        (
            {"name": "Ann Lee", "email": "ann@acme.example"},
            {"name": "Ann Lee", "email": "lee@acme.example"},
            ["same_company", "same_name"],
        ),
        (
            {"name": "John Smyth", "email": "a@acme.example"},
            {"name": "Jon Smith", "email": "b@acme.example"},
            ["similar_name_at_company"],
        ),
    ],
)
def test_a_likely_pair_is_suggested_with_its_reasons(
    shop: Shop, one: dict[str, str], other: dict[str, str], reasons: list[str]
) -> None:
    pair = contact(shop, **one), contact(shop, **other)
    contact(shop, "eve@else.example", "Eve Adams", phone="+1 555 0100")
    assert {key: why for key, (_, why) in suggested(shop).items()} == {pair: reasons}
    assert list(suggested(shop, of=pair[1])) == [pair]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"email": "ann@acme.example"}, {"email": "ann@bolt.example"}),
        ({"email": "a.b@acme.example"}, {"email": "a_b@acme.example"}),
        ({"name": "Ann"}, {"name": "Ann"}),
        ({"name": ""}, {"name": ""}),
        ({"name": "Jon Smith", "email": "a@gmail.com"}, {"name": "John Smyth", "email": "b@gmail.com"}),
        ({"name": "Jon Smith", "email": "a@acme.example"}, {"name": "John Smyth", "email": "b@bolt.example"}),
        ({"phone": "+49 30 1234567"}, {"phone": "+49 30 1234568"}),
    ],
)
def test_an_unlikely_pair_is_not(shop: Shop, one: dict[str, str], other: dict[str, str]) -> None:
    contact(shop, **one), contact(shop, **other)
    assert suggested(shop) == {}


def test_what_more_they_have_in_common_puts_them_first(shop: Shop) -> None:
    weak = contact(shop, "a1@acme.example", "Ann Lee"), contact(shop, "b1@bolt.example", "Ann Lee")
    strong = contact(shop, "cleo@acme.example", "Cleo Day"), contact(shop, "cleo+x@acme.example", "Cleo Day")
    found = suggested(shop)
    assert list(found) == [strong, weak]
    assert found[strong][1] == ["same_mailbox", "same_company", "same_name"]
    assert 0 < found[weak][0] < 0.5 < found[strong][0] < 1


def test_the_same_id_in_two_systems_is_a_hint(shop: Shop) -> None:
    pair = contact(shop), contact(shop)
    external(shop, pair[0], "shop", "CUS-4711")
    external(shop, pair[1], "erp", "cus-4711")
    assert {key: why for key, (_, why) in suggested(shop).items()} == {pair: ["same_external"]}
    shop.db.execute("delete from public.contact_external_ids where contact_id = %s", [pair[0]])
    assert suggested(shop) == {}


def test_what_changes_is_compared_anew(shop: Shop) -> None:
    one, other = contact(shop, name="Ann Lee"), contact(shop, name="Eve Adams")
    shop.db.execute("update public.contacts set name = 'Ann Lee' where id = %s", [other])
    assert list(suggested(shop)) == [(one, other)]
    shop.db.execute("update public.contacts set name = 'Bea Lee' where id = %s", [one])
    assert suggested(shop) == {}


def test_who_is_merged_is_suggested_no_more_until_it_is_undone(shop: Shop) -> None:
    pair = contact(shop, name="Ann Lee"), contact(shop, name="Ann Lee")
    (done,) = shop.as_(shop.member(), "select id from public.merge_contacts(%s, %s)", pair[0], [pair[1]])
    assert suggested(shop) == {}
    shop.as_(shop.member(), "select public.unmerge_contacts(%s)", done["id"])
    assert list(suggested(shop)) == [pair]


def test_a_pair_that_was_dismissed_stays_away(shop: Shop) -> None:
    one, other, agent = contact(shop, name="Ann Lee"), contact(shop, name="Ann Lee"), shop.member()
    for pair in ((other, one), (one, other)):
        shop.as_(agent, "select public.dismiss_duplicate(%s, %s)", *pair)
    assert suggested(shop) == {}
    assert suggested(shop, of=one) == {}
    shop.as_(agent, "delete from public.dismissed_duplicates where contact_id = %s", one)
    assert list(suggested(shop)) == [(one, other)]
    with not_there("there are no two contacts"):
        shop.as_(agent, "select public.dismiss_duplicate(%s, %s)", one, one)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(shop.member("viewer"), "select public.dismiss_duplicate(%s, %s)", one, other)


def test_nobody_is_told_of_another_organizations_people(shop: Shop) -> None:
    other = new_shop(shop.settings, shop.db)
    pair = contact(shop, name="Ann Lee"), contact(shop, name="Ann Lee")
    contact(other, name="Ann Lee")
    assert list(suggested(shop)) == [pair]
    for actor in (other.member("owner"), shop.customer()[1]):
        assert suggested(shop, by=actor) == {}
        with not_there():
            shop.as_(actor, "select public.dismiss_duplicate(%s, %s)", *pair)


def test_a_name_that_many_share_says_nothing(shop: Shop) -> None:
    for _ in range(11):
        contact(shop, name="Ann Lee")
    assert suggested(shop) == {}


@pytest.mark.full
def test_among_many_only_those_are_looked_at_that_share_something(lone_shop: Shop) -> None:
    """5,000 contacts, two of them alike: one's suggestions are found by index, all of them by one walk of the keys."""
    shop = lone_shop
    shop.db.execute(
        "insert into public.contacts (organization_id, email, name)"
        " select %s, 'c' || n || '@' || n || '.example', md5(n::text) || ' ' || md5((-n)::text)"
        " from generate_series(1, 5000) as n",
        [shop.organization],
    )
    pair = contact(shop, name="Ann Lee"), contact(shop, name="Ann Lee")
    shop.db.execute("vacuum analyze private.contact_keys")
    viewer = shop.member("viewer")
    one = cost(shop.db, viewer, "select * from public.duplicate_contacts(%s, %s)", [shop.organization, pair[0]])
    assert [(each["contact_id"], each["other_id"]) for each in one.rows] == [pair]
    assert one.scanned <= 30
    every = cost(shop.db, viewer, "select * from public.duplicate_contacts(%s)", [shop.organization])
    assert [(each["contact_id"], each["other_id"]) for each in every.rows] == [pair]
    assert "contacts" not in every.sequential
    assert every.scanned <= 4 * 5002
