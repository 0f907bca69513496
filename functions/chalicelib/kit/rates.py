"""How often somebody may come in a minute, counted in Postgres, where all containers meet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg

from chalicelib.kit.database import call, queries
from chalicelib.kit.http import HttpError, Request
from chalicelib.kit.logging import kind_of, log

SQL = queries(__file__)
WRITES = 100
READS = 1000
NOT_BELIEVED = (401, 403)
KEPT = 1000

# Buckets that this container knows to be empty, and when (time.monotonic) their minute is over.
_empty: dict[str, float] = {}


def take(bucket: str, allowed: int) -> None:
    """Count one more in `bucket`, outside of any transaction. Raises HttpError 429 where `allowed` were taken already.

    That a bucket is empty is remembered, so a flood costs no statements.
    """
    _take(bucket, SQL["take_rate"], {"bucket": bucket, "allowed": allowed})


def take_for_user(user_id: UUID, request: Request) -> None:
    """Count a user's request, as a read or a write by its method, together with those to the Supabase API (where reads
    are counted apart). Raises as `take`."""
    is_read = _is_read(request)
    _take(f"user {user_id} {is_read}", SQL["take_for_user"], {"user_id": user_id, "is_read": is_read})


def admit(request: Request) -> None:
    """Raises HttpError 429 where the request's source, or what of its address was not believed, is known to be too
    much. Costs no statement."""
    _refuse_empty(_source(request))
    _refuse_empty(_strangers(request))


def note_believed(request: Request, allowed: int) -> None:
    """Count a request whose signature or secret was good, of a source that may send `allowed` in a minute. It has been
    served; the next ones are not."""
    _count(_source(request), allowed)


def note_refused(request: Request, error: HttpError) -> HttpError:
    """What to answer instead of `error`: the same, or 429 where the address was now not believed too often.

    So who guesses secrets and signatures is slowed down, and whoever brings good ones is not counted with them.
    """
    if error.status not in NOT_BELIEVED:
        return error
    return _count(_strangers(request), _allowed(request)) or error


def forget() -> None:
    """As a container that has just started."""
    _empty.clear()


def _count(bucket: str, allowed: int) -> HttpError | None:
    """`take` where an answer is known already: that it cannot be counted must not change it."""
    try:
        take(bucket, allowed)
    except HttpError as too_many:
        return too_many
    except psycopg.Error as failure:
        log("rates.uncounted", level="warning", error=kind_of(failure))
    return None


def _take(bucket: str, query: bytes, parameters: Mapping[str, Any]) -> None:
    _refuse_empty(bucket)
    row = call(query, parameters)
    if row is not None and row["wait"] is not None:
        if len(_empty) >= KEPT:
            _empty.clear()
        _empty[bucket] = time.monotonic() + row["wait"]
        raise _too_many(row["wait"])


def _is_read(request: Request) -> bool:
    return request.method in ("GET", "HEAD")


def _allowed(request: Request) -> int:
    return READS if _is_read(request) else WRITES


def _source(request: Request) -> str:
    return f"{request.method} {request.path}"


def _strangers(request: Request) -> str:
    return f"{request.method} {request.path} {request.address}"


def _refuse_empty(bucket: str) -> None:
    wait = _empty.get(bucket, 0.0) - time.monotonic()
    if wait > 0:
        raise _too_many(int(wait) + 1)
    _empty.pop(bucket, None)


def _too_many(wait: int) -> HttpError:
    hint = f"Try again in {wait} s."
    return HttpError(429, "too_many_requests", "too many requests in this minute", hint, {"retry-after": str(wait)})
