"""Members are told of what concerns them, as they wish, and never of what they did themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.data_model.shop import Shop, together
from tests.people import Actor, act_as, connect, new_organization


def told(shop: Shop, member: Actor) -> dict[str, int]:
    """What a member has not read: kind and how often."""
    rows = shop.as_(member, "select kind, count from public.notifications where read_at is null")
    return {row["kind"]: row["count"] for row in rows}


def note(shop: Shop, writer: Actor, ticket: UUID, body: str) -> None:
    shop.as_(writer, "select public.send_reply(%s, %s, 1000, true)", ticket, body)


def mine(shop: Shop, member: Actor, by: Actor | None = None) -> UUID:
    """A ticket with a message that `by` (or pgdesk itself) has given to the member, who has read that."""
    ticket = shop.ticket()
    shop.say(ticket)
    give = "update public.tickets set assignee_id = %s where id = %s"
    if by:
        shop.as_(by, give, member.user_id, ticket)
    else:
        shop.db.execute(give, [member.user_id, ticket])
    shop.as_(member, "select public.mark_read(%s)", ticket)
    return ticket


def choose(shop: Shop, member: Actor, kind: str, *, in_app: bool, mail: str) -> None:
    shop.as_(
        member,
        "insert into public.notification_preferences (organization_id, kind, in_app, mail) values (%s, %s, %s, %s)",
        shop.organization, kind, in_app, mail,
    )  # fmt: skip


def mails(shop: Shop, member: Actor) -> list[dict[str, Any]]:
    """The clocks that will mail a member."""
    return shop.db.execute(
        "select payload ->> 'mail' as mail, run_at, payload::text as payload from private.jobs where state = 'waiting'"
        " and payload ->> 'ring' = 'notices' and payload ->> 'user_id' = %s order by 1",
        [str(member.user_id)],
    ).fetchall()


def test_a_mention_tells_the_member_and_a_team_its_members(shop: Shop) -> None:
    ann, ben, cid = shop.member(), shop.member(), shop.member("viewer")
    team = shop.value("insert into public.teams (organization_id, name) values (%s, 'Returns') returning id",
                      shop.organization)  # fmt: skip
    shop.db.execute(
        "insert into public.team_members (organization_id, team_id, user_id) values (%s, %s, %s)",
        [shop.organization, team, cid.user_id],
    )
    ticket = shop.ticket()
    note(shop, ann, ticket, f"@[Ben]({ben.user_id}) and @[Returns](team:{team}) and @[me]({ann.user_id}), look")
    assert (told(shop, ann), told(shop, ben), told(shop, cid)) == ({}, {"mentioned": 1}, {"mentioned": 1})


def test_who_is_of_another_organization_is_named_in_vain(shop: Shop) -> None:
    ann = shop.member()
    other = Shop(shop.settings, shop.db, new_organization(shop.db, f"other-{uuid4().hex[:8]}"))
    stranger = other.member()
    team = shop.value("insert into public.teams (organization_id, name) values (%s, 'Away') returning id",
                      other.organization)  # fmt: skip
    shop.db.execute(
        "insert into public.team_members (organization_id, team_id, user_id) values (%s, %s, %s)",
        [other.organization, team, stranger.user_id],
    )
    note(shop, ann, shop.ticket(), f"@[x]({stranger.user_id}) @[x](team:{team}) @[x]({uuid4()}) @[x](not-an-id) @[")
    assert told(shop, stranger) == {}


def test_only_notes_mention(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    ticket = shop.ticket()
    shop.say(ticket, body_text=f"@[Ben]({ben.user_id})")
    shop.as_(ann, "select public.send_reply(%s, %s, 1000)", ticket, f"@[Ben]({ben.user_id})")
    assert told(shop, ben) == {}


def test_an_assignment_is_told_unless_one_takes_it(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    ticket = shop.ticket()
    give = "update public.tickets set assignee_id = %s where id = %s"
    shop.as_(ann, give, ann.user_id, ticket)
    assert told(shop, ann) == {}
    shop.as_(ann, give, ben.user_id, ticket)
    assert told(shop, ben) == {"assigned": 1}


def test_what_comes_while_one_is_not_read_is_counted_and_reading_the_ticket_reads_it(shop: Shop) -> None:
    ann = shop.member()
    ticket = mine(shop, ann)
    for _ in range(3):
        shop.say(ticket)
    assert told(shop, ann) == {"replied": 3}
    shop.as_(ann, "select public.mark_read(%s, 2)", ticket)
    assert told(shop, ann) == {"replied": 3}  # the last one is message 4
    shop.as_(ann, "select public.mark_read(%s)", ticket)
    assert told(shop, ann) == {}
    shop.say(ticket)
    assert told(shop, ann) == {"replied": 1}


def test_machines_and_unknown_senders_are_not_told_of(shop: Shop) -> None:
    ann = shop.member()
    ticket = mine(shop, ann)
    shop.say(ticket, is_machine=True)
    shop.say(ticket, sender_status="pending")
    assert told(shop, ann) == {}


def test_a_note_in_ones_ticket_is_told_once_also_where_it_mentions(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    ticket = mine(shop, ann)
    note(shop, ben, ticket, "Called them.")
    assert told(shop, ann) == {"noted": 1}
    note(shop, ben, ticket, f"@[Ann]({ann.user_id}) call again")
    note(shop, ann, ticket, "Done.")  # who writes has read
    assert told(shop, ann) == {}


def test_a_bad_rating_is_told_to_who_had_the_ticket_and_to_managers_once(shop: Shop) -> None:
    ann, ben, boss = shop.member(), shop.member(), shop.member("manager")
    shop.db.execute("update public.organizations set ask_csat_after = '0' where id = %s", [shop.organization])
    contact, customer = shop.customer()
    ticket = shop.ticket(contact)
    shop.say(ticket)
    shop.as_(ann, "update public.tickets set assignee_id = %s where id = %s", ann.user_id, ticket)
    shop.as_(ann, "select public.send_reply(%s, 'No.', 1)", ticket)
    shop.as_(ann, "update public.tickets set status = 'solved' where id = %s", ticket)
    for score in (1, 2, 4):
        shop.as_(customer, "select public.rate_ticket(%s, %s)", ticket, score)
    assert (told(shop, ann), told(shop, boss), told(shop, ben)) == ({"rated_badly": 1}, {"rated_badly": 1}, {})


def test_a_late_ticket_of_nobody_is_told_to_its_team(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    team = shop.value("insert into public.teams (organization_id, name) values (%s, 'First') returning id",
                      shop.organization)  # fmt: skip
    shop.db.execute(
        "insert into public.team_members (organization_id, team_id, user_id) values (%s, %s, %s)",
        [shop.organization, team, ann.user_id],
    )
    ticket = shop.ticket()
    shop.db.execute("update public.tickets set team_id = %s where id = %s", [team, ticket])
    shop.db.execute(
        "select private.emit(%s, 'sla.breached', %s, '{}', 'agents', %s)", [shop.organization, ticket, ticket]
    )
    assert (told(shop, ann), told(shop, ben)) == ({"sla_breached": 1}, {})


def test_an_endpoint_that_was_switched_off_is_told_to_admins(shop: Shop) -> None:
    admin, agent = shop.member("admin"), shop.member()
    endpoint = uuid4()
    shop.db.execute("select private.emit(%s, 'webhook.disabled', %s, '{}')", [shop.organization, endpoint])
    assert (told(shop, admin), told(shop, agent)) == ({"webhook_disabled": 1}, {})


def test_each_kind_is_told_as_the_member_wishes(shop: Shop) -> None:
    ann = shop.member()
    ticket = mine(shop, ann)
    choose(shop, ann, "replied", in_app=False, mail="off")
    shop.say(ticket)
    assert told(shop, ann) == {}
    shop.as_(ann, "update public.notification_preferences set mail = 'digest' where kind = 'replied'")
    shop.say(ticket)
    (row,) = shop.as_(ann, "select in_app, mail from public.notifications where read_at is null")
    assert (row["in_app"], row["mail"]) == (False, "digest")
    (counts,) = shop.as_(ann, "select * from public.notification_counts(%s)", shop.organization)
    assert counts == {"unread": 0, "unseen": 0}
    choices = {
        row["kind"]: row for row in shop.as_(ann, "select * from public.notification_choices(%s)", shop.organization)
    }
    assert choices["replied"]["mail"] == "digest"
    assert choices["mentioned"]["is_default"]


def test_what_nobody_asked_for_writes_nothing(shop: Shop) -> None:
    ann = shop.member()
    team = shop.value("insert into public.teams (organization_id, name) values (%s, 'Queue') returning id",
                      shop.organization)  # fmt: skip
    shop.db.execute(
        "insert into public.team_members (organization_id, team_id, user_id) values (%s, %s, %s)",
        [shop.organization, team, ann.user_id],
    )
    give = "update public.tickets set team_id = %s where id = %s"
    shop.db.execute(give, [team, shop.ticket()])
    assert told(shop, ann) == {}
    choose(shop, ann, "team_assigned", in_app=True, mail="off")
    shop.db.execute(give, [team, shop.ticket()])
    assert told(shop, ann) == {"team_assigned": 1}


def test_a_mail_at_once_waits_two_minutes_for_all_that_comes_and_goes_to_nobody_who_has_read(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    tickets = [shop.ticket() for _ in range(2)]
    for ticket in tickets:
        note(shop, ben, ticket, f"@[Ann]({ann.user_id})")
    (clock,) = mails(shop, ann)
    assert clock["mail"] == "at_once"
    first = shop.value("select min(at) from public.notifications where user_id = %s", ann.user_id)
    assert (clock["run_at"] - first).total_seconds() == 120
    shop.as_(ann, "update public.notifications set read_at = now() where read_at is null")
    shop.as_(shop.functions, "select private.ring(%s)", clock["payload"])
    bundles = "select count(*) from private.jobs where payload ->> 'type' = 'notices' and payload ->> 'user_id' = %s"
    assert shop.value(bundles, str(ann.user_id)) == 0


@pytest.mark.parametrize(
    ("digest", "hour", "zone", "now", "due"),
    [
        ("daily", 8, "Europe/Berlin", "2026-11-21 06:30+00", "2026-11-21 07:00+00"),
        ("daily", 8, "Europe/Berlin", "2026-11-21 07:00+00", "2026-11-22 07:00+00"),
        # The clocks go forward: eight o'clock comes an hour sooner.
        ("daily", 8, "Europe/Berlin", "2027-03-27 12:00+00", "2027-03-28 06:00+00"),
        ("daily", 0, None, "2026-11-21 12:00+00", "2026-11-22 00:00+00"),
        ("hourly", 8, None, "2026-11-21 12:10+00", "2026-11-21 13:00+00"),
    ],
)
def test_a_digest_comes_at_the_members_hour(
    shop: Shop, digest: str, hour: int, zone: str | None, now: str, due: str
) -> None:
    settings = "jsonb_populate_record(null::public.notification_settings, jsonb_build_object("
    settings += "'digest', %s::text, 'digest_hour', %s::integer, 'time_zone', %s::text))"
    # The function's own text, with another time for now().
    source = str(shop.value("select pg_get_functiondef('private.next_digest'::regproc)"))
    source = source.replace("private.next_digest", "pg_temp.next_digest").replace("now()", f"'{now}'::timestamptz")
    with shop.db.transaction(force_rollback=True):
        shop.db.execute(source.encode())
        given = shop.value(f"select pg_temp.next_digest({settings}, null)", digest, hour, zone)
        assert given == datetime.fromisoformat(due)


def test_a_digest_that_waits_moves_with_the_members_hour(shop: Shop) -> None:
    ann = shop.member()
    shop.say(mine(shop, ann))
    for digest in ("hourly", "daily"):
        shop.as_(ann, "select public.set_digest(%s, %s, 23, 'Pacific/Auckland')", shop.organization, digest)
    digests = [clock for clock in mails(shop, ann) if clock["mail"] == "digest"]
    assert len(digests) == 1
    assert digests[0]["run_at"].minute == 0
    with pytest.raises(psycopg.Error, match="time zone"):
        shop.as_(ann, "select public.set_digest(%s, 'daily', 8, 'Mars/Olympus')", shop.organization)


def test_nobody_sets_anothers_digest_or_reads_anothers_news(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member("owner")
    shop.say(mine(shop, ann))
    assert shop.as_(ben, "update public.notifications set read_at = now() where user_id = %s returning 1",
                    ann.user_id) == []  # fmt: skip
    with pytest.raises(psycopg.Error):
        shop.as_(
            ben,
            "insert into public.notification_preferences (organization_id, user_id, kind) values (%s, %s, 'noted')",
            shop.organization,
            ann.user_id,
        )
    stranger = Actor("authenticated", uuid4())
    with pytest.raises(psycopg.Error):
        shop.as_(stranger, "select public.set_digest(%s)", shop.organization)


def test_who_is_removed_leaves_no_news_behind(shop: Shop) -> None:
    ann = shop.member()
    shop.say(mine(shop, ann))
    shop.as_(ann, "select public.set_digest(%s)", shop.organization)
    shop.db.execute("delete from public.members where user_id = %s", [ann.user_id])
    for table in ("notifications", "notification_settings"):
        assert shop.value(f"select count(*) from public.{table} where user_id = %s", ann.user_id) == 0


def test_news_are_heard_by_ids_on_the_members_own_topic(shop: Shop) -> None:
    ann = shop.member()
    shop.say(mine(shop, ann))
    heard = shop.db.execute(
        "select event, payload from realtime.messages where topic = %s order by inserted_at desc limit 1",
        [f"member:{ann.user_id}"],
    ).fetchone()
    assert heard
    row = shop.value("select id from public.notifications where user_id = %s and read_at is null", ann.user_id)
    assert heard["event"] == "notifications"
    assert heard["payload"]["notification_ids"] == [str(row)]


def test_many_at_once_are_counted_in_one_row(shop: Shop) -> None:
    ann = shop.member()
    ticket = mine(shop, ann)
    writers = [shop.member() for _ in range(4)]

    def writing(writer: Actor) -> None:
        with connect(shop.settings, "supabase_admin") as db, db.transaction():
            act_as(db, writer)
            db.execute("select public.send_reply(%s, 'A note.', 1000, true)", [ticket])

    together(*(lambda writer=each: writing(writer) for each in writers))
    assert told(shop, ann) == {"noted": 4}
