"""storage-js: buckets and files over its own users, buckets and policies."""

from __future__ import annotations

from tests.conformance.suite import EXPOSE, Suite, read

SUITE = Suite(
    name="storage-js",
    package="packages/core/storage-js",
    runner="jest",
    superuser_sql=EXPOSE,
    sql=lambda package: read(package / "test/supabase", "seed.sql"),
)
