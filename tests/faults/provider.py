"""A mail provider that keeps a log of what it really took, and behaves as badly as a test asks for.

It speaks Resend's `POST /emails` and `GET /emails/{id}` with idempotency keys. Sockets are plain, so that it can do
what no framework allows: hang up after it took a mail, answer late, or answer twice.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from tests.faults.history import Taken

# What may go wrong with one request, and how it is answered.
FAULTS = ("busy", "failing", "taken then failing", "taken then gone", "gone", "late", "twice", "half")


@dataclass
class Provider:
    """`taken` is its own log. Something goes wrong with a `share` of the POSTs; `faults` counts what."""

    seed: int = 0
    share: float = 0.0
    taken: list[Taken] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    url: str = ""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self._by_key: dict[str, tuple[str, Taken]] = {}
        self.let_go = threading.Event()

    def fault(self) -> str | None:
        with self._lock:
            if self._random.random() >= self.share:
                return None
            chosen = self._random.choice(FAULTS)
            self.faults[chosen] = self.faults.get(chosen, 0) + 1
            return chosen

    def take(self, key: str | None, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What Resend does with a mail: the same key and body again is the mail that was taken before."""
        print_of = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with self._lock:
            if key is not None and key in self._by_key:
                fingerprint, before = self._by_key[key]
                if fingerprint != print_of:
                    return 409, {"statusCode": 409, "name": "invalid_idempotent_request", "message": "other content"}
                return 200, {"id": before.provider_id}
            tags = {tag["name"]: tag["value"] for tag in body.get("tags", ())}
            mail = Taken(
                provider_id=str(uuid4()),
                key=key or "",
                to=body["to"][0],
                subject=body["subject"],
                text=body["text"],
                reply_to=body["reply_to"][0] if body.get("reply_to") else "",
                kind=tags.get("kind", ""),
                own_id=tags.get("outgoing_mail", ""),
            )
            self.taken.append(mail)
            if key is not None:
                self._by_key[key] = print_of, mail
            return 200, {"id": mail.provider_id}

    def tell(self, provider_id: str) -> tuple[int, dict[str, Any]]:
        with self._lock:
            found = [mail for mail in self.taken if mail.provider_id == provider_id]
        if not found:
            return 404, {"statusCode": 404, "name": "not_found", "message": "Email not found"}
        return 200, {"id": provider_id, "message_id": f"<{provider_id}@provider.example>", "to": [found[0].to]}


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """The provider on an ephemeral port of loopback; `provider.url` says which."""

    class Handler(_Handler):
        desk = provider

    class Server(ThreadingHTTPServer):
        daemon_threads = False  # joined at the end
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that was killed meanwhile."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield provider
    finally:
        provider.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    desk: Provider
    protocol_version = "HTTP/1.1"
    timeout = 10

    def log_message(self, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._answer(*self.desk.tell(self.path.rsplit("/", 1)[-1]))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers.get("idempotency-key")
        fault = self.desk.fault()
        if fault == "busy":
            error = {"statusCode": 429, "name": "rate_limit_exceeded", "message": "too many"}
            self._answer(429, error, {"retry-after": "1"})
        elif fault == "failing":
            self._answer(500, {"statusCode": 500, "name": "internal_server_error", "message": "no"})
        elif fault == "gone":
            self._hang_up()
        elif fault == "taken then failing":
            self.desk.take(key, body)
            self._answer(502, {"statusCode": 502, "name": "internal_server_error", "message": "no"})
        elif fault == "taken then gone":
            self.desk.take(key, body)
            self._hang_up()
        elif fault == "half":
            self.desk.take(key, body)
            with suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 60\r\n\r\n{")
            self._hang_up()
        elif fault == "late":
            answer = self.desk.take(key, body)
            self.desk.let_go.wait(2)
            self._answer(*answer)
        elif fault == "twice":
            answer = self.desk.take(key, body)
            self._answer(*answer)
            self._answer(*answer)
        else:
            self._answer(*self.desk.take(key, body))

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        with suppress(OSError):
            self.send_response(status)
            for name, value in {"content-type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
