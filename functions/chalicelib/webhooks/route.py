"""What about endpoints needs a function: their secrets, which are made and encrypted here. The rest is SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg

from chalicelib.kit import standard_webhooks
from chalicelib.kit.caller import acting, caller
from chalicelib.kit.database import one, queries
from chalicelib.kit.http import HttpError, Request, Response, body_as, json_response, unstored
from chalicelib.kit.safe_url import Refused, Unanswered, parse
from chalicelib.kit.secrets import sealing_key_for_caller
from chalicelib.webhooks.documented import NewEndpoint
from chalicelib.webhooks.egress import policy

SQL = queries(__file__)
SECRETS = "private.webhook_secrets"
RESOLVE_SECONDS = 5.0


def create(request: Request) -> Response:
    """POST /webhooks/endpoints: tell events to a URL. For admins, with the access token of a user.

    Answers 201 with the endpoint and its secret, which is never shown again. 422 `url_refused`: webhooks do not go
    there.
    """
    who = caller(request)
    wanted = body_as(NewEndpoint, request)
    with _told(), acting(who) as connection:
        connection.execute(SQL["check_admin"], {"organization_id": wanted.organization_id})
    _check_url(wanted.url)
    key = sealing_key_for_caller(wanted.organization_id, "webhooks")
    secret, secret_id = standard_webhooks.new_secret(), uuid4()
    values = wanted.model_dump() | {
        "secret_id": secret_id,
        "sealed": key.seal(SECRETS, secret_id, secret),
        "key_version": key.version,
    }
    with _told(), acting(who) as connection:
        added = one(connection, SQL["add"], values)
    assert added is not None
    shown = {name: added[name] for name in (*NewEndpoint.model_fields, "id", "created_at")}
    return unstored(json_response(201, {**shown, "created_at": shown["created_at"].isoformat(), "secret": secret}))


def rotate(request: Request) -> Response:
    """POST /webhooks/endpoints/{endpoint_id}/rotate: a new secret. For admins, with the access token of a user.

    For 24 hours each webhook carries two signatures, of the new secret and of the old one. Answers 200 with the new
    one, which is never shown again, and when the old one ends.
    """
    who = caller(request)
    endpoint_id = _endpoint_id(request.parameters.get("endpoint_id", ""))
    with _told(), acting(who) as connection:
        place = one(connection, SQL["administered"], {"endpoint_id": endpoint_id})
    assert place is not None
    key = sealing_key_for_caller(place["organization_id"], "webhooks")
    secret, secret_id = standard_webhooks.new_secret(), uuid4()
    values = {
        "endpoint_id": endpoint_id,
        "secret_id": secret_id,
        "sealed": key.seal(SECRETS, secret_id, secret),
        "key_version": key.version,
    }
    with _told(), acting(who) as connection:
        ends = one(connection, SQL["rotate"], values)
    assert ends is not None
    answer = {"id": endpoint_id, "secret": secret, "previous_expires_at": ends["expires_at"].isoformat()}
    return unstored(json_response(200, answer))


def _check_url(url: str) -> None:
    """Refuse what would be refused at every delivery: better told now."""
    try:
        policy().addresses(parse(url), RESOLVE_SECONDS)
    except (Refused, Unanswered) as refusal:
        raise HttpError(422, "url_refused", f"url: {refusal}") from None


def _endpoint_id(text: str) -> UUID:
    """The id as the database has it, or with its prefix as webhooks do. Raises HttpError 404."""
    try:
        return UUID(text.removeprefix("whe_"))
    except ValueError:
        raise HttpError(404, "unknown_endpoint", "there is no such endpoint") from None


@contextmanager
def _told() -> Iterator[None]:
    """What Postgres refuses in the caller's name, as an answer."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege:
        raise HttpError(403, "forbidden", "webhooks are for admins of the organization") from None
    except psycopg.ProgrammingError as error:
        if error.sqlstate != "PT404":
            raise
        raise HttpError(404, "unknown_endpoint", "there is no such endpoint") from None
    except psycopg.errors.ProgramLimitExceeded as error:
        raise HttpError(409, "too_many_endpoints", str(error.diag.message_primary)) from None
    except psycopg.errors.CheckViolation as error:
        raise HttpError(400, "bad_request", str(error.diag.message_primary)) from None
