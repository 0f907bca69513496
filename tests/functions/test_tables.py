"""Names that stand in several places are the same in all of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from infra.local.settings import Settings
from pgdesk import up
from tests.people import Connection

ROOT = Path(__file__).resolve().parents[2]


def stage() -> dict[str, dict[str, Any]]:
    """What functions/.chalice/config.json says of each function."""
    config = json.loads((ROOT / "functions" / ".chalice" / "config.json").read_text())
    functions: dict[str, dict[str, Any]] = config["stages"]["dev"]["lambda_functions"]
    return functions


def test_every_consumer_of_the_database_has_its_function_and_no_other(
    app_module: ModuleType, owner: Connection
) -> None:
    rows = {row["name"] for row in owner.execute("select name from private.consumers")}
    assert {consumer.name for consumer in app_module.CONSUMERS} == rows


def test_a_job_is_not_given_away_while_its_function_may_still_run(app_module: ModuleType, owner: Connection) -> None:
    leases = {
        row["name"]: row["seconds"]
        for row in owner.execute("select name, extract(epoch from lease)::integer as seconds from private.consumers")
    }
    for consumer in app_module.CONSUMERS:
        # Jobs of one batch run one after the other: the last one's run begins late, and its own lease with it.
        assert leases[consumer.name] >= consumer.timeout, consumer.name


def test_every_function_has_the_time_that_its_consumer_is_promised(app_module: ModuleType) -> None:
    timeouts = {name: values["lambda_timeout"] for name, values in stage().items() if name.startswith("on_")}
    assert timeouts == {f"on_{consumer.name}": consumer.timeout for consumer in app_module.CONSUMERS}


def test_the_api_is_done_before_api_gateway_gives_up(app_module: ModuleType) -> None:
    assert stage()["api_handler"]["lambda_timeout"] <= 29


def test_settings_of_functions_name_functions_that_there_are(app_module: ModuleType) -> None:
    assert set(stage()) - {"api_handler"} <= set(app_module.app.handler_map)


def test_a_wake_up_stays_hidden_six_times_as_long_as_its_function_may_take(
    app_module: ModuleType, desk: Settings
) -> None:
    queues = {queue.name: queue for queue in up.queues()}
    for consumer in app_module.CONSUMERS:
        queue = queues[f"pgdesk-{consumer.name}"]
        assert queue.visibility_timeout >= 6 * consumer.timeout
        assert queue.max_receive_count
        assert queue.dead_letter_queue == f"pgdesk-{consumer.name}-dead"


def test_every_route_of_the_api_is_told_apart(app_module: ModuleType) -> None:
    routes = [(route.method, route.path) for route in app_module.ROUTES]
    assert len(set(routes)) == len(routes)
    assert {app_module.PREFIX + path for _, path in routes} == set(app_module.app.routes)


@pytest.mark.parametrize("table", ["CONSUMERS", "ROUTES"])
def test_the_tables_are_data(app_module: ModuleType, table: str) -> None:
    assert isinstance(getattr(app_module, table), tuple)
