"""`python -m infra.local.queue`: the queues of the plan, made anew each time it starts, since moto keeps nothing."""

from __future__ import annotations

import uvloop

import infra.local.queue.lean  # noqa: F401  before moto is imported
from infra.local.plan import Plan
from infra.local.process import end_with_parent, listen
from infra.local.queue import engine
from infra.local.queue.service import QueueService
from infra.local.serving import serve_until_stopped, server


def main() -> None:
    end_with_parent()
    settings = Plan.read().settings
    listener = listen(settings.host, settings.queue_port)
    engine.create(Plan.read().queues, f"{settings.host}:{settings.queue_port}")
    service = QueueService()
    uvloop.run(serve_until_stopped({server(service): listener}, service.close))


if __name__ == "__main__":
    main()
