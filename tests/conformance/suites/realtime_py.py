"""supabase-py's realtime: channels and changes over its own tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra.local.settings import Settings
from tests.conformance.suite import EXPOSE, Suite, read


def _environment(settings: Settings) -> Mapping[str, str]:
    keys = settings.keys
    return {"SUPABASE_URL": settings.api_url, "SUPABASE_PUBLISHABLE_KEY": keys.anon_key}


def _sql(package: Path) -> list[str]:
    return read(package / "infra/supabase", "migrations/*.sql", "seed.sql")


SUITE = Suite(
    name="realtime-py",
    package="src/realtime",
    runner="pytest",
    settings={"auth": {"confirmations": False}},
    superuser_sql=EXPOSE,
    sql=_sql,
    environment=_environment,
    no_server=(
        "tests/test_timer.py › *",
        "tests/test_connection.py › test_init_client",
        "tests/test_connection.py › test_subscribe_to_*",
        "tests/test_presence.py › test_transform_state_*",
        "tests/test_presence.py › test_presence_*",
        "tests/test_presence.py › test_resubscribe_on_presence_callback_addition",
    ),
)
