"""HTTP to addresses that strangers chose (`safe_url` says which are taken).

A name is resolved, **every** address that it resolves to is judged, and the connection goes to one of these very
addresses, so that no second answer of a name server leads elsewhere. Host, SNI and the name in the certificate stay the
URL's. HTTPS only, no redirects, no proxies, one time limit over the whole exchange, answers cut.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from chalicelib.kit.safe_url import Address, Policy, Target, Unanswered

MAX_BYTES = 65536  # of an answer's body; the rest is not read
MAX_TRIED = 4  # addresses of one name
CONNECT_SECONDS = 5.0  # for each of them
BODY_SECONDS = 5.0  # a status has come by then: the body is read as a courtesy


@dataclass(frozen=True)
class Answer:
    """`headers` are by lower-case name; `body` is cut, and as it came: nothing is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Session:
    """Requests to one target, one after the other, over one connection where the other side keeps it open."""

    def __init__(self, target: Target, policy: Policy, timeout: float) -> None:
        self._target, self._policy, self._timeout = target, policy, timeout
        self._line: _Line | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST and read the answer, all within the time limit. Raises Refused or Unanswered."""
        deadline = time.monotonic() + self._timeout
        if self._line is not None:
            # Kept open, and perhaps closed by the other side meanwhile: then once more, over a new one.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                return self._exchange(self._line, headers, body, deadline)
            self.close()
        try:
            self._line = self._open(deadline)
            return self._exchange(self._line, headers, body, deadline)
        except (ConnectionError, ssl.SSLError) as error:
            self.close()
            raise Unanswered(_words(error)) from None

    def _exchange(self, line: _Line, headers: Mapping[str, str], body: bytes, deadline: float) -> Answer:
        line.deadline = deadline
        try:
            line.send(_request(self._target, headers, len(body)) + body)
            # Of a socket it wants makefile and nothing else.
            response = http.client.HTTPResponse(cast("socket.socket", line), method="POST")
            with contextlib.closing(response):
                response.begin()
                line.deadline = min(deadline, time.monotonic() + BODY_SECONDS)
                read, is_whole = _read(response)
        except (ConnectionError, ssl.SSLError):
            raise
        except TimeoutError:
            self.close()
            raise Unanswered(f"no answer within {self._timeout:g} seconds") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Unanswered(_words(error)) from None
        if response.will_close or not is_whole:
            self.close()
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, read)

    def _open(self, deadline: float) -> _Line:
        addresses = self._policy.addresses(self._target, max(deadline - time.monotonic(), 0.01))
        failure = "no connection"
        for address in addresses[:MAX_TRIED]:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                return _Line(self._connect(address, min(left, CONNECT_SECONDS), deadline))
            except TimeoutError:
                failure = "no connection in time"
            except OSError as error:  # ssl.SSLError is one
                failure = _words(error)
        raise Unanswered(failure)

    def _connect(self, address: Address, seconds: float, deadline: float) -> socket.socket:
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(seconds)
            line.connect((str(address), self._target.port))
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.settimeout(max(deadline - time.monotonic(), 0.01))
            if self._target.scheme == "https":
                return self._policy.context.wrap_socket(line, server_hostname=self._target.host)
        except BaseException:
            line.close()
            raise
        return line


@dataclass
class _Line:
    """A connection on which every wait ends at one deadline, however the other side portions its bytes."""

    socket: socket.socket
    deadline: float = field(default=0.0)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self.socket.settimeout(self._left())
            view = view[self.socket.send(view) :]

    def receive_into(self, buffer: Any) -> int:
        self.socket.settimeout(self._left())
        return self.socket.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        self.socket.close()

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Reader(io.RawIOBase):
    """What http.client reads from."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._line.receive_into(buffer)


def _request(target: Target, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"POST {target.path} HTTP/1.1", f"host: {target.authority}", f"content-length: {length}"]
    lines += [f"{name}: {value}" for name, value in {"accept-encoding": "identity", **headers}.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header holds a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _read(response: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """The body's beginning, and whether that is all of it."""
    read = b""
    try:
        while len(read) <= MAX_BYTES:
            part = response.read1(MAX_BYTES)
            if not part:
                return read, True
            read += part
    except (OSError, http.client.HTTPException, ValueError):
        pass
    return read[:MAX_BYTES], False


def _words(error: Exception) -> str:
    """What went wrong, in words that quote nothing of what the other side sent."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not good: {error.verify_message}"
        case ssl.SSLError():
            return "TLS failed"
        case http.client.RemoteDisconnected() | ConnectionResetError() | BrokenPipeError():
            return "the connection was closed without an answer"
        case ConnectionRefusedError():
            return "the connection was refused"
        case http.client.HTTPException() | ValueError():
            return "the answer is not HTTP"
        case _:
            return "the host cannot be reached"
