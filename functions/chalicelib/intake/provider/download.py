"""Bytes from a provider's store, over HTTP: bounded in size and time, and every failure named for what it means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from chalicelib.intake.keep import MAX_MAIL
from chalicelib.kit.jobs import Retry
from chalicelib.kit.retry_after import seconds_asked

from .held import Lost

CONNECT, READ, WHOLE = 5.0, 20.0, 80.0  # seconds; the consumer has 120
MAX_WAIT = 3600


def download(
    url: str, *, auth: tuple[str, str] | None = None, headers: Mapping[str, str] | None = None, limit: int = MAX_MAIL
) -> bytes:
    """What lies at `url`, which the caller has judged. No redirect is followed.

    Raises Lost where it is gone for good or larger than `limit`; Retry where asking again may help, also for a wrong
    key, which the operator mends.
    """
    import httpx

    until = time.monotonic() + WHOLE
    timeout = httpx.Timeout(READ, connect=CONNECT)
    try:
        with (
            httpx.Client(auth=auth, timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers=dict(headers or {})) as answer,
        ):
            judge(answer.status_code, answer.headers)
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > limit:
                    raise Lost(f"it is larger than {limit} octets")
                if time.monotonic() > until:
                    raise Retry(f"the provider's store did not finish within {WHOLE:.0f} s")
            return bytes(body)
    except httpx.HTTPError as error:
        raise Retry(f"the provider's store failed: {type(error).__name__}") from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Lost("the provider's store has no readable address") from error


def judge(status: int, headers: Mapping[str, str], what: str = "the provider's store") -> None:
    """Return for a success; else raise what the status means."""
    if 200 <= status < 300:
        return
    if status in (404, 410):
        raise Lost("the provider no longer has it")
    if status == 429 or status >= 500:
        raise Retry(f"{what} answers {status}", after=asked_to_wait(headers))
    # Redirects, refused keys, expired signatures: mended by the operator, or by asking for a new address.
    raise Retry(f"{what} answers {status}")


def asked_to_wait(headers: Mapping[str, str]) -> timedelta | None:
    """Retry-After, from a second to an hour; None where it is not said."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    wait = seconds_asked(value, datetime.now(UTC), MAX_WAIT)
    return None if wait is None else timedelta(seconds=max(wait, 1))
