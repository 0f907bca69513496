"""Resend: `email.received` (signed by Svix) tells that a mail is there; its API hands it over.

https://resend.com/docs/webhooks/emails/received, https://resend.com/docs/api-reference/emails/retrieve-received-email
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from chalicelib.intake.keep import MAX_MAIL, addresses
from chalicelib.kit.http import HttpError, Request, Response, json_response
from chalicelib.kit.jobs import Retry
from chalicelib.kit.settings import settings
from chalicelib.kit.standard_webhooks import BadSignature, verify

from .download import asked_to_wait, download
from .held import Content, Held, Lost, believe, said
from .rebuild import Part, header_fields, rebuilt

NAME = "resend"
MAX_BODY = 512 * 1024  # of a webhook: metadata only
TIMEOUT = 20  # seconds a request
PAGE = 100
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WHO = ("to", "cc", "bcc", "received_for")

Asked = TypeVar("Asked")


def receive(request: Request) -> Response:
    """POST /inbound/resend. 200: taken, repeated, or of no interest. Resend repeats everything else for hours:
    401 a signature that is not good (also where our secret is wrong), 400 what it never sends, 413 too large."""
    if len(request.body) > MAX_BODY:
        raise HttpError(413, "too_large", f"a webhook of more than {MAX_BODY} octets")
    try:
        webhook_id = verify(settings().resend_inbound_secret.get_secret_value().split(), request.headers, request.body)
    except BadSignature as bad:
        raise HttpError(401, "bad_signature", str(bad)) from None
    try:
        told = json.loads(request.body)
        data = told["data"] if told["type"] == "email.received" else None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise HttpError(400, "malformed", "the body is no event of Resend's") from None
    if data is None:
        return json_response(200, {"status": "ignored"})
    mail = _held(data) if isinstance(data, dict) else None
    if mail is None:
        raise HttpError(400, "malformed", "the event names no received mail")
    return believe(NAME, webhook_id, mail)


def fetch(row: Mapping[str, Any]) -> Content:
    """The raw mail where Resend has it, else one built from the parts it gives. Raises Lost and Retry."""
    email: Any = _asked(lambda api: api.Emails.Receiving.get(row["provider_id"], {"html_format": "cid"}))
    raw = email.get("raw") or {}
    if isinstance(raw, dict) and raw.get("download_url"):
        content = download(_address(raw["download_url"]))
    else:
        content = _rebuilt(row["provider_id"], email)
    return Content(content, addresses(value for name in _WHO for value in email.get(name) or ()))


def listed(since: datetime) -> Iterator[Held]:
    """What Resend received since then, newest first. Raises Lost and Retry."""
    after: str | None = None
    while True:
        page = _page(after)
        for each in page["data"]:
            if _time(each) < since:
                return
            mail = _held(each | {"email_id": each.get("id")})
            if mail is not None:
                yield mail
        if not page.get("has_more") or not page["data"]:
            return
        after = str(page["data"][-1]["id"])


def _held(data: Mapping[str, Any]) -> Held | None:
    mail_id = said(data, "email_id")
    if not _ID.fullmatch(mail_id):
        return None
    values = [value for name in _WHO if isinstance(data.get(name), list) for value in data[name]]
    # Whom it was received for stands in the mail's details only, where a blind copy is not in the header.
    return Held(NAME, mail_id, addresses(values), tells_more=True)


def _rebuilt(mail_id: str, email: Mapping[str, Any]) -> bytes:
    fields = header_fields(
        email.get("headers") or {},
        from_=email.get("from"),
        to=email.get("to"),
        cc=email.get("cc"),
        reply_to=email.get("reply_to"),
        subject=email.get("subject"),
        message_id=email.get("message_id"),
    )
    parts, room = [], MAX_MAIL
    for told in email.get("attachments") or ():
        found = _attachment(mail_id, str(told["id"]))
        data = download(_address(found["download_url"]), limit=room)
        room -= len(data)
        parts.append(
            Part(
                name=found.get("filename") or "",
                type=found.get("content_type") or "",
                data=data,
                content_id=found.get("content_id") or "",
                inline=found.get("content_disposition") == "inline",
            )
        )
    return rebuilt(fields, email.get("text"), email.get("html"), parts)


def _page(after: str | None) -> Any:
    return _asked(lambda api: api.Emails.Receiving.list({"limit": PAGE, "after": after}))


def _attachment(mail_id: str, attachment_id: str) -> Any:
    return _asked(lambda api: api.Emails.Receiving.Attachments.get(mail_id, attachment_id))


def _address(url: object) -> str:
    """An address that the API told us: of the same scheme as the API, so never plain where that is not."""
    if not isinstance(url, str) or urlsplit(url).scheme != urlsplit(settings().resend_url).scheme:
        raise Lost("the provider names no address that can be trusted")
    return url


def _time(each: Mapping[str, Any]) -> datetime:
    when = datetime.fromisoformat(str(each["created_at"]))
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _asked(ask: Callable[[Any], Asked]) -> Asked:
    import resend
    from resend.exceptions import ResendError
    from resend.http_client_requests import RequestsClient

    resend.api_key = settings().resend_api_key.get_secret_value()
    resend.api_url = settings().resend_url
    resend.default_http_client = RequestsClient(timeout=TIMEOUT)
    try:
        return ask(resend)
    except ResendError as error:
        status = int(error.code) if str(error.code).isdigit() else 500
        if status == 404:
            raise Lost("the provider no longer has it") from error
        headers = {str(name): str(value) for name, value in (getattr(error, "headers", None) or {}).items()}
        raise Retry(f"the provider answers {status}: {error.message}", after=asked_to_wait(headers)) from error
