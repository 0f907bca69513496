"""Questions to other servers: providers of sign-in, and hooks. One client for all, made when the first is asked."""

from __future__ import annotations

from typing import Any

import httpx

TIMEOUT = 5.0  # seconds for one question
MAX_ANSWER = 200 * 1024  # bytes


class WebError(Exception):
    """A server that did not answer, or not as it should: one sentence."""


class TooLongError(WebError):
    """An answer of more than MAX_ANSWER bytes."""


class Web:
    """An HTTP client that follows no redirects and reads no more of an answer than it can need."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        """The answer, read. Raises WebError for none in time and for one that is too long."""
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        try:
            async with self._client.stream(method, url, **options) as answer:
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise TooLongError(f"{url} answered with more than {MAX_ANSWER} bytes")
                return httpx.Response(answer.status_code, headers=_plain(answer.headers), content=bytes(body))
        except httpx.TimeoutException as problem:
            raise TimeoutError(f"{url} did not answer within {TIMEOUT:g} s") from problem
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise WebError(f"{url} does not answer: {problem or type(problem).__name__}") from problem

    async def ask_json(self, method: str, url: str, **options: Any) -> Any:
        """The answer's JSON. Raises WebError for any other."""
        try:
            answer = await self.ask(method, url, **options)
        except TimeoutError as problem:
            raise WebError(str(problem)) from problem
        if answer.status_code != 200:
            raise WebError(f"{url} answered {answer.status_code}")
        try:
            return answer.json()
        except ValueError as problem:
            raise WebError(f"{url} answered no JSON") from problem

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Without what told of the encoding: the body is decoded already."""
    return {name: value for name, value in headers.items() if name not in {"content-encoding", "content-length"}}
