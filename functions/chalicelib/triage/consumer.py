"""The consumer `triage`: reads a contact's message and keeps what it gives away, then asks for a reply."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.kit.database import Connection, call, queries
from chalicelib.kit.embeddings import MODEL, embed
from chalicelib.kit.jobs import Dead, Effects, Job
from chalicelib.kit.question import question
from chalicelib.triage import category, language, signals
from chalicelib.triage.lexical import lexical
from chalicelib.triage.vectors import literal

SQL = queries(__file__)

MOST_TEXT = 4000  # characters that are looked at
_TELLING_SUBJECT = 60  # a body with fewer letters than this is read together with its subject


def handle(job: Job) -> Effects | None:
    """The payload is that of a `message.received` event: `subject_id` (or `message_id`) names the message."""
    message_id = message_of(job)
    started = time.perf_counter()
    message = call(SQL["message"], {"message_id": message_id}, job.tenant)
    if message is None:
        return None  # deleted since, or not a contact's
    whole = telling_text(message["subject"], message["text"], opens_ticket=message["opens_ticket"])
    sentences = signals.split(whole)
    # What it is about is read without courtesies, in the words that the reply will search with: one vector for both.
    text = question(message["subject"] if message["opens_ticket"] else "", [message["text"]])
    vectors = embed([text, *sentences])  # in one pass: each one reads all weights
    seen = read(whole, signals.Sentences(sentences, vectors[1:]), message["organization_language"])
    vector, wording = vectors[0], lexical(text)
    found = category.predict(job.tenant, vector, wording)
    seen |= {
        "text": text,
        "embedding": literal(vector),
        "lexical": wording.literal(),
        "model": MODEL,
        "category_id": str(found.id) if found.id else None,
        "confidence": found.confidence,
        "abstained": found.abstained,
        "ranking": found.ranking,
        "evidence": [str(example) for example in found.evidence],
        "ms": round((time.perf_counter() - started) * 1000),
    }

    def effects(connection: Connection) -> None:
        connection.execute(SQL["record_triage"], {"message_id": message_id, "seen": Jsonb(seen)})
        connection.execute(SQL["enqueue_reply"], {"ticket_id": message["ticket_id"], "message_id": message_id})

    return effects


def prepare() -> None:
    """Load the models: a text that is read like any other."""
    text = "Hello, is anybody there?"
    read(text, signals.Sentences([text], embed([text])), "en")


def message_of(job: Job) -> UUID:
    """The message that a job is about."""
    try:
        return UUID(str(job.payload.get("message_id") or job.payload["subject_id"]))
    except (KeyError, ValueError) as error:
        raise Dead(f"the payload names no message: {sorted(job.payload)}") from error


def telling_text(subject: str, body: str, *, opens_ticket: bool) -> str:
    """Where signals are looked for: the body, and the subject where it opens a ticket and the body says little."""
    body = body.replace("\x00", "").strip()
    if opens_ticket and sum(map(str.isalpha, body)) < _TELLING_SUBJECT:
        body = f"{subject.strip()}\n{body}".strip()
    return body[:MOST_TEXT].strip()


def read(text: str, sentences: signals.Sentences, usual_language: str) -> dict[str, Any]:
    """Every signal but the category: its value as a column of public.triage_results, and all of it under `signals`."""
    found = signals.judge(sentences) | {"language": language.detect(text, usual_language)}
    values = {("is_spam" if name == "spam" else name): signal.value for name, signal in found.items()}
    return {**values, "signals": {name: signal.as_json() for name, signal in found.items()}}
