"""Values of sensitive custom fields: set, opened and looked up by members, through routes, for clients cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg

from chalicelib.kit.caller import acting, caller
from chalicelib.kit.database import one, queries
from chalicelib.kit.http import HttpError, Request, Response, body_as, json_response, unstored
from chalicelib.kit.logging import log
from chalicelib.kit.secrets import (
    DataKey,
    Unreadable,
    data_key_versions,
    opening_key,
    sealing_key_for_caller,
)
from chalicelib.privacy.documented import Lookup, SensitiveValue

SQL = queries(__file__)
TABLE = "public.sensitive_fields"


def indexed(key: DataKey, field: str, value: str) -> bytes:
    """The blind index of a field's value, as people compare such values: without regard to spaces, dashes and case."""
    return key.index(TABLE, field, "".join(each for each in value.casefold() if each.isalnum()))


def write(request: Request) -> Response:
    """POST /contacts/{contact_id}/sensitive-fields/{key}: keep a value, or with null none. For agents.

    Answers 204. 404 `unknown_field` where the contact is not the caller's or the field is not sensitive.
    """
    who, place = caller(request), _place(request)
    value = body_as(SensitiveValue, request).value
    with _told(), acting(who) as connection:
        field = one(connection, SQL["sensitive_field"], place)
        if value is None:
            connection.execute(SQL["forget_sensitive_field"], place)
            return unstored(Response(204))
    assert field is not None
    key, value_id = sealing_key_for_caller(field["organization_id"], "privacy", "values"), uuid4()
    values = place | {
        "value_id": value_id,
        "sealed": key.seal(TABLE, value_id, value),
        "key_version": key.version,
        "blind_index": indexed(key, str(field["field_id"]), value),
    }
    with _told(), acting(who) as connection:
        connection.execute(SQL["keep_sensitive_field"], values)
    return unstored(Response(204))


def read(request: Request) -> Response:
    """GET /contacts/{contact_id}/sensitive-fields/{key}: the value, or null. For agents, who are written down."""
    who, place = caller(request), _place(request)
    with _told(), acting(who) as connection:
        row = one(connection, SQL["read_sensitive_field"], place)
    value = None
    if row is not None:
        try:
            value = opening_key(row["organization_id"], row["key_version"]).open(TABLE, row["id"], bytes(row["sealed"]))
        except Unreadable as error:
            log("privacy.unreadable", level="error", error=str(error), table=TABLE, row_id=row["id"])
            raise HttpError(503, "unavailable", "the value cannot be decrypted at the moment", "Try again.") from None
    return unstored(json_response(200, {"value": value}))


def find(request: Request) -> Response:
    """POST /contacts/find: contacts with this value in a sensitive field, 100 at most. For agents."""
    who, wanted = caller(request), body_as(Lookup, request)
    with _told(), acting(who) as connection:
        field = one(connection, SQL["field_to_look_up"], {"organization_id": wanted.organization_id, "key": wanted.key})
    assert field is not None
    try:
        keys = [opening_key(wanted.organization_id, each) for each in data_key_versions(wanted.organization_id)]
    except Unreadable as error:
        log("privacy.unreadable", level="error", error=str(error), table=TABLE)
        raise HttpError(503, "unavailable", "keys cannot be unwrapped at the moment", "Try again.") from None
    values = {
        "field_id": field["field_id"],
        "blind_indexes": [indexed(key, str(field["field_id"]), wanted.value) for key in keys],
    }
    with _told(), acting(who) as connection:
        row = one(connection, SQL["find_by_sensitive_field"], values)
    assert row is not None
    return unstored(json_response(200, {"contact_ids": [str(each) for each in row["contact_ids"]]}))


def _place(request: Request) -> dict[str, object]:
    """Contact and field of the path. Raises HttpError 404."""
    try:
        contact_id = UUID(request.parameters.get("contact_id", "").removeprefix("con_"))
    except ValueError:
        raise HttpError(404, "unknown_field", "there is no such contact") from None
    return {"contact_id": contact_id, "key": request.parameters.get("key", "")}


@contextmanager
def _told() -> Iterator[None]:
    """What Postgres refuses in the caller's name, as an answer."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege:
        raise HttpError(403, "forbidden", "sensitive fields are for agents of the organization") from None
    except psycopg.ProgrammingError as error:
        if error.sqlstate != "PT404":
            raise
        raise HttpError(404, "unknown_field", str(error.diag.message_primary)) from None
