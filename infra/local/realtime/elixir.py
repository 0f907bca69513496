"""Values as the platform's Realtime shows them in its error messages, which clients pass on to people."""

from __future__ import annotations

import json


def inspect(value: object) -> str:
    """A JSON value in Elixir's notation. A tuple stays one."""
    match value:
        case None:
            return "nil"
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case tuple():
            return "{" + ", ".join(map(inspect, value)) + "}"
        case list():
            return "[" + ", ".join(map(inspect, value)) + "]"
        case dict():
            return "%{" + ", ".join(f"{inspect(key)} => {inspect(value[key])}" for key in sorted(value)) + "}"
    return str(value)


def condition(name: str) -> str:
    """PostgreSQL's name of an error condition from the name of psycopg's class: RaiseException → raise_exception."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
