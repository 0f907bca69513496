"""A desk that can answer: knowledge base indexed, functions configured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chalicelib.knowledge import consumer as knowledge

from infra.local.settings import Settings
from tests.replies.world import POINTS, RETURNS, TENTS, World, functions_environment, open_world


@pytest.fixture
def empty(database_of_file: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An organization without articles."""
    with functions_environment(database_of_file, monkeypatch), open_world(database_of_file) as world:
        yield world


@pytest.fixture
def world(empty: World) -> World:
    """An organization with three articles that search finds."""
    empty.article("return-an-item", "Return an item", RETURNS)
    empty.article("wash-a-tent", "Wash and dry a tent", TENTS)
    empty.article("pick-up-points", "Pick-up points", POINTS)
    assert empty.run_all(knowledge.handle, "index_article") == ["done"] * 3
    return empty
