"""Consumer `reply`: a triaged message gets an answer that is sent, drafted for a person, or handed over to one."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from chalicelib.kit.database import Connection, call, one, queries, transaction
from chalicelib.kit.embeddings import embed
from chalicelib.kit.jobs import Dead, Effects, Job
from chalicelib.kit.logging import log
from chalicelib.kit.metrics import embedded, provider_failed
from chalicelib.kit.question import narrower, question
from chalicelib.kit.retrieval import Passage
from chalicelib.kit.settings import settings
from chalicelib.replies import model
from chalicelib.replies.answer import Answer
from chalicelib.replies.decide import Case, Decision, decide
from chalicelib.replies.evidence import find
from chalicelib.replies.extract import extract
from chalicelib.replies.live import Live
from chalicelib.replies.model import Execution, Reply
from chalicelib.replies.support import SUPPORTED

SQL = queries(__file__)
MAX_PASSAGES = 8  # that the model reads
# Below this probability that the best passage answers it, nothing is known about the question.
NO_SOURCE = 0.02


def prepare() -> None:
    """Load the model of the embeddings, and the client of the language model where there is one."""
    embed(["Hello"])
    if settings().model_url:
        importlib.import_module("openai")


def handle(job: Job) -> Effects | None:
    """Answer a contact's message. Nothing is done for one that has its answer, or must not have one."""
    case = call(SQL["case"], {"message_id": _message_id(job)}, job.tenant)
    if case is None or (reason := _needs_none(case)):
        log("reply.skipped", reason="no such message" if case is None else reason)
        return None
    asked, others = question(case["subject"], case["texts"]), narrower(case["subject"], case["texts"])
    embed([asked, *others])  # remembered, so that the transaction stays short
    with transaction(job.tenant) as connection:
        passages, sure = find(connection, asked, others, case["language"], case["ai_threshold"])
        spent = one(connection, SQL["cost_today"]) if model.configured() else None
    found = passages[:MAX_PASSAGES] if sure >= NO_SOURCE else []
    live = _live(job, case, sure, found)
    by_model = _by_model(asked, found, case, float(spent["usd"]) if spent else 0.0, live)
    executions = [by_model.execution] if by_model else []
    answer = by_model.answer if by_model else None
    if answer is None:
        answer, execution = _by_extract(asked, found)
        executions.append(execution)
    draft = _decided(case, sure, answer, by_model)

    def effects(connection: Connection) -> None:
        for each in executions:
            values = {"organization_id": job.tenant, "ticket_id": case["ticket_id"]}
            connection.execute(SQL["record_execution"], values | vars(each))
        recorded = one(connection, SQL["record_draft"], draft)
        assert recorded
        if case["channel"] == "chat" and recorded["decided"] != "send":
            # With the decision or not at all: who waits learns that a person will answer, and forgets what was shown.
            connection.execute(SQL["tell_reply"], _hint(case, "reply.withdrawn", _about(case) | {"by_person": True}))
        log("reply.decided", decision=recorded["decided"], reasons=recorded["because"], confidence=draft["confidence"])

    return effects


def _message_id(job: Job) -> UUID:
    try:
        return UUID(str(job.payload.get("message_id") or job.payload["subject_id"]))
    except (KeyError, ValueError):
        raise Dead("the job names no message") from None


def _needs_none(case: Mapping[str, Any]) -> str | None:
    """Why this message gets no answer, None where it gets one."""
    if case["ai_mode"] == "off":
        return "the organization has it switched off"
    if case["is_machine"]:
        return "a machine wrote it"
    if case["sender_status"] != "known":
        return "its sender is not known to belong to the ticket"
    if case["is_spam"]:
        return "spam"
    if case["has_later_message"]:
        return "a later message is answered instead"
    if case["has_draft"]:
        return "it has a draft"
    return None


def _live(job: Job, case: Mapping[str, Any], sure: float, found: Sequence[Passage]) -> Live | None:
    """Who shows a visitor the reply as it is made: in a chat, and where all that is known before would have it sent."""
    if case["channel"] != "chat" or not found or _decision(case, sure)[0] != "send":
        return None

    def tell(name: str, payload: dict[str, Any]) -> None:
        call(SQL["tell_reply"], _hint(case, name, payload), job.tenant)

    return Live(found, tell, _about(case))


def _about(case: Mapping[str, Any]) -> dict[str, Any]:
    return {"ticket_id": str(case["ticket_id"]), "message_id": str(case["message_id"]), "seq": case["last_seq"]}


def _hint(case: Mapping[str, Any], name: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"ticket_id": case["ticket_id"], "event": name, "payload": json.dumps(payload)}


def _by_model(
    asked: str, passages: Sequence[Passage], case: Mapping[str, Any], spent: float, live: Live | None
) -> Reply | None:
    """What the model makes of it. None where there is none to ask, or nothing to ask it about."""
    if not model.configured() or not passages:
        return None
    if spent >= settings().model_budget:
        return Reply(Execution(settings().model_name, "over_budget", error=f"{spent:.4f} US dollars spent today"))
    reply = model.write(asked, passages, case["organization"], case["language"], case["style"], live)
    used = reply.execution
    measured = embedded(
        "model", used.model, ModelTokens=used.tokens_in + used.tokens_out, ModelCostUsd=round(used.cost_usd, 6)
    )
    log("model.used", status=used.status, ms=used.ms, **measured)
    if used.status in ("timeout", "error", "invalid"):
        provider_failed("model", used.status)
    return reply


def _by_extract(asked: str, passages: Sequence[Passage]) -> tuple[Answer | None, Execution]:
    started = time.perf_counter()
    answer = extract(asked, passages)
    return answer, Execution("extract", "ok", ms=round((time.perf_counter() - started) * 1000))


def _decision(case: Mapping[str, Any], sure: float, **of_answer: Any) -> tuple[Decision, list[str]]:
    """What is decided about an answer; without one, what would be if all were well with it."""
    return decide(
        Case(
            mode=case["ai_mode"],
            threshold=case["ai_threshold"],
            confidence=sure,
            wants_human=case["wants_human"],
            sensitive=case["sensitive"],
            injection=case["injection"],
            verified=case["is_verified"],
            ai_turns=case["ai_turns"],
            dissatisfied=bool(case["is_dissatisfied"]),
            awaits_person=case["awaits_person"],
            taken_over=case["ai_state"] == "off",
            **{"has_source": True, "supported": True, **of_answer},
        )
    )


def _decided(case: Mapping[str, Any], sure: float, answer: Answer | None, by_model: Reply | None) -> dict[str, Any]:
    """The draft as private.record_draft takes it."""
    sentences = answer.sentences if answer else ()
    decision, reasons = _decision(
        case,
        sure,
        has_source=answer is not None,
        supported=bool(sentences) and all(s.passages and s.support >= SUPPORTED for s in sentences),
        language_supported=_speaks(case["language"], answer),
        model_says=by_model.answered if by_model else None,
    )
    citations = [
        {
            "ordinal": ordinal,
            "sentence": sentence.text,
            "support": sentence.support,
            "chunk_id": str(passage.chunk_id),
            "version_id": str(passage.version_id),
            "article_id": str(passage.article_id),
        }
        for ordinal, sentence in enumerate(sentences, start=1)
        for passage in sentence.passages
    ]
    return {
        "ticket_id": case["ticket_id"],
        "message_id": case["message_id"],
        "seen_seq": case["last_seq"],
        "body": answer.body if answer else "",
        "decision": decision,
        "reasons": reasons,
        "confidence": sure,
        "source": answer.source if answer else "extract",
        "citations": json.dumps(citations),
    }


def _speaks(language: str, answer: Answer | None) -> bool:
    """An extract speaks the language of its article; a model is told which one to write in."""
    if answer is None or answer.source == "model":
        return True
    return all(passage.written_in == language for sentence in answer.sentences for passage in sentence.passages)
