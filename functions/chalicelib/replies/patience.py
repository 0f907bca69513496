"""An HTTP client that loses patience: with an answer that drips, and with one that never ends.

A time-out for each read is not enough: an endpoint that sends a byte now and then would hold a function for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2

MAX_BYTES = 1_000_000


def client(deadline: float) -> httpx2.Client:
    """A client whose every exchange ends at `deadline` (of time.monotonic), with ReadTimeout where it is not over, and
    with ReadError where the answer is larger than MAX_BYTES. It follows no redirect: the data is for one endpoint."""
    return httpx2.Client(transport=_Bounded(deadline), follow_redirects=False, headers={"accept-encoding": "identity"})


class _Bounded(httpx2.BaseTransport):
    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        left = _left(self._deadline, request)
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left)
        response = self._inner.handle_request(request)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _Stream(response.stream, request, self._deadline)
        return response

    def close(self) -> None:
        self._inner.close()


class _Stream(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, request: httpx2.Request, deadline: float) -> None:
        self._inner, self._request, self._deadline = inner, request, deadline

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        for part in self._inner:
            received += len(part)
            _left(self._deadline, self._request)
            if received > MAX_BYTES:
                raise httpx2.ReadError(f"the answer is larger than {MAX_BYTES} bytes", request=self._request)
            yield part

    def close(self) -> None:
        self._inner.close()


def _left(deadline: float, request: httpx2.Request) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpx2.ReadTimeout("the deadline has passed", request=request)
    return left
