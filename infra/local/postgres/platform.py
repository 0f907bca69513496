"""What the platform's superuser does before the first migration, done to a database of ours."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from infra.local.settings import Settings

PLATFORM = Path(__file__).with_name("platform")
SUPERUSER = "supabase_admin"


def create_database(settings: Settings) -> None:
    """Make `settings.database` in the running cluster if it is missing, and give it the platform's objects.

    The files in platform/ run in order of name, each in one transaction, and each may be run again.
    """
    with psycopg.connect(_maintenance_url(settings), autocommit=True) as connection:
        _ensure_roles(connection, settings.keys.service_password)
        found = connection.execute("select 1 from pg_database where datname = %s", [settings.database]).fetchone()
        if found is None:
            name = sql.Identifier(settings.database)
            connection.execute(sql.SQL("create database {} template template0 owner postgres").format(name))
    with psycopg.connect(settings.database_url(SUPERUSER)) as connection:
        for file in sorted(PLATFORM.glob("[1-9]*.sql")):
            connection.execute(file.read_bytes())
            connection.commit()


def clone_database(settings: Settings, name: str) -> Settings:
    """Copy `settings.database`, which nobody may be connected to, and return the settings of the copy."""
    with psycopg.connect(_maintenance_url(settings), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner postgres strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(settings.database)
            )
        )
        # Settings per database and role live outside the database, so a copy has to be told them again.
        copied = connection.execute(
            "select r.rolname, unnest(s.setconfig) from pg_db_role_setting s "
            "join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole "
            "where d.datname = %s",
            [settings.database],
        ).fetchall()
        for role, setting in copied:
            parameter, _, value = setting.partition("=")
            whose = (
                sql.SQL("role {} in database {}").format(sql.Identifier(role), sql.Identifier(name))
                if role
                else (sql.SQL("database {}").format(sql.Identifier(name)))
            )
            # A list of names is kept as it was written, quotes included.
            given = sql.SQL(value) if parameter == "search_path" else sql.Literal(value)
            connection.execute(sql.SQL("alter {} set {} to {}").format(whose, sql.SQL(parameter), given))
    return settings.at(name)


def drop_database(settings: Settings) -> None:
    """Remove `settings.database` and cut whoever is still connected to it."""
    with psycopg.connect(_maintenance_url(settings), autocommit=True) as connection:
        slots = (
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = %s and not active"
        )
        connection.execute(slots, [settings.database])
        name = sql.Identifier(settings.database)
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))


def _ensure_roles(connection: psycopg.Connection[tuple[object, ...]], password: str) -> None:
    connection.execute((PLATFORM / "00_roles.sql").read_bytes())
    logins = ("authenticator", "supabase_auth_admin", "supabase_storage_admin", "supabase_realtime_admin")
    for role in logins:
        statement = sql.SQL("alter role {} with login password {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))


def _maintenance_url(settings: Settings) -> str:
    return settings.at("template1").database_url(SUPERUSER)
