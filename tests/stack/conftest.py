"""One stack for the folder: a small Chalice app, a few queues, one wake-up."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from infra.local.plan import QueueDefinition
from infra.local.ports import free_ports
from infra.local.settings import Settings
from infra.local.stack import Stack

APP = Path(__file__).with_name("app")
QUEUES = [
    QueueDefinition("work", visibility_timeout=1, max_receive_count=2, dead_letter_queue="work-dead"),
    QueueDefinition("bulk"),
    QueueDefinition("pair"),
    QueueDefinition("order.fifo", visibility_timeout=1),
]


@pytest.fixture(scope="session")
def new_settings() -> Iterator[Callable[[], Settings]]:
    """Makes the settings of a stack on free ports over an empty folder."""
    folders: list[tempfile.TemporaryDirectory[str]] = []

    def make() -> Settings:
        folder = tempfile.TemporaryDirectory(prefix="pgdesk-stack-", ignore_cleanup_errors=True)
        folders.append(folder)
        Path(folder.name).chmod(0o755)
        api, database, mail, queue, functions = free_ports(5)
        return Settings(
            data=Path(folder.name) / "data", api_port=api, db_port=database, mail_port=mail, queue_port=queue,
            functions_port=functions,
        )  # fmt: skip

    yield make
    for folder in folders:
        folder.cleanup()


@pytest.fixture(scope="session")
def new_stack(new_settings: Callable[[], Settings]) -> Callable[..., Stack]:
    """Makes a stack, not started, whose app writes to its data folder."""

    def make(settings: Settings | None = None) -> Stack:
        settings = settings or new_settings()
        environment = {"SEEN": str(settings.data), "PROBE": "from the environment"}
        return Stack(settings, APP, environment, QUEUES, {"probe": "woken"})

    return make


@pytest.fixture(scope="session")
def stack(new_stack: Callable[..., Stack]) -> Iterator[Stack]:
    with new_stack() as running:
        yield running


@pytest.fixture
def functions(stack: Stack) -> Iterator[httpx.Client]:
    """An HTTP client of the functions, through the gateway."""
    with httpx.Client(base_url=f"{stack.settings.api_url}/functions", timeout=10) as client:
        yield client


@pytest.fixture
def seen(stack: Stack) -> Callable[..., list[dict[str, Any]]]:
    """What the app has noted so far, of one kind, with a body or payload."""

    def read(kind: str, **wanted: Any) -> list[dict[str, Any]]:
        path = stack.settings.data / "seen.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line["kind"] == kind and wanted.items() <= line.items()]

    return read


@pytest.fixture
def sqs(stack: Stack) -> Iterator[Any]:
    yield from _client("sqs", stack.plan.queue_url)


@pytest.fixture
def awslambda(stack: Stack) -> Iterator[Any]:
    yield from _client("lambda", stack.plan.functions_url)


def _client(service: str, url: str) -> Iterator[Any]:
    client = boto3.client(
        service, endpoint_url=url, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    yield client
    client.close()
