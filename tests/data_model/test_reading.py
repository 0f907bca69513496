"""What a member has read, and what is new to them."""

from __future__ import annotations

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Shop, together
from tests.people import Actor, connect


def unread(shop: Shop, actor: Actor) -> list[int]:
    rows = shop.as_(
        actor, "select public.unread(t) as n from public.tickets as t where organization_id = %s", shop.organization
    )
    return [row["n"] for row in rows]


def read(shop: Shop, actor: Actor, *arguments: object) -> int:
    places = ", ".join(["%s"] * len(arguments))
    (row,) = shop.as_(actor, f"select public.mark_read({places}) as seq", *arguments)
    return int(row["seq"])


def test_what_others_wrote_since_i_read_is_new_to_me_and_what_i_wrote_is_not(shop: Shop) -> None:
    ticket, me, colleague = shop.ticket(), shop.member(), shop.member()
    for _ in range(3):
        shop.say(ticket)
    assert (unread(shop, me), read(shop, me, ticket, 2), unread(shop, me)) == ([3], 2, [1])
    shop.as_(me, "select public.send_reply(%s, 'Hello', 3)", ticket)
    assert unread(shop, me) == [0]
    assert unread(shop, colleague) == [4]
    shop.as_(colleague, "select public.send_reply(%s, 'By the way', 4, true)", ticket)
    assert unread(shop, me) == [1]


def test_reading_moves_forward_only_unless_it_is_taken_back(shop: Shop) -> None:
    ticket, me = shop.ticket(), shop.member()
    for _ in range(4):
        shop.say(ticket)
    assert [read(shop, me, ticket, 3), read(shop, me, ticket, 1), read(shop, me, ticket)] == [3, 3, 4]
    assert read(shop, me, ticket, 2, True) == 2
    assert unread(shop, me) == [2]
    assert read(shop, me, ticket, 99) == 4
    assert read(shop, me, ticket, -5, True) == 0


def test_of_two_windows_the_one_that_has_seen_more_counts(shop: Shop, shared: Settings) -> None:
    ticket, me = shop.ticket(), shop.member()
    for _ in range(8):
        shop.say(ticket)

    def window(seq: int) -> None:
        with connect(shared, "supabase_admin") as db:
            read(Shop(shared, db, shop.organization), me, ticket, seq)

    together(*[lambda seq=seq: window(seq) for seq in (3, 7, 5, 1)])
    assert unread(shop, me) == [1]


def test_counts_are_of_open_tickets_that_are_mine_or_nobodys(shop: Shop) -> None:
    me, colleague = shop.member(), shop.member()
    mine, his, nobodys, solved = (shop.ticket() for _ in range(4))
    for ticket in (mine, his, nobodys, solved):
        shop.say(ticket)
    shop.db.execute("update public.tickets set assignee_id = %s where id = %s", [me.user_id, mine])
    shop.db.execute("update public.tickets set assignee_id = %s where id = %s", [colleague.user_id, his])
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [solved])
    counts = "select * from public.unread_counts(%s)"
    assert shop.as_(me, counts, shop.organization) == [{"mine": 1, "unassigned": 1}]
    read(shop, me, nobodys)
    assert shop.as_(me, counts, shop.organization) == [{"mine": 1, "unassigned": 0}]


def test_who_is_no_member_reads_nothing_and_is_counted_nothing(shop: Shop) -> None:
    contact, customer = shop.customer()
    ticket = shop.ticket(contact)
    shop.say(ticket)
    with pytest.raises(psycopg.Error, match="there is no ticket"):
        read(shop, customer, ticket)
    assert shop.as_(customer, "select * from public.unread_counts(%s)", shop.organization) == [
        {"mine": 0, "unassigned": 0}
    ]
    assert shop.as_(customer, "select * from public.ticket_reads") == []


def test_a_list_shows_how_the_latest_message_begins_and_never_a_note(shop: Shop) -> None:
    ticket, me = shop.ticket(), shop.member()
    shop.say(ticket)
    shop.as_(me, "select public.send_reply(%s, %s, 1)", ticket, "On its\n\n   way. " + "x" * 500)
    shop.as_(me, "select public.send_reply(%s, 'Between us', 2, true)", ticket)
    (row,) = shop.as_(me, "select public.preview(t) as begins from public.tickets as t where id = %s", ticket)
    assert row["begins"].startswith("On its way. xxx")
    assert len(row["begins"]) <= 160
