"""supabase-js: the integration tests, which go through every service, as the CLI's project would serve them."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.suite import EXPOSE, Suite, read


def _sql(package: Path) -> list[str]:
    """Its migrations, then what its setup script does: no seeded rows, one bucket."""
    bucket = "insert into storage.buckets (id, name, public) values ('test-bucket', 'test-bucket', false)"
    return [*read(package / "supabase", "migrations/*.sql"), f"{bucket} on conflict do nothing"]


SUITE = Suite(
    name="supabase-js",
    package="packages/core/supabase-js",
    runner="jest",
    arguments=("test/integration.test.ts",),
    settings={"auth": {"confirmations": False, "anonymous_enabled": True, "max_frequency": 0.0}},
    superuser_sql=EXPOSE,
    sql=_sql,
)
