"""The custom access token hook: a function of the project's database that may change a token's claims."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from infra.local.auth.calls import Connection
from infra.local.auth.errors import AuthError, unexpected

TIMEOUT = "2s"
_URI = re.compile(r"pg-functions://[^/]+/(?P<schema>[A-Za-z_]\w*)/(?P<function>[A-Za-z_]\w*)")
_REQUIRED = ("aud", "exp", "iat", "sub", "email", "phone", "role", "aal", "session_id", "is_anonymous")


def parse_uri(uri: str) -> sql.Composable:
    """The function that `pg-functions://<any>/<schema>/<function>` names. Raises ValueError for any other URI."""
    match = _URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"{uri!r} is no hook: write pg-functions://postgres/<schema>/<function>")
    return sql.Identifier(match["schema"], match["function"])


async def customize(
    connection: Connection, uri: str, user_id: UUID, claims: dict[str, Any], method: str
) -> dict[str, Any]:
    """The claims that the hook returns, in the transaction of the sign-in.

    Raises AuthError: the hook's own where it returns `{"error": {"http_code", "message"}}`, else 500.
    """
    event = {"user_id": str(user_id), "claims": claims, "authentication_method": method}
    try:
        async with connection.transaction():
            await connection.execute("select set_config('statement_timeout', %s, true)", [TIMEOUT])
            query = sql.SQL("select {}(%s) as answer").format(parse_uri(uri))
            row = await (await connection.execute(query, [Jsonb(event)])).fetchone()
            await connection.execute("set local statement_timeout to default")
    except psycopg.errors.QueryCanceled:
        raise AuthError(422, "hook_timeout", f"Failed to reach hook within maximum time of {TIMEOUT}") from None
    except psycopg.Error as problem:
        raise unexpected(f"Error running hook URI: {uri}") from problem
    answer = row["answer"] if row else None
    if not isinstance(answer, dict):
        raise unexpected("Error unmarshaling JSON output: the hook did not return an object")
    if error := answer.get("error"):
        raise _refusal(error)
    changed = answer.get("claims")
    if not isinstance(changed, dict):
        raise unexpected("output claims field is missing")
    if missing := [name for name in _REQUIRED if name not in changed]:
        raise unexpected(f"output claims do not conform to the expected schema: {', '.join(missing)} required")
    return changed


def _refusal(error: object) -> AuthError:
    told = error if isinstance(error, dict) else {}
    status = told.get("http_code")
    if not isinstance(status, int) or not 400 <= status <= 599:
        status = 500
    return AuthError(status, "unexpected_failure", str(told.get("message") or "the hook refused"))
