"""One PostgreSQL for the whole run, one database per test, cloned from a template."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis

from infra.local.ports import free_ports
from infra.local.postgres import Cluster, create_database
from infra.local.settings import Settings
from pgdesk import schema
from tests.data_model.shop import Shop, new_shop
from tests.databases import copy_of, empty
from tests.people import Connection, connect

FULL = os.environ.get("FULL") == "1"
# The same examples every time, so that a red run is about the change before it; FULL=1 goes looking for new ones.
hypothesis.register_profile("pgdesk", derandomize=not FULL)
hypothesis.load_profile("pgdesk")

# What a run writes is thrown away at its end: it stays in memory where there is room, and no disk is waited for.
# TMPDIR says otherwise; a container's /dev/shm is often too small.
MEMORY = Path("/dev/shm")
ROOM = 4 << 30
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # pytest has asked already

# What a test may have set in the session that it shares with others.
AS_NEW = "reset session authorization; reset all; unlisten *; discard temp; discard sequences; close all"
# Files that one worker is busy with for long: they come first, so that none of them is what all wait for at the end.
LONG = (
    "faults/test_replay.py", "events/test_events_fuzz.py", "desk/test_desk.py", "data_model/test_plans.py",
    "schema/test_drift.py", "docs/test_commands.py", "chat/test_streaming.py", "package/test_handlers.py",
    "jobs/test_two_sessions.py", "files/test_files.py", "replies/test_model.py", "stack/test_start.py",
    "stack/test_kill.py", "privacy/test_requests.py", "isolation/test_isolation.py", "views/test_condition_sql.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {Path(__file__).parent / file: place for place, file in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path, len(LONG)))
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
def schema_template(platform: Settings) -> Iterator[Settings]:
    """A database with pgdesk's schema as it is declared; tests/schema shows that the migrations make the same."""
    with copy_of(platform) as settings:
        schema.declare(settings.database_url("postgres"))
        schema.admit_functions(settings.database_url("postgres"), settings.keys.service_password)
        yield settings


@pytest.fixture
def bare(platform: Settings) -> Iterator[Settings]:
    """A fresh database of the platform."""
    with copy_of(platform) as settings:
        yield settings


@pytest.fixture
def desk(schema_template: Settings) -> Iterator[Settings]:
    """A fresh database with pgdesk's schema and no rows."""
    with copy_of(schema_template) as settings:
        yield settings


@pytest.fixture(scope="session")
def shared(schema_template: Settings) -> Iterator[Settings]:
    """One database for the tests that leave alone what is not their organization's. One that cannot takes `desk`."""
    with copy_of(schema_template) as settings:
        yield settings


@pytest.fixture(scope="module")
def database_of_file(schema_template: Settings) -> Iterator[Settings]:
    """One database for the tests of a file, which agree among themselves on what they leave."""
    with copy_of(schema_template) as settings:
        yield settings


@pytest.fixture(scope="session")
def swept_database(schema_template: Settings) -> Iterator[Settings]:
    """One database that is emptied after each test that uses it: see `swept`."""
    with copy_of(schema_template) as settings:
        yield settings


@pytest.fixture
def swept(swept_database: Settings) -> Iterator[Settings]:
    """A database without rows, for tests that leave its schema alone."""
    yield swept_database
    with connect(swept_database, "supabase_admin") as admin:
        empty(admin)


@pytest.fixture(scope="session")
def shared_session(shared: Settings) -> Iterator[Connection]:
    """A session costs more than many a test: it reads the catalogue and compiles each function that it calls."""
    with connect(shared, "supabase_admin") as db:
        yield db


@pytest.fixture
def shop(shared: Settings, shared_session: Connection) -> Shop:
    """An organization of its own in the shared database, in a session as new."""
    shared_session.execute(AS_NEW)
    return new_shop(shared, shared_session)


@pytest.fixture
def lone_shop(desk: Settings) -> Iterator[Shop]:
    """An organization alone in a fresh database: what a statement costs depends on all rows that there are."""
    with connect(desk, "supabase_admin") as db:
        yield new_shop(desk, db)
