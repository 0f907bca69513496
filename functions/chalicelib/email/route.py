"""POST /mail-events/<provider>: a provider tells what became of a mail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from chalicelib.email.events import MailEvent, Malformed, from_mailgun, from_resend
from chalicelib.kit import mailgun_signature, standard_webhooks
from chalicelib.kit.database import one, queries, transaction
from chalicelib.kit.http import HttpError, Request, Response, json_response
from chalicelib.kit.logging import log
from chalicelib.kit.settings import settings
from chalicelib.kit.standard_webhooks import BadSignature

SQL = queries(__file__)
# Mailgun repeats what it could not deliver for eight hours, and nobody says that it signs anew. Tokens are remembered
# for much longer (private.maintain), so what is late cannot be a repetition.
LATE = 12 * 3600


def resend(request: Request) -> Response:
    """Take an `email.…` webhook of Resend, signed with PGDESK_RESEND_EVENTS_SECRET.

    Answers 200 with `status`: `noted`, `repeated` (it was here before), `unmatched` (about no mail of ours), `ignored`
    (of a type that tells nothing of a mail we sent). 400: signed, and yet not what Resend documents. 401: not signed.
    5xx: nothing is promised, send it again.
    """
    keys = settings().resend_events_secret.get_secret_value().split()
    try:
        webhook_id = standard_webhooks.verify(keys, request.headers, request.body)
    except BadSignature as error:
        raise HttpError(401, "bad_signature", str(error)) from None
    try:
        event = from_resend(webhook_id, _json(request))
    except Malformed as error:
        raise HttpError(400, "malformed", str(error)) from None
    return _answer(event, webhook_id)


def mailgun(request: Request) -> Response:
    """Take an event webhook of Mailgun, signed with PGDESK_MAILGUN_SIGNING_KEY.

    Answers as for Resend. What is signed is not the event but a token beside it, so no token is believed twice.
    """
    given = _json(request)
    told = given.get("signature")
    signature: Mapping[str, Any] = told if isinstance(told, dict) else {}
    token = str(signature.get("token") or "")
    try:
        mailgun_signature.verify(
            settings().mailgun_signing_key.get_secret_value(),
            str(signature.get("timestamp") or ""),
            token,
            str(signature.get("signature") or ""),
            late=LATE,
        )
    except BadSignature as error:
        raise HttpError(401, "bad_signature", str(error)) from None
    event_data = given.get("event-data")
    try:
        if not isinstance(event_data, dict):
            raise Malformed("event-data is not an object")
        event = from_mailgun(event_data)
    except Malformed as error:
        raise HttpError(400, "malformed", str(error)) from None
    return _answer(event, token)


def _answer(event: MailEvent | None, webhook_id: str) -> Response:
    status = "ignored" if event is None else _note(event, webhook_id)
    return json_response(200, {"status": status})


def _note(event: MailEvent, webhook_id: str) -> str:
    """Keep the event with the mail it is about, whoever's that is: once, however often it comes."""
    values = event.__dict__ | {"detail": Jsonb(event.detail), "source": f"{event.provider}-events"}
    with transaction() as connection:
        mail = one(connection, SQL["find_outgoing_mail"], values)
        if mail is None:
            # Of another program that shares the account, say. Every mail of ours carries our id, so none is missed that
            # comes before its sending was noted.
            log("mail_event.unmatched", provider=event.provider, type=event.type)
            return "unmatched"
        noted = one(connection, SQL["note_event"], values | mail | {"webhook_id": webhook_id})
    if not (noted and noted["is_new"]):
        return "repeated"
    log("mail_event", provider=event.provider, type=event.type, outgoing_mail_id=mail["outgoing_mail_id"])
    return "noted"


def _json(request: Request) -> dict[str, Any]:
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise HttpError(400, "malformed", "the body is not a JSON object")
    return given
