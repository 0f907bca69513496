"""What a visitor sees of a reply in the making, over the real Realtime: in the end always what the database has."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from chalicelib.kit import database as functions
from chalicelib.replies import consumer as replies

from infra.local import tokens
from infra.local.realtime import RealtimeService
from infra.local.settings import Settings
from tests.people import ROLE_OF_VISITORS, Actor, act_as, connect
from tests.realtime.client import Frame
from tests.realtime.client import client as open_client
from tests.realtime.conftest import Stack, application
from tests.replies.conftest import empty, world
from tests.replies.endpoint import Endpoint, completion, streamed, written
from tests.replies.test_model import configure
from tests.replies.world import World
from tests.serving import serve

__all__ = ["empty", "world"]
QUESTION = "How many days do I have to return an item?"
FIRST = "You have 30 days from the day of delivery to return anything that is unused."
SECOND = "Hand the parcel in within 7 days."
BODY = f"{FIRST} [1] {SECOND} [1]\n\n[1] Return an item"


def parts(*sentences: tuple[str, list[int]], answered: str = "fully") -> list[str]:
    """The JSON of an answer, a few characters at a time."""
    text = json.dumps(written(*sentences, answered=answered))
    return [text[at : at + 7] for at in range(0, len(text), 7)]


GOOD = parts((FIRST, [1]), (SECOND, [1]))
HALF = GOOD[: len(parts((FIRST, [1]))) + 1]  # the first sentence, and the beginning of the second


@dataclass
class Screen:
    """A client as docs/chat.md describes it: the messages it fetched, and what it shows of a reply in the making."""

    fetch: Callable[[], list[dict[str, Any]]]
    messages: list[dict[str, Any]] = field(default_factory=list)
    reply: str | None = None
    live: str = ""
    next_index: int = 0
    awaits_person: bool = False
    shown: list[str] = field(default_factory=list)

    def told(self, name: str, payload: dict[str, Any]) -> None:
        if name in ("message.sent", "message.received"):
            self.messages = self.fetch()
            self._forget()
        elif name == "reply.withdrawn":
            self._forget()
            self.awaits_person = payload["by_person"]
        elif name == "reply.delta" and not any(each["seq"] > payload["seq"] for each in self.messages):
            if payload["reply_id"] != self.reply:
                self._forget()
                self.reply = payload["reply_id"]
            if payload["index"] == self.next_index:
                self.live += payload["text"]
                self.next_index += 1
                self.shown.append(self.live)

    def _forget(self) -> None:
        self.reply, self.live, self.next_index, self.awaits_person = None, "", 0, False


@dataclass
class Chat:
    """A visitor with an open chat, and a model behind the desk."""

    world: World
    stack: Stack
    endpoint: Endpoint
    visitor: Actor = field(init=False)
    ticket: UUID = field(init=False)

    def begin(self, text: str = QUESTION) -> UUID:
        """The visitor says something new. Returns the message."""
        self.visitor = Actor(ROLE_OF_VISITORS, organization_id=self.world.organization, visitor_id=uuid4())
        said = self.as_visitor("select id, ticket_id from public.say_in_chat(%s)", text)[0]
        self.ticket = said["ticket_id"]
        return UUID(str(said["id"]))

    def as_visitor(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        with connect(self.world.settings, "authenticator") as db, db.transaction():
            act_as(db, self.visitor)
            return db.execute(statement, parameters).fetchall()

    def messages(self) -> list[dict[str, Any]]:
        return self.as_visitor("select seq, sender::text, body_text from public.messages order by seq")

    def answered(self, message: UUID) -> tuple[Screen, list[Frame]]:
        """The visitor's screen once the reply's job is over, and all that it was told."""
        return asyncio.run(self._answered(message))

    async def _answered(self, message: UUID) -> tuple[Screen, list[Frame]]:
        claims = self.visitor.claims | {"exp": int(time.time()) + 600, "aud": "authenticated"}
        topic = f"ticket:{self.ticket}:contact"
        screen, told = Screen(self.messages), []
        screen.messages = self.messages()
        async with open_client(self.stack) as client:
            joined = await client.join(topic, tokens.sign(self.stack.settings.keys, claims), private=True)
            assert joined["status"] == "ok", joined
            job = asyncio.create_task(asyncio.to_thread(self._run, message))
            await job
            self.stack.run("select realtime.send('{}', 'the end', %s, true)", topic)
            while (frame := await client.expect("broadcast")).payload["event"] != "the end":
                told.append(frame)
                screen.told(frame.payload["event"], frame.payload["payload"])
        assert screen.messages == self.messages()
        assert screen.live == ""
        return screen, told

    def _run(self, message: UUID) -> None:
        job = self.world.enqueue("reply", message_id=message)
        try:
            assert self.world.run_job(replies.handle, "reply", job) == "done"
        finally:
            functions.close()  # a thread of its own has a connection of its own

    def draft(self) -> dict[str, Any]:
        return self.world.one("select * from public.drafts where ticket_id = %s", self.ticket)


@pytest.fixture(scope="module")
def services(database_of_file: Settings) -> Iterator[tuple[Stack, Endpoint, str]]:
    endpoint = Endpoint()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    with serve(application(RealtimeService(database_of_file))) as url, serve(endpoint) as model:
        yield Stack(url, database_of_file), endpoint, model
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


@pytest.fixture
def chat(world: World, services: tuple[Stack, Endpoint, str], monkeypatch: pytest.MonkeyPatch) -> Chat:
    stack, endpoint, url = services
    endpoint.script, endpoint.requests = [], []
    configure(monkeypatch, MODEL_URL=f"{url}/v1", MODEL_NAME="m-1")
    monkeypatch.setattr("chalicelib.replies.live.PAUSE", 0.0)
    return Chat(world, stack, endpoint)


def names(told: list[Frame]) -> list[str]:
    return [frame.payload["event"] for frame in told if frame.payload["event"].startswith(("reply.", "message."))]


def test_a_reply_is_seen_sentence_by_sentence_and_then_as_the_message(chat: Chat) -> None:
    message = chat.begin()
    chat.endpoint.script = [streamed(*GOOD)]
    screen, told = chat.answered(message)
    assert names(told) == ["reply.delta", "reply.delta", "message.sent"]
    assert screen.shown == [f"{FIRST} [1]", f"{FIRST} [1] {SECOND} [1]"]
    assert screen.messages[-1]["body_text"] == BODY
    assert BODY.startswith(screen.shown[-1])
    assert chat.endpoint.requests[0]["stream"] is True
    assert chat.draft()["status"] == "sent"


def test_the_first_sentence_is_told_while_the_second_is_written(chat: Chat) -> None:
    message = chat.begin()
    told_first = threading.Event()
    tell = "select count(*) as n from realtime.messages where topic = %s and event = 'reply.delta'"

    def wait() -> None:
        deadline = time.monotonic() + 20
        while chat.stack.run(tell, f"ticket:{chat.ticket}:contact") == [(0,)]:
            assert time.monotonic() < deadline
        told_first.set()

    chat.endpoint.script = [streamed(*HALF, wait, *GOOD[len(HALF) :])]
    screen, _ = chat.answered(message)
    assert told_first.is_set()
    assert screen.messages[-1]["body_text"] == BODY


def test_hints_are_batched(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.replies.live.PAUSE", 60.0)
    message = chat.begin()
    chat.endpoint.script = [streamed(*parts(*[(FIRST, [1])] * 10))]
    _, told = chat.answered(message)
    assert names(told) == ["reply.delta", "message.sent"]


def test_what_turns_out_not_to_hold_is_withdrawn_and_a_person_answers(chat: Chat) -> None:
    message = chat.begin()
    chat.endpoint.script = [streamed(*parts((FIRST, [1]), ("You get 500 euros on top.", [1])))]
    screen, told = chat.answered(message)
    assert names(told) == ["reply.delta", "reply.withdrawn"]
    assert screen.awaits_person
    assert not any("500" in text for text in screen.shown)
    assert [each["sender"] for each in screen.messages] == ["contact"]
    assert chat.draft()["reasons"] == ["unsupported_sentence"]


def test_a_person_who_answers_meanwhile_is_what_the_visitor_keeps(chat: Chat) -> None:
    message = chat.begin()

    def takes_over() -> None:
        chat.world.as_agent("select id from public.send_reply(%s, 'I take care of it.', 1)", chat.ticket)

    chat.endpoint.script = [streamed(*HALF, takes_over, *GOOD[len(HALF) :])]
    screen, told = chat.answered(message)
    assert names(told)[-1] == "reply.withdrawn"
    assert [each["sender"] for each in screen.messages] == ["contact", "member"]
    assert "human_took_over" in chat.draft()["reasons"]


def test_a_visitor_who_goes_on_meanwhile_is_not_answered_past(chat: Chat) -> None:
    message = chat.begin()

    def goes_on() -> None:
        chat.as_visitor("select id from public.say_in_chat('No, I meant my tent')")

    chat.endpoint.script = [streamed(*HALF, goes_on, *GOOD[len(HALF) :])]
    screen, told = chat.answered(message)
    assert names(told)[-1] == "reply.withdrawn"
    assert [each["sender"] for each in screen.messages] == ["contact", "contact"]
    assert "newer_message" in chat.draft()["reasons"]


@pytest.mark.parametrize("how", ["breaks off", "hangs", "ends in the middle"])
def test_a_stream_that_comes_to_nothing_is_withdrawn_and_the_extract_is_sent(
    chat: Chat, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = chat.begin()
    if how == "hangs":
        configure(monkeypatch, MODEL_TIMEOUT="1.5")
    bad = streamed(*HALF, ends=how != "breaks off", hangs=how == "hangs")
    chat.endpoint.script = [bad, completion("still not JSON")]
    screen, told = chat.answered(message)
    assert names(told) == ["reply.delta", "reply.withdrawn", "message.sent"]
    assert not told[1].payload["payload"]["by_person"]
    assert screen.messages[-1]["sender"] == "ai"
    assert chat.draft()["source"] == "extract"
    status = chat.world.one("select status, tokens_out from public.ai_executions where model = 'm-1'")
    assert status["status"] == {"breaks off": "invalid", "hangs": "timeout", "ends in the middle": "invalid"}[how]
    assert status["tokens_out"] > 0


def test_a_second_attempt_is_not_streamed(chat: Chat) -> None:
    message = chat.begin()
    chat.endpoint.script = [streamed(*HALF), completion(written((FIRST, [1]), (SECOND, [1])))]
    screen, told = chat.answered(message)
    assert names(told) == ["reply.delta", "reply.withdrawn", "message.sent"]
    assert "stream" not in chat.endpoint.requests[1]
    assert screen.messages[-1]["body_text"] == BODY


@pytest.mark.parametrize(
    "seen", [{"wants_human": True}, {"sensitive": ["refund"]}, {"injection": True}], ids=lambda seen: next(iter(seen))
)
def test_where_a_person_decides_nothing_is_shown_but_that(chat: Chat, seen: dict[str, Any]) -> None:
    message = chat.begin()
    chat.world.triaged(message, **seen)
    chat.endpoint.script = [completion(written((FIRST, [1])))]
    screen, told = chat.answered(message)
    assert names(told) == ["reply.withdrawn"]
    assert screen.awaits_person
    assert "stream" not in chat.endpoint.requests[0]


@pytest.mark.parametrize("answered", ["partly", "no"])
def test_what_is_no_full_answer_is_not_begun(chat: Chat, answered: str) -> None:
    message = chat.begin()
    chat.endpoint.script = [streamed(*parts((FIRST, [1]), answered=answered))]
    _, told = chat.answered(message)
    assert "reply.delta" not in names(told)


HOSTILE = {
    "a passage that was not given": parts((FIRST, [9])),
    "the answer after the sentences": [
        f'{{"sentences": [{{"text": "{FIRST}", "passages": [1]}}]',
        ', "answered": "fully"}',
    ],
    "endless nesting": ['{"answered": "fully", "sentences": [', "[" * 30_000],
    "one endless sentence": ['{"answered": "fully", "sentences": [{"text": "', *["word " * 1000] * 20],
    "not JSON": ["I'd say ", "thirty days"],
    "empty": [""],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_output_shows_nothing_and_the_desk_answers_all_the_same(chat: Chat, what: str) -> None:
    message = chat.begin()
    chat.endpoint.script = [streamed(*HOSTILE[what]), completion("no JSON")]
    screen, told = chat.answered(message)
    assert "reply.delta" not in names(told)
    assert screen.messages[-1]["sender"] == "ai"


def test_octets_that_postgres_cannot_keep_do_no_harm(chat: Chat) -> None:
    message = chat.begin()
    chat.endpoint.script = [streamed(*parts((FIRST + "\0\ud800", [1])))]
    screen, _ = chat.answered(message)
    assert screen.messages[0]["sender"] == "contact"


def test_without_a_model_the_extract_comes_as_it_is(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, MODEL_NAME="")
    monkeypatch.delenv("PGDESK_MODEL_NAME")
    message = chat.begin()
    screen, told = chat.answered(message)
    assert names(told) == ["message.sent"]
    assert screen.messages[-1]["sender"] == "ai"


def test_by_mail_nothing_is_streamed(chat: Chat) -> None:
    chat.begin()
    message = chat.world.last_message(chat.world.ticket(QUESTION))
    chat.endpoint.script = [completion(written((FIRST, [1])))]
    job = chat.world.enqueue("reply", message_id=message)
    assert chat.world.run_job(replies.handle, "reply", job) == "done"
    assert "stream" not in chat.endpoint.requests[0]
