"""Is the schema that the migrations make the one that sql/ and policies/ declare?"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
from pathlib import Path

import psycopg
from chalicelib.kit.database import queries

from infra.local.postgres import Cluster
from infra.local.settings import Settings

# Beside tables and functions: rows and settings that the schema brings with it.
SQL = queries(__file__)
REFERENCE_ROWS = ("consumers", "event_types", "routes", "buckets", "role_settings", "publication")

_NOISE = re.compile(r"^(--.*|\\(un)?restrict .*|set .*|select pg_catalog\.set_config.*)?$", re.IGNORECASE)
_LEAF = re.compile(r"partitions\.messages_\d{4}_\d{2}")


def differences(cluster: Cluster, one: Settings, other: Settings) -> list[str]:
    """Lines that only one of two databases has, `-` for the first and `+` for the second. Empty: they are the same."""
    return differing(portrait(cluster, one), portrait(cluster, other))


def differing(first: list[str], second: list[str]) -> list[str]:
    return [
        line for line in difflib.unified_diff(first, second, lineterm="", n=1) if not line.startswith(("---", "+++"))
    ]


def portrait(cluster: Cluster, settings: Settings) -> list[str]:
    """Everything about a database that pgdesk decides, one statement a line, in an order that does not depend on when
    things were made. Columns keep their place out of it, and partition leaves, which are made by time, are left out."""
    dump = subprocess.run(
        [
            str(cluster.bin / "pg_dump"), "--schema-only", "--restrict-key=drift",
            "--exclude-schema=auth", "--exclude-schema=realtime", "--exclude-schema=extensions",
            "--exclude-schema=supabase_migrations", "--exclude-table=partitions.*",
            settings.database_url("supabase_admin"),
        ],
        capture_output=True, text=True, check=True, env=_plain_environment(),
    ).stdout  # fmt: skip
    statements = [_normal(part) for part in _statements(dump)]
    return sorted(part for part in statements if part) + _rows(settings)


def _statements(dump: str) -> list[str]:
    """The dump's statements: it sets each off by a blank line and a comment line."""
    return re.split(r"\n--\n-- Name: [^\n]*\n--\n", dump)


def _normal(statement: str) -> str:
    lines = [line.rstrip() for line in statement.splitlines() if not _NOISE.match(line.strip())]
    text = "\n".join(lines)
    if _LEAF.search(text):
        return ""
    if text.startswith("CREATE TABLE"):
        head, *columns = [line.strip().rstrip(",") for line in lines]
        return " ".join([head, *sorted(columns)])
    return " ".join(text.split())


def _rows(settings: Settings) -> list[str]:
    with psycopg.connect(settings.database_url("supabase_admin")) as connection:
        return sorted(f"{name} {row}" for name in REFERENCE_ROWS for row in connection.execute(SQL[name]))


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {
        "HOME": str(Path.home()),
        "LC_ALL": "C",
    }
