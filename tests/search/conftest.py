"""A database for searches: no other test's words are in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Shop, new_shop
from tests.databases import copy_of
from tests.people import Connection, connect


@pytest.fixture(scope="package")
def database(schema_template: Settings) -> Iterator[tuple[Settings, Connection]]:
    with copy_of(schema_template) as settings, connect(settings, "supabase_admin") as db:
        yield settings, db


@pytest.fixture
def shop(database: tuple[Settings, Connection]) -> Shop:
    return new_shop(*database)
