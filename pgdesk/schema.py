"""The schema as it is declared (sql/ + policies/) and as it came about (supabase/migrations/)."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
MIGRATION = re.compile(r"^(?P<version>\d{14})_(?P<name>\w+)\.sql$")


def declared_files() -> list[Path]:
    """The files that declare the schema, in load order: all of sql/, then the rules over it."""
    return [*sorted((ROOT / "sql").glob("*.sql")), *sorted((ROOT / "policies").glob("*.sql"))]


def declare(url: str) -> None:
    """Build the schema in an empty database of the platform straight from sql/ and policies/."""
    with psycopg.connect(url) as connection:
        for file in declared_files():
            _run(connection, file)


def migrate(url: str) -> list[str]:
    """Apply the migrations that are missing, each in one transaction, and note them as the Supabase CLI does.

    Returns the versions that were applied.
    """
    applied = []
    with psycopg.connect(url) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext('supabase_migrations'))")
        known = {row[0] for row in connection.execute("select version from supabase_migrations.schema_migrations")}
        for file in sorted((ROOT / "supabase" / "migrations").glob("*.sql")):
            match = MIGRATION.match(file.name)
            if match is None or match["version"] in known:
                continue
            _run(connection, file)
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                [match["version"], match["name"], [file.read_text()]],
            )
            applied.append(match["version"])
    return applied


def refuse_missing(url: str) -> None:
    """Raise RuntimeError where a migration has not been applied."""
    with psycopg.connect(url) as connection:
        known = {row[0] for row in connection.execute("select version from supabase_migrations.schema_migrations")}
    files = sorted((ROOT / "supabase" / "migrations").glob("*.sql"))
    missing = [file.name for file in files if (match := MIGRATION.match(file.name)) and match["version"] not in known]
    if missing:
        raise RuntimeError(f"the project lacks {len(missing)} migrations, {missing[0]} first: `npx supabase db push`")


def make_partitions(url: str) -> None:
    """Make the partitions ahead: a desk that was off for months has none left for today."""
    with psycopg.connect(url) as connection:
        connection.execute("select private.ensure_message_partitions()")


def admit_functions(url: str, password: str) -> None:
    """Give the functions' role its password. Migrations leave it without one, so nobody can log in with a known one."""
    with psycopg.connect(url) as connection:
        statement = sql.SQL("alter role pgdesk_functions with password {}")
        connection.execute(statement.format(sql.Literal(password)))


def _run(connection: psycopg.Connection[tuple[object, ...]], file: Path) -> None:
    warnings: list[str] = []

    def listen(notice: psycopg.errors.Diagnostic) -> None:
        # A grant that grants nothing is only a warning; on the platform it would be missing.
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary or "warning")

    connection.add_notice_handler(listen)
    try:
        connection.execute(file.read_bytes())
    except psycopg.Error as error:
        raise RuntimeError(f"{file.relative_to(ROOT)}: {error}") from error
    finally:
        connection.remove_notice_handler(listen)
    if warnings:
        raise RuntimeError(f"{file.relative_to(ROOT)}: {warnings[0]}")
