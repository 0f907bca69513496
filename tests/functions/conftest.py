"""The functions' own environment over a test's database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from chalicelib.kit import database
from chalicelib.kit.settings import settings as functions_settings

from infra.local.settings import Settings
from tests.people import Connection, connect, new_organization

Logged = Callable[[], list[dict[str, Any]]]


def forget() -> None:
    """As a container that has just started: no settings read, no connection open."""
    database.close()
    functions_settings.cache_clear()


@pytest.fixture
def functions(database_of_file: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The environment says where the test's database is. It has no rows but those that the schema brings."""
    url = database_of_file.database_url("pgdesk_functions")
    monkeypatch.setenv("PGDESK_DATABASE_URL", url)
    forget()
    yield database_of_file
    forget()
    with connect(database_of_file, "postgres") as connection:
        connection.execute("delete from public.organizations")
        connection.execute("delete from private.jobs")


@pytest.fixture
def owner(functions: Settings) -> Iterator[Connection]:
    """A session that sees everything."""
    with connect(functions, "postgres") as connection:
        yield connection


@pytest.fixture
def acme(owner: Connection) -> UUID:
    return new_organization(owner, "acme")


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    """What was logged since it was last asked for; every line must be JSON."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(scope="session")
def app_module() -> ModuleType:
    """functions/app.py, loaded without a database behind it."""
    import importlib

    before = os.environ.get("PGDESK_DATABASE_URL")
    os.environ["PGDESK_DATABASE_URL"] = before or "postgresql://nobody@127.0.0.1:1/none"
    try:
        return importlib.import_module("app")
    finally:
        if before is None:
            del os.environ["PGDESK_DATABASE_URL"]
        functions_settings.cache_clear()
