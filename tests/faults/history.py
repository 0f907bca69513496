"""The checker: one whole history of a desk, and every way in which something in it was lost, doubled or left behind.

A pure function over what was handed in, all rows of the tables concerned, and the provider's own log. It samples
nothing: every mail, event, job and mail out must be accounted for by exactly one cause.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Accepted:
    """A mail that a desk has promised to keep (a 2xx). `content` is the mail without its transport, as a hash."""

    organization: str
    message_id: str
    content: str
    ledger_ids: frozenset[str]  # every id that was answered for it, over all its deliveries
    is_human: bool = True
    answers: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """A mail that the provider has really taken, as its own log has it."""

    provider_id: str
    key: str
    to: str
    subject: str
    text: str
    reply_to: str = ""
    kind: str = ""
    own_id: str = ""  # ours, which the mail carried along


@dataclass(frozen=True)
class Violation:
    """What is wrong, in a word, and with what."""

    rule: str
    what: str


@dataclass
class History:
    """Rows as dictionaries, one list for a table. `now` is the database's."""

    accepted: list[Accepted] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    tickets: list[Row] = field(default_factory=list)
    attachments: list[Row] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)  # paths in the bucket, as Storage has them
    contacts: list[Row] = field(default_factory=list)
    triage: list[Row] = field(default_factory=list)
    drafts: list[Row] = field(default_factory=list)
    outgoing: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    routes: list[Row] = field(default_factory=list)
    jobs: list[Row] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    # Which webhook did what: (id, effect), one for each row that an incoming webhook has made.
    webhook_effects: list[tuple[str, str]] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)  # ids that were answered with a 2xx


def check(history: History, *, may_be_dead: Iterable[str] = (), may_be_quarantined: bool = False) -> list[Violation]:
    """Everything that is wrong with a history that has come to rest. `may_be_dead`: ids of jobs that may have died."""
    dead = set(may_be_dead)
    found: list[Violation] = []
    for rule in RULES:
        found += rule(history)
    found += _jobs(history, dead)
    found += _ledger_states(history, may_be_quarantined=may_be_quarantined)
    return found


def _one_each(
    rule: str, causes: Iterable[Any], effects: Iterable[Any], lost: str = "lost", doubled: str = "doubled"
) -> Iterator[Violation]:
    """Every cause has one effect, and every effect a cause."""
    wanted, had = Counter(causes), Counter(effects)
    for key in sorted(wanted.keys() | had.keys(), key=str):
        if had[key] < wanted[key]:
            yield Violation(f"{rule} {lost}", f"{key}: {had[key]} of {wanted[key]}")
        elif had[key] > wanted[key]:
            word = doubled if wanted[key] else "invented"
            yield Violation(f"{rule} {word}", f"{key}: {had[key]} of {wanted[key]}")


def _by(rows: Iterable[Row], column: str) -> dict[Any, list[Row]]:
    grouped: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row[column]].append(row)
    return grouped


def _mails(history: History) -> Iterator[Violation]:
    """Every mail that was promised is one row of the ledger, and the promise named that row."""
    yield from _one_each(
        "mail",
        ((each.organization, each.message_id, each.content) for each in history.accepted),
        ((row["organization"], row["message_id_header"], row["content"]) for row in history.ledger),
    )
    rows = {str(row["id"]): row for row in history.ledger}
    for each in history.accepted:
        if len(each.ledger_ids) != 1:
            yield Violation("mail promised under several ids", f"{each.message_id}: {sorted(each.ledger_ids)}")
        for name in each.ledger_ids:
            if name not in rows:
                yield Violation("promise broken", f"{each.message_id}: no row {name}")
    for row in history.ledger:
        if row["raw_bytes"] is None or row["raw_bytes"] != row["bytes"]:
            yield Violation("raw mail lost", f"{row['id']}: {row['raw_bytes']} of {row['bytes']} bytes")


def _ledger_states(history: History, *, may_be_quarantined: bool) -> Iterator[Violation]:
    for row in history.ledger:
        if row["state"] == "quarantined":
            if not may_be_quarantined:
                yield Violation("mail quarantined", f"{row['id']}: {row['reason']}")
        elif row["state"] != "done":
            yield Violation("mail unfinished", f"{row['id']} is {row['state']}")


def _outcomes(history: History) -> Iterator[Violation]:
    """A mail that was filed is one message; every message of a contact was one mail; a ticket was opened once."""
    filed = [row for row in history.ledger if row["state"] == "done"]
    by_message = [row for row in filed if row["outcome"] in ("new_ticket", "threaded", "note")]
    mailed = [row for row in history.messages if row["sender"] in ("contact", "system")]
    yield from _one_each("message", (row["message_id"] for row in by_message), (row["id"] for row in mailed))
    yield from _one_each(
        "message of a mail",
        ((row["organization_id"], row["message_id_header"]) for row in by_message),
        ((row["organization_id"], row["message_id_header"]) for row in mailed),
    )
    opened = [row["ticket_id"] for row in filed if row["outcome"] == "new_ticket"]
    yield from _one_each("ticket", opened, (row["id"] for row in history.tickets))
    for row in filed:
        if row["outcome"] == "recorded" and row["message_id"] is not None:
            yield Violation("recorded mail has a message", str(row["id"]))
    human = {(each.organization, each.message_id, each.content): each.is_human for each in history.accepted}
    for row in filed:
        if human.get((row["organization"], row["message_id_header"], row["content"])) and row["outcome"] not in (
            "new_ticket",
            "threaded",
        ):
            yield Violation("a person's mail was not filed", f"{row['id']}: {row['outcome']}")


def _threads(history: History) -> Iterator[Violation]:
    """An answer stands in the ticket of what it answers; a ticket's messages are numbered without a gap."""
    tickets: dict[tuple[Any, Any], set[Any]] = defaultdict(set)
    of_mail = {}
    for row in history.ledger:
        tickets[row["organization"], row["message_id_header"]].add(row["ticket_id"])
        of_mail[row["organization"], row["message_id_header"], row["content"]] = row["ticket_id"]
    for each in history.accepted:
        if each.answers is None:
            continue
        ticket = of_mail.get((each.organization, each.message_id, each.content))
        if ticket is not None and ticket not in tickets[each.organization, each.answers]:
            yield Violation("answer in another ticket", each.message_id)
    for ticket, rows in _by(history.messages, "ticket_id").items():
        numbers = sorted(row["seq"] for row in rows)
        if numbers != list(range(1, len(numbers) + 1)):
            yield Violation("ticket numbered with gaps", f"{ticket}: {numbers}")


def _files(history: History) -> Iterator[Violation]:
    """Each file of a mail is described once, and Storage has it."""
    mails = {(row["organization"], row["message_id_header"], row["content"]): row for row in history.ledger}
    wanted = []
    for each in history.accepted:
        row = mails.get((each.organization, each.message_id, each.content))
        if row is not None and row["message_id"] is not None:
            wanted += [(row["message_id"], digest) for digest in each.files]
    yield from _one_each("file", wanted, ((row["message_id"], row["sha256"]) for row in history.attachments))
    yield from _one_each("stored file", {row["storage_path"] for row in history.attachments}, history.objects)


def _answers(history: History) -> Iterator[Violation]:
    """A known person's message is looked at once and has one draft at most; what the bot posts is a draft."""
    known = [
        row["id"]
        for row in history.messages
        if row["sender"] == "contact" and not row["is_machine"] and row["sender_status"] == "known"
    ]
    yield from _one_each("triage", known, (row["message_id"] for row in history.triage))
    for message, count in Counter(row["message_id"] for row in history.drafts).items():
        if count > 1:
            yield Violation("draft doubled", f"{message}: {count}")
    sent = [row for row in history.drafts if row["status"] == "sent"]
    yield from _one_each(
        "reply",
        (row["sent_message_id"] for row in sent),
        (row["id"] for row in history.messages if row["sender"] == "ai"),
    )


def _mail_out(history: History) -> Iterator[Violation]:
    """Each public answer is one mail, each new requester has one receipt, and the provider took what we say it took."""
    ours = [row["id"] for row in history.messages if row["sender"] in ("ai", "member") and not row["is_internal"]]
    yield from _one_each(
        "reply by mail", ours, (row["message_id"] for row in history.outgoing if row["kind"] == "reply")
    )
    receipts = [row for row in history.outgoing if row["kind"] == "receipt"]
    for ticket, count in Counter(row["ticket_id"] for row in receipts).items():
        if count > 1:
            yield Violation("receipt doubled", f"ticket {ticket}: {count}")
    yield from _one_each("receipt", _receivers(history), (row["contact_id"] for row in receipts))
    for row in history.outgoing:
        if row["status"] not in ("sent", "suppressed"):
            yield Violation("mail out unfinished", f"{row['id']} is {row['status']}: {row['reason']}")
    sent = [row for row in history.outgoing if row["status"] == "sent"]
    yield from _one_each(
        "mail at the provider", (row["provider_id"] for row in sent), (mail.provider_id for mail in history.taken)
    )
    yield from _one_each(
        "content at the provider",
        ((row["to_address"], row["subject"], row["body_text"]) for row in sent),
        ((mail.to, mail.subject, mail.text) for mail in history.taken),
    )
    for key, count in Counter(mail.key for mail in history.taken).items():
        if count > 1 or not key:
            yield Violation("idempotency key used for several mails", f"{key or 'none'}: {count}")


def _receivers(history: History) -> set[Any]:
    """Contacts who opened a ticket with a verified message that is no spam: each is told once within the hour."""
    spam = {row["message_id"] for row in history.triage if row["is_spam"]}
    email = {row["id"]: row for row in history.tickets if row["channel"] == "email" and not row["is_spam"]}
    return {
        email[row["ticket_id"]]["contact_id"]
        for row in history.messages
        if row["seq"] == 1
        and row["ticket_id"] in email
        and row["sender"] == "contact"
        and row["is_verified"]
        and not row["is_machine"]
        and row["sender_status"] == "known"
        and row["id"] not in spam
    }


def _events(history: History) -> Iterator[Violation]:
    """Each thing that happened is told once, and nothing is told that did not happen."""
    told: dict[str, list[Any]] = defaultdict(list)
    for row in history.events:
        told[row["type"]].append(row["subject_id"])
    messages: dict[str, list[Any]] = defaultdict(list)
    for row in history.messages:
        name = "note.created" if row["is_internal"] else "message.received"
        messages[name if row["is_internal"] or row["sender"] == "contact" else "message.sent"].append(row["id"])
    decided = {"send": "draft.sent", "draft": "draft.created", "escalate": "ticket.escalated"}
    causes: dict[str, list[Any]] = {
        "ticket.created": [row["id"] for row in history.tickets],
        "contact.created": [row["id"] for row in history.contacts],
        "message.received": messages["message.received"],
        "message.sent": messages["message.sent"],
        "note.created": messages["note.created"],
        "ticket.triaged": [row["ticket_id"] for row in history.triage],
        **{
            event: [
                row["ticket_id"] if decision == "escalate" else row["id"]
                for row in history.drafts
                if row["decision"] == decision
            ]
            for decision, event in decided.items()
        },
        "mail.quarantined": [row["id"] for row in history.ledger if row["state"] == "quarantined"],
        "mail.failed": [row["id"] for row in history.outgoing if row["status"] == "failed"],
        "mail.unknown": [row["id"] for row in history.outgoing if row["status"] == "unknown"],
        "mail.suppressed": [row["id"] for row in history.outgoing if row["status"] == "suppressed"],
    }
    for name, caused in causes.items():
        yield from _one_each(f"event {name}", caused, told[name])


def _routed(history: History) -> Iterator[Violation]:
    """An event is one job of each consumer its route names, a mail one that reads it, a triage one that answers."""
    wanted = [
        (event["id"], route["consumer"])
        for event in history.events
        for route in history.routes
        if route["event_type"] == event["type"] and _contains(event["data"], route["only_if"])
    ]
    by_event = [job for job in history.jobs if job["event_id"] is not None]
    yield from _one_each("job of an event", wanted, ((job["event_id"], job["consumer"]) for job in by_event))
    reading = [job["payload"]["inbound_mail_id"] for job in history.jobs if job["consumer"] == "intake"]
    yield from _one_each("job of a mail", (str(row["id"]) for row in history.ledger), reading)
    replying = [job["payload"]["message_id"] for job in history.jobs if job["consumer"] == "reply"]
    yield from _one_each("job of a reply", (str(row["message_id"]) for row in history.triage), replying)


def _contains(data: Row, wanted: Row | None) -> bool:
    return all(data.get(name) == value for name, value in (wanted or {}).items())


def _jobs(history: History, may_be_dead: set[str]) -> Iterator[Violation]:
    """Every job has ended; only those died that were allowed to; who ended holds no token and has an end."""
    for job in history.jobs:
        name = f"{job['consumer']} {job['id']}"
        if job["state"] == "dead":
            if str(job["id"]) not in may_be_dead:
                yield Violation("job died", f"{name}: {job['error']}")
        elif job["state"] != "done":
            yield Violation("job stuck", f"{name} is {job['state']}")
        if job["state"] in ("done", "dead") and (job["token"] is not None or job["finished_at"] is None):
            yield Violation("job ended badly", name)


def _webhooks(history: History) -> Iterator[Violation]:
    """An incoming webhook that was answered well has one effect, however often it came."""
    yield from _one_each("webhook", set(history.webhooks), (name for name, _ in history.webhook_effects))


RULES: Sequence[Callable[[History], Iterator[Violation]]] = (
    _mails, _outcomes, _threads, _files, _answers, _mail_out, _events, _routed, _webhooks,
)  # fmt: skip
