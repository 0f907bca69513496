"""Mailgun, through its HTTPS API (v3). It knows no idempotency keys, but takes the Message-ID that we choose, and keeps
a log of events that can be searched for it.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages and …/events
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import quote

import httpx

from chalicelib.email.port import OWN_ID, CannotTell, Mail, NotTaken, Refused, Sent, Unclear, asked_to_wait
from chalicelib.kit.once import once
from chalicelib.kit.settings import SettingsError, settings

# Seconds: to connect, to wait for any part of an answer, and for all of it.
TIMEOUT, ANSWER_SECONDS = httpx.Timeout(15, connect=5), 20
PERMANENT = {400, 413}
# Mailgun's log fills up with delay, by hours on bad days, and is kept for a day at least.
SETTLED, KEPT = timedelta(minutes=30), timedelta(hours=23)
SLACK = timedelta(minutes=5)  # between our clock and Mailgun's
MAX_ANSWER = 1_000_000  # bytes


# To read them takes longer than a request.
_certificates = once(httpx.create_ssl_context)


class Mailgun:
    remembers = timedelta(0)

    @classmethod
    def configured(cls) -> Mailgun:
        if not settings().mailgun_api_key.get_secret_value():
            raise SettingsError("PGDESK_MAILGUN_API_KEY is missing: PGDESK_MAIL_PROVIDER, or a mail, names Mailgun")
        return cls()

    def message_id(self, mail: Mail) -> str | None:
        return f"<{mail['id']}@{_domain_of(mail)}>"

    def send(self, mail: Mail, key: str, attempt: int) -> Sent:
        message_id = str(self.message_id(mail))
        fields = {
            "from": mail["from_address"],
            "to": mail["to_address"],
            "subject": mail["subject"],
            "text": mail["body_text"],
            "html": mail["body_html"],
            "h:Reply-To": mail["reply_to"],
            "h:Message-Id": message_id,
            "o:tag": mail["kind"],
            f"v:{OWN_ID}": str(mail["id"]),
        }
        fields |= {name: ", ".join(mail[name]) for name in ("cc", "bcc") if mail[name]}
        files = [("attachment", (file.name, file.content, file.type)) for file in mail["files"]]
        fields |= {f"h:{name}": value for name, value in mail["headers"].items()}
        try:
            status, told, headers = _request("POST", mail, "messages", data=fields, files=files or None)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotTaken(f"the provider cannot be reached: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise Unclear(f"the provider broke off: {type(error).__name__}", after=timedelta(seconds=30)) from error
        words = str(told.get("message", ""))[:500]
        if status == 200 and told.get("id"):
            return Sent(str(told["id"]).strip("<>"), message_id)
        if status == 429:
            raise NotTaken(f"the provider asks to wait: {words}", after=asked_to_wait(headers, attempt))
        if status in PERMANENT:
            raise Refused(f"the provider refuses: {words}")
        if 300 <= status < 500:
            # A wrong key, domain or address of the API: the operator's to mend.
            raise NotTaken(f"the provider does not serve us ({status}): {words}")
        # It has been seen to send mail that it answered with a 500.
        raise Unclear(f"the provider failed ({status}): {words}", after=timedelta(seconds=30))

    def look_up(self, mail: Mail) -> Sent | None:
        bare = str(mail["message_id_header"] or self.message_id(mail)).strip("<>")
        began = int((mail["attempted_at"] - SLACK).timestamp())
        # Filters have been seen to give others' events too.
        ours = [
            event
            for event in _events(mail, {"message-id": bare, "begin": began, "ascending": "yes", "limit": 100})
            if _is_about(event, mail, bare)
        ]
        if ours and {event.get("event") for event in ours} == {"rejected"}:
            raise Refused("the provider rejected it")
        if ours:
            return Sent(bare, f"<{bare}>")
        age = datetime.now(UTC) - mail["attempted_at"]
        if age < SETTLED:
            raise CannotTell("it is not in the provider's log yet")
        newest = _events(mail, {"begin": int(time.time() + SLACK.total_seconds()), "ascending": "no", "limit": 1})
        # A log that has nothing later may be late itself.
        if age > KEPT or not any(_time_of(event) > mail["attempted_at"].timestamp() for event in newest):
            raise CannotTell("the provider's log does not reach over that time")
        return None


def _request(method: str, mail: Mail, what: str, **content: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, JSON object (empty where it is none) and headers of an answer. Raises httpx.HTTPError, also where the
    answer does not end."""
    base = settings().mailgun_url.rstrip("/")
    url = f"{base}/v3/{quote(settings().mailgun_domain or _domain_of(mail), safe='')}/{what}"
    key = httpx.BasicAuth("api", settings().mailgun_api_key.get_secret_value())
    deadline = time.monotonic() + ANSWER_SECONDS
    with (
        httpx.Client(timeout=TIMEOUT, auth=key, follow_redirects=False, verify=_certificates()) as client,
        client.stream(method, url, **content) as answer,
    ):
        body = b""
        for part in answer.iter_bytes():
            body += part
            if len(body) > MAX_ANSWER or time.monotonic() > deadline:
                raise httpx.ReadError("the answer does not end")
        try:
            told = json.loads(body)
        except ValueError:
            told = None
        return answer.status_code, told if isinstance(told, dict) else {}, dict(answer.headers)


def _events(mail: Mail, query: dict[str, str | int]) -> list[dict[str, Any]]:
    try:
        status, told, _ = _request("GET", mail, "events", params=query)
    except httpx.HTTPError as error:
        raise CannotTell(f"the provider's log cannot be read: {type(error).__name__}") from error
    if status != 200 or not isinstance(told.get("items"), list):
        raise CannotTell(f"the provider's log cannot be read ({status})")
    return [event for event in told["items"] if isinstance(event, dict)]


def _time_of(event: dict[str, Any]) -> float:
    at = event.get("timestamp")
    return float(at) if isinstance(at, (int, float)) else 0.0


def _is_about(event: dict[str, Any], mail: Mail, bare: str) -> bool:
    message, variables = event.get("message"), event.get("user-variables")
    headers = message.get("headers") if isinstance(message, dict) else None
    return (isinstance(headers, dict) and str(headers.get("message-id")).strip("<>") == bare) or (
        isinstance(variables, dict) and variables.get(OWN_ID) == str(mail["id"])
    )


def _domain_of(mail: Mail) -> str:
    return parseaddr(mail["from_address"])[1].rpartition("@")[2]
