"""The workspace's own chat: who is in a room reads and writes there, and nobody else."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.data_model.shop import Shop, new_shop, together
from tests.people import ROLE_OF_KEYS, ROLE_OF_VISITORS, Actor, act_as, connect, not_there


def opened(shop: Shop, actor: Actor, kind: str = "open", *others: Actor, name: str = "Hall") -> UUID:
    (row,) = shop.as_(
        actor,
        "select id from public.open_room(%s, %s, %s, %s)",
        shop.organization, kind, name, [each.user_id for each in others],
    )  # fmt: skip
    return UUID(str(row["id"]))


def say(shop: Shop, actor: Actor, room: UUID, body: str = "Good morning") -> dict[str, Any]:
    return shop.as_(actor, "select * from public.say_in_room(%s, %s)", room, body)[0]


def heard(shop: Shop, actor: Actor, room: UUID) -> list[str]:
    rows = shop.as_(actor, "select body from public.room_messages where room_id = %s order by seq", room)
    return [row["body"] for row in rows]


def may_join(shop: Shop, actor: Actor, room: UUID) -> bool:
    return bool(shop.as_(actor, "select private.may_join(%s) as may", f"room:{room}")[0]["may"])


def unread(shop: Shop, actor: Actor) -> dict[UUID, int]:
    rows = shop.as_(actor, "select room_id, unread from public.unread_rooms(%s)", shop.organization)
    return {row["room_id"]: row["unread"] for row in rows}


@pytest.mark.parametrize(("kind", "colleague_reads"), [("open", True), ("closed", False), ("direct", False)])
def test_a_room_is_read_by_whom_it_is_for(shop: Shop, kind: str, colleague_reads: bool) -> None:
    ann, ben, carl = shop.member(), shop.member(), shop.member()
    room = opened(shop, ann, kind, ben)
    say(shop, ann, room)
    for actor, reads in ((ann, True), (ben, True), (carl, colleague_reads), (shop.member("owner"), colleague_reads)):
        assert heard(shop, actor, room) == (["Good morning"] if reads else [])
        assert may_join(shop, actor, room) is reads
    if not colleague_reads:
        for call in ("say_in_room(%s, 'x')", "join_room(%s)"):
            with not_there("no room"):
                shop.as_(carl, f"select public.{call}", room)


def test_contacts_visitors_keys_and_other_organizations_have_no_part_in_it(shop: Shop) -> None:
    ann = shop.member()
    room = opened(shop, ann)
    say(shop, ann, room)
    contact, customer = shop.customer()
    visitor = Actor(ROLE_OF_VISITORS, organization_id=shop.organization, visitor_id=uuid4())
    shop.db.execute(
        "insert into public.visitors (id, organization_id, contact_id) values (%s, %s, %s)",
        [visitor.visitor_id, shop.organization, contact],
    )
    key = Actor(ROLE_OF_KEYS, key_id=shop.value(
        "insert into public.api_keys (organization_id, name, prefix, scopes, role) values (%s, 'k', 'pgd_00000000',"
        " '{tickets:write,organization:read}', 'admin') returning id", shop.organization,
    ))  # fmt: skip
    stranger = new_shop(shop.settings, shop.db).member("owner")
    for actor in (customer, visitor, key, stranger):
        assert heard(shop, actor, room) == []
        assert not may_join(shop, actor, room)
        with not_there("no room"):
            say(shop, actor, room)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            opened(shop, actor, name="Mine")


def test_who_has_left_the_organization_has_left_its_rooms(shop: Shop) -> None:
    ann, ben = shop.member("owner"), shop.member()
    room = opened(shop, ann, "closed", ben)
    say(shop, ben, room, "Bye")
    shop.db.execute("delete from public.members where user_id = %s", [ben.user_id])
    assert heard(shop, ben, room) == []
    assert heard(shop, ann, room) == ["Bye"]


def test_viewers_read_and_do_not_write(shop: Shop) -> None:
    viewer, ann = shop.member("viewer"), shop.member()
    room = opened(shop, ann)
    said = say(shop, ann, room)
    assert heard(shop, viewer, room) == ["Good morning"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="viewers read"):
        say(shop, viewer, room)
    with not_there("may change"):
        shop.as_(viewer, "select public.edit_room_message(%s, 'x')", said["id"])


def test_the_same_people_have_one_direct_room(shop: Shop) -> None:
    ann, ben, carl = shop.member(), shop.member(), shop.member()
    assert opened(shop, ann, "direct", ben) == opened(shop, ben, "direct", ann)
    assert opened(shop, ann, "direct", ben, carl) != opened(shop, ann, "direct", ben)
    room = opened(shop, ann, "direct", ben)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="nobody joins"):
        shop.as_(ann, "select public.join_room(%s, %s)", room, carl.user_id)


def test_who_is_let_in_reads_on_from_there_and_members_of_elsewhere_are_not(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    room = opened(shop, ann, "closed")
    say(shop, ann, room)
    shop.as_(ann, "select public.join_room(%s, %s)", room, ben.user_id)
    assert unread(shop, ben) == {room: 0}
    say(shop, ann, room)
    assert unread(shop, ben) == {room: 1}
    stranger = new_shop(shop.settings, shop.db).member()
    with pytest.raises(psycopg.errors.CheckViolation, match="members of the organization"):
        shop.as_(ann, "select public.join_room(%s, %s)", room, stranger.user_id)
    shop.as_(ben, "select public.leave_room(%s)", room)
    assert heard(shop, ben, room) == []


def test_unread_counts_follow_reading_and_own_words_do_not_count(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    room = opened(shop, ann, "open", ben)
    said = [say(shop, ann, room, f"{n}") for n in range(3)]
    assert unread(shop, ann) == {room: 0}
    assert unread(shop, ben) == {room: 3}
    shop.as_(ann, "select public.edit_room_message(%s)", said[1]["id"])
    assert unread(shop, ben) == {room: 2}
    shop.as_(ben, "select public.read_room(%s, 2)", room)
    shop.as_(ben, "select public.read_room(%s, 1)", room)  # an older window
    assert unread(shop, ben) == {room: 1}
    shop.as_(ben, "select public.read_room(%s, 999)", room)
    say(shop, ann, room)
    assert unread(shop, ben) == {room: 1}


def test_what_was_said_is_changed_by_who_said_it_and_stays_in_its_place(shop: Shop) -> None:
    ann, ben, admin = shop.member(), shop.member(), shop.member("admin")
    room = opened(shop, ann)
    said = say(shop, ann, room)
    with not_there("may change"):
        shop.as_(ben, "select public.edit_room_message(%s, 'x')", said["id"])
    with not_there("may change"):
        shop.as_(admin, "select public.edit_room_message(%s, 'x')", said["id"])
    (edited,) = shop.as_(ann, "select * from public.edit_room_message(%s, 'Good evening')", said["id"])
    assert (edited["seq"], edited["body"], edited["edited_at"] is not None) == (1, "Good evening", True)
    (deleted,) = shop.as_(admin, "select * from public.edit_room_message(%s)", said["id"])
    assert (deleted["seq"], deleted["body"], deleted["deleted_at"] is not None) == (1, "", True)
    with not_there("may change"):
        shop.as_(ann, "select public.edit_room_message(%s, 'back')", said["id"])
    for verb in ("insert into public.room_messages (body) values ('x')", "delete from public.room_messages"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.as_(ann, verb)


def test_who_is_named_and_can_read_it_is_told(shop: Shop) -> None:
    ann, ben, carl = shop.member(), shop.member(), shop.member()
    room = opened(shop, ann, "closed", ben)
    said = say(shop, ann, room, f"@[Ben]({ben.user_id}) and @[Carl]({carl.user_id}), look")
    rows = shop.db.execute(
        "select user_id from public.notifications where subject_id = %s and kind = 'mentioned'", [said["id"]]
    ).fetchall()
    assert [row["user_id"] for row in rows] == [ben.user_id]


def test_topics_carry_ids_and_never_words(shop: Shop) -> None:
    ann = shop.member()
    room = opened(shop, ann)
    say(shop, ann, room, secret := f"my number is {uuid4()}")
    rows = shop.db.execute(
        "select event, payload::text as told from realtime.messages where topic = %s", [f"room:{room}"]
    ).fetchall()
    assert [row["event"] for row in rows] == ["room.said"]
    assert secret not in rows[0]["told"]


def test_writers_at_once_are_numbered_without_a_gap(shop: Shop) -> None:
    people = [shop.member() for _ in range(4)]
    room = opened(shop, people[0])

    def write(actor: Actor) -> None:
        with connect(shop.settings, "authenticator") as db:
            for _ in range(5):
                with db.transaction():
                    act_as(db, actor)
                    db.execute("select public.say_in_room(%s, 'x')", [room])

    together(*[lambda actor=actor: write(actor) for actor in people])
    rows = shop.as_(people[0], "select seq from public.room_messages where room_id = %s order by seq", room)
    assert [row["seq"] for row in rows] == list(range(1, 21))


def test_an_archived_room_is_read_and_not_written(shop: Shop) -> None:
    ann, manager = shop.member(), shop.member("manager")
    room = opened(shop, ann)
    say(shop, ann, room)
    shop.as_(manager, "update public.rooms set archived_at = now() where id = %s", room)
    assert heard(shop, ann, room) == ["Good morning"]
    with pytest.raises(psycopg.Error, match="archived"):
        say(shop, ann, room)
