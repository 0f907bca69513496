"""A Chalice app, loaded from its folder as Lambda loads it, with the settings its configuration gives each function."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.app import (
    CloudWatchEventConfig,
    DynamoDBEventConfig,
    KinesisEventConfig,
    S3EventConfig,
    ScheduledEventConfig,
    SNSEventConfig,
    SQSEventConfig,
)

API_HANDLER = "api_handler"  # the function that Chalice makes of all routes
STAGE = "dev"
# Chalice's own defaults.
TIMEOUT_SECONDS = 60
MEMORY_MB = 128
NOT_PLAYED = (S3EventConfig, SNSEventConfig, KinesisEventConfig, DynamoDBEventConfig, CloudWatchEventConfig)

Handler = Callable[[Any, Any], Any]
log = logging.getLogger("infra.local.runner")


class AppError(Exception):
    """The app cannot be loaded; the message is one line."""


@dataclass(frozen=True)
class FunctionSettings:
    """What `.chalice/config.json` says of one function. `reserved` limits its containers; None: it does not say."""

    timeout: float = TIMEOUT_SECONDS
    memory: int = MEMORY_MB
    reserved: int | None = None


@dataclass(frozen=True)
class Application:
    """The Chalice object and its parts. `handlers` maps a function's name to what Lambda would call."""

    chalice: Any
    configuration: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.chalice.app_name)

    @property
    def handlers(self) -> dict[str, Handler]:
        routes: dict[str, Handler] = {API_HANDLER: self.chalice} if self.chalice.routes else {}
        functions = {source.name for source in self.chalice.event_sources}
        functions |= {function.name for function in self.chalice.pure_lambda_functions}
        return routes | {name: self.chalice.handler_map[name] for name in sorted(functions)}

    @property
    def sqs(self) -> list[SQSEventConfig]:
        return [source for source in self.chalice.event_sources if isinstance(source, SQSEventConfig)]

    @property
    def schedules(self) -> dict[str, str]:
        """The schedule expression of each scheduled function, in AWS' words."""
        found = (source for source in self.chalice.event_sources if isinstance(source, ScheduledEventConfig))
        return {source.name: _expression(source.schedule_expression) for source in found}

    def settings_of(self, function: str) -> FunctionSettings:
        """The function's own settings over its stage's over the whole app's."""
        stage = self.configuration.get("stages", {}).get(STAGE, {})
        merged = {**self.configuration, **stage, **stage.get("lambda_functions", {}).get(function, {})}
        return FunctionSettings(
            timeout=float(merged.get("lambda_timeout", TIMEOUT_SECONDS)),
            memory=int(merged.get("lambda_memory_size", MEMORY_MB)),
            reserved=merged.get("reserved_concurrency"),
        )


def load(folder: Path) -> Application:
    """Import `app.py` of `folder` with what lies beside it importable, as in the deployment package."""
    folder = folder.resolve()
    if not (folder / "app.py").is_file():
        raise AppError(f"{folder} holds no app.py: it is not a Chalice app")
    configuration = _configuration(folder)
    stage = configuration.get("stages", {}).get(STAGE, {})
    for name, value in {
        **configuration.get("environment_variables", {}),
        **stage.get("environment_variables", {}),
    }.items():
        os.environ.setdefault(name, str(value))
    os.chdir(folder)
    sys.path[:0] = [str(folder), str(folder / "vendor")]
    chalice = getattr(importlib.import_module("app"), "app", None)
    if chalice is None or not hasattr(chalice, "handler_map"):
        raise AppError(f"{folder / 'app.py'} has no Chalice object called `app`")
    for path, methods in chalice.routes.items():
        if any(entry.authorizer for entry in methods.values()):
            raise AppError(f"the route {path} has an authorizer, which is not played here: it would be open to anyone")
    for source in chalice.event_sources:
        if isinstance(source, NOT_PLAYED):
            log.warning("%s is invoked by %s, which is not played here", source.name, type(source).__name__)
    _give_each_thread_its_request(chalice)
    return Application(chalice, configuration)


def queue_name(source: SQSEventConfig) -> str:
    """The queue of an event source, which names it plainly or by its ARN."""
    return str(source.queue or source.queue_arn).rsplit(":", 1)[-1]


def _configuration(folder: Path) -> dict[str, Any]:
    path = folder / ".chalice" / "config.json"
    try:
        return dict(json.loads(path.read_text())) if path.exists() else {}
    except ValueError as error:
        raise AppError(f"{path} is not JSON: {error}") from None


def _expression(schedule: Any) -> str:
    return schedule if isinstance(schedule, str) else str(schedule.to_string())


class _PerThread:
    """An attribute with one value per thread."""

    def __init__(self) -> None:
        self._values = threading.local()

    def __get__(self, instance: Any, owner: type) -> Any:
        return getattr(self._values, "value", None)

    def __set__(self, instance: Any, value: Any) -> None:
        self._values.value = value


def _give_each_thread_its_request(chalice: Any) -> None:
    # A Lambda container answers one request at a time, so Chalice keeps it on the app; here threads share the app.
    kind = type(chalice)
    chalice.__class__ = type(kind.__name__, (kind,), {"current_request": _PerThread(), "lambda_context": _PerThread()})
