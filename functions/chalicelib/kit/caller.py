"""Who calls a route: the user behind a token of the project, as PostgREST would take it.

Tokens are believed by the project's published keys (`/auth/v1/.well-known/jwks.json`), so by asymmetric ones only. What
the caller may do is said by SQL: `acting` lets `auth.uid()` and the rules that ask it see the caller.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from chalicelib.kit import rates
from chalicelib.kit.database import Connection, queries, transaction
from chalicelib.kit.http import HttpError, Request
from chalicelib.kit.settings import settings

SQL = queries(__file__)
ALGORITHMS = frozenset({"ES256", "RS256", "EdDSA"})
AUDIENCE = "authenticated"
LEEWAY = 30  # seconds of clock skew, as PostgREST allows
KEEP = 600  # seconds that the platform's own edge keeps the key set
AGAIN = 10  # seconds between two fetches for a key that is not known: tokens are cheap to forge
FETCH_SECONDS = 5


@dataclass(frozen=True)
class Caller:
    """A token's user and role. `claims` are all that it says."""

    user_id: UUID
    role: str
    claims: Mapping[str, Any]


def caller(request: Request) -> Caller:
    """The user whose access token the request brings as its bearer.

    Raises HttpError 401 where there is none, or it is not (or no longer) good; 429 where the user asks too often, here
    and by the Supabase API together; 503 where the project's keys cannot be had.
    """
    import jwt

    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise HttpError(401, "unauthorized", "an access token is needed", "Send Authorization: Bearer <access token>.")
    try:
        key = _published(settings().supabase_url).get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            # The key's own, never what the token asks for.
            algorithms=sorted(ALGORITHMS & {key.algorithm_name}),
            audience=AUDIENCE,
            leeway=LEEWAY,
            options={"require": ["exp", "sub", "role"]},
        )
        known = Caller(UUID(claims["sub"]), str(claims["role"]), claims)
    except jwt.PyJWKClientConnectionError:
        raise HttpError(503, "unavailable", "the project's signing keys cannot be had", "Try again.") from None
    except jwt.ExpiredSignatureError:
        raise HttpError(401, "token_expired", "the access token has expired", "Refresh the session.") from None
    except (jwt.PyJWTError, ValueError):
        raise HttpError(401, "unauthorized", "the access token is not one of this project's users") from None
    rates.take_for_user(known.user_id, request)
    return known


@contextmanager
def acting(who: Caller) -> Iterator[Connection]:
    """One transaction in which `auth.uid()` is the caller, for SQL functions that ask what the caller may do. It is
    bound to no tenant."""
    with transaction() as connection:
        connection.execute(SQL["act_as"], {"claims": json.dumps(dict(who.claims))})
        yield connection


@lru_cache(maxsize=2)
def _published(project: str) -> Any:
    import jwt

    url = f"{project}/auth/v1/.well-known/jwks.json"
    return jwt.PyJWKClient(url, lifespan=KEEP, timeout=FETCH_SECONDS, cooldown_duration=AGAIN)
