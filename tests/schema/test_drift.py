"""The schema that the migrations make is the one that sql/ and policies/ declare."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from infra.local.postgres import Cluster
from infra.local.settings import Settings
from pgdesk import schema
from pgdesk.drift import differing, portrait
from tests.databases import copy_of


@pytest.fixture(scope="module")
def migrated(platform: Settings) -> Iterator[Settings]:
    with copy_of(platform) as settings:
        schema.migrate(settings.database_url("postgres"))
        yield settings


@pytest.fixture(scope="module")
def declared(cluster: Cluster, schema_template: Settings) -> list[str]:
    return portrait(cluster, schema_template)


def test_migrations_make_what_is_declared(cluster: Cluster, migrated: Settings, declared: list[str]) -> None:
    assert differing(portrait(cluster, migrated), declared) == [], "run `make migration NAME=…`"


@pytest.mark.parametrize(
    "change",
    [
        "alter table public.teams add column motto text",
        "create policy surplus on public.teams for select to anon using (true)",
        "grant delete on public.tickets to anon",
        "create or replace function private.normal_email(value text) returns text language sql as 'select value'",
        "insert into private.routes (event_type, consumer) values ('contact.created', 'triage')",
        "insert into private.event_types (type, subject, audience, happens) values ('a.b', 'ticket', 'agents', '')",
        "alter table public.teams drop constraint teams_name_check",
        "drop trigger teams_touch on public.teams",
        "update storage.buckets set public = true",
    ],
)
def test_any_difference_is_seen(cluster: Cluster, schema_template: Settings, declared: list[str], change: str) -> None:
    with copy_of(schema_template) as other:
        with psycopg.connect(other.database_url("postgres")) as connection:
            connection.execute(change.encode())
        assert differing(declared, portrait(cluster, other))


def test_migrating_again_does_nothing(migrated: Settings) -> None:
    assert schema.migrate(migrated.database_url("postgres")) == []


def test_a_migration_does_no_more_than_the_platform_lets_postgres_do(platform: Settings) -> None:
    with psycopg.connect(platform.database_url("postgres")) as connection:
        row = connection.execute(
            "select rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = current_user"
        ).fetchone()
    assert row == (False, True, True)
