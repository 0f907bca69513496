"""The table of permissions as a page shows it: by area, what each role may besides those before it."""

from __future__ import annotations

from collections import defaultdict

import psycopg
from psycopg.rows import dict_row

ROLES = (None, "viewer", "agent", "manager", "admin", "owner")


def table(url: str) -> str:
    """Markdown, from a database that has the schema as it is declared."""
    areas: dict[str, dict[str | None, list[str]]] = defaultdict(lambda: defaultdict(list))
    with psycopg.connect(url, row_factory=dict_row) as connection:
        for row in connection.execute("select permission, least_role from private.permissions order by permission"):
            area, _, verb = row["permission"].partition(".")
            areas[area][row["least_role"]].append(verb)
    lines = [
        "| area | everybody, their own | viewer | agent | manager | admin | owner |",
        "|---|---|---|---|---|---|---|",
    ]
    for area, may in areas.items():
        cells = " | ".join(", ".join(may[role]) for role in ROLES)
        lines.append(f"| `{area}` | {cells} |")
    return "\n".join(lines)
