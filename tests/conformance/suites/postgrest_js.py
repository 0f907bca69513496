"""postgrest-js: everything it asks of PostgREST, over its own schema and seed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conformance.suite import EXPOSE, Suite, read

# There is no PostGIS in the embedded PostgreSQL: the one column that wants it is loaded as text.
POSTGIS = re.compile(r"create extension if not exists postgis [^;]*;|(extensions\.geometry\([^)]*\))")
# One snapshot shows which settings of the planner the CLI's container changes; they are not the embedded stack's.
PLANNER = "alter database postgres set effective_cache_size to '128MB';"
# Files whose every test brings a `fetch` of its own, or asks nothing.
NO_SERVER = (
    "fetch-errors", "headers-serialization", "maybe-single", "permission-hints", "retry", "timeout-and-url-length",
    "version-and-constants",
)  # fmt: skip


def schema(package: Path) -> list[str]:
    """The suite's migrations and seed, without what only PostGIS could take."""
    texts = read(package / "test/supabase", "migrations/*.sql", "seed.sql")
    return [POSTGIS.sub(lambda found: "text" if found.group(1) else "", text) for text in texts]


SUITE = Suite(
    name="postgrest-js",
    package="packages/core/postgrest-js",
    runner="jest",
    arguments=("--testPathIgnorePatterns=test/v12/",),  # those are about PostgREST 12
    settings={"schemas": ("public", "personal")},
    superuser_sql=EXPOSE + PLANNER,
    sql=schema,
    no_server=tuple(f"test/{name}.test.ts › *" for name in NO_SERVER),
)
