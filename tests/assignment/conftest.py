"""One database for all tests of routing and assignment, one organization for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.postgres import clone_database, drop_database
from infra.local.settings import Settings
from tests.data_model.shop import Shop, new_shop
from tests.people import connect


@pytest.fixture(scope="package")
def shared(schema_template: Settings) -> Iterator[Settings]:
    settings = clone_database(schema_template, "assignment")
    yield settings
    drop_database(settings)


@pytest.fixture
def shop(shared: Settings) -> Iterator[Shop]:
    with connect(shared, "supabase_admin") as db:
        yield new_shop(shared, db)
