"""`python -m infra.local.runner [--app FOLDER]`: the plan's Chalice app, served, fed and woken until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import uvloop

from infra.local.plan import Plan
from infra.local.process import end_with_parent, listen
from infra.local.runner.application import API_HANDLER, AppError, Application, load, queue_name
from infra.local.runner.calls import Caller
from infra.local.runner.clock import Clock
from infra.local.runner.containers import Function
from infra.local.runner.http import FunctionsService
from infra.local.runner.sqs import EventSource, SqsQueue
from infra.local.runner.wakeups import Listener
from infra.local.serving import serve_until_stopped, server

HTTP_CONCURRENCY = 16
SQS_CONCURRENCY = 5  # what Lambda's pollers start with
FINISH_SECONDS = 2  # for batches under way when the process is asked to stop


def main() -> None:
    end_with_parent()
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    arguments = argparse.ArgumentParser(prog="python -m infra.local.runner", description=__doc__)
    arguments.add_argument("--app", type=Path, help="folder of the Chalice app; the plan's where not given")
    chosen = arguments.parse_args().app
    plan = Plan.read()
    plan = replace(plan, app=chosen.resolve()) if chosen else plan
    listener = listen(plan.settings.host, plan.settings.functions_port)
    try:
        application = load(plan.app)
    except AppError as error:
        raise SystemExit(str(error)) from None
    uvloop.run(run(plan, application, listener))
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)  # containers are threads; one that is stuck must not keep the process


async def run(plan: Plan, application: Application, listener: socket.socket) -> None:
    functions = _functions(application, plan)
    caller = Caller(plan.queue_url)
    sources: list[EventSource] = [
        EventSource(
            SqsQueue(caller, queue_name(source)),
            functions[source.name],
            batch_size=source.batch_size,
            window=source.maximum_batching_window_in_seconds,
            concurrency=functions[source.name].concurrency,
        )
        for source in application.sqs
    ]
    clock = Clock(functions, application.schedules, plan.settings.data / "schedules.json")
    wakeups = Listener(plan.settings.database_url("postgres"), plan.wakeups, functions)
    parts: list[EventSource | Clock | Listener] = [*sources, clock, wakeups]
    work = [asyncio.create_task(part.run()) for part in parts]
    service = FunctionsService(application.chalice, functions, error_template=plan.error_template)
    serving = asyncio.create_task(serve_until_stopped({server(service): listener}))
    going = {serving, *work}
    while serving in going:
        done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a bug of ours ends the process, visibly
    for task in work:
        task.cancel()
    await asyncio.gather(*(source.finish(FINISH_SECONDS) for source in sources))
    await caller.close()


def _functions(application: Application, plan: Plan) -> dict[str, Function]:
    by_source = {source.name: source.maximum_concurrency or SQS_CONCURRENCY for source in application.sqs}
    by_source[API_HANDLER] = HTTP_CONCURRENCY
    functions = {}
    for name, handler in application.handlers.items():
        settings = application.settings_of(name)
        concurrency = plan.concurrency.get(name) or settings.reserved or by_source.get(name, 1)
        functions[name] = Function(
            name, handler, timeout=settings.timeout, memory=settings.memory, concurrency=concurrency
        )
    return functions


if __name__ == "__main__":
    main()
