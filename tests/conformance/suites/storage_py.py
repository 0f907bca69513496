"""supabase-py's storage: buckets and files under its own policies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra.local.settings import Settings
from tests.conformance.suite import EXPOSE, Suite, read


def _environment(settings: Settings) -> Mapping[str, str]:
    return {"SUPABASE_TEST_URL": f"{settings.api_url}/storage/v1/", "SUPABASE_TEST_KEY": settings.keys.anon_key}


def _sql(package: Path) -> list[str]:
    return read(package / "infra/supabase", "migrations/*.sql", "seed.sql")


SUITE = Suite(
    name="storage-py",
    package="src/storage",
    runner="pytest",
    superuser_sql=EXPOSE,
    sql=_sql,
    environment=_environment,
    no_server=(
        "tests/_*/test_bucket.py › *",
        "tests/test_client.py › *",
        "tests/test_exceptions.py › *",
        "tests/test_utils.py › *",
    ),
)
