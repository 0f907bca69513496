"""Who makes a request, from its token, and the transaction that acts for them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jwt
import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request

from infra.local import tokens
from infra.local.settings import Keys, Settings
from infra.local.storage.errors import access_denied, from_database, wrong_role

Connection: TypeAlias = psycopg.AsyncConnection[DictRow]
POOL = 8
STATEMENT_SECONDS = 30
ADMIN_ROLE = "service_role"


@dataclass(frozen=True)
class Caller:
    """A request's role and claims, and what policies may ask about the request itself.

    `refusal` says why a request is not authenticated, on routes that let it in all the same.
    """

    role: str
    claims: dict[str, Any]
    request: dict[str, str] = field(default_factory=dict)
    refusal: str | None = None

    @property
    def authenticated(self) -> bool:
        return self.refusal is None

    @property
    def owner(self) -> str | None:
        subject = self.claims.get("sub")
        return subject if isinstance(subject, str) else None

    def required(self) -> Caller:
        """The caller, if the request's token was good. Raises AccessDenied."""
        if self.refusal is not None:
            raise access_denied(self.refusal)
        return self

    def require_service_role(self) -> None:
        """Raises AccessDenied for everybody else."""
        if self.role != ADMIN_ROLE:
            raise wrong_role("Access denied: Invalid role")


def identify(keys: Keys, request: Request, *, anonymous: bool = False) -> Caller:
    """The caller of `request`. Where `anonymous` is allowed a missing or bad token makes one; else it is refused."""
    context = {
        "request.method": request.method,
        "request.path": request.url.path.removeprefix(request.scope.get("root_path", "")),
        "request.headers": json.dumps(dict(request.headers)),
    }
    bearer = request.headers.get("authorization")
    if bearer and " " not in bearer:  # the scheme may be left out
        bearer = f"Bearer {bearer}"
    token = tokens.resolve(keys, request.headers.get("apikey"), bearer)
    try:
        claims = tokens.verify(keys, token or "")
    except jwt.InvalidTokenError as error:
        nobody = Caller("anon", {"role": "anon"}, context, refusal=token_fault(error))
        return nobody if anonymous else nobody.required()
    role = claims.get("role") or "anon"
    return Caller(role if isinstance(role, str) else "anon", claims, context)


def token_fault(error: jwt.InvalidTokenError) -> str:
    """What is wrong with a token, in the words of the platform's library (jose)."""
    if isinstance(error, jwt.ExpiredSignatureError):
        return '"exp" claim timestamp check failed'
    if isinstance(error, jwt.ImmatureSignatureError):
        return '"nbf" claim timestamp check failed'
    if isinstance(error, jwt.InvalidSignatureError):
        return "signature verification failed"
    if isinstance(error, jwt.InvalidAlgorithmError):
        return '"alg" (Algorithm) Header Parameter value not allowed'
    return "Invalid Compact JWS" if isinstance(error, jwt.DecodeError) else str(error)


class Database:
    """Transactions for callers, who are held by row-level security, and for Storage itself, which is not."""

    def __init__(self, settings: Settings) -> None:
        self._callers = _pool(settings, "authenticator")
        self._admin = _pool(settings, "supabase_storage_admin")

    async def open(self) -> None:
        await self._callers.open()
        await self._admin.open()

    async def close(self) -> None:
        await self._callers.close()
        await self._admin.close()

    @asynccontextmanager
    async def as_caller(self, caller: Caller, operation: str, *, trial: bool = False) -> AsyncIterator[Connection]:
        """A transaction under the caller's role; with `trial` it is rolled back whatever happened in it."""
        async with _transaction(self._callers, trial) as connection:
            await _impersonate(connection, caller, operation)
            yield connection

    @asynccontextmanager
    async def as_admin(self, caller: Caller, operation: str) -> AsyncIterator[Connection]:
        """A transaction past row-level security, for what the caller was found to be allowed already."""
        storage = Caller(ADMIN_ROLE, {"role": ADMIN_ROLE}, request=caller.request)
        async with _transaction(self._admin, trial=False) as connection:
            await _impersonate(connection, storage, operation)
            yield connection


def _pool(settings: Settings, role: str) -> AsyncConnectionPool[Connection]:
    return AsyncConnectionPool(
        settings.database_url(role),
        connection_class=psycopg.AsyncConnection[DictRow],
        kwargs={"row_factory": dict_row, "application_name": "storage"},
        min_size=0,
        max_size=POOL,
        open=False,
        name=f"storage-{role}",
    )


@asynccontextmanager
async def _transaction(pool: AsyncConnectionPool[Connection], trial: bool) -> AsyncIterator[Connection]:
    try:
        async with pool.connection() as connection, connection.transaction(force_rollback=trial):
            yield connection
    except psycopg.Error as error:
        raise from_database(error) from error


async def _impersonate(connection: Connection, caller: Caller, operation: str) -> None:
    values = {
        "role": caller.role,
        "request.jwt.claims": json.dumps(caller.claims),
        "request.jwt.claim.role": caller.role,
        "request.jwt.claim.sub": caller.owner or "",
        "storage.operation": operation,
        "storage.allow_delete_query": "true",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
    } | caller.request
    calls = ", ".join(["set_config(%s, %s, true)"] * len(values))
    parameters = [part for pair in values.items() for part in pair]
    await connection.execute(f"select {calls}".encode(), parameters)
