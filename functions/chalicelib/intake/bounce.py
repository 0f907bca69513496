"""Delivery reports: whose address failed, and which of our mails it was (RFC 3464, and those who do without)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .headers import Headers, parse_addresses, split
from .mime import Attachment, Parsed
from .text import decode, one_line, storable

Action = Literal["failed", "delayed", "delivered", "unknown"]

_SUBJECT = re.compile(
    r"\W*(?:undeliver(?:able|ed)|undelivered mail|delivery (?:status notification|failure|has failed|notification)|"
    r"(?:mail )?delivery (?:failed|failure|problem|error|system)|failure notice|failed delivery|mail system error|"
    r"returned mail|mail could not be delivered|message not delivered|non[- ]?delivery|warning: (?:message|could not)|"
    r"unzustellbar|nicht zugestellt|zustellung fehlgeschlagen|unzustellbare (?:nachricht|mail)|"
    r"non remis|échec (?:de la )?(?:remise|distribution)|message non distribué|no se puede entregar|"
    r"no se ha podido entregar|mensaje devuelto|mancato recapito|impossibile recapitare|mensagem não entregue|"
    r"não foi possível entregar|onbestelbaar|niet bezorgd|olevererbart|kan ikke leveres|недоставлен|"
    r"не доставлено|配信不能|无法投递|退信)",
    re.IGNORECASE,
)
_SENDER = re.compile(r"(?:mailer-?daemon|postmaster|mail-?daemon|mdaemon|bounces?(?:[+_=.-].*)?)@", re.IGNORECASE)
_BODY = re.compile(
    r"this is the qmail-send program|i wasn't able to deliver|could not be delivered|couldn't be delivered|"
    r"wasn't delivered|delivery (?:has )?failed|permanent(?:ly)? (?:fatal )?error|returned to sender|"
    r"konnte nicht zugestellt werden|n'a pas pu être remis|no se pudo entregar|undeliverable|mail delivery system|"
    r"(?:address|recipient) (?:was )?(?:not found|rejected|unknown)|user unknown|no such user|"
    r"mailbox (?:full|unavailable)",
    re.IGNORECASE,
)
_DELAY = re.compile(r"delay|warning|verzöger|retard|will (?:be retried|keep trying)|still being", re.IGNORECASE)
_COPY = re.compile(
    r"^.{0,40}(?:below this line is a copy|original message (?:headers|follows)|this is a copy of the message|"
    r"the (?:header|text) of the original|unsent message|diagnostic information for administrators).*$",
    re.IGNORECASE | re.MULTILINE,
)
_ID_LINE = re.compile(r"^[ >\t]*Message-ID:[ \t]*(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE)
_FAILED_LINE = re.compile(r"^[ \t]*<?([^\s<>()@,;:]{1,64}@[^\s<>()@,;:]{1,253})>?:?[ \t]*(?:\(.*\))?$", re.MULTILINE)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_COPIES = frozenset(
    ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers")
)


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report. `status` is an enhanced status code (RFC 3463) or empty; 5.x.x is permanent."""

    action: Action
    recipients: list[str]
    status: str
    diagnostic: str
    original_ids: list[str]
    evidence: str

    @property
    def permanent(self) -> bool:
        return self.action == "failed" and not self.status.startswith("4")


def bounce_of(mail: Parsed, null_sender: bool) -> Bounce | None:
    """The delivery report that a mail is, or None. `null_sender`: its envelope sender is `<>`."""
    reports = [part for part in mail.attachments if part.type in _REPORTS]
    if reports:
        return _from_report(mail, reports[0])
    if mail.content_type == "multipart/report" and mail.report_type == "delivery-status":
        return _from_words(mail, "multipart/report without a readable status part")
    from_daemon = mail.sender is not None and _SENDER.match(mail.sender.email) is not None
    worded = _BODY.search(mail.text[:5_000]) is not None
    if "x-failed-recipients" in mail.headers and (from_daemon or null_sender or worded):
        return _from_words(mail, "X-Failed-Recipients")
    titled = _SUBJECT.match(mail.subject) is not None
    if sum((from_daemon or null_sender, titled, worded)) >= 2 and (from_daemon or null_sender):
        return _from_words(mail, "sender, subject and words of a delivery report")
    return None


def _from_report(mail: Parsed, report: Attachment) -> Bounce:
    """RFC 3464: a block about the mail, then one about each recipient."""
    blocks = report.data.replace(b"\r", b"")[:65_536].split(b"\n\n")
    groups = [split(block)[0] for block in blocks if block.strip()]
    names = ("final-recipient", "original-recipient", "action")
    about = [group for group in groups if any(name in group for name in names)]
    failed = [group for group in about if group.get("action", 40).lower().startswith("failed")]
    chosen = failed or about or groups[:1]
    recipients = [address for group in chosen for address in _recipient(group)]
    first = chosen[0] if chosen else Headers(())
    said = first.get("action", 40).lower().split(" ")[0]
    action: Action = "failed" if said == "failed" else "delayed" if said == "delayed" else "unknown"
    if said in ("delivered", "relayed", "expanded"):
        action = "delivered"
    status = _STATUS.search(first.get("status", 100))
    return Bounce(
        action,
        list(dict.fromkeys(recipients)) or _failed_in_words(mail),
        status[1] if status else "",
        first.get("diagnostic-code", 500),
        _original_ids(mail),
        f"delivery status: {said or 'no action'}",
    )


def _recipient(group: Headers) -> list[str]:
    for name in ("original-recipient", "final-recipient"):
        value = (group.raw(name) or b"").partition(b";")[2]
        if b"@" in value:
            return [address.email for address in parse_addresses(value)[:1]]
    return []


def _from_words(mail: Parsed, evidence: str) -> Bounce:
    status = _STATUS.search(mail.text[:20_000])
    delayed = _DELAY.search(mail.subject) is not None or (status is not None and status[1].startswith("4"))
    return Bounce(
        "delayed" if delayed else "failed",
        [address.email for address in mail.headers.addresses("x-failed-recipients")] or _failed_in_words(mail),
        status[1] if status else "",
        "",
        _original_ids(mail),
        evidence,
    )


def _failed_in_words(mail: Parsed) -> list[str]:
    """Addresses on lines of their own before the copy of the original: how qmail and Exchange name them."""
    copy = _COPY.search(mail.text)
    words = mail.text[: copy.start() if copy else 5_000]
    return list(dict.fromkeys(found.lower().rstrip(".") for found in _FAILED_LINE.findall(words)))[:20]


def _original_ids(mail: Parsed) -> list[str]:
    """Message-IDs of the mail that could not be delivered, best first: from its copy, the text, the thread headers."""
    found: list[str] = []
    for part in mail.attachments:
        if part.type in _COPIES:
            found += split(part.data)[0].message_ids("message-id")
            found += _ID_LINE.findall(storable(decode(part.data[:65_536])))
    found += _ID_LINE.findall(mail.text[:200_000])
    found += mail.in_reply_to + mail.references[::-1]
    own = mail.message_id
    return [one_line(id_, 998) for id_ in dict.fromkeys(found) if id_ != own][:20]
