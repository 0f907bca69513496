"""A PostgreSQL that lives as long as a check needs it, with the schema as it is declared or as it was migrated."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.ports import free_ports
from infra.local.postgres import Cluster, clone_database, create_database
from infra.local.settings import Settings
from pgdesk import schema


@contextmanager
def scratch_cluster(version: int = 16) -> Iterator[Settings]:
    """A throwaway server; yields the settings of a database that has what the platform brings, and nothing else."""
    with tempfile.TemporaryDirectory(prefix="pgdesk-check-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        settings = Settings(data=Path(folder), db_port=free_ports(1)[0], database="platform")
        server = Cluster(settings, version, throwaway=True)
        server.start()
        try:
            create_database(settings)
            yield settings
        finally:
            server.stop()


def declared(platform: Settings) -> Settings:
    """A database built from sql/ and policies/."""
    settings = clone_database(platform, "declared")
    schema.declare(settings.database_url("postgres"))
    return settings


def migrated(platform: Settings) -> Settings:
    """A database built from supabase/migrations/."""
    settings = clone_database(platform, "migrated")
    schema.migrate(settings.database_url("postgres"))
    return settings
