"""The functions of the database that clients may call, as a table."""

from __future__ import annotations

import re

import psycopg
from chalicelib.kit.database import queries

SQL = queries(__file__)


def table(url: str) -> str:
    """Name, arguments, answer and callers of each in Markdown, read from the catalog."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(SQL["rpcs"]).fetchall()
    lines = ["| function | arguments | gives | for |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {_code(arguments)} | {_code(_result(result))} | {callers[0]} |"
        for name, arguments, result, callers in rows
    ]
    return "\n".join(lines)


def _code(text: str) -> str:
    short = re.sub(r" DEFAULT ([^,]*?)(::[a-z \[\]]+)?(?=,|$)", r" = \1", text.replace("public.", ""))
    return ", ".join(f"`{part}`" for part in short.split(", ")) if short else ""


def _result(text: str) -> str:
    """Of a table its columns' names are enough."""
    columns = re.fullmatch(r"TABLE\((.*)\)", text)
    if columns is None:
        return "nothing" if text == "void" else text
    return ", ".join(part.split()[0] for part in columns[1].split(", "))
