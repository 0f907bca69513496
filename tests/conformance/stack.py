"""A fresh embedded stack as one suite wants it: PostgreSQL and the gateway, none of pgdesk's tables."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from infra.local.plan import VARIABLE, Plan
from infra.local.postgres import Cluster, create_database
from infra.local.process import Child
from infra.local.settings import Settings
from tests.conformance.network import refuse_taken
from tests.conformance.suite import ConformanceError, Suite, make_keys

START_SECONDS = 60


@contextmanager
def running(suite: Suite, package: Path, version: int = 16) -> Iterator[Settings]:
    """The stack at the CLI's ports, with the suite's schema, until the block ends. Its data goes with it."""
    with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as folder, ExitStack() as open_:
        Path(folder).chmod(0o755)
        keys = make_keys(suite.keys(package))
        settings = Settings(data=Path(folder) / "data", keys=keys, **suite.settings)
        settings.data.mkdir(mode=0o755)
        refuse_taken([settings.api_port, settings.db_port, settings.mail_port, *(each.port for each in suite.servers)])
        cluster = Cluster(settings, version, throwaway=True)
        cluster.start()
        open_.callback(cluster.stop)
        create_database(settings)
        run_sql(settings, "supabase_admin", [suite.superuser_sql])
        run_sql(settings, "postgres", suite.sql(package))
        _start(open_, settings, "gateway", "infra.local.gateway", settings.api_port)
        for server in suite.servers:
            changed = replace(settings, keys=replace(keys, **server.keys), **server.settings)
            name = f"{server.service}-{server.port}"
            _start(open_, changed, name, "tests.conformance.serve", server.port, server.service, str(server.port))
        yield settings


def run_sql(settings: Settings, role: str, texts: list[str]) -> None:
    """Run each text in one transaction. Raises ConformanceError with the database's message."""
    with psycopg.connect(settings.database_url(role)) as connection:
        for text in filter(None, texts):
            try:
                connection.execute(text.encode())
            except psycopg.Error as error:
                raise ConformanceError(f"the suite's own SQL fails here: {str(error).splitlines()[0]}") from None
            connection.commit()


def _start(open_: ExitStack, settings: Settings, name: str, module: str, port: int, *arguments: str) -> None:
    plan = settings.data / f"{name}.json"
    Plan(settings, settings.data).write(plan)
    child = Child(name, module, settings.data / f"{name}.log", {VARIABLE: str(plan)}, arguments)
    child.start()
    open_.callback(child.close)
    deadline = time.monotonic() + START_SECONDS
    while not _listens(settings.host, port):
        if child.ended() is not None or time.monotonic() > deadline:
            raise ConformanceError(f"the {name} did not start: {child.last_words()}")
        time.sleep(0.05)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
