"""Drafts of migrations. The first one is the schema as it stands; each later one is what the Supabase CLI finds that
sql/ and policies/ declare beyond the migrations there are. A draft is read by a person before it is kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from pgdesk import supabase_cli
from pgdesk.schema import ROOT, declared_files
from pgdesk.scratch import declared, migrated, scratch_cluster

MIGRATIONS = ROOT / "supabase" / "migrations"
SYMBOLS = ("│", "▲", "●", "◇", "◆", "┌", "└", "■")
HEADER = "-- Drafted by `make migration`: the CLI's difference between supabase/migrations/ and sql/ + policies/.\n\n"


def draft(name: str) -> Path | None:
    """Write the next migration and return its path; None where nothing has changed. A bad name raises ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{2,60}", name):
        raise ValueError(f"a migration is named like_this, not {name!r}")
    statements = difference() if any(MIGRATIONS.glob("*.sql")) else first()
    if not statements.strip():
        return None
    MIGRATIONS.mkdir(parents=True, exist_ok=True)
    path = MIGRATIONS / f"{datetime.now(UTC):%Y%m%d%H%M%S}_{name}.sql"
    path.write_text(statements, encoding="utf-8")
    return path


def first() -> str:
    """All of sql/ and policies/, in load order."""
    parts = [
        f"-- {file.relative_to(ROOT)}\n\n{file.read_text(encoding='utf-8').strip()}\n" for file in declared_files()
    ]
    return "\n\n".join(parts)


def difference() -> str:
    """What the real CLI would do to a migrated database to make it the declared one. Empty: nothing."""
    with scratch_cluster() as platform:
        have, want = migrated(platform), declared(platform)
        return diff(have.database_url("postgres"), want.database_url("postgres"))


def diff(have: str, want: str) -> str:
    """Statements that turn the database at `have` into the one at `want`. Raises where npm is not there to run it."""
    if not supabase_cli.available():
        raise RuntimeError("drafting a migration runs the Supabase CLI: install Node first")
    for url in (have, want):
        with psycopg.connect(url) as connection:  # both have the same leaves, whatever month they were made in
            connection.execute("select private.ensure_message_partitions()")
    said = supabase_cli.run("db", "diff", "--use-pg-delta", "--from", have, "--to", want)
    # The CLI talks beside its answer, on lines that begin with a symbol.
    found = "\n".join(line for line in said.splitlines() if not line.startswith(SYMBOLS))
    return HEADER + found if found.strip() else ""
