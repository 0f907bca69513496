"""Tickets merged into one, and taken apart again: what moves, who sees it, and what nobody answers over."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Behind, Shop, new_shop, together
from tests.people import Actor, Connection, connect, not_there
from tests.sla.promises import clocks, pass_time, policy
from tests.tickets.desk import asked, link, merge, numbers, split, texts, undo
from tests.waiting import until


def test_a_merged_ticket_is_a_signpost_and_its_messages_are_in_the_order_of_time(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, "first", contact=contact), asked(shop, "second", contact=contact)
    shop.say(into, body_text="third")
    (move,) = merge(shop, agent, into, other)
    assert texts(shop, into) == ["first", "second", "third"]
    assert texts(shop, other) == []
    signpost = shop.ticket_row(other)
    assert (signpost["merged_into"], signpost["status"]) == (into, "closed")
    assert (move["kind"], move["from_ticket_id"], move["to_ticket_id"]) == ("merge", other, into)
    told = [e for e in shop.events(other) if e["type"] == "ticket.merged"]
    assert [(e["data"], e["audience"]) for e in told] == [({"into_ticket_id": str(into), "messages": 1}, "contact")]


def test_what_is_undone_gives_every_message_back_and_all_that_came_with_them(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other, problem = (asked(shop, name, contact=contact) for name in ("into", "other", "problem"))
    shop.db.execute("update public.tickets set tags = '{a,b}' where id = %s", [into])
    shop.db.execute("update public.tickets set tags = '{b,c}', status = 'pending' where id = %s", [other])
    link(shop, agent, other, "child_of", problem)
    (move,) = merge(shop, agent, into, other)
    shop.say(into, body_text="since")
    assert shop.ticket_row(into)["tags"] == ["a", "b", "c"]
    linked = "select count(*) from public.ticket_links where ticket_id = %s and other_ticket_id = %s"
    assert shop.value(linked, into, problem) == 1
    undo(shop, agent, move)
    assert (texts(shop, into), texts(shop, other)) == (["into", "since"], ["other"])
    row = shop.ticket_row(other)
    assert (row["merged_into"], row["status"], row["tags"]) == (None, "pending", ["b", "c"])
    assert shop.ticket_row(into)["tags"] == ["a", "b"]
    assert (shop.value(linked, into, problem), shop.value(linked, other, problem)) == (0, 1)
    assert [e["type"] for e in shop.events(other)].count("ticket.unmerged") == 1
    with pytest.raises(psycopg.Error, match="taken back before") as refused:
        undo(shop, agent, move)
    assert refused.value.sqlstate == "PT409"


def test_what_hangs_on_messages_moves_with_them(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, contact=contact), asked(shop, contact=contact)
    message = shop.value("select id from public.messages where ticket_id = %s", other)
    given = (shop.organization, other, message)
    shop.db.execute(
        "insert into public.attachments (organization_id, ticket_id, message_id, file_name, content_type, bytes,"
        " sha256, storage_path) values (%s, %s, %s, 'a', 'text/plain', 1, sha256('a'), %s)",
        [*given, f"{shop.organization}/a"],
    )
    shop.db.execute(
        "insert into public.drafts (organization_id, ticket_id, message_id, seen_seq, decision, confidence, source,"
        " body_text) values (%s, %s, %s, 1, 'draft', 0.5, 'extract', 'x')",
        given,
    )
    merge(shop, agent, into, other)
    for table in ("attachments", "drafts"):
        assert shop.value(f"select ticket_id from public.{table} where message_id = %s", message) == into
    assert shop.value("select status from public.drafts where message_id = %s", message) == "superseded"


def test_nobody_answers_over_what_a_merge_has_brought(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    # What is brought is older than all that the sender has seen.
    other = asked(shop, "long ago", contact=contact)
    into = asked(shop, "now", contact=contact)
    merge(shop, agent, into, other)
    with pytest.raises(psycopg.Error, match="a newer message has arrived"):
        shop.as_(agent, "select public.send_reply(%s, 'Hello', 1)", into)
    with pytest.raises(psycopg.Error, match="merged into another") as refused:
        shop.as_(agent, "select public.send_reply(%s, 'Hello', 1)", other)
    assert (refused.value.sqlstate, refused.value.diag.message_detail) == ("PT409", str(into))
    assert shop.as_(agent, "select seq from public.send_reply(%s, 'Hello', 2)", into)[0]["seq"] == 3


def test_what_a_merge_has_brought_is_unread_and_what_was_read_before_is_not(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, contact=contact), asked(shop, contact=contact)
    shop.as_(agent, "select public.mark_read(%s)", into)
    merge(shop, agent, into, other)
    assert shop.as_(agent, "select t.unread from public.tickets as t where id = %s", into) == [{"unread": 1}]


def test_the_ai_does_not_answer_over_what_a_merge_has_brought(shop: Shop) -> None:
    shop.db.execute("update public.organizations set ai_mode = 'auto' where id = %s", [shop.organization])
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, contact=contact), asked(shop, contact=contact)
    message = shop.value("select id from public.messages where ticket_id = %s", into)
    merge(shop, agent, into, other)
    (made,) = shop.as_(
        shop.functions,
        "select * from private.record_draft(%s, %s, 1, 'x', 'send', '{}', 0.9, 'extract', '[]')", into, message,
    )  # fmt: skip
    assert (made["decided"], "newer_message" in made["because"]) == ("draft", True)


def test_from_the_first_word_of_a_human_no_bot_posts_wherever_it_stood(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, contact=contact), asked(shop, contact=contact)
    shop.as_(agent, "select public.send_reply(%s, 'Hello', 1)", other)
    merge(shop, agent, into, other)
    assert shop.ticket_row(into)["ai_state"] == "off"


@pytest.mark.parametrize(
    ("into_was", "other_was", "then"),
    [
        ("pending", "open", "open"),
        ("solved", "new", "open"),
        ("solved", "pending", "pending"),
        ("new", "solved", "new"),
        ("on_hold", "closed", "on_hold"),
    ],
)
def test_what_nobody_has_answered_yet_is_open_where_it_went(
    shop: Shop, into_was: str, other_was: str, then: str
) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, contact=contact), asked(shop, contact=contact)
    for ticket, status in ((into, into_was), (other, other_was)):
        shop.db.execute("update public.tickets set status = %s where id = %s", [status, ticket])
    merge(shop, agent, into, other)
    assert shop.ticket_row(into)["status"] == then


def test_the_clocks_are_those_of_one_ticket_that_began_with_the_first_and_a_merged_one_has_none(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    policy(shop, first=timedelta(hours=4), resolution=timedelta(hours=20))
    other = asked(shop, contact=contact)
    pass_time(shop, other, timedelta(hours=3))
    into = asked(shop, contact=contact)
    before = clocks(shop, into)
    (move,) = merge(shop, agent, into, other)
    merged = clocks(shop, into)
    for metric in ("first_response", "resolution"):
        earlier = before[metric, 0]["due_at"] - merged[metric, 0]["due_at"]
        assert timedelta(hours=2, minutes=59) < earlier < timedelta(hours=3, minutes=1), metric
    assert all(clock["running_since"] is None for clock in clocks(shop, other).values())
    undo(shop, agent, move)
    assert clocks(shop, into)["first_response", 0]["due_at"] == before["first_response", 0]["due_at"]
    assert clocks(shop, other)["first_response", 0]["running_since"]


# ---- who sees what


def test_another_contacts_ticket_is_merged_only_where_the_agent_says_so(shop: Shop) -> None:
    agent = shop.member()
    (ann, as_ann), (ben, as_ben) = shop.customer(), shop.customer()
    into, other = asked(shop, "by Ann", contact=ann), asked(shop, "by Ben", contact=ben)
    with pytest.raises(psycopg.errors.CheckViolation, match="another contact"):
        merge(shop, agent, into, other)
    assert texts(shop, other) == ["by Ben"]
    seen = "select body_text from public.messages where not is_internal order by id"
    (move,) = merge(shop, agent, into, other, share=True)
    # The requester is shown what the agent shared; the other sees their own words and no more, and is in copy.
    assert [row["body_text"] for row in shop.as_(as_ann, seen)] == ["by Ann", "by Ben"]
    assert [row["body_text"] for row in shop.as_(as_ben, seen)] == ["by Ben"]
    part = "select contact_id, role, source from public.ticket_participants where ticket_id = %s"
    assert shop.db.execute(part, [into]).fetchall() == [{"contact_id": ben, "role": "cc", "source": "merge"}]
    assert {e["audience"] for e in shop.events(other) if e["type"] == "ticket.merged"} == {"agents"}
    undo(shop, agent, move)
    assert [row["body_text"] for row in shop.as_(as_ann, seen)] == ["by Ann"]
    assert shop.db.execute(part, [into]).fetchall() == []


def test_notes_stay_internal(shop: Shop) -> None:
    agent, (ann, as_ann) = shop.member(), shop.customer()
    into, other = asked(shop, contact=ann), asked(shop, contact=ann)
    shop.as_(agent, "select public.send_reply(%s, 'a note', 1, true)", other)
    merge(shop, agent, into, other)
    assert "a note" in texts(shop, into)
    assert "a note" not in [r["body_text"] for r in shop.as_(as_ann, "select body_text from public.messages")]


@pytest.mark.parametrize("role", ["viewer", "customer", "stranger"])
def test_only_agents_merge_split_and_undo(shop: Shop, shared: Settings, role: str) -> None:
    agent, (ann, as_ann) = shop.member(), shop.customer()
    who: Actor = {"viewer": shop.member("viewer"), "customer": as_ann}.get(role) or new_shop(shared, shop.db).member()
    into, other = asked(shop, "a", "b", contact=ann), asked(shop, contact=ann)
    first = shop.value("select id from public.messages where ticket_id = %s and seq = 1", into)
    with not_there():
        merge(shop, who, into, other)
    with not_there():
        split(shop, who, into, first)
    (move,) = merge(shop, agent, into, other)
    with not_there():
        undo(shop, who, move)


def test_nothing_is_merged_or_moved_between_organizations(shop: Shop, shared: Settings) -> None:
    agent, other_shop = shop.member(), new_shop(shared, shop.db)
    ticket, foreign = asked(shop, "a", "b"), asked(other_shop, "c", "d")
    for into, other in ((ticket, foreign), (foreign, ticket)):
        with not_there():
            merge(shop, agent, into, other, share=True)
    # Not even by who is an agent of both.
    shop.db.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')",
        [other_shop.organization, agent.user_id],
    )
    with not_there():
        merge(shop, agent, ticket, foreign, share=True)
    with not_there():
        split(shop, agent, ticket, shop.value("select id from public.messages where ticket_id = %s limit 1", foreign))
    assert (texts(shop, ticket), texts(shop, foreign)) == (["a", "b"], ["c", "d"])


def test_what_came_by_mail_is_not_merged_where_answers_are_not_mailed(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    by_mail, by_portal = asked(shop, contact=contact), asked(shop, contact=contact)
    shop.db.execute("update public.tickets set channel = 'portal' where id = %s", [by_portal])
    with pytest.raises(psycopg.errors.CheckViolation, match="is not mailed"):
        merge(shop, agent, by_portal, by_mail)
    merge(shop, agent, by_mail, by_portal)


# ---- merged tickets afterwards


def test_what_is_written_to_a_merged_ticket_lands_where_its_messages_are(shop: Shop) -> None:
    agent, (ann, as_ann) = shop.member(), shop.customer()
    last, middle, first = (asked(shop, contact=ann) for _ in range(3))
    merge(shop, agent, middle, first)
    merge(shop, agent, last, middle)
    shop.db.execute("update public.tickets set status = 'pending' where id = %s", [last])
    (said,) = shop.as_(
        as_ann, "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
        " values (%s, %s, 'contact', %s, 'and one more thing') returning ticket_id",
        shop.organization, first, ann,
    )  # fmt: skip
    assert said["ticket_id"] == last
    assert shop.ticket_row(last)["status"] == "open"
    assert numbers(shop, last) == [1, 2, 3, 4]


def test_who_was_merged_into_anothers_ticket_can_still_write(shop: Shop) -> None:
    agent, (ann, _), (ben, as_ben) = shop.member(), shop.customer(), shop.customer()
    into, other = asked(shop, contact=ann), asked(shop, contact=ben)
    merge(shop, agent, into, other, share=True)
    (said,) = shop.as_(
        as_ben, "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
        " values (%s, %s, 'contact', %s, 'Hello?') returning ticket_id",
        shop.organization, other, ben,
    )  # fmt: skip
    assert said["ticket_id"] == into


def test_a_merged_ticket_is_not_worked_on(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other, third = (asked(shop, contact=contact) for _ in range(3))
    merge(shop, agent, into, other)
    for statement in ("update public.tickets set status = 'open' where id = %s",):
        with pytest.raises(psycopg.Error, match="was merged into another") as refused:
            shop.as_(agent, statement, other)
        assert refused.value.sqlstate == "PT409"
    for target, loser in ((into, other), (other, third)):
        with pytest.raises(psycopg.Error, match="merged") as refused:
            merge(shop, agent, target, loser)
        assert refused.value.sqlstate == "PT409"


def test_search_finds_what_is_merged_in_the_ticket_that_has_it_also_by_the_old_number(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, "a lamp", contact=contact), asked(shop, "a zeppelin", contact=contact)
    number = shop.ticket_row(other)["number"]
    (move,) = merge(shop, agent, into, other)
    find = "select id from public.search_tickets(%s, %s)"
    for words in ("zeppelin", str(number)):
        assert shop.as_(agent, find, shop.organization, words) == [{"id": into}], words
    undo(shop, agent, move)
    assert shop.as_(agent, find, shop.organization, "zeppelin") == [{"id": other}]


def test_both_tickets_hear_of_it(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, contact=contact), asked(shop, contact=contact)
    (move,) = merge(shop, agent, into, other)
    undo(shop, agent, move)
    told = shop.db.execute(
        "select m.event, m.topic from realtime.messages as m join public.events as e"
        " on e.id = (m.payload ->> 'event_id')::uuid where e.organization_id = %s and m.event like 'ticket.%%merged'",
        [shop.organization],
    ).fetchall()
    for event in ("ticket.merged", "ticket.unmerged"):
        assert sorted(row["topic"] for row in told if row["event"] == event) == sorted([
            f"org:{shop.organization}", f"ticket:{other}:agents", f"ticket:{other}:contact", f"ticket:{into}:agents",
        ])  # fmt: skip
    since = "select public.events_since(%s, '1:0:0', 1000) as answer"
    answer = shop.as_(agent, since, shop.organization)[0]["answer"]
    assert [e["type"] for e in answer["events"]].count("ticket.merged") == 1


def test_a_merged_ticket_is_in_no_list(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, contact=contact), asked(shop, contact=contact)
    shop.db.execute("update public.tickets set tags = '{lamp}' where id in (%s, %s)", [into, other])
    merge(shop, agent, into, other)
    tag = shop.value("select id from public.tags where organization_id = %s", shop.organization)
    assert [row["id"] for row in shop.as_(agent, "select id from public.tickets_tagged(%s)", tag)] == [into]
    assert shop.as_(agent, "select unassigned from public.unread_counts(%s)", shop.organization) == [{"unassigned": 1}]
    assert shop.as_(agent, "select id from public.take_next(%s)", shop.organization) == []


def test_nobody_is_asked_how_satisfied_they_are_with_a_merged_ticket(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, contact=contact), asked(shop, contact=contact)
    shop.say(other, "member", member_id=agent.user_id)
    merge(shop, agent, into, other)
    assert shop.value("select private.survey_of(t) is null from public.tickets as t where t.id = %s", other)


def test_a_merge_of_a_merge_is_undone_in_any_order(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    one, two, three = (asked(shop, name, contact=contact) for name in ("one", "two", "three"))
    (first,) = merge(shop, agent, two, one)
    (second,) = merge(shop, agent, three, two)
    assert texts(shop, three) == ["one", "two", "three"]
    undo(shop, agent, first)  # its messages have moved on since
    assert (texts(shop, one), texts(shop, three)) == (["one"], ["two", "three"])
    undo(shop, agent, second)
    assert [texts(shop, each) for each in (one, two, three)] == [["one"], ["two"], ["three"]]


# ---- splitting


def test_messages_are_split_off_into_a_linked_ticket_and_back(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    ticket = asked(shop, "about lamps", "about tents", "about lamps again", contact=contact)
    tents = shop.value("select id from public.messages where ticket_id = %s and seq = 2", ticket)
    opened = split(shop, agent, ticket, tents, subject="Tents")
    assert (opened["subject"], opened["contact_id"], opened["status"]) == ("Tents", contact, "new")
    assert (texts(shop, opened["id"]), numbers(shop, opened["id"])) == (["about tents"], [1])
    assert texts(shop, ticket) == ["about lamps", "about lamps again"]
    assert shop.value("select other_ticket_id from public.ticket_links where ticket_id = %s", opened["id"]) == ticket
    (move,) = shop.as_(agent, "select * from public.ticket_moves where to_ticket_id = %s", opened["id"])
    undo(shop, agent, move)
    assert texts(shop, ticket) == ["about lamps", "about tents", "about lamps again"]
    assert shop.ticket_row(opened["id"])["merged_into"] == ticket
    # They have not been seen here by who has read the rest meanwhile.
    with pytest.raises(psycopg.Error, match="a newer message"):
        shop.as_(agent, "select public.send_reply(%s, 'Hello', 3)", ticket)


def test_what_came_to_the_split_ticket_since_stays_there(shop: Shop) -> None:
    agent = shop.member()
    ticket = asked(shop, "a", "b")
    opened = split(
        shop, agent, ticket, shop.value("select id from public.messages where ticket_id = %s and seq = 2", ticket)
    )
    shop.say(opened["id"], body_text="c")
    undo(shop, agent, shop.as_(agent, "select * from public.ticket_moves where to_ticket_id = %s", opened["id"])[0])
    assert (texts(shop, ticket), texts(shop, opened["id"])) == (["a", "b"], ["c"])
    assert shop.ticket_row(opened["id"])["merged_into"] is None


def test_a_ticket_is_not_emptied_and_only_its_own_messages_leave_it(shop: Shop) -> None:
    agent = shop.member()
    ticket, other = asked(shop, "a"), asked(shop, "b")
    (own,) = [r["id"] for r in shop.db.execute("select id from public.messages where ticket_id = %s", [ticket])]
    foreign = shop.value("select id from public.messages where ticket_id = %s", other)
    with pytest.raises(psycopg.errors.CheckViolation, match="one must stay"):
        split(shop, agent, ticket, own)
    for wrong in ([foreign], [own, foreign], []):
        with not_there():
            split(shop, agent, ticket, *wrong)


def test_a_split_ticket_is_the_writers_only_where_all_of_it_is_theirs(shop: Shop) -> None:
    agent, (ann, _), (ben, as_ben) = shop.member(), shop.customer(), shop.customer()
    ticket = asked(shop, "by Ann", contact=ann)
    bens = shop.say(ticket, contact_id=ben, body_text="by Ben")["id"]
    anns = shop.say(ticket, contact_id=ann, body_text="by Ann too")["id"]
    answer = shop.as_(agent, "select id from public.send_reply(%s, 'to Ann', 3)", ticket)[0]["id"]
    assert split(shop, agent, ticket, bens, anns, answer)["contact_id"] == ann
    assert [r["body_text"] for r in shop.as_(as_ben, "select body_text from public.messages")] == ["by Ben"]
    alone = shop.say(ticket, contact_id=ben, body_text="by Ben again")["id"]
    assert split(shop, agent, ticket, alone)["contact_id"] == ben


def test_a_split_ticket_waits_for_its_first_answer_and_triage_reads_it_again(shop: Shop) -> None:
    agent = shop.member()
    policy(shop)
    ticket = asked(shop, "a", "b")
    second = shop.value("select id from public.messages where ticket_id = %s and seq = 2", ticket)
    opened = split(shop, agent, ticket, second)
    assert clocks(shop, opened["id"])["first_response", 0]["running_since"]
    waiting = "select count(*) from private.jobs where consumer = 'triage' and payload ->> 'message_id' = %s::text"
    assert shop.value(waiting, str(second)) == 1


# ---- at the same time


def is_kept_waiting(settings: Settings, session: Connection) -> None:
    """Return once a session waits for a lock, or between two tries for one."""
    state = "select wait_event_type in ('Lock', 'Timeout') as waits from pg_stat_activity where pid = %s"
    with connect(settings, "supabase_admin") as watching:
        until(lambda: (watching.execute(state, [session.info.backend_pid]).fetchone() or {}).get("waits"))


def test_a_reply_that_is_being_sent_and_a_merge_see_each_other(shop: Shop, shared: Settings) -> None:
    """Whichever is first: the reply moves with its ticket, or is refused."""
    agent, contact = shop.member(), shop.contact()
    into, other = asked(shop, "into", contact=contact), asked(shop, "other", contact=contact)
    with connect(shared, "supabase_admin") as session:
        late = Shop(shared, session, shop.organization)
        with shop.acting(agent) as db:
            db.execute("select public.send_reply(%s, 'an answer', 1)", [other])
            behind = Behind(lambda: merge(late, agent, into, other))
            is_kept_waiting(shared, session)
        (move,) = behind.get()
        assert texts(shop, into) == ["into", "other", "an answer"]
        undo(shop, agent, move)
        with shop.acting(agent) as db:
            db.execute("select public.merge_tickets(%s, %s)", [into, [other]])
            behind = Behind(lambda: late.as_(agent, "select public.send_reply(%s, 'over it', 9)", other))
            is_kept_waiting(shared, session)
        with pytest.raises(psycopg.Error, match="merged into another"):
            behind.get()
    assert "over it" not in texts(shop, into)


def test_two_merges_that_cross_make_one(shop: Shop, shared: Settings) -> None:
    agent, contact = shop.member(), shop.contact()
    refused: list[str | None]

    def run(into: UUID, other: UUID) -> None:
        with connect(shared, "supabase_admin") as session:
            try:
                merge(Shop(shared, session, shop.organization), agent, into, other)
            except psycopg.Error as error:
                refused.append(error.sqlstate)

    for _ in range(10):
        one, two = asked(shop, "one", contact=contact), asked(shop, "two", contact=contact)
        refused = []
        together(partial(run, one, two), partial(run, two, one))
        assert refused == ["PT409"]
        rows = [shop.ticket_row(each) for each in (one, two)]
        assert sorted(row["merged_into"] is None for row in rows) == [False, True]
        assert sorted(len(texts(shop, row["id"])) for row in rows) == [0, 2]


def test_messages_merges_and_undoing_at_the_same_time_lose_nothing(shop: Shop, shared: Settings) -> None:
    agent, contact = shop.member(), shop.contact()
    tickets = [asked(shop, f"first of {number}", contact=contact) for number in range(3)]
    said = {f"first of {number}" for number in range(3)}
    agents_tickets = [(into, other) for into in tickets for other in tickets if into != other]

    def write() -> None:
        with connect(shared, "supabase_admin") as session:
            mine = Shop(shared, session, shop.organization)
            for number in range(30):
                mine.say(tickets[number % 3], body_text=f"said {number}", contact_id=contact)
                said.add(f"said {number}")

    def move() -> None:
        with connect(shared, "supabase_admin") as session:
            mine = Shop(shared, session, shop.organization)
            for into, other in agents_tickets * 2:
                try:
                    made = merge(mine, agent, into, other)
                    undo(mine, agent, made[0])
                except psycopg.Error as error:
                    if error.sqlstate != "PT409":
                        raise

    together(write, move, move)
    kept = shop.db.execute(
        "select ticket_id, seq, body_text from public.messages where organization_id = %s", [shop.organization]
    ).fetchall()
    assert sorted(row["body_text"] for row in kept) == sorted(said)
    assert len({(row["ticket_id"], row["seq"]) for row in kept}) == len(kept)
