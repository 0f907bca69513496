"""From a message to the mail that carries it: subject, bodies, threading headers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from chalicelib.email.words import words_of
from chalicelib.kit.templates import templates

REPLY_PREFIX = re.compile(r"^\s*(re|aw|sv|antw|rv|tr|odp)\s*:\s*", re.IGNORECASE)
# A Message-ID as a header may carry it: printable ASCII in one pair of angle brackets (RFC 5322 section 3.6.4).
MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
# RFC 5322 sets no limit; header lines of many kilobytes are refused by some servers.
MAX_REFERENCES = 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_PLAIN_NAME = re.compile(r"[\w !#$%&'*+/=?^`{|}~-]*")


def bodies(kind: str, context: Mapping[str, Any], links: Mapping[str, Any]) -> tuple[str, str]:
    """Text and HTML of a mail. What a person or a model wrote is text: in HTML it is escaped."""
    body = str(context.get("body_text") or "").strip()
    values = {
        **context,
        **links,
        "organization": _one_line(str(context["organization"])),
        "author": _one_line(str(context.get("author") or "")),
        "is_ai": context.get("sender") == "ai",
        "words": words_of(context["language"]),
        "body": body,
        "paragraphs": [block.splitlines() for block in re.split(r"\n\s*\n", body)],
    }
    text = templates(__file__).get_template(f"{kind}.txt.j2").render(values)
    html = templates(__file__).get_template(f"{kind}.html.j2").render(values)
    return text.strip() + "\n", html


def subject_line(subject: str) -> str:
    """`Re: ` once, whatever the thread had before; in one line (a header must not be continued by its content)."""
    plain = _one_line(subject)
    while (stripped := REPLY_PREFIX.sub("", plain)) != plain:
        plain = stripped
    return f"Re: {plain}" if plain else "Re: your message"


def news_line(context: Mapping[str, Any]) -> str:
    """The subject of a member's notifications: the one ticket they are about, or how many."""
    words, tickets = words_of(context["language"]), context["tickets"]
    if len(tickets) == 1 and not context["others"]:
        return _one_line(f"[#{tickets[0]['number']}] {tickets[0]['subject'] or words['ticket']}")
    return _one_line(f"{context['organization']}: {words['news']} ({len(tickets) + len(context['others'])})")


def invitation_line(context: Mapping[str, Any]) -> str:
    return _one_line(f"{words_of(context['language'])['invitation']}: {context['organization']}")


def chat_line(context: Mapping[str, Any]) -> str:
    """Not the ticket's subject: a visitor may have written that to somebody else's address."""
    return _one_line(f"{words_of(context['language'])['chat']}: {context['organization']}")


def headers(thread: Sequence[str | None] | None, ticket_id: UUID | None, *, automatic: bool) -> dict[str, str]:
    """Threading (RFC 5322 section 3.6.4) and, for what no person sent, the marks that stop loops (RFC 3834)."""
    known = [each for each in dict.fromkeys(thread or []) if each and MESSAGE_ID.fullmatch(each)]
    fields = {"X-Pgdesk-Ticket": str(ticket_id)} if ticket_id else {}
    if known:
        # The first keeps the thread together, the last ones are what it answers.
        chosen = known if len(known) <= MAX_REFERENCES else [known[0], *known[1 - MAX_REFERENCES :]]
        fields |= {"In-Reply-To": known[-1], "References": " ".join(chosen)}
    if automatic:
        fields |= {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All", "Precedence": "auto_reply"}
    return fields


def message_id_header(told: object) -> str | None:
    """What a provider tells as a Message-ID, as a header has it, and nothing else: it is written into later mails."""
    header = f"<{str(told or '').strip().strip('<>')}>"
    return header if MESSAGE_ID.fullmatch(header) else None


def mailbox(name: str, address: str) -> str:
    """`Name <a@b>`, the name quoted where it must be. Letters of any script stay: the provider encodes them."""
    plain = _one_line(name)
    if not _PLAIN_NAME.fullmatch(plain):
        plain = '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{plain} <{address}>" if plain else address


def _one_line(text: str) -> str:
    """Without line breaks, control characters and marks that turn the direction of what follows."""
    return " ".join(_CONTROL.sub(" ", text).split())
