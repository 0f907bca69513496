"""The checker itself: a whole history passes, and each way to break it is seen and named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.history import Accepted, History, Taken, check

Break = Callable[[History], None]


def whole() -> History:
    """Two mails: a question with a file that was answered by mail, and a machine's that was only recorded."""
    data = {"sender": "contact", "is_machine": False, "sender_status": "known"}
    events: list[dict[str, Any]] = [
        {"id": "e1", "type": "contact.created", "subject_id": "c1", "data": {}},
        {"id": "e2", "type": "ticket.created", "subject_id": "t1", "data": {}},
        {"id": "e3", "type": "message.received", "subject_id": "m1", "data": data},
        {"id": "e4", "type": "ticket.triaged", "subject_id": "t1", "data": {"is_spam": False}},
        {"id": "e5", "type": "message.sent", "subject_id": "m2", "data": {"sender": "ai"}},
        {"id": "e6", "type": "draft.sent", "subject_id": "d1", "data": {}},
    ]
    return History(
        accepted=[
            Accepted("kestrel", "<1@a>", "aa", frozenset({"l1"}), files=("ff",)),
            Accepted("kestrel", "<2@a>", "bb", frozenset({"l2"}), is_human=False),
        ],
        ledger=[
            _mail("l1", "<1@a>", "aa", outcome="new_ticket", ticket_id="t1", message_id="m1"),
            _mail("l2", "<2@a>", "bb", outcome="recorded", ticket_id=None, message_id=None),
        ],
        messages=[_message("m1", 1, "contact", header="<1@a>"), _message("m2", 2, "ai")],
        tickets=[{"id": "t1", "channel": "email", "is_spam": False, "contact_id": "c1"}],
        attachments=[{"message_id": "m1", "sha256": "ff", "storage_path": "o/l1/1-f.pdf"}],
        objects=["o/l1/1-f.pdf"],
        contacts=[{"id": "c1"}],
        triage=[{"message_id": "m1", "ticket_id": "t1", "is_spam": False}],
        drafts=[
            {"id": "d1", "message_id": "m1", "ticket_id": "t1", "status": "sent", "decision": "send",
             "sent_message_id": "m2"}
        ],
        outgoing=[_outgoing("o1", "receipt", None, "p1"), _outgoing("o2", "reply", "m2", "p2")],
        events=events,
        routes=[
            {"event_type": "message.received", "consumer": "triage", "only_if": {"sender": "contact"}},
            {"event_type": "message.sent", "consumer": "send_mail", "only_if": None},
            {"event_type": "ticket.triaged", "consumer": "send_mail", "only_if": {"is_spam": False}},
        ],
        jobs=[
            _job("j1", "intake", None, {"inbound_mail_id": "l1"}),
            _job("j2", "intake", None, {"inbound_mail_id": "l2"}),
            _job("j3", "triage", "e3", {}),
            _job("j4", "send_mail", "e4", {}),
            _job("j5", "reply", None, {"message_id": "m1"}),
            _job("j6", "send_mail", "e5", {}),
        ],
        taken=[_taken("p1", "j4", "text of o1"), _taken("p2", "j6", "text of o2")],
        webhooks=["w1"],
        webhook_effects=[("w1", "delivered")],
    )  # fmt: skip


def _mail(name: str, header: str, content: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "organization": "kestrel", "organization_id": "k", "message_id_header": header,
        "content": content, "state": "done", "reason": None, "bytes": 9, "raw_bytes": 9, **more,
    }  # fmt: skip


def _message(name: str, seq: int, sender: str, header: str | None = None) -> dict[str, Any]:
    return {
        "id": name, "organization_id": "k", "ticket_id": "t1", "seq": seq, "sender": sender, "is_internal": False,
        "is_machine": False, "is_verified": sender == "contact", "sender_status": "known", "message_id_header": header,
    }  # fmt: skip


def _outgoing(name: str, kind: str, message: str | None, provider_id: str) -> dict[str, Any]:
    return {
        "id": name, "kind": kind, "message_id": message, "ticket_id": "t1", "contact_id": "c1", "status": "sent",
        "reason": None, "provider_id": provider_id, "to_address": "ann@a", "subject": "Re: it",
        "body_text": f"text of {name}",
    }  # fmt: skip


def _job(name: str, consumer: str, event: str | None, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name, "consumer": consumer, "event_id": event, "payload": payload, "state": "done", "error": None,
        "token": None, "finished_at": "now",
    }  # fmt: skip


def _taken(provider_id: str, key: str, text: str) -> Taken:
    return Taken(provider_id=provider_id, key=key, to="ann@a", subject="Re: it", text=text)


def test_a_whole_history_has_nothing_wrong() -> None:
    assert check(whole()) == []


def setting(table: str, position: int, **values: Any) -> Break:
    return lambda history: getattr(history, table)[position].update(values)


def without(table: str, position: int) -> Break:
    return lambda history: getattr(history, table).pop(position) and None


def again(table: str, position: int, **values: Any) -> Break:
    """The same once more, as a row of its own."""

    def add(history: History) -> None:
        rows = getattr(history, table)
        one = copy.deepcopy(rows[position])
        if isinstance(one, dict):
            one.update(values)
        rows.append(one)

    return add


def taking(**values: Any) -> Break:
    return lambda history: history.taken.append(Taken(**({"to": "x", "subject": "s", "text": "t"} | values)))


def promising(position: int, *ledger_ids: str) -> Break:
    def promise(history: History) -> None:
        one = history.accepted[position]
        history.accepted[position] = Accepted(
            one.organization, one.message_id, one.content, frozenset(ledger_ids), files=one.files
        )

    return promise


BROKEN: dict[str, tuple[str, Break]] = {
    "a promised mail has no row": ("mail lost", without("ledger", 1)),
    "a mail has two rows": ("mail doubled", again("ledger", 1, id="l9")),
    "a mail nobody sent": ("mail invented", without("accepted", 1)),
    "a promise names another row": ("promise broken", promising(0, "gone")),
    "one mail was promised under two ids": ("mail promised under several ids", promising(0, "l1", "l2")),
    "the raw mail is gone": ("raw mail lost", setting("ledger", 0, raw_bytes=None)),
    "the raw mail is cut": ("raw mail lost", setting("ledger", 0, raw_bytes=3)),
    "a mail was never read to the end": ("mail unfinished", setting("ledger", 1, state="parsed")),
    "a mail was set aside": ("mail quarantined", setting("ledger", 1, state="quarantined", reason="because")),
    "a mail made two messages": ("message invented", again("messages", 0, id="m9", seq=3)),
    "a mail's message is gone": ("message lost", without("messages", 0)),
    "a mail opened two tickets": ("ticket invented", again("tickets", 0, id="t9")),
    "a ticket is gone": ("ticket lost", without("tickets", 0)),
    "a recorded mail points at a message": ("recorded mail has a message", setting("ledger", 1, message_id="m1")),
    "a person's mail was only recorded": (
        "a person's mail was not filed",
        setting("ledger", 0, outcome="recorded", message_id=None),
    ),
    "messages are numbered with a gap": ("ticket numbered with gaps", setting("messages", 1, seq=3)),
    "two messages have one number": ("ticket numbered with gaps", setting("messages", 1, seq=1)),
    "a file is not described": ("file lost", without("attachments", 0)),
    "a file is described twice": ("file doubled", again("attachments", 0)),
    "a described file is not in Storage": ("stored file lost", without("objects", 0)),
    "Storage has a file of no mail": ("stored file invented", lambda h: h.objects.append("o/x")),
    "a message was not looked at": ("triage lost", without("triage", 0)),
    "a message was looked at twice": ("triage doubled", again("triage", 0)),
    "a message has two drafts": ("draft doubled", again("drafts", 0, id="d9", status="open", decision="draft")),
    "the bot posted without a draft": ("reply invented", again("messages", 1, id="m9", seq=3)),
    "a sent draft was not posted": ("reply lost", setting("drafts", 0, sent_message_id="m9")),
    "an answer was not mailed": ("reply by mail lost", without("outgoing", 1)),
    "an answer was mailed twice": ("reply by mail doubled", again("outgoing", 1, id="o9", provider_id="p9")),
    "a new requester has no receipt": ("receipt lost", without("outgoing", 0)),
    "a new requester has two receipts": ("receipt doubled", again("outgoing", 0, id="o9", ticket_id="t9")),
    "a ticket has two receipts": ("receipt doubled", again("outgoing", 0, id="o9")),
    "a mail was stored and never sent": ("mail out unfinished", setting("outgoing", 0, status="stored")),
    "a mail's outcome is unknown": ("mail out unfinished", setting("outgoing", 0, status="unknown")),
    "the provider never got a mail": ("mail at the provider lost", without("taken", 0)),
    "the provider took a mail of nobody": ("mail at the provider invented", taking(provider_id="p9", key="k")),
    "the provider took one content twice": (
        "content at the provider doubled",
        taking(provider_id="p9", key="k", to="ann@a", subject="Re: it", text="text of o2"),
    ),
    "one key stands for two mails": ("idempotency key used for several mails", taking(provider_id="p9", key="j4")),
    "a mail went out without a key": ("idempotency key used for several mails", taking(provider_id="p9", key="")),
    "an event is missing": ("event ticket.created lost", without("events", 1)),
    "an event was told twice": ("event message.received doubled", again("events", 2, id="e9")),
    "an event without a cause": ("event draft.sent invented", again("events", 5, subject_id="d9")),
    "an event made no job": ("job of an event lost", without("jobs", 2)),
    "an event made two jobs": ("job of an event doubled", again("jobs", 2, id="j9")),
    "a mail has no job": ("job of a mail lost", without("jobs", 0)),
    "a mail was read by two jobs": ("job of a mail doubled", again("jobs", 0, id="j9")),
    "nobody was asked to answer": ("job of a reply lost", without("jobs", 4)),
    "somebody was asked twice": ("job of a reply doubled", again("jobs", 4, id="j9")),
    "a job still waits": ("job stuck", setting("jobs", 0, state="waiting")),
    "a job's wake-up was lost": ("job stuck", setting("jobs", 0, state="published")),
    "a job still runs": ("job stuck", setting("jobs", 0, state="running")),
    "a job died": ("job died", setting("jobs", 0, state="dead")),
    "a job ended and kept its token": ("job ended badly", setting("jobs", 0, token="t")),
    "a webhook had no effect": ("webhook lost", lambda h: h.webhook_effects.clear()),
    "a webhook had two effects": ("webhook doubled", lambda h: h.webhook_effects.append(("w1", "delivered"))),
    "a webhook that nobody sent": ("webhook invented", lambda h: h.webhook_effects.append(("w2", "opened"))),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_a_history_is_seen_and_named(name: str) -> None:
    rule, break_it = BROKEN[name]
    history = whole()
    break_it(history)
    assert rule in {violation.rule for violation in check(history)}


def test_an_answer_that_went_into_another_ticket_is_seen() -> None:
    history = whole()
    history.accepted.append(Accepted("kestrel", "<3@a>", "cc", frozenset({"l3"}), answers="<1@a>"))
    history.ledger.append(_mail("l3", "<3@a>", "cc", outcome="new_ticket", ticket_id="t2", message_id="m3"))
    assert "answer in another ticket" in {violation.rule for violation in check(history)}


def test_a_job_that_was_expected_to_die_may_be_dead() -> None:
    history = whole()
    setting("jobs", 1, state="dead")(history)
    assert check(history, may_be_dead=["j2"]) == []
