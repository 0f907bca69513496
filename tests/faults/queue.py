"""A queue that duplicates, reorders, delays, refuses and loses: it stands before the real one and spoils traffic."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.serving import serve

SENDING = ("lost", "doubled", "delayed", "refused")  # what may happen to one message
ANSWERING = ("failed before", "failed after")  # and to one whole request


@dataclass
class Queue:
    """`share` of messages and of requests are spoiled; `is_deaf` loses every message and says that it took it."""

    seed: int = 0
    share: float = 0.0
    is_deaf: bool = False
    target: str = ""  # the queue behind it
    url: str = ""
    faults: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._client: httpx.AsyncClient

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def _choose(self, among: tuple[str, ...]) -> str | None:
        if self._random.random() >= self.share:
            return None
        chosen = self._random.choice(among)
        self.faults[chosen] = self.faults.get(chosen, 0) + 1
        return chosen

    async def answer(self, request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:  # killed in the middle of asking
            return Response(status_code=499)
        action = request.headers.get("x-amz-target", "").removeprefix("AmazonSQS.")
        try:
            if action == "SendMessageBatch":
                return await self._send(request, json.loads(body))
            if action == "ReceiveMessage":
                return await self._receive(request, body)
            return await self._pass_on(request, body)
        except httpx.HTTPError:
            return JSONResponse({"__type": "com.amazonaws.sqs#InternalError", "message": "it is away"}, 503)

    async def _send(self, request: Request, asked: dict[str, Any]) -> Response:
        whole = self._choose(ANSWERING)
        if whole == "failed before":
            return JSONResponse({"__type": "com.amazonaws.sqs#InternalError", "message": "no"}, 500)
        entries: list[dict[str, Any]] = asked["Entries"]
        passed, refused = [], []
        for entry in entries:
            fault = "lost" if self.is_deaf else self._choose(SENDING)
            if fault == "refused":
                refused.append(entry["Id"])
            elif fault == "doubled":
                passed += [entry, entry | {"Id": f"{entry['Id']}again"}]
            elif fault == "delayed":
                passed.append(entry | {"DelaySeconds": 1})
            elif fault is None:
                passed.append(entry)
        if self.share:
            self._random.shuffle(passed)
        for start in range(0, len(passed), 10):
            part = asked | {"Entries": passed[start : start + 10]}
            answer = await self._pass_on(request, json.dumps(part).encode())
            if answer.status_code != 200:
                return answer
        if whole == "failed after":
            return JSONResponse({"__type": "com.amazonaws.sqs#InternalError", "message": "no"}, 500)
        taken = [entry["Id"] for entry in entries if entry["Id"] not in refused]
        done = [{"Id": name, "MessageId": name, "MD5OfMessageBody": _md5(entries, name)} for name in taken]
        failed = [{"Id": name, "SenderFault": False, "Code": "InternalError", "Message": "no"} for name in refused]
        return JSONResponse({"Successful": done, "Failed": failed}, media_type="application/x-amz-json-1.0")

    async def _receive(self, request: Request, body: bytes) -> Response:
        """Messages are handed out in another order, and some of them again at once, while the first copy is at work."""
        answer = await self._pass_on(request, body)
        messages = json.loads(bytes(answer.body)).get("Messages", []) if answer.status_code == 200 else []
        again = [message for message in messages if self._choose(("received twice",))]
        if again:
            entries = [{"Id": str(n), "MessageBody": message["Body"]} for n, message in enumerate(again)]
            sent = {"QueueUrl": json.loads(body)["QueueUrl"], "Entries": entries}
            await self._pass_on(request, json.dumps(sent).encode(), "AmazonSQS.SendMessageBatch")
        if not messages or not self.share:
            return answer
        self._random.shuffle(messages)
        return JSONResponse({"Messages": messages}, media_type="application/x-amz-json-1.0")

    async def _pass_on(self, request: Request, body: bytes, target: str | None = None) -> Response:
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": target or request.headers.get("x-amz-target", ""),
        }
        answer = await self._client.request(
            request.method, self.target + request.url.path, content=body, headers=headers
        )
        kept = {name: value for name, value in answer.headers.items() if name.startswith(("x-", "content-type"))}
        return Response(answer.content, answer.status_code, headers=kept)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as self._client:
            yield


def _md5(entries: list[dict[str, Any]], name: str) -> str:
    """The official client compares it."""
    import hashlib

    body = next(entry["MessageBody"] for entry in entries if entry["Id"] == name)
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def serving(queue: Queue) -> Iterator[Queue]:
    """The queue on an ephemeral port of loopback; `queue.url` says which."""
    routes = [Route("/{path:path}", queue.answer, methods=["GET", "POST"])]
    with serve(Starlette(routes=routes, lifespan=queue.lifespan)) as url:
        queue.url = url
        yield queue
