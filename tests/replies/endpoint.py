"""A real HTTP server that speaks OpenAI's chat completions, well and badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

Answer = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Endpoint:
    """Answers each request with the next entry of `script`; with the last one for ever. Keeps what it was asked."""

    script: list[Answer] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        request = Request(scope, receive)
        assert (request.method, request.url.path) == ("POST", "/v1/chat/completions")
        self.requests.append(await request.json())
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        await answer(scope, receive, send)


def completion(content: Any, **changes: Any) -> Response:
    """A whole answer. `content` that is no text is written as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    body: dict[str, Any] = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 400, "completion_tokens": 30, "total_tokens": 430},
    }  # fmt: skip
    return JSONResponse(body | changes)


def written(*sentences: tuple[str, list[int]], answered: str = "fully") -> dict[str, Any]:
    """What the schema asks for."""
    return {"answered": answered, "sentences": [{"text": text, "passages": cited} for text, cited in sentences]}


def failure(status: int, **headers: str) -> Response:
    body = {"error": {"message": "it says so", "type": "server_error"}}
    return JSONResponse(body, status, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def silent(_: Scope, receive: Receive, __: Send) -> None:
    """Takes the question and never says a word."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def dripping(_: Scope, receive: Receive, send: Send) -> None:
    """White space, a byte now and then, for as long as somebody listens."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    gone = asyncio.ensure_future(_gone(receive))
    while not gone.done():
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.wait([gone], timeout=0.02)


async def endless(_: Scope, receive: Receive, send: Send) -> None:
    """An answer that never ends, as fast as it is taken."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    gone = asyncio.ensure_future(_gone(receive))
    while not gone.done():
        await send({"type": "http.response.body", "body": b'{"a":"' + b"x" * 65536, "more_body": True})
        await asyncio.sleep(0)


async def broken_off(_: Scope, __: Receive, send: Send) -> None:
    """Promises more than it sends, then hangs up."""
    head = [(b"content-type", b"application/json"), (b"content-length", b"100000")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b'{"choices": [', "more_body": True})
    raise ConnectionAbortedError("the endpoint hangs up")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def streamed(*parts: str | Callable[[], None], ends: bool = True, hangs: bool = False) -> Answer:
    """A completion in parts, as server-sent events. A function among them is called when it is its turn. Without an
    end it breaks off; hanging, it says nothing more."""

    async def answer(_: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for part in parts:
            if callable(part):
                await asyncio.to_thread(part)
                continue
            chunk = {
                "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": part}, "finish_reason": None}],
            }  # fmt: skip
            event = f"data: {json.dumps(chunk)}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
            await asyncio.sleep(0)
        if hangs:
            await _gone(receive)
        elif ends:
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        else:
            raise ConnectionAbortedError("the endpoint hangs up")

    return answer
