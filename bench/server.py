"""A PostgreSQL of the platform's kind for the time of a measurement."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.local.ports import free_ports
from infra.local.postgres import Cluster, create_database
from infra.local.settings import Settings

PORTS = ("api_port", "db_port", "mail_port", "queue_port", "functions_port")


@contextmanager
def data_folder() -> Iterator[Settings]:
    """Settings over a folder that is removed in the end, with ports that nobody has."""
    with tempfile.TemporaryDirectory(prefix="pgdesk-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        ports: dict[str, Any] = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        yield replace(Settings(data=Path(folder)), **ports)


@contextmanager
def throwaway_server(*, durable: bool = True) -> Iterator[Settings]:
    """A running server with one database that has what the platform brings.

    `durable`: configured as the desk's own; otherwise without fsync and autovacuum, for what is only loaded and read.
    """
    with data_folder() as settings:
        platform = settings.at("platform")
        server = Cluster(platform, throwaway=not durable)
        server.start()
        try:
            create_database(platform)
            yield platform
        finally:
            server.stop()
