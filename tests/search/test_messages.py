"""Messages found by words: one of each ticket, or all of one ticket's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop, new_shop
from tests.people import Actor


def ticket(shop: Shop, *texts: str) -> UUID:
    made = shop.ticket()
    for text in texts:
        shop.say(made, body_text=text)
    return made


def hits(shop: Shop, query: str, actor: Actor | None = None, **options: object) -> list[dict[str, Any]]:
    given = "".join(f", {name} => %({name})s" for name in options)
    values = {"organization": shop.organization, "query": query} | options
    statement = f"select * from public.search_messages(%(organization)s, %(query)s{given})"
    with shop.acting(actor or shop.member("viewer")) as db:
        return db.execute(statement, values).fetchall()


def test_of_each_ticket_the_newest_message_with_all_words_is_found(shop: Shop) -> None:
    one = ticket(shop, "a lost parcel", "the parcel was lost indeed", "thanks")
    ticket(shop, "lost", "a parcel")
    other = ticket(shop, "lost parcels, all of them")
    found = {row["ticket_id"]: row for row in hits(shop, "lost parcel")}
    assert {ticket: row["seq"] for ticket, row in found.items()} == {one: 2, other: 1}
    assert found[one]["snippet"] == "the \ue000parcel\ue001 was \ue000lost\ue001 indeed"
    assert found[other]["snippet"] == "\ue000lost\ue001 \ue000parcels\ue001, all of them"
    assert [row["ticket_id"] for row in hits(shop, '"parcel was lost"')] == [one]


def test_within_a_ticket_all_are_found_notes_too(shop: Shop) -> None:
    one = ticket(shop, "a parcel", "hello", "parcel 2")
    ticket(shop, "a parcel")
    shop.say(one, "member", member_id=shop.member().user_id, is_internal=True, body_text="no parcel in sight")
    found = hits(shop, "parcel", in_ticket=one)
    assert {(row["seq"], row["is_internal"]) for row in found} == {(1, False), (3, False), (4, True)}
    assert hits(new_shop(shop.settings, shop.db), "parcel", in_ticket=one) == []


def test_the_better_and_the_newer_rank_first(shop: Shop) -> None:
    loose, close = ticket(shop, "lost " + "and " * 30 + "parcel"), ticket(shop, "lost parcel" + " and" * 30)
    assert [row["ticket_id"] for row in hits(shop, "lost parcel")] == [close, loose]
    shop.db.execute("update public.messages set created_at = now() - interval '3 years' where ticket_id = %s", [close])
    assert [row["ticket_id"] for row in hits(shop, "lost parcel")] == [loose, close]


def test_a_page_looks_past_tickets_whose_words_stand_apart(shop: Shop) -> None:
    wanted = [ticket(shop, "lost parcel") for _ in range(3)]
    for _ in range(5):
        ticket(shop, "lost", "parcel")
    page = hits(shop, "lost parcel", max_messages=2)
    assert {row["ticket_id"] for row in page} == set(wanted[1:])
    rest = hits(shop, "lost parcel", max_messages=2, before_number=min(row["number"] for row in page))
    assert [row["ticket_id"] for row in rest] == wanted[:1]


def test_messages_keep_to_what_is_asked_of_their_tickets(shop: Shop) -> None:
    one, other = ticket(shop, "a parcel"), ticket(shop, "a parcel")
    shop.db.execute("update public.tickets set tags = '{vip}' where id = %s", [one])
    assert [row["ticket_id"] for row in hits(shop, "tag:vip parcel")] == [one]
    no_vip = Jsonb({"field": "tags", "op": "not_contains", "value": "vip"})
    assert [row["ticket_id"] for row in hits(shop, "parcel", conditions=no_vip)] == [other]


def test_nobody_but_members_finds_anything(shop: Shop) -> None:
    contact, customer = shop.customer()
    made = shop.ticket(contact)
    shop.say(made, body_text="a parcel")
    assert len(hits(shop, "parcel")) == 1
    for who in (customer, new_shop(shop.settings, shop.db).member("owner")):
        assert hits(shop, "parcel", who) == hits(shop, "parcel", who, in_ticket=made) == []
