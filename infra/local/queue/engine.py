"""moto's SQS, called one request at a time.

moto's own server answers on threads without locks: a message sent while another is deleted can get lost, and long
polling keeps a thread asleep. Here one event loop makes every call and does the waiting itself.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable
from typing import Any

from moto.core import responses
from moto.core.request import Request
from moto.sqs import models
from moto.sqs.responses import SQSResponse

from infra.local.plan import QueueDefinition

REGION = "us-east-1"
ACCOUNT = "123456789012"  # moto's own, for keys it does not know
SIGNED = f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/sqs/aws4_request, SignedHeaders=host, Signature=0"

# moto asks the time for each message it looks at, by way of three datetimes, respells each attribute's name, and
# inspects its own class for each request. Without these replacements 600 waiting messages make it ten times slower.
_models: Any = models
_responses: Any = responses
_models.unix_time_millis = lambda: time.time() * 1000
_models.camelcase_to_underscores = functools.cache(_models.camelcase_to_underscores)
_responses.method_names_from_class = functools.cache(_responses.method_names_from_class)


def call(action: str, body: bytes, host: str) -> tuple[int, dict[str, str], bytes]:
    """Answer one request of the AWS JSON 1.0 protocol: status, headers, body.

    Whatever region or credentials the client signed with, it sees the same queues.
    """
    headers = {
        "host": host,
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"AmazonSQS.{action}",
        "authorization": SIGNED,
    }
    request = Request.from_primitives("POST", f"http://{host}/", headers, body)
    status, answer_headers, answer = SQSResponse.dispatch(request, request.url, request.headers)
    return status, answer_headers, answer.encode() if isinstance(answer, str) else answer


def create(queues: Iterable[QueueDefinition], host: str) -> None:
    """Make the queues and their dead-letter queues."""
    queues = list(queues)
    for name in sorted({queue.dead_letter_queue for queue in queues if queue.dead_letter_queue}):
        attributes = {"MessageRetentionPeriod": str(14 * 86400)}  # the longest there is
        _create(name, attributes | ({"FifoQueue": "true"} if name.endswith(".fifo") else {}), host)
    for queue in queues:
        attributes = {"VisibilityTimeout": str(queue.visibility_timeout)}
        if queue.name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        if queue.dead_letter_queue:
            target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.dead_letter_queue}"
            redrive = {"deadLetterTargetArn": target, "maxReceiveCount": queue.max_receive_count}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        _create(queue.name, attributes, host)


def _create(name: str, attributes: dict[str, str], host: str) -> None:
    status, _, answer = call("CreateQueue", json.dumps({"QueueName": name, "Attributes": attributes}).encode(), host)
    if status != 200:
        raise RuntimeError(f"queue {name}: {answer.decode()}")


def wait_seconds(request: dict[str, Any]) -> float:
    """How long a ReceiveMessage wants to wait: its own word, or else its queue's."""
    if (wanted := request.get("WaitTimeSeconds")) is not None:
        return float(wanted)
    queue = _queue(request)
    return float(queue.receive_message_wait_time_seconds) if queue else 0.0


def seconds_to_next(request: dict[str, Any]) -> float | None:
    """When the next hidden or delayed message of the queue becomes visible; None where there is none."""
    queue = _queue(request)
    now = time.time() * 1000
    times = [max(message.visible_at, message.delayed_until) for message in queue._messages] if queue else []
    return min(((when - now) / 1000 for when in times if when > now), default=None)


def queue_name(request: dict[str, Any]) -> str:
    return str(request.get("QueueUrl", "")).rsplit("/", 1)[-1]


def _queue(request: dict[str, Any]) -> Any:
    return models.sqs_backends[ACCOUNT][REGION].queues.get(queue_name(request))
