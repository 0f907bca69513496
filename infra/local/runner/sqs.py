"""Lambda's SQS event source: polls a queue, invokes the function with batches, deletes what it handled.

Behaves as "Using Lambda with Amazon SQS" says: a batch that fails stays in the queue and is seen again when its
visibility time-out is over; with ReportBatchItemFailures only the messages that the function names stay.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from infra.local.runner.calls import Caller, CallError
from infra.local.runner.containers import Function, FunctionError

WAIT_SECONDS = 20  # long polling: an idle queue costs three requests a minute
RECEIVE_AT_MOST = 10  # SQS' limit for one call
RETRY_SECONDS = 0.25
log = logging.getLogger("infra.local.runner")


class SqsError(Exception):
    """SQS refused; the message is its own."""


class SqsQueue:
    """The calls an event source makes, in SQS' JSON protocol."""

    def __init__(self, caller: Caller, name: str) -> None:
        self.name = name
        self._caller = caller
        self._url: str | None = None

    async def receive(self, limit: int, wait: float) -> list[dict[str, Any]]:
        found = await self._call(
            "ReceiveMessage", MaxNumberOfMessages=min(limit, RECEIVE_AT_MOST), WaitTimeSeconds=int(wait),
            AttributeNames=["All"], MessageAttributeNames=["All"],
        )  # fmt: skip
        return list(found.get("Messages", []))

    async def delete(self, messages: list[dict[str, Any]]) -> None:
        for first in range(0, len(messages), RECEIVE_AT_MOST):
            part = messages[first : first + RECEIVE_AT_MOST]
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(part)]
            await self._call("DeleteMessageBatch", Entries=entries)

    async def _call(self, action: str, **parameters: Any) -> dict[str, Any]:
        if self._url is None:
            self._url = (await self._post("GetQueueUrl", {"QueueName": self.name}))["QueueUrl"]
        return await self._post(action, {"QueueUrl": self._url, **parameters})

    async def _post(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{action}"}
        status, answer = await self._caller.post(headers, json.dumps(parameters).encode())
        if status != 200:
            raise SqsError(f"{action} on {self.name}: {answer.decode(errors='replace')[:300]}")
        return dict(json.loads(answer)) if answer else {}


class EventSource:
    """One queue and the function it feeds. `window` is in seconds; `concurrency` batches at most run at once."""

    def __init__(
        self, queue: SqsQueue, function: Function, *, batch_size: int, window: float, concurrency: int
    ) -> None:
        self._queue, self._function = queue, function
        self._batch_size, self._window = batch_size, window
        self._slots = asyncio.Semaphore(concurrency)
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Poll until cancelled. A queue that is away is waited for."""
        pause, said = RETRY_SECONDS, ""
        while True:
            await self._slots.acquire()
            try:
                batch = await self._collect()
                pause, said = RETRY_SECONDS, ""
            except (CallError, SqsError) as error:
                if said != (said := str(error) or type(error).__name__):  # once, not at every try
                    log.warning("queue %s cannot be polled, and is tried again: %s", self._queue.name, said)
                self._slots.release()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            if not batch:
                self._slots.release()
                continue
            task = asyncio.create_task(self._process(batch))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def finish(self, seconds: float) -> None:
        """Let the batches under way finish."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)

    async def _collect(self) -> list[dict[str, Any]]:
        """Wait for messages, then gather up to a whole batch for as long as the window allows."""
        batch = await self._queue.receive(self._batch_size, WAIT_SECONDS)
        closes = time.monotonic() + self._window
        while batch and len(batch) < self._batch_size:
            left = closes - time.monotonic()
            if left <= 0 and len(batch) % RECEIVE_AT_MOST:
                break
            # SQS waits in whole seconds, so the rest of a window is slept off.
            more = await self._queue.receive(self._batch_size - len(batch), max(0, int(left)))
            if not more and left < 1:
                if left <= 0:
                    break
                await asyncio.sleep(left)
            batch += more
        return batch

    async def _process(self, batch: list[dict[str, Any]]) -> None:
        try:
            answer = await self._function.invoke(
                {"Records": [self._record(message) for message in batch]}, self._queue.name
            )
            done = succeeded(batch, answer)
            if len(done) < len(batch):
                log.warning(
                    "%s reports %d of %d messages as failed", self._function.name, len(batch) - len(done), len(batch)
                )
            await self._queue.delete(done)
        except FunctionError as error:
            log.error(
                "%s failed: its %d messages stay in %s: %s", self._function.name, len(batch), self._queue.name, error
            )
        except (CallError, SqsError) as error:
            log.warning("queue %s: %s", self._queue.name, error or type(error).__name__)
        finally:
            self._slots.release()

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        attributes = message.get("MessageAttributes", {})
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {spelled[0].lower() + spelled[1:]: value for spelled, value in attribute.items()}
                for name, attribute in attributes.items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{self._queue.name}",
            "awsRegion": "us-east-1",
        }


def succeeded(batch: list[dict[str, Any]], answer: Any) -> list[dict[str, Any]]:
    """The messages to delete after the function answered. A malformed report of failures fails the whole batch."""
    report = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if report is None:
        return batch
    ids = {message["MessageId"] for message in batch}
    try:
        failed = {item["itemIdentifier"] for item in report}
    except (TypeError, KeyError):
        return []
    return [message for message in batch if message["MessageId"] not in failed] if failed <= ids else []
