"""A real HTTP server on loopback that plays a provider, and can fail in every way one fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Answer:
    """`cut`: the connection ends in the middle of the body. `hang`: no answer at all, until the server stops."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): told for name, told in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json", **named})


@dataclass(frozen=True)
class Asked:
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]


@dataclass
class Outside:
    """Answers GET from `pages` (by path, or by a function of the request); entries of `script` go first."""

    url: str
    pages: dict[str, Answer | Callable[[Asked], Answer]] = field(default_factory=dict)
    script: list[Answer | None] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        step = self.script.pop(0) if self.script else None
        if step is not None:
            return step
        page = self.pages.get(asked.path, as_json({"name": "not_found", "message": "not found"}, 404))
        return page if isinstance(page, Answer) else page(asked)

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.asked]


@contextmanager
def outside() -> Iterator[Outside]:
    """Serve until the end of the block, on an ephemeral port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = found.answer(Asked(parts.path, parse_qs(parts.query), headers))
            if answer.hang:
                found.over.wait(10)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)

        def log_message(self, *_: Any) -> None:
            """Not into the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Outside(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        found.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
