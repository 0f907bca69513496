"""A database for searches: no other test's words are in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.postgres import clone_database, drop_database
from infra.local.settings import Settings
from tests.data_model.shop import Shop, new_shop
from tests.people import Connection, connect


@pytest.fixture(scope="package")
def database(schema_template: Settings) -> Iterator[tuple[Settings, Connection]]:
    settings = clone_database(schema_template, "desk_search")
    with connect(settings, "supabase_admin") as db:
        yield settings, db
    drop_database(settings)


@pytest.fixture
def shop(database: tuple[Settings, Connection]) -> Shop:
    return new_shop(*database)
