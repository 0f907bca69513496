"""One PostgreSQL for the whole run, one database per test, cloned from a template."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis

from infra.local.ports import free_ports
from infra.local.postgres import Cluster, clone_database, create_database, drop_database
from infra.local.settings import Settings
from pgdesk import schema
from tests.data_model.shop import Shop, new_shop
from tests.people import connect

FULL = os.environ.get("FULL") == "1"
# The same examples every time, so that a red run is about the change before it; FULL=1 goes looking for new ones.
hypothesis.register_profile("pgdesk", derandomize=not FULL)
hypothesis.load_profile("pgdesk")
_clones = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="long: runs with FULL=1")
    for item in items:
        if item.get_closest_marker("full") and not FULL:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running server whose data nobody will miss. PGDESK_POSTGRES chooses the major version."""
    with tempfile.TemporaryDirectory(prefix="pgdesk-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        settings = Settings(data=Path(folder), db_port=free_ports(1)[0], database="platform")
        server = Cluster(settings, version=int(os.environ.get("PGDESK_POSTGRES", "16")), throwaway=True)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def platform(cluster: Cluster) -> Settings:
    """A database that has what the platform brings and nothing of pgdesk."""
    create_database(cluster.settings)
    return cluster.settings


@pytest.fixture(scope="session")
def schema_template(platform: Settings) -> Settings:
    """A database with pgdesk's schema as it is declared; tests/schema shows that the migrations make the same."""
    settings = clone_database(platform, "schema_template")
    schema.declare(settings.database_url("postgres"))
    schema.admit_functions(settings.database_url("postgres"), settings.keys.service_password)
    return settings


@pytest.fixture
def bare(platform: Settings) -> Iterator[Settings]:
    """A fresh database of the platform."""
    yield from _clone(platform)


@pytest.fixture
def desk(schema_template: Settings) -> Iterator[Settings]:
    """A fresh database with pgdesk's schema and no rows."""
    yield from _clone(schema_template)


@pytest.fixture(scope="session")
def shared(schema_template: Settings) -> Iterator[Settings]:
    """One database for the tests that leave alone what is not their organization's. One that cannot takes `desk`."""
    settings = clone_database(schema_template, "shared")
    yield settings
    drop_database(settings)


@pytest.fixture
def shop(shared: Settings) -> Iterator[Shop]:
    """An organization of its own in the shared database."""
    with connect(shared, "supabase_admin") as db:
        yield new_shop(shared, db)


@pytest.fixture
def lone_shop(desk: Settings) -> Iterator[Shop]:
    """An organization alone in a fresh database: what a statement costs depends on all rows that there are."""
    with connect(desk, "supabase_admin") as db:
        yield new_shop(desk, db)


def _clone(template: Settings) -> Iterator[Settings]:
    settings = clone_database(template, f"test_{os.getpid()}_{next(_clones)}")
    try:
        yield settings
    finally:
        drop_database(settings)
