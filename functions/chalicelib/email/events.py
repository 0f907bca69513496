"""What providers tell of a mail they took, read into one form. Nothing of it is believed before its signature is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from chalicelib.email.port import OWN_ID
from chalicelib.email.render import message_id_header
from chalicelib.kit.database import keepable

ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
MAX_WORDS, MAX_ID = 500, 240

RESEND = {
    "email.sent": "sent", "email.delivered": "delivered", "email.delivery_delayed": "delivery_delayed",
    "email.bounced": "bounced", "email.complained": "complained", "email.opened": "opened",
    "email.clicked": "clicked", "email.failed": "failed", "email.suppressed": "suppressed",
}  # fmt: skip
# Amazon's words for an address that Resend does not even try.
RESEND_SUPPRESSED = {"Suppressed", "OnAccountSuppressionList"}
MAILGUN = {
    "accepted": "sent", "delivered": "delivered", "complained": "complained", "opened": "opened",
    "clicked": "clicked", "rejected": "failed",
}  # fmt: skip
# Mailgun's own codes for an address that it does not even try: bounced, unsubscribed, complained before.
MAILGUN_SUPPRESSED = {605, 606, 607}


class Malformed(Exception):  # noqa: N818  it is an answer, not a defect
    """Signed, and yet not what the provider documents; the message names what is missing."""


@dataclass(frozen=True)
class MailEvent:
    """`id` is the provider's, of the event; `provider_id` its id of the mail; `own_id` ours, if the mail carried it."""

    provider: str
    id: str
    type: str
    at: datetime
    provider_id: str
    own_id: UUID | None = None
    message_id: str | None = None
    bounce: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def from_resend(webhook_id: str, given: Mapping[str, Any]) -> MailEvent | None:
    """An `email.…` webhook. None: of a type that tells nothing of a mail we sent. Raises Malformed."""
    told_type = given.get("type")
    if not isinstance(told_type, str):
        raise Malformed("type is not a string")
    type_ = RESEND.get(told_type)
    if type_ is None:
        return None
    data = _object(given, "data")
    bounce: str | None = None
    detail: dict[str, Any] = {}
    told = _part(data, {"bounced": "bounce", "clicked": "click"}.get(type_, type_))
    if type_ == "bounced":
        bounce = "hard" if told.get("type") == "Permanent" else "soft"
        detail = {"reason": _words(told.get("message")), "code": _words(told.get("subType"))}
        if told.get("subType") in RESEND_SUPPRESSED:
            type_, bounce = "suppressed", None
    elif type_ in ("failed", "suppressed"):
        detail = {"reason": _words(told.get("reason") or told.get("message")), "code": _words(told.get("type"))}
    elif type_ == "clicked":
        detail = {"link": _link(told.get("link"))}
    return MailEvent(
        "resend", webhook_id, type_, _moment(given.get("created_at")), _text(data, "email_id"),
        own_id=_uuid(_part(data, "tags").get(OWN_ID)),
        message_id=message_id_header(data.get("message_id")), bounce=bounce, detail=_known(detail),
    )  # fmt: skip


def from_mailgun(given: Mapping[str, Any]) -> MailEvent | None:
    """The `event-data` of a webhook. None: of a type that tells nothing of a mail we sent. Raises Malformed.

    https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads
    """
    type_ = MAILGUN.get(str(given.get("event")))
    bounce: str | None = None
    detail: dict[str, Any] = {}
    if given.get("event") == "failed":
        type_, bounce, detail = _mailgun_failure(given)
    elif type_ == "failed":
        detail = {"reason": _words(_part(given, "reject").get("reason"))}
    elif type_ == "clicked":
        detail = {"link": _link(given.get("url"))}
    if type_ is None:
        return None
    at = given.get("timestamp")
    if not isinstance(at, (int, float)) or not 0 < at < 1e11:
        raise Malformed("timestamp is not a time in Unix seconds")
    provider_id = _text(_object(_object(given, "message"), "headers"), "message-id").strip("<>")
    return MailEvent(
        # Mailgun's ids are unique within a day only.
        "mailgun", f"{_text(given, 'id')}:{int(at)}", type_, datetime.fromtimestamp(at, UTC), provider_id,
        own_id=_uuid(_part(given, "user-variables").get(OWN_ID)),
        message_id=message_id_header(provider_id), bounce=bounce, detail=_known(detail),
    )  # fmt: skip


def _mailgun_failure(given: Mapping[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    status = _part(given, "delivery-status")
    reason = str(given.get("reason") or "")
    words = _words(status.get("message")) or _words(status.get("description")) or _words(reason)
    detail = {"reason": words, "code": status.get("code") if isinstance(status.get("code"), int) else None}
    if given.get("severity") != "permanent":
        return "delivery_delayed", None, detail
    if reason.startswith("suppress-") or status.get("code") in MAILGUN_SUPPRESSED:
        return "suppressed", None, detail
    # `old`, `espblock`, `generic`: given up after days, or our sending is blocked. The address may be good.
    is_hard = status.get("bounce-type", "hard") == "hard" and reason == "bounce"
    return "bounced", "hard" if is_hard else "soft", detail


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name)
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not an object")
    return value


def _part(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The same where it may be missing, and says nothing then."""
    value = given.get(name)
    return value if isinstance(value, dict) else {}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID or not value.isprintable():
        raise Malformed(f"{name} is not a text of 1 to {MAX_ID} characters")
    return value


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise Malformed("created_at is not a time by ISO 8601") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def _words(value: Any) -> str | None:
    """What a server said, without the addresses that servers like to repeat."""
    if not isinstance(value, str) or not value.strip():
        return None
    return ADDRESS.sub("…", " ".join(keepable(value[: MAX_WORDS * 4]).split()))[:MAX_WORDS]


def _link(value: Any) -> str | None:
    """Where a link leads, without what may name who followed it."""
    try:
        parts = urlsplit(str(value or ""))
    except ValueError:
        return None
    return _words(f"{parts.scheme}://{parts.netloc}{parts.path}") if parts.netloc else None


def _known(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in detail.items() if value is not None}
