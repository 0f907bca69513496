"""Webhooks as Resend and Mailgun sign them, put to the routes."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from uuid import uuid4

from chalicelib.email import route
from chalicelib.http_adapter import answer_to
from chalicelib.kit import standard_webhooks
from chalicelib.kit.http import Request, Route

RESEND_SECRET = standard_webhooks.new_secret()
MAILGUN_SIGNING_KEY = "signing-key-of-mailgun"
RESEND = Route("POST", "/mail-events/resend", route.resend)
MAILGUN = Route("POST", "/mail-events/mailgun", route.mailgun)

Answer = tuple[int, dict[str, Any]]


def put(to: Route, body: bytes, **headers: str) -> Answer:
    """Status and JSON of the answer."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = answer_to(to, Request("POST", to.path, {}, given, body))
    return answer.status, json.loads(answer.body)


def resend(
    kind: str, email_id: str, *, webhook_id: str | None = None, at: str = "2026-11-20T10:00:00.000Z", **data: Any
) -> Answer:
    """An `email.<kind>` webhook, well signed."""
    told = {"email_id": email_id, "created_at": at, "to": ["ann@customer.example"], "subject": "Re: My parcel", **data}
    return resend_body(json.dumps({"type": f"email.{kind}", "created_at": at, "data": told}).encode(), webhook_id)


def resend_body(body: bytes, webhook_id: str | None = None) -> Answer:
    signed = standard_webhooks.headers([RESEND_SECRET], webhook_id or f"msg_{uuid4().hex}", int(time.time()), body)
    return put(RESEND, body, **{name.replace("webhook-", "svix_"): value for name, value in signed.items()})


def mailgun_signature(key: str = MAILGUN_SIGNING_KEY, age: float = 0) -> dict[str, str]:
    stamp, token = str(int(time.time() - age)), secrets.token_hex(25)
    return {
        "timestamp": stamp,
        "token": token,
        "signature": hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest(),
    }


def mailgun(event_data: Any, signature: dict[str, str] | None = None) -> Answer:
    return put(MAILGUN, json.dumps({"signature": signature or mailgun_signature(), "event-data": event_data}).encode())
