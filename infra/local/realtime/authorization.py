"""Who a token speaks for, and what policies on realtime.messages let them do on a private topic."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from infra.local import tokens
from infra.local.realtime.elixir import inspect
from infra.local.settings import Keys

log = logging.getLogger(__name__)

Pool = AsyncConnectionPool[psycopg.AsyncConnection[tuple[Any, ...]]]

CANCELED = "Query was cancelled"
MISSING_CLAIMS = "Fields `role` and `exp` are required in JWT"

ACT_AS = """
select set_config('role', %(role)s, true), set_config('realtime.topic', %(topic)s, true),
  set_config('request.jwt.claims', %(claims)s, true), set_config('request.jwt.claim.sub', %(sub)s, true),
  set_config('request.jwt.claim.role', %(role)s, true), set_config('request.headers', %(headers)s, true)
"""
PROBE = """
insert into realtime.messages (id, topic, extension, private)
select probe.id, %s, probe.extension, true from unnest(%s::uuid[], %s::text[]) as probe (id, extension)
"""
SEEN = "select extension from realtime.messages where id = any (%s)"
SPEAK = "insert into realtime.messages (topic, extension, private) values (%s, %s, true)"


class TokenError(Exception):
    """The token cannot be used; the message is what the client is told. `code` heads the reason of a refused join."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unavailable(Exception):  # noqa: N818
    """The database cannot be asked now."""


class PolicyError(Exception):
    """A policy raised an error."""


@dataclass(frozen=True)
class Identity:
    """A verified caller. `expires` is in seconds of the Unix epoch; policies see `headers`, those of the connection."""

    claims: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def role(self) -> str:
        return str(self.claims["role"])

    @property
    def expires(self) -> int:
        return int(self.claims["exp"])

    @property
    def claims_json(self) -> str:
        return json.dumps(self.claims, separators=(",", ":"), sort_keys=True)


def identify(keys: Keys, token: str, headers: dict[str, str]) -> Identity:
    """Verify `token`. Raises TokenError."""
    try:
        claims = tokens.verify(keys, token)
    except jwt.ExpiredSignatureError as error:
        raise _expired(jwt.decode(token, options={"verify_signature": False})["exp"]) from error
    except jwt.InvalidSignatureError as error:
        raise TokenError("JwtSignatureError", "Failed to validate JWT signature") from error
    except jwt.InvalidTokenError as error:
        raise _unreadable(token) from error
    expires = claims.get("exp")
    if not isinstance(claims.get("role"), str) or not isinstance(expires, int | float) or isinstance(expires, bool):
        raise TokenError("InvalidJWTToken", MISSING_CLAIMS)
    if expires <= time.time():  # no leeway: a channel ends with its token
        raise _expired(expires)
    return Identity(claims | {"exp": round(expires)}, headers)


def _expired(expires: float) -> TokenError:
    return TokenError("InvalidJWTToken", f"Token has expired {max(0, int(time.time() - expires))} seconds ago")


def _unreadable(token: str) -> TokenError:
    """A token is either none at all, or signed in a way that nobody here can check."""
    try:
        header = jwt.get_unverified_header(token)
        jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
    except jwt.InvalidTokenError:
        return TokenError("MalformedJWT", "The token provided is not a valid JWT")
    if str(header.get("alg", "")).startswith("HS"):
        return TokenError("JwtSignatureError", "Failed to validate JWT signature")
    kid = header.get("kid")
    of_key = f" for key ID (kid) {inspect(kid)}" if isinstance(kid, str) else ""
    return TokenError(
        "JwtSignerError", f"Failed to generate JWT signer{of_key}, check your JWT secret or JWKS configuration"
    )


async def may_read(pool: Pool, identity: Identity, topic: str, extensions: list[str]) -> set[str]:
    """Of `extensions` (broadcast, presence) those whose messages on `topic` the caller may see.

    One row of each is put in and looked for with the caller's role and claims; nothing is kept. A policy that raises
    an error lets nothing be seen. Raises Unavailable.
    """
    probes = {uuid4(): extension for extension in extensions}
    try:
        async with pool.connection() as connection, connection.transaction(force_rollback=True):
            await connection.execute(PROBE, [topic, list(probes), list(probes.values())])
            await connection.execute(ACT_AS, _settings(identity, topic))
            found = await connection.execute(SEEN, [list(probes)])
            return {row[0] for row in await found.fetchall()}
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise _trouble(error) from error
    except psycopg.Error as error:
        log.info("RlsPolicyError on topic %s: %s", topic, error)
        return set()


async def may_write(pool: Pool, identity: Identity, topic: str, extension: str) -> bool:
    """Whether the caller may send messages of `extension` to `topic`: one is put in, not kept.

    Raises Unavailable, and PolicyError where the policies cannot tell.
    """
    try:
        async with pool.connection() as connection, connection.transaction(force_rollback=True):
            await connection.execute(ACT_AS, _settings(identity, topic))
            await connection.execute(SPEAK, [topic, extension])
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise _trouble(error) from error
    except psycopg.Error as error:
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return False
        log.info("RlsPolicyError on topic %s: %s", topic, error)
        raise PolicyError(str(error)) from error
    return True


def _settings(identity: Identity, topic: str) -> dict[str, str]:
    return {
        "role": identity.role,
        "topic": topic,
        "claims": identity.claims_json,
        "sub": str(identity.claims.get("sub") or ""),
        "headers": json.dumps(identity.headers),
    }


def _trouble(error: Exception) -> Unavailable:
    # A policy that runs into the role's time-out is an OperationalError too, but the database is there.
    reason = CANCELED if isinstance(error, psycopg.errors.QueryCanceled) else "database unreachable"
    return Unavailable(reason)
