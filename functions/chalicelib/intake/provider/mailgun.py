"""Mailgun: a route posts the mail itself (`forward` to an address ending in mime), or tells where it stored it.

https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http and …/store-retreive
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from chalicelib.intake.keep import MAX_MAIL, addresses
from chalicelib.kit.http import HttpError, Request, Response
from chalicelib.kit.jobs import Retry
from chalicelib.kit.mailgun_signature import verify
from chalicelib.kit.settings import settings
from chalicelib.kit.standard_webhooks import BadSignature

from .download import download
from .forms import MalformedFormError, fields, text
from .held import Content, Held, Lost, believe

NAME = "mailgun"
PAGE = 300
MAX_PAGES = 1000
# Mailgun tries for eight hours, perhaps with the signature of the first time.
PATIENCE = 9 * 3600
_STORED = re.compile(r"/v3/domains/[A-Za-z0-9.-]{1,253}/messages/([A-Za-z0-9_=-]{1,512})")


def receive(request: Request) -> Response:
    """POST /inbound/mailgun and /inbound/mailgun/mime. 200: taken or repeated. Mailgun tries for eight hours where the
    answer is neither 200 nor 406: 401 a signature that is not good (also where our key is wrong), 400 a form without
    what is needed (a route that is set up wrongly).

    What the form brings itself is believed for five minutes: the signature does not cover it. That a mail is stored is
    believed for as long as Mailgun may repeat it, because the mail then comes from Mailgun's own store.
    """
    try:
        form = fields(request.headers.get("content-type", ""), request.body)
    except MalformedFormError as wrong:
        raise HttpError(400, "malformed", str(wrong)) from None
    locator = text(form, "message-url")
    timestamp, token, signature = (text(form, name) for name in ("timestamp", "token", "signature"))
    key = settings().mailgun_signing_key.get_secret_value()
    try:
        verify(key, timestamp, token, signature, now=_now(timestamp) if locator else None)
    except BadSignature as bad:
        raise HttpError(401, "bad_signature", str(bad)) from None
    recipients, sender = addresses([text(form, "recipient")]), text(form, "sender")
    if locator:
        return believe(NAME, token, Held(NAME, _key(locator), recipients, locator, sender))
    raw = form.get("body-mime", b"")
    if not raw:
        raise HttpError(
            400, "malformed", "the form brings neither body-mime nor message-url",
            "Let the route forward to an address ending in /mime, or store with notify.",
        )  # fmt: skip
    # A mail that is posted has no id of Mailgun's: the token of its post stands for it.
    return believe(NAME, token, Held(NAME, token, recipients, envelope_from=sender), raw)


def fetch(row: Mapping[str, Any]) -> Content:
    """The raw mail from Mailgun's store, which keeps it for three days. Raises Lost and Retry."""
    if not _is_stored(row["locator"] or ""):
        raise Lost("it does not lie where Mailgun stores mail")
    # JSON writes some letters in six.
    answer = _get(row["locator"], {"accept": "message/rfc2822"}, limit=MAX_MAIL * 2)
    raw = answer.get("body-mime")
    if not isinstance(raw, str) or not raw:
        raise Lost("Mailgun gives no raw mail")
    try:
        octets = raw.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        octets = raw.encode("utf-8", "replace")
    if len(octets) > MAX_MAIL:
        raise Lost(f"it is larger than {MAX_MAIL} octets")
    return Content(octets, addresses([answer.get("recipients")]))


def listed(since: datetime) -> Iterator[Held]:
    """What routes stored since then, oldest first. Raises Lost and Retry; ValueError where no domain is configured."""
    domain, base = settings().mailgun_domain, settings().mailgun_url.rstrip("/")
    if not domain:
        raise ValueError("PGDESK_MAILGUN_DOMAIN names the domain whose events are asked for")
    asked = {"event": "stored", "begin": int(since.timestamp()), "ascending": "yes", "limit": PAGE}
    url = f"{base}/v3/{domain}/events?{urlencode(asked)}"
    for _ in range(MAX_PAGES):
        page = _get(url)
        if not page.get("items"):
            return
        for item in page["items"]:
            message, storage = item.get("message") or {}, item.get("storage") or {}
            locator = storage.get("url")
            if isinstance(locator, str) and _is_stored(locator):
                yield Held(NAME, _key(locator), addresses(message.get("recipients") or ()), locator)
        url = str(page["paging"]["next"])
        if not url.startswith(f"{base}/"):
            raise Lost("the next page does not lie at Mailgun")


def _now(timestamp: str) -> float | None:
    """The time to judge a notice of stored mail by: its own, where it is not too old."""
    now = time.time()
    if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 and 0 <= now - int(timestamp) <= PATIENCE:
        return float(timestamp)
    return now


def _is_stored(url: str) -> bool:
    """The key is sent to this address, so it must be Mailgun's: nothing but an origin and a known path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        url == origin + parts.path
        and re.fullmatch(settings().mailgun_stores, origin) is not None
        and _STORED.fullmatch(parts.path) is not None
    )


def _key(url: str) -> str:
    if not _is_stored(url):
        raise HttpError(400, "malformed", "message-url does not lie where Mailgun stores mail")
    return url.rpartition("/")[2]


def _get(url: str, headers: Mapping[str, str] | None = None, limit: int = MAX_MAIL) -> dict[str, Any]:
    body = download(url, auth=("api", settings().mailgun_api_key.get_secret_value()), headers=headers, limit=limit)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise Retry("Mailgun's answer is no JSON") from None
    if not isinstance(answer, dict):
        raise Retry("Mailgun's answer is no object")
    return answer
