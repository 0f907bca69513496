"""Resend, through its official client. It remembers an idempotency key for 24 hours, and chooses the Message-ID."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.email.port import OWN_ID, CannotTell, Mail, NotTaken, Refused, Sent, Unclear, asked_to_wait
from chalicelib.email.render import message_id_header
from chalicelib.kit.logging import log
from chalicelib.kit.settings import SettingsError, settings

# What the API will refuse again however often it is asked. Not 401 and 403: a wrong key or an unproved domain is the
# operator's to mend, and the mail then goes out.
PERMANENT = {400, 404, 405, 413, 422}
NOT_TAKEN = {401, 403, 429}
# The same key with other content: what it stood for was taken, this was not.
KEY_REUSED = "invalid_idempotent_request"
TIMEOUT = 15  # seconds a request; sending makes two
LOOK_UP_SECONDS = 20
PAGES, PAGE_SIZE = 10, 100
# Between our clock and Resend's.
SLACK = timedelta(minutes=5)


class Resend:
    """An hour of the 24 is left for clocks and slow requests."""

    remembers = timedelta(hours=23)

    @classmethod
    def configured(cls) -> Resend:
        if not settings().resend_api_key.get_secret_value():
            raise SettingsError("PGDESK_RESEND_API_KEY is missing: mail goes out through Resend (PGDESK_MAIL_PROVIDER)")
        return cls()

    def message_id(self, mail: Mail) -> str | None:
        return None

    def send(self, mail: Mail, key: str, attempt: int) -> Sent:
        client = _client()
        given: Any = {
            "from": mail["from_address"],
            "to": [mail["to_address"]],
            "reply_to": [mail["reply_to"]],
            "subject": mail["subject"],
            "text": mail["body_text"],
            "html": mail["body_html"],
            "headers": mail["headers"],
            "tags": [{"name": "kind", "value": mail["kind"]}, {"name": OWN_ID, "value": str(mail["id"])}],
        } | {name: mail[name] for name in ("cc", "bcc") if mail[name]}
        if mail["files"]:
            given["attachments"] = [
                {"filename": file.name, "content": base64.b64encode(file.content).decode(), "content_type": file.type}
                for file in mail["files"]
            ]
        try:
            taken = client.Emails.send(given, {"idempotency_key": key})
        except client.exceptions.ResendError as error:
            if error.error_type == KEY_REUSED:
                return self._taken_before(mail)
            raise _verdict(error, attempt) from error
        return Sent(str(taken["id"]), self._message_id(str(taken["id"]), attempt))

    def look_up(self, mail: Mail) -> Sent | None:
        """Resend lists what it took, newest first; the tags of a mail, and so our id, are told one by one."""
        client = _client()
        began = mail["attempted_at"] - SLACK
        deadline = datetime.now(UTC) + timedelta(seconds=LOOK_UP_SECONDS)
        page: dict[str, Any] = {"limit": PAGE_SIZE}
        for _ in range(PAGES):
            listed: Any = self._asked(client.Emails.list, page)
            for item in listed["data"]:
                if _moment(item["created_at"]) < began:
                    return None
                if item["subject"] == mail["subject"] and mail["to_address"] in item["to"]:
                    told: Any = self._asked(client.Emails.get, item["id"])
                    if {"name": OWN_ID, "value": str(mail["id"])} in (told.get("tags") or []):
                        return Sent(str(told["id"]), message_id_header(told.get("message_id")))
            if not listed["data"] or not listed.get("has_more"):
                return None
            if datetime.now(UTC) > deadline:
                break
            page["after"] = listed["data"][-1]["id"]
        raise CannotTell("Resend's list of mails is too long to be read to its end")

    def _asked(self, request: Any, argument: Any) -> Any:
        try:
            return request(argument)
        except _client().exceptions.ResendError as error:
            raise CannotTell(f"Resend does not tell: {error.message}") from error

    def _taken_before(self, mail: Mail) -> Sent:
        """An earlier attempt was taken, in another form than now: by an older release, say."""
        try:
            found = self.look_up(mail)
        except CannotTell as reason:
            raise Unclear(str(reason)) from reason
        if found is None:
            raise Unclear("Resend knows the key of this mail, and not the mail")
        return found

    def _message_id(self, provider_id: str, attempt: int) -> str | None:
        """The Message-ID, which is the provider's to choose: an answer to the mail will name it.

        The mail is taken already, so nothing here can make it a failed one. A provider that cannot tell now is asked
        once more, by sending again with the same key; one that will not tell (a key that may only send) is left in
        peace: its events may tell, and answers find their ticket by the token in their address.
        """
        client = _client()
        try:
            return message_id_header(client.Emails.get(provider_id).get("message_id"))
        except client.exceptions.ResendError as error:
            if _status(error) in (401, 403, 404) or attempt > 1:
                log("mail.message_id_unknown", level="warning", provider_id=provider_id, error=error.error_type)
                return None
            raise Unclear(
                f"the provider did not tell the Message-ID: {error.message}", after=timedelta(seconds=2)
            ) from error


def _client() -> Any:
    """The official client, set up. Its settings are the module's own."""
    import resend
    import resend.exceptions
    from resend.http_client_requests import RequestsClient

    resend.api_key = settings().resend_api_key.get_secret_value()
    resend.api_url = settings().resend_url
    resend.default_http_client = RequestsClient(timeout=TIMEOUT)
    return resend


def _verdict(error: Any, attempt: int) -> Exception:
    status = _status(error)
    if status == 429:
        return NotTaken(f"the provider asks to wait: {error.message}", after=asked_to_wait(error.headers, attempt))
    if status in PERMANENT:
        return Refused(f"the provider refuses: {error.message}")
    return (NotTaken if status in NOT_TAKEN else Unclear)(f"the provider failed: {error.message}")


def _status(error: Any) -> int:
    return int(error.code) if str(error.code).isdigit() else 500


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
