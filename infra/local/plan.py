"""What one stack consists of, written down so that each of its processes reads the same."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from infra.local.runner.gateway_events import ERROR_TEMPLATE
from infra.local.settings import Keys, Settings

VARIABLE = "LOCAL_STACK_PLAN"  # names the file in the environment of the stack's processes
FUNCTIONS_HEALTH = "/_local/health"  # of the runner: a path no app will want


@dataclass(frozen=True)
class QueueDefinition:
    """One SQS queue. A message received `max_receive_count` times without being deleted goes to `dead_letter_queue`.

    The dead-letter queue is made too. `visibility_timeout` is in seconds; at least the function's time-out, better six
    times that.
    """

    name: str
    visibility_timeout: int = 30
    max_receive_count: int | None = None
    dead_letter_queue: str | None = None

    def __post_init__(self) -> None:
        if (self.max_receive_count is None) != (self.dead_letter_queue is None):
            raise ValueError(f"queue {self.name}: max_receive_count and dead_letter_queue go together")


@dataclass(frozen=True)
class Plan:
    """One stack. `app` is the Chalice app's folder; `wakeups` maps a PostgreSQL channel to the function that a NOTIFY
    there invokes; `concurrency` limits a function's containers where that differs from what its event source says;
    `error_template` is that of API Gateway's gateway responses.
    """

    settings: Settings
    app: Path
    queues: tuple[QueueDefinition, ...] = ()
    wakeups: Mapping[str, str] = field(default_factory=dict)
    concurrency: Mapping[str, int] = field(default_factory=dict)
    error_template: str = ERROR_TEMPLATE

    @property
    def queue_url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.queue_port}"

    @property
    def functions_url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.functions_port}"

    @property
    def aws_environment(self) -> dict[str, str]:
        """What the AWS clients in the functions need; the keys are checked by nobody."""
        return {
            "AWS_ENDPOINT_URL_SQS": self.queue_url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    def write(self, path: Path) -> None:
        """Keep the plan at `path`, readable by the owner only: it holds the keys."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(_plain(self), default=str, indent=1))

    @classmethod
    def read(cls, path: Path | None = None) -> Plan:
        """The plan at `path`, or at the place that the environment names."""
        kept: dict[str, Any] = json.loads((path or Path(os.environ[VARIABLE])).read_text())
        settings = kept.pop("settings")
        settings["keys"] = Keys(**settings["keys"])
        settings |= {"data": Path(settings["data"]), "schemas": tuple(settings["schemas"])}
        return cls(
            settings=Settings(**settings),
            app=Path(kept["app"]),
            queues=tuple(QueueDefinition(**queue) for queue in kept["queues"]),
            wakeups=kept["wakeups"],
            concurrency=kept["concurrency"],
            error_template=kept["error_template"],
        )


def _plain(plan: Plan) -> dict[str, Any]:
    settings = {item.name: getattr(plan.settings, item.name) for item in fields(Settings)}
    return {
        "settings": settings | {"keys": asdict(plan.settings.keys)},
        "app": plan.app,
        "queues": [asdict(queue) for queue in plan.queues],
        "wakeups": dict(plan.wakeups),
        "concurrency": dict(plan.concurrency),
        "error_template": plan.error_template,
    }
