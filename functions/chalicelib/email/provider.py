"""Resend, through its official client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.kit.jobs import Dead, Retry
from chalicelib.kit.settings import settings

NAME = "resend"
# What the API will refuse again however often it is asked.
PERMANENT = {400, 401, 403, 404, 405, 413, 422}


@dataclass(frozen=True)
class Sent:
    """The provider's id and, where it tells at once, the Message-ID that the mail went out with."""

    provider_id: str
    message_id: str | None


class Refused(Dead):
    """The provider will never take this mail; the message says why."""


def send(mail: Mapping[str, Any], idempotency_key: str) -> Sent:
    """Hand a stored mail to the provider, which takes it once however often it is asked with the same key (24 h).

    Raises Refused where asking again is useless, Retry where it is not.
    """
    import resend
    from resend.exceptions import ResendError

    resend.api_key = settings().resend_api_key.get_secret_value()
    resend.api_url = settings().resend_url
    given: Any = {
        "from": mail["from_address"],
        "to": [mail["to_address"]],
        "reply_to": [mail["reply_to"]],
        "subject": mail["subject"],
        "text": mail["body_text"],
        "html": mail["body_html"],
        "headers": mail["headers"],
        "tags": [{"name": "kind", "value": mail["kind"]}],
    }
    try:
        taken = resend.Emails.send(given, {"idempotency_key": idempotency_key})
        # The Message-ID is the provider's to choose; an answer to the mail will name it.
        message_id = resend.Emails.get(taken["id"]).get("message_id")
    except ResendError as error:
        code = int(error.code) if str(error.code).isdigit() else 500
        if code == 429:
            raise Retry("the provider asks to wait", after=timedelta(seconds=_wait(error))) from error
        if code in PERMANENT:
            raise Refused(f"the provider refuses: {error.message}") from error
        raise Retry(f"the provider failed: {error.message}") from error
    return Sent(taken["id"], str(message_id) if message_id else None)


def _wait(error: Any) -> int:
    value = str((getattr(error, "headers", None) or {}).get("retry-after", ""))
    return min(int(value), 3600) if value.isdigit() else 2
