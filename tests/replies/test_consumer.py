"""From a message to a sent answer, a draft, or a person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chalicelib.replies import consumer as replies

from tests.replies.world import World

QUESTION = "How many days do I have to return an item?"


def answer(world: World, message: UUID) -> str:
    job = world.enqueue("reply", ticket_id=None, message_id=message)
    return world.run_job(replies.handle, "reply", job)


def draft_of(world: World, message: UUID) -> dict[str, Any]:
    return world.one("select * from public.drafts where message_id = %s", message)


def test_a_question_that_an_article_answers_is_answered_with_its_words_and_its_title(world: World) -> None:
    ticket = world.ticket(QUESTION)
    message = world.last_message(ticket)
    assert answer(world, message) == "done"
    draft = draft_of(world, message)
    print(draft)
    assert (draft["decision"], draft["status"], draft["reasons"]) == ("send", "sent", [])
    sent = world.one("select * from public.messages where id = %s", draft["sent_message_id"])
    assert sent["sender"] == "ai"
    assert "30 days from the day of delivery" in sent["body_text"]
    assert sent["body_text"].endswith("[1] Return an item")
