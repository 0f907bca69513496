"""Values of sensitive custom fields: set, opened and looked up by members, through routes, for clients cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID, uuid4

import psycopg
from pydantic import BaseModel, ValidationError

from chalicelib.kit.caller import acting, caller
from chalicelib.kit.database import one, queries
from chalicelib.kit.http import HttpError, Request, Response, json_response
from chalicelib.kit.logging import log
from chalicelib.kit.secrets import DataKey, Unreadable, data_key_versions, opening_key, sealing_key
from chalicelib.privacy.documented import Lookup, SensitiveValue

SQL = queries(__file__)
TABLE = "public.sensitive_fields"
NO_STORE = {"cache-control": "no-store"}
Model = TypeVar("Model", bound=BaseModel)


def indexed(key: DataKey, field: str, value: str) -> bytes:
    """The blind index of a field's value, as people compare such values: without regard to spaces, dashes and case."""
    return key.index(TABLE, field, "".join(each for each in value.casefold() if each.isalnum()))


def write(request: Request) -> Response:
    """POST /contacts/{contact_id}/sensitive-fields/{key}: keep a value, or with null none. For agents.

    Answers 204. 404 `unknown_field` where the contact is not the caller's or the field is not sensitive.
    """
    who, place = caller(request), _place(request)
    value = _body(SensitiveValue, request).value
    with _told(), acting(who) as connection:
        field = one(connection, SQL["sensitive_field"], place)
        if value is None:
            connection.execute(SQL["forget_sensitive_field"], place)
            return Response(204, b"", NO_STORE)
    assert field is not None
    key, value_id = _sealing(field["organization_id"]), uuid4()
    values = place | {
        "value_id": value_id,
        "sealed": key.seal(TABLE, value_id, value),
        "key_version": key.version,
        "blind_index": indexed(key, str(field["field_id"]), value),
    }
    with _told(), acting(who) as connection:
        connection.execute(SQL["keep_sensitive_field"], values)
    return Response(204, b"", NO_STORE)


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
    return _unstored(json_response(200, {"value": value}))


def find(request: Request) -> Response:
    """POST /contacts/find: contacts with this value in a sensitive field, 100 at most. For agents."""
    who, wanted = caller(request), _body(Lookup, request)
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
    return _unstored(json_response(200, {"contact_ids": [str(each) for each in row["contact_ids"]]}))


def _place(request: Request) -> dict[str, object]:
    """Contact and field of the path. Raises HttpError 404."""
    try:
        contact_id = UUID(request.parameters.get("contact_id", "").removeprefix("con_"))
    except ValueError:
        raise HttpError(404, "unknown_field", "there is no such contact") from None
    return {"contact_id": contact_id, "key": request.parameters.get("key", "")}


def _body(model: type[Model], request: Request) -> Model:
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise HttpError(400, "bad_request", f"{place}: {first['msg']}") from None


def _sealing(organization_id: UUID) -> DataKey:
    try:
        return sealing_key(organization_id)
    except Unreadable as error:
        log("privacy.unable", level="error", error=str(error))
        raise HttpError(503, "unavailable", "values cannot be encrypted at the moment", "Try again.") from None


def _unstored(answer: Response) -> Response:
    return Response(answer.status, answer.body, {**answer.headers, **NO_STORE})


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
