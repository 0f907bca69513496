"""JSON bodies and query values, taken apart with errors that name the field."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from infra.local.storage.errors import invalid_parameter, malformed, too_large

MAX_BODY = 1024 * 1024  # bytes


async def read_json(request: Request) -> dict[str, Any]:
    """The body as an object; an empty one is an empty object. Raises InvalidRequest for anything else."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise too_large("body")
    if not body:
        return {}
    try:
        value = json.loads(bytes(body))
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is JSON, but no text
    except (ValueError, RecursionError):
        raise malformed("body is not valid JSON") from None
    if not isinstance(value, dict):
        raise malformed("body must be object")
    return value


def text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    """A string field; required where there is no default."""
    value = body.get(name, default)
    if value is None and name not in body:
        raise malformed(f"body must have required property '{name}'")
    if not isinstance(value, str):
        raise malformed(f"body/{name} must be string")
    return value


def flag(body: dict[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise malformed(f"body/{name} must be boolean")
    return value


def number(value: Any, name: str, default: int, least: int, most: int = 2**31 - 1) -> int:
    """A whole number, also as text, from `least` on; more than `most` is `most`."""
    if value is None:
        return default
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise malformed(f"{name} must be integer")
    if value < least:
        raise malformed(f"{name} must be >= {least}")
    return min(value, most)


def texts(body: dict[str, Any], name: str, most: int | None = None) -> list[str]:
    """A list of strings, 1 to `most` of them."""
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise malformed(f"body/{name} must be an array of strings")
    if not value:
        raise malformed(f"body/{name} must NOT have fewer than 1 items")
    if most is not None and len(value) > most:
        raise malformed(f"body/{name} must NOT have more than {most} items")
    return value


def sorting(body: dict[str, Any], columns: set[str]) -> tuple[str, bool]:
    """Column and whether it descends, from `sortBy`."""
    sort = body.get("sortBy") or {}
    if not isinstance(sort, dict):
        raise malformed("body/sortBy must be object")
    column, order = sort.get("column") or "name", sort.get("order") or "asc"
    if column not in columns or order not in {"asc", "desc"}:
        raise invalid_parameter("body/sortBy must be equal to one of the allowed values")
    return column, order == "desc"
