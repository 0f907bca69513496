"""No answer goes out by itself once anything has changed since it was written."""

from __future__ import annotations

import json
import random
import threading
from typing import Any
from uuid import UUID

import psycopg
import pytest
from chalicelib.knowledge import consumer as knowledge
from chalicelib.replies import consumer as replies

from tests.people import Actor, Connection, act_as, connect
from tests.replies.world import RETURNS, World

QUESTION = "How many days do I have to return an item?"


def record(session: Connection, world: World, ticket: UUID, message: UUID, seen: int, **changes: Any) -> dict[str, Any]:
    """What the consumer's last transaction does. `session` is the functions', in a transaction."""
    session.execute("select set_config('app.organization_id', %s, true)", [str(world.organization)])
    row = session.execute(
        "select * from private.record_draft(%s, %s, %s, %s, %s, %s::text[], 0.9::real, 'extract', %s::jsonb)",
        [
            ticket, message, seen, changes.get("body", "an answer"), changes.get("decision", "send"), [],
            json.dumps(changes.get("citations", [])),
        ],
    ).fetchone()  # fmt: skip
    assert row is not None
    return row


def recorded(world: World, ticket: UUID, message: UUID, seen: int, **changes: Any) -> dict[str, Any]:
    with connect(world.settings, "pgdesk_functions") as session, session.transaction():
        return record(session, world, ticket, message, seen, **changes)


def reply_as_agent(world: World, ticket: UUID) -> None:
    world.as_agent("select id from public.send_reply(%s, 'I take care of it.', 100000)", ticket)


def test_nothing_is_sent_after_a_newer_message(empty: World) -> None:
    ticket = empty.ticket("one")
    message = empty.last_message(ticket)
    empty.writes(ticket, "two")
    row = recorded(empty, ticket, message, 1)
    assert (row["decided"], row["because"]) == ("draft", ["newer_message"])
    assert empty.all("select from public.messages where sender = 'ai'") == []


def test_nothing_is_sent_after_a_human_wrote_or_took_over(empty: World) -> None:
    written = empty.ticket("one")
    reply_as_agent(empty, written)
    first = empty.one("select id from public.messages where ticket_id = %s and seq = 1", written)["id"]
    assert recorded(empty, written, first, 1)["because"] == ["human_took_over", "newer_message"]
    taken = empty.ticket("one")
    empty.as_agent("update public.tickets set assignee_id = %s where id = %s returning id", empty.agent.user_id, taken)
    assert recorded(empty, taken, empty.last_message(taken), 1)["because"] == ["human_took_over"]


def test_an_internal_note_does_not_hold_an_answer_up(empty: World) -> None:
    ticket = empty.ticket("one")
    message = empty.last_message(ticket)
    empty.as_agent("select id from public.send_reply(%s, 'a note', 1, true)", ticket)
    assert recorded(empty, ticket, message, 1)["decided"] == "send"


def test_a_human_who_writes_while_the_answer_is_recorded_comes_first_or_after_but_never_between(empty: World) -> None:
    ticket = empty.ticket("one")
    message = empty.last_message(ticket)
    with connect(empty.settings, "authenticator") as person, connect(empty.settings, "pgdesk_functions") as function:
        result: list[Any] = []

        def work() -> None:
            with function.transaction():
                result.append(record(function, empty, ticket, message, 1))

        with person.transaction():
            act_as(person, empty.agent)
            person.execute("select public.send_reply(%s, 'I am on it.', 1)", [ticket])
            thread = threading.Thread(target=work)
            thread.start()
            # The function waits for the ticket's row.
            for _ in range(2000):
                waiting = empty.one("select count(*) as n from pg_stat_activity where wait_event_type = 'Lock'"
                                    " and datname = current_database()")  # fmt: skip
                if waiting["n"]:
                    break
            assert waiting["n"] == 1
            assert result == []
        thread.join(20)
    assert result[0]["decided"] == "draft"
    assert empty.all("select from public.messages where sender = 'ai'") == []


def test_a_human_who_has_not_seen_the_bots_answer_is_told(empty: World) -> None:
    ticket = empty.ticket("one")
    with connect(empty.settings, "pgdesk_functions") as function, function.transaction():
        record(function, empty, ticket, empty.last_message(ticket), 1)
    with pytest.raises(psycopg.Error) as refused:
        empty.as_agent("select id from public.send_reply(%s, 'I am on it.', 1)", ticket)
    assert refused.value.sqlstate == "PT409"


def test_in_hundreds_of_races_no_bot_posts_after_a_human_or_over_a_newer_message(empty: World) -> None:
    """An agent or the contact writes while the function records: in each ticket, whatever comes first, nothing may
    stand before the bot's answer but what it has seen."""
    rounds = 200
    tickets = [empty.ticket("one") for _ in range(rounds)]
    firsts = {row["ticket_id"]: row["id"] for row in empty.all("select id, ticket_id from public.messages")}
    gates = [threading.Barrier(2) for _ in range(rounds)]
    errors: list[BaseException] = []
    dice = random.Random(7)
    pauses = [(dice.random() * 0.004, dice.random() * 0.004, dice.random() < 0.5) for _ in range(rounds)]

    def function() -> None:
        with connect(empty.settings, "pgdesk_functions") as session:
            for ticket, gate, (pause, _, _) in zip(tickets, gates, pauses, strict=True):
                gate.wait(30)
                threading.Event().wait(pause)
                with session.transaction():
                    record(session, empty, ticket, firsts[ticket], 1)

    def person() -> None:
        with connect(empty.settings, "authenticator") as agent, connect(empty.settings, "postgres") as mail:
            for ticket, gate, (_, pause, is_agent) in zip(tickets, gates, pauses, strict=True):
                gate.wait(30)
                threading.Event().wait(pause)
                if is_agent:
                    with agent.transaction():
                        act_as(agent, empty.agent)
                        agent.execute("select public.send_reply(%s, 'by hand', 100000)", [ticket])
                else:
                    mail.execute(
                        "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
                        " values (%s, %s, 'contact', %s, 'two')",
                        [empty.organization, ticket, empty.contact],
                    )

    def guarded(work: Any) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
            for gate in gates:
                gate.abort()

    threads = [threading.Thread(target=guarded, args=[work]) for work in (function, person)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    violations = empty.one(
        "select count(*) as n from public.messages as bot"
        " join public.messages as other on other.ticket_id = bot.ticket_id"
        " where bot.sender = 'ai' and other.seq > 1 and other.seq < bot.seq and not other.is_internal"
    )["n"]
    outcomes = empty.one("select count(*) filter (where decision = 'send') as sent, count(*) as all from public.drafts")
    assert violations == 0
    assert outcomes["all"] == rounds
    assert 0 < outcomes["sent"] < rounds, "both orders were met"


def test_a_draft_recorded_twice_is_the_first_one_and_keeps_its_standing(empty: World) -> None:
    ticket = empty.ticket("one")
    message = empty.last_message(ticket)
    first = recorded(empty, ticket, message, 1, decision="draft", body="the first")
    again = recorded(empty, ticket, message, 1, decision="send", body="the second")
    assert again == first
    (draft,) = empty.all("select * from public.drafts")
    assert (draft["status"], draft["body_text"]) == ("open", "the first")


def test_two_attempts_at_once_make_one_draft(empty: World) -> None:
    ticket = empty.ticket("one")
    message = empty.last_message(ticket)
    ready = threading.Barrier(4)
    rows: list[dict[str, Any]] = []

    def work() -> None:
        ready.wait(20)
        rows.append(recorded(empty, ticket, message, 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({row["draft_id"] for row in rows}) == 1
    assert len(rows) == 4
    assert len(empty.all("select from public.messages where sender = 'ai'")) == 1


def test_the_draft_for_a_later_message_takes_the_place_of_the_one_before(empty: World) -> None:
    ticket = empty.ticket("one")
    first = empty.last_message(ticket)
    recorded(empty, ticket, first, 1, decision="draft")
    second = empty.writes(ticket, "two")
    recorded(empty, ticket, second, 2, decision="draft")
    standing = empty.all("select message_id, status from public.drafts order by message_id")
    assert [(row["message_id"], row["status"]) for row in standing] == [(first, "superseded"), (second, "open")]


def test_who_answers_by_hand_leaves_no_open_draft_behind(empty: World) -> None:
    ticket = empty.ticket("one")
    recorded(empty, ticket, empty.last_message(ticket), 1, decision="draft")
    reply_as_agent(empty, ticket)
    assert empty.one("select status from public.drafts")["status"] == "superseded"


def test_a_function_records_nothing_in_another_organization(empty: World) -> None:
    ticket = empty.ticket("one")
    other = empty.one("insert into public.organizations (name, slug) values ('Owl', 'owl') returning id")["id"]
    foreign = World(empty.settings, empty.db, other, empty.contact, Actor("anon"))
    with pytest.raises(psycopg.Error, match="there is no ticket"):
        recorded(foreign, ticket, empty.last_message(ticket), 1)


# --- Articles that change ---------------------------------------------------------------------------------------------


def chunk_citation(world: World) -> dict[str, Any]:
    row = world.one(
        "select id, article_id, version_id from public.chunks"
        " where title = 'Return an item' and retired_at is null limit 1"
    )
    return {
        "ordinal": 1, "sentence": "You have 30 days.", "chunk_id": str(row["id"]), "article_id": str(row["article_id"]),
        "version_id": str(row["version_id"]), "support": 1.0,
    }  # fmt: skip


def reindex(world: World, citation: dict[str, Any]) -> None:
    world.edit(UUID(citation["article_id"]), "Return an item", RETURNS.replace("30 days", "14 days"))
    assert world.run_all(knowledge.handle, "index_article") == ["done"]


def test_a_draft_is_stale_once_its_article_has_a_newer_version(world: World) -> None:
    world.db.execute("update public.organizations set ai_mode = 'draft'")
    ticket = world.ticket(QUESTION)
    job = world.enqueue("reply", message_id=world.last_message(ticket))
    assert world.run_job(replies.handle, "reply", job) == "done"
    assert world.one("select status from public.drafts")["status"] == "open"
    reindex(world, chunk_citation(world))
    assert world.one("select status from public.drafts")["status"] == "stale"


def test_nothing_is_sent_that_cites_an_article_which_changed_since_it_was_read(world: World) -> None:
    citation = chunk_citation(world)
    reindex(world, citation)
    ticket = world.ticket(QUESTION)
    row = recorded(world, ticket, world.last_message(ticket), 1, citations=[citation])
    assert (row["decided"], row["because"]) == ("draft", ["article_changed"])
    assert world.one("select status from public.drafts")["status"] == "stale"


def test_an_article_cannot_change_while_an_answer_that_cites_it_is_being_recorded(world: World) -> None:
    citation = chunk_citation(world)
    ticket = world.ticket(QUESTION)
    with connect(world.settings, "pgdesk_functions") as function, function.transaction():
        record(function, world, ticket, world.last_message(ticket), 1, decision="draft", citations=[citation])
        held = "select id from public.articles where id = %s for no key update skip locked"
        assert world.all(held, citation["article_id"]) == []
    reindex(world, citation)
    assert world.one("select status from public.drafts")["status"] == "stale"


# --- A person's word --------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(empty: World) -> dict[str, Any]:
    """A draft that waits for a person."""
    ticket = empty.ticket("one")
    recorded(empty, ticket, empty.last_message(ticket), 1, decision="draft", body="the draft")
    return empty.one("select * from public.drafts")


@pytest.mark.parametrize(
    ("body", "verdict", "text"),
    [
        (None, "accepted", "the draft"),
        ("the draft", "accepted", "the draft"),
        ("better words", "edited", "better words"),
    ],
)
def test_a_person_sends_a_draft_and_the_feedback_is_kept(
    empty: World, waiting: dict[str, Any], body: str | None, verdict: str, text: str
) -> None:
    sent = empty.as_agent("select * from public.accept_draft(%s, 1, %s)", waiting["id"], body)
    assert (sent["sender"], sent["body_text"], sent["member_id"]) == ("member", text, empty.agent.user_id)
    draft = empty.one("select * from public.drafts")
    assert (draft["status"], draft["sent_message_id"]) == (verdict, sent["id"])
    feedback = empty.one("select * from public.draft_feedback")
    assert (feedback["verdict"], feedback["final_text"], feedback["member_id"]) == (verdict, text, empty.agent.user_id)


def test_a_person_puts_a_draft_aside_and_says_why(empty: World, waiting: dict[str, Any]) -> None:
    empty.as_agent("select public.reject_draft(%s, 'off topic')", waiting["id"])
    assert empty.one("select status from public.drafts")["status"] == "rejected"
    feedback = empty.one("select * from public.draft_feedback")
    assert (feedback["verdict"], feedback["comment"]) == ("rejected", "off topic")
    with pytest.raises(psycopg.Error, match="there is no open draft"):
        empty.as_agent("select public.accept_draft(%s, 1)", waiting["id"])


def test_a_draft_is_not_sent_past_a_message_that_its_reader_has_not_seen(empty: World, waiting: dict[str, Any]) -> None:
    empty.writes(waiting["ticket_id"], "wait, something else")
    with pytest.raises(psycopg.Error) as refused:
        empty.as_agent("select public.accept_draft(%s, 1)", waiting["id"])
    assert refused.value.sqlstate == "PT409"
    assert empty.one("select status from public.drafts")["status"] == "open"
    assert empty.all("select from public.draft_feedback") == []


def test_a_handover_without_text_cannot_be_sent_as_it_is(empty: World) -> None:
    ticket = empty.ticket("one")
    recorded(empty, ticket, empty.last_message(ticket), 1, decision="escalate", body="")
    draft = empty.one("select id from public.drafts")["id"]
    with pytest.raises(psycopg.Error, match="no text to send"):
        empty.as_agent("select public.accept_draft(%s, 1)", draft)
    empty.as_agent("select public.accept_draft(%s, 1, 'By hand, then.')", draft)
    assert empty.one("select status from public.drafts")["status"] == "edited"


def test_no_agent_says_that_a_draft_was_sent_which_was_not(empty: World) -> None:
    ticket = empty.ticket("one")
    recorded(empty, ticket, empty.last_message(ticket), 1, decision="draft")
    (draft,) = empty.all("select id, message_id from public.drafts")
    elsewhere = empty.ticket("another")
    reply_as_agent(empty, elsewhere)
    for status, message in (("sent", None), ("accepted", None), ("accepted", empty.last_message(elsewhere))):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            empty.as_agent(
                "update public.drafts set status = %s, sent_message_id = %s where id = %s returning id",
                status, message, draft["id"],
            )  # fmt: skip
    empty.as_agent("select id from public.accept_draft(%s, 1)", draft["id"])
    with pytest.raises(AssertionError):  # what is decided is final: no row is there to change
        empty.as_agent("update public.drafts set status = 'rejected' where id = %s returning id", draft["id"])
    assert empty.one("select status from public.drafts where id = %s", draft["id"])["status"] == "accepted"
