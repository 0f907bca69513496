"""postgrest-js: everything it asks of PostgREST, over its own schema and seed."""

from __future__ import annotations

from tests.conformance.suite import EXPOSE, Suite, read

SUITE = Suite(
    name="postgrest-js",
    package="packages/core/postgrest-js",
    runner="jest",
    arguments=("--testPathIgnorePatterns=test/v12/",),  # those are about PostgREST 12
    settings={"schemas": ("public", "personal")},
    superuser_sql=EXPOSE,
    sql=lambda package: read(package / "test/supabase", "migrations/*.sql", "seed.sql"),
)
