"""The consumer: one result a message, the ticket moved once, a reply asked for."""

from __future__ import annotations

from uuid import uuid4

from chalicelib.triage import consumer

from tests.triage.conftest import Shop


def test_a_message_is_triaged_and_a_reply_asked_for(shop: Shop) -> None:
    ticket, message = shop.write("I can't log in any more. Please let me talk to a real person!", "Help")
    assert shop.work("triage") == ["done"]
    result = shop.one("select * from public.triage_results")
    assert (result["ticket_id"], result["message_id"]) == (ticket, message)
    assert result["language"] == "en"
    assert result["wants_human"]
    assert "account_access" in result["sensitive"]
    assert result["signals"]["wants_human"]["evidence"][0] == "talk to a real person"
    assert {"language", "spam", "priority", "sentiment", "injection"} < set(result["signals"])
    reply = shop.one("select payload, order_key from private.jobs where consumer = 'reply'")
    assert reply["payload"] == {"ticket_id": str(ticket), "message_id": str(message)}


def test_the_same_message_again_replaces_its_result(shop: Shop) -> None:
    _, message = shop.write("Where is my parcel?")
    assert shop.work("triage") == ["done"]
    shop.run(
        "select private.enqueue(%(o)s, 'triage', jsonb_build_object('message_id', %(m)s::uuid))", o=shop.id, m=message
    )
    assert shop.work("triage") == ["done"]
    assert shop.one("select count(*) as n from public.triage_results")["n"] == 1


def test_a_later_message_can_only_raise_the_priority(shop: Shop) -> None:
    ticket, _ = shop.write("Where is my parcel?")
    shop.work("triage")
    shop.write("This is urgent, it is an emergency!", ticket=ticket)
    shop.work("triage")
    assert shop.one("select priority::text from public.tickets")["priority"] == "urgent"
    shop.write("Thank you so much, it works perfectly now.", ticket=ticket)
    shop.work("triage")
    assert shop.one("select priority::text, sentiment from public.tickets") == {
        "priority": "urgent", "sentiment": "positive",
    }  # fmt: skip


def test_machines_and_pending_senders_are_not_triaged(shop: Shop) -> None:
    shop.triage("Where is my parcel?")
    for column, value in (("is_machine", "true"), ("sender_status", "'pending'")):
        shop.run(
            f"insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text, {column})"
            f" select organization_id, id, 'contact', contact_id, 'Out of office', {value} from public.tickets",
        )
    assert shop.work("triage") == []


def test_a_message_without_a_word_is_triaged_too(shop: Shop) -> None:
    result = shop.triage("")
    assert result["abstained"]
    assert result["text"] == ""
    assert result["priority"] == "normal"


def test_a_short_body_is_read_with_its_subject(shop: Shop) -> None:
    assert shop.triage("see above, thanks", "Please cancel my subscription")["sensitive"] == ["cancellation"]


def test_a_message_that_is_gone_needs_no_triage(shop: Shop) -> None:
    shop.run(
        "select private.enqueue(%(o)s, 'triage', jsonb_build_object('subject_id', %(m)s::uuid))", o=shop.id, m=uuid4()
    )
    assert shop.work("triage") == ["done"]


def test_a_payload_without_a_message_is_dead_at_once(shop: Shop) -> None:
    shop.run("select private.enqueue(%(o)s, 'triage', '{\"subject_id\": 7}')", o=shop.id)
    assert shop.work("triage") == ["dead"]
    assert "names no message" in shop.one("select error from private.jobs where state = 'dead'")["error"]


def test_members_see_results_and_strangers_none(shop: Shop) -> None:
    shop.triage("Where is my parcel?")
    assert len(shop.as_agent("select id from public.triage_results")) == 1
    shop.agent = uuid4()
    assert shop.as_agent("select id from public.triage_results") == []


def test_hostile_bytes_do_not_stop_triage(shop: Shop) -> None:
    text = "'; drop table tickets; -- \u202e\u200b" + "{1:2}/3 [0,1] " * 2000
    shop.triage(text)
    assert consumer.telling_text("", "a\x00b", opens_ticket=True) == "ab"
