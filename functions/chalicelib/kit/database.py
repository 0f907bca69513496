"""Postgres from a Lambda container: one connection, short transactions, named SQL."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from chalicelib.kit.logging import trace_id
from chalicelib.kit.settings import settings

Connection = psycopg.Connection[DictRow]

BLOCK = re.compile(r"^-- (?P<name>[a-z_0-9]+) --$", re.MULTILINE)

# One per thread: a Lambda container runs one invocation at a time, and so does a thread that plays one.
_container = threading.local()

# Local to the transaction, because a transaction pooler gives the session to somebody else afterwards. Several
# statements in one message: what a round trip and its waiting cost is more than what they do.
SETTINGS = (
    b"select set_config('app.organization_id', %(set_organization_id)s, true),"
    b" set_config('app.trace_id', %(set_trace_id)s, true);"
)


def queries(module_file: str) -> Mapping[str, bytes]:
    """The blocks of `queries.sql` beside a module: `-- name --`, then SQL with %(named)s parameters."""
    text = Path(module_file).with_name("queries.sql").read_text(encoding="utf-8")
    parts = BLOCK.split(text)[1:]
    return {name: body.strip().encode() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _connect() -> Connection:
    # prepare_threshold=None: a transaction pooler has no prepared statements (0 would mean "prepare at once").
    return psycopg.connect(
        settings().database_url.get_secret_value(),
        row_factory=dict_row,
        prepare_threshold=None,
        autocommit=True,
        connect_timeout=10,
        application_name="pgdesk-functions",
        keepalives_idle=30,
    )


def _connection() -> Connection:
    kept: Connection | None = getattr(_container, "connection", None)
    if kept is None or kept.closed or kept.broken:
        kept = _container.connection = _connect()
    return kept


def close() -> None:
    """Close this container's connection, if it has one."""
    kept: Connection | None = getattr(_container, "connection", None)
    if kept is not None:
        kept.close()
        _container.connection = None


@contextmanager
def transaction(
    organization_id: UUID | None = None, first: bytes = b"", parameters: Mapping[str, Any] | None = None
) -> Iterator[Connection]:
    """One transaction as pgdesk_functions, bound to a tenant (None: to none) and to this thread's trace. Commits at the
    end, undoes on error. `first` is a statement that goes along with its beginning; its rows are not asked for.

    A connection that the server closed while it lay idle is replaced once, before anything was sent over it. One
    transaction at a time: raises RuntimeError inside another one (whose tenant it would change).
    """
    if _is_inside():
        raise RuntimeError("a transaction is open already: end it first, or pass its connection on")
    values = {**_settings(organization_id), **(parameters or {})}
    try:
        connection = _enter(_connection(), first, values)
    except psycopg.OperationalError:
        close()
        connection = _enter(_connection(), first, values)
    try:
        yield connection
    except BaseException:
        try:
            connection.execute("rollback")
        except psycopg.Error:  # it is lost, and what was begun over it is undone by the server
            close()
        raise
    connection.execute("commit")


def _is_inside() -> bool:
    kept: Connection | None = getattr(_container, "connection", None)
    return kept is not None and not kept.closed and kept.info.transaction_status != TransactionStatus.IDLE


def call(
    query: bytes, parameters: Mapping[str, Any] | None = None, organization_id: UUID | None = None
) -> dict[str, Any] | None:
    """The first row of one statement: see `call_rows`."""
    return next(iter(call_rows(query, parameters, organization_id)), None)


def call_rows(
    query: bytes, parameters: Mapping[str, Any] | None = None, organization_id: UUID | None = None
) -> list[dict[str, Any]]:
    """The rows of one statement in a transaction of its own, in one message. Bound to a tenant and to this thread's
    trace; to neither, where there is none.

    Where the connection is lost it is sent once more, although the first may have been committed: for statements that
    do nothing the second time.
    """
    if _is_inside():
        raise RuntimeError("a transaction is open already: end it first, or use its connection")
    connection = _connection()
    values = {**_settings(organization_id), **(parameters or {})} if organization_id else parameters
    message = SETTINGS + query if organization_id else query
    try:
        return _call(connection, message, values)
    except psycopg.OperationalError:
        if not connection.closed:
            raise
        close()
    return _call(_connection(), message, values)


def _call(connection: Connection, message: bytes, values: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    with psycopg.ClientCursor(connection, row_factory=dict_row) as cursor:
        # Statements of one message are one transaction, without being told so.
        cursor.execute(message, values)
        cursor.set_result(-1)
        return cursor.fetchall()


def _enter(connection: Connection, first: bytes, values: Mapping[str, Any]) -> Connection:
    with psycopg.ClientCursor(connection) as cursor:
        try:
            cursor.execute(b"begin; " + SETTINGS + first, values)
        except psycopg.Error:
            if not connection.closed:
                connection.execute("rollback")
            raise
    return connection


def _settings(organization_id: UUID | None) -> dict[str, str]:
    return {
        "set_organization_id": str(organization_id or ""),
        "set_trace_id": trace_id(),
    }


def keepable(text: str) -> str:
    """The text as Postgres can keep it: without NUL, and without halves of letters (lone surrogates)."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def one(connection: Connection, query: bytes, parameters: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """The first row, or None."""
    return connection.execute(query, parameters).fetchone()


def rows(connection: Connection, query: bytes, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """All rows."""
    return connection.execute(query, parameters).fetchall()
