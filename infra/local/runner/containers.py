"""Containers: where a function runs, one invocation at a time, for as long as its time-out allows."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import queue
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

ACCOUNT = "123456789012"


class FunctionError(Exception):
    """An invocation failed. `kind` and the message are what Lambda reports as errorType and errorMessage."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def as_payload(self) -> dict[str, str]:
        return {"errorType": self.kind, "errorMessage": str(self)}


class TimedOut(BaseException):
    """Thrown into a container whose invocation is over time. Not an Exception, so that no handler catches it."""


@dataclass
class Context:
    """What Lambda hands to a handler beside the event."""

    function_name: str
    memory_limit_in_mb: int
    log_stream_name: str
    deadline: float  # on the monotonic clock
    region: str = "us-east-1"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    identity: Any = None
    client_context: Any = None

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class Container:
    """A thread that runs one handler, again and again. Its name is its identity."""

    _numbers = count(1)

    def __init__(self, function: str, handler: Callable[[Any, Any], Any]) -> None:
        self.name = f"{function}-{next(self._numbers)}"
        self.used = False
        self._handler = handler
        self._work: queue.SimpleQueue[tuple[Any, Context, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def submit(self, event: Any, context: Context) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._work.put((event, context, future))
        return future

    def abandon(self) -> None:
        """Give up on the invocation under way. A thread cannot be killed: it is thrown out at its next Python line."""
        self._work.put(None)
        if self._thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread.ident), ctypes.py_object(TimedOut))

    def _run(self) -> None:
        with contextlib.suppress(TimedOut):
            while (work := self._work.get()) is not None:
                event, context, future = work
                try:
                    value, error = self._handler(event, context), None
                except Exception as raised:
                    value, error = None, raised
                except SystemExit as raised:
                    value, error = None, RuntimeError(f"the handler ended its process with {raised.code}")
                del event, context, work
                with contextlib.suppress(RuntimeError):  # the loop is closed: the runner is ending
                    future.get_loop().call_soon_threadsafe(_settle, future, value, error)


def _settle(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


class Function:
    """One Lambda function: a handler and at most `concurrency` containers."""

    def __init__(
        self, name: str, handler: Callable[[Any, Any], Any], *, timeout: float, memory: int, concurrency: int
    ) -> None:
        self.name, self.timeout, self.memory, self.concurrency = name, timeout, memory, concurrency
        self._handler = handler
        self._free = asyncio.Semaphore(concurrency)
        self._idle: list[Container] = []

    async def invoke(self, event: Any, trigger: str) -> Any:
        """Run the handler once and return what it returned; waits while every container is busy.

        Raises FunctionError where the handler raised or took longer than the time-out. `trigger` goes to the log.
        """
        async with self._free:
            container = self._idle.pop() if self._idle else Container(self.name, self._handler)
            context = Context(self.name, self.memory, container.name, time.monotonic() + self.timeout)
            started, cold, container.used = time.monotonic(), not container.used, True
            future = container.submit(event, context)
            try:
                done, _ = await asyncio.wait({future}, timeout=self.timeout)
            except asyncio.CancelledError:
                container.abandon()
                raise
            error: FunctionError | None = None
            if not done:
                container.abandon()
                error = FunctionError("Sandbox.Timedout", f"Task timed out after {self.timeout:.2f} seconds")
            else:
                self._idle.append(container)
                if raised := future.exception():
                    error = FunctionError(type(raised).__name__, str(raised))
                    traceback.print_exception(raised, file=sys.stdout)
            _report(self.name, trigger, context, started, cold, error)
        if error:
            raise error
        return future.result()


def _report(name: str, trigger: str, context: Context, started: float, cold: bool, error: FunctionError | None) -> None:
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": "ERROR" if error else "INFO",
        "message": "invocation",
        "function": name,
        "trigger": trigger,
        "request_id": context.aws_request_id,
        "container": context.log_stream_name,
        "ms": round((time.monotonic() - started) * 1000, 1),
        "cold": cold,
        "outcome": error.kind if error else "ok",
    }
    if error:
        line["error"] = str(error)
    print(json.dumps(line), flush=True)
