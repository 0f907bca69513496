"""supabase-py's own package: clients over a project's URL and key."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.settings import Settings
from tests.conformance.suite import Suite


def _environment(settings: Settings) -> Mapping[str, str]:
    return {"SUPABASE_TEST_URL": settings.api_url, "SUPABASE_TEST_KEY": settings.keys.anon_key}


SUITE = Suite(
    name="supabase-py",
    package="src/supabase",
    runner="pytest",
    environment=_environment,
)
