"""Resend, through its official client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.email.render import MESSAGE_ID
from chalicelib.kit.jobs import Dead, Retry
from chalicelib.kit.logging import log
from chalicelib.kit.settings import settings

NAME = "resend"
# What the API will refuse again however often it is asked. Not 401 and 403: a wrong key or an unproved domain is the
# operator's to mend, and the mail then goes out.
PERMANENT = {400, 404, 405, 413, 422}
# The same key with other content: what it stood for was taken, this was not.
KEY_REUSED = "invalid_idempotent_request"
TIMEOUT = 20  # seconds a request; there are two
MAX_WAIT = 3600


@dataclass(frozen=True)
class Sent:
    """The provider's id and, where it tells, the Message-ID that the mail went out with."""

    provider_id: str
    message_id: str | None


class Refused(Dead):
    """The provider will never take this mail; the message says why."""


def send(mail: Mapping[str, Any], idempotency_key: str, attempt: int) -> Sent:
    """Hand a stored mail to the provider, which takes it once however often it is asked with the same key (24 h).

    Raises Refused where asking again is useless, Retry where it is not.
    """
    import resend
    from resend.exceptions import ResendError
    from resend.http_client_requests import RequestsClient

    resend.api_key = settings().resend_api_key.get_secret_value()
    resend.api_url = settings().resend_url
    resend.default_http_client = RequestsClient(timeout=TIMEOUT)
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
    except ResendError as error:
        raise _verdict(error, attempt) from error
    return Sent(str(taken["id"]), _message_id(str(taken["id"]), attempt))


def _message_id(provider_id: str, attempt: int) -> str | None:
    """The Message-ID, which is the provider's to choose: an answer to the mail will name it.

    It is taken already, so nothing here can make it a failed mail. A provider that cannot tell now is asked once more,
    by sending again with the same key; one that will not tell (a key that may only send) is left in peace: answers then
    find their ticket by the token in their address.
    """
    import resend
    from resend.exceptions import ResendError

    try:
        told = resend.Emails.get(provider_id).get("message_id")
    except ResendError as error:
        if _status(error) in (401, 403, 404) or attempt > 1:
            log("mail.message_id_unknown", level="warning", provider_id=provider_id, error=error.error_type)
            return None
        raise Retry(f"the provider did not tell the Message-ID: {error.message}", after=timedelta(seconds=2)) from error
    # As a header has it, and nothing else: it is written into the headers of later mails.
    bare = str(told or "").strip().strip("<>")
    return f"<{bare}>" if MESSAGE_ID.fullmatch(f"<{bare}>") else None


def _verdict(error: Any, attempt: int) -> Exception:
    status = _status(error)
    if status == 429:
        # As long as it asks, and longer each time: many mails may be waiting for the same second.
        wait = min(max(_asked_to_wait(error), 2 ** min(attempt - 1, 11)), MAX_WAIT)
        return Retry(f"the provider asks to wait: {error.message}", after=timedelta(seconds=wait))
    if status in PERMANENT or error.error_type == KEY_REUSED:
        return Refused(f"the provider refuses: {error.message}")
    return Retry(f"the provider failed: {error.message}")


def _status(error: Any) -> int:
    return int(error.code) if str(error.code).isdigit() else 500


def _asked_to_wait(error: Any) -> int:
    headers = {str(name).lower(): str(value) for name, value in (getattr(error, "headers", None) or {}).items()}
    value = headers.get("retry-after", "")
    return int(value) if value.isascii() and value.isdigit() else 1
