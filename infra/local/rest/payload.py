"""The body of a request: which columns or arguments it names, and the text that the database will read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from infra.local.rest.errors import ApiError, invalid_body


@dataclass(frozen=True)
class Payload:
    """`text` is JSON unless `raw` (a body for a function's only, unnamed parameter) is given.

    `arguments` are the pairs of a form. `keys` are the names of the columns or arguments.
    """

    text: str
    keys: tuple[str, ...]
    is_object: bool = False
    arguments: tuple[tuple[str, str], ...] | None = None
    raw: bytes | None = None


RAW_TYPES = frozenset({"text/plain", "text/xml", "application/octet-stream"})


def read(body: bytes, content_type: str, columns: tuple[str, ...] | None, *, call: bool) -> Payload:
    """Read `body`. `columns` is the parameter of that name, which spares looking at a JSON body's keys.

    Raises ApiError PGRST102 for what is no JSON, has uneven keys, or has a type that is not read here.
    """
    if content_type == "application/json":
        return _json(body, columns, call=call)
    if content_type == "text/csv":
        return _csv(body)
    if content_type == "application/x-www-form-urlencoded":
        pairs = parse_qsl(_text(body), keep_blank_values=True)
        keys = tuple(dict.fromkeys(name for name, _ in pairs))
        if call:
            return Payload("", keys, arguments=tuple(pairs))
        return Payload(json.dumps(dict(pairs)), keys, is_object=True)
    if call and content_type in RAW_TYPES:
        return Payload("", (), raw=body)
    raise invalid_body(f"Content-Type not acceptable: {content_type}")


def _json(body: bytes, columns: tuple[str, ...] | None, *, call: bool) -> Payload:
    if call and not body:
        body = b"{}"
    text = _text(body)
    if columns is not None:
        # Taken as it is: the database tells what is wrong with it.
        return Payload(text, tuple(dict.fromkeys(columns)), is_object=text.lstrip(" \t\r\n").startswith("{"))
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise invalid_body("Empty or invalid json") from None
    if isinstance(value, dict):
        return Payload(text, tuple(value), is_object=True)
    if not isinstance(value, list) or not value:
        return Payload("[]", ())
    keys = _common_keys(value)
    return Payload(text, keys)


def _common_keys(rows: list[Any]) -> tuple[str, ...]:
    first = rows[0]
    if not isinstance(first, dict) or any(not isinstance(row, dict) or row.keys() != first.keys() for row in rows):
        raise invalid_body("All object keys must match")
    return tuple(first)


def _csv(body: bytes) -> Payload:
    try:
        rows = list(csv.reader(io.StringIO(_text(body)), strict=True))
    except csv.Error as error:
        raise invalid_body(str(error)) from None
    rows = [row for row in rows if row]
    if not rows:
        raise invalid_body("not enough input")
    header, *lines = rows
    # A line's fields beyond the header are dropped, and those that it lacks are left out, as long as all lines do.
    objects = [
        {name: None if value == "NULL" else value for name, value in zip(header, line, strict=False)} for line in lines
    ]
    keys = tuple(objects[0]) if objects else ()
    if any(len(each) != len(keys) for each in objects):
        raise invalid_body("All lines must have same number of fields")
    return Payload(json.dumps(objects), keys)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ApiError(400, "PGRST102", "Empty or invalid json") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
