"""One service at the root of a port, as its container would be: `python -m tests.conformance.serve SERVICE PORT`."""

from __future__ import annotations

import logging
import sys

import uvloop
from starlette.applications import Starlette

from infra.local.gateway import make_service
from infra.local.plan import Plan
from infra.local.process import end_with_parent, listen
from infra.local.serving import serve_until_stopped, server


async def run(name: str, port: int) -> None:
    """Serve until told to stop."""
    settings = Plan.read().settings
    listener = listen(settings.host, port)
    service = make_service(name, settings)
    await service.start()
    try:
        await serve_until_stopped({server(Starlette(routes=service.routes)): listener})
    finally:
        await service.stop()


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    uvloop.run(run(sys.argv[1], int(sys.argv[2])))
