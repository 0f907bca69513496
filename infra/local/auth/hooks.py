"""Hooks: functions of the project's database, or servers of its own, that Auth asks before it goes on."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from infra.local.auth import users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.config import Hook
from infra.local.auth.errors import AuthError, invalid_hook, unexpected
from infra.local.auth.web import MAX_ANSWER, TIMEOUT, TooLongError, WebError

DATABASE_TIMEOUT = "2s"
TRIES = 3
PAUSE = 2.0  # seconds between them; all of them have TIMEOUT together
_FUNCTION = re.compile(r"pg-functions://[^/]+/(?P<schema>[A-Za-z_]\w*)/(?P<function>[A-Za-z_]\w*)")
_SECRET = re.compile(r"v1,whsec_(?P<key>[A-Za-z0-9+/=]+)")
_REQUIRED = ("aud", "exp", "iat", "sub", "email", "phone", "role", "aal", "session_id", "is_anonymous")


def check(hook: Hook) -> None:
    """Raise ValueError where the hook's address or one of its secrets is not of the form that it has to be."""
    if hook.uri.startswith(("http://", "https://")):
        if not hook.secrets or not all(_SECRET.fullmatch(secret) for secret in hook.secrets):
            raise ValueError(f"{hook.uri!r} needs secrets of the form v1,whsec_<base64>")
    elif not _FUNCTION.fullmatch(hook.uri):
        raise ValueError(
            f"{hook.uri!r} is no hook: write pg-functions://postgres/<schema>/<function> or an http address"
        )


async def customize(
    context: Context, connection: Connection, call: Call, user_id: UUID, claims: dict[str, Any], method: str
) -> dict[str, Any]:
    """The claims that the custom access token hook returns, in the transaction of the sign-in."""
    hook = context.config.custom_access_token_hook
    if hook is None:
        return claims
    event = {"user_id": str(user_id), "claims": claims, "authentication_method": method}
    answer = await invoke(context, call, hook, "customize-access-token", event, connection)
    if "claims" not in answer:
        raise unexpected("output claims field is missing")
    changed = answer["claims"]
    if not isinstance(changed, dict):
        raise unexpected("Error unmarshaling JSON output.")
    if missing := [name for name in _REQUIRED if name not in changed]:
        raise unexpected(f"output claims do not conform to the expected schema: {', '.join(missing)} required")
    return changed


async def before_user_created(context: Context, call: Call, user: dict[str, Any]) -> None:
    """Ask whether this user may be made. Raises AuthError where the hook says no."""
    if context.config.before_user_created_hook is not None:
        hook = context.config.before_user_created_hook
        await invoke(context, call, hook, "before-user-created", {"user": user})


async def after_user_created(context: Context, call: Call, user: Row) -> None:
    if context.config.after_user_created_hook is not None:
        async with context.transaction() as connection:
            shown = await users.present_one(connection, user)
        await invoke(context, call, context.config.after_user_created_hook, "after-user-created", {"user": shown})


async def password_checked(context: Context, call: Call, user: Row, valid: bool) -> None:
    """Tell of an attempt. Raises AuthError where the hook rejects it, whatever the password."""
    hook = context.config.password_verification_hook
    if hook is None:
        return
    event = {"user_id": str(user["id"]), "valid": valid}
    answer = await invoke(context, call, hook, "password-verification", event)
    if answer.get("decision") == "reject":
        if answer.get("should_logout_user") is True:
            await _log_out(context, user)
        message = answer.get("message") or "Further password verification attempts will be rejected."
        raise AuthError(400, "invalid_credentials", str(message))


async def factor_checked(context: Context, call: Call, user: Row, factor: Row, valid: bool) -> None:
    """The same for a second factor; a rejection ends the user's sessions."""
    hook = context.config.mfa_verification_hook
    if hook is None:
        return
    event = {"user_id": str(user["id"]), "factor_id": str(factor["id"]), "factor_type": factor["factor_type"]}
    answer = await invoke(context, call, hook, "mfa-verification", event | {"valid": valid})
    if answer.get("decision") == "reject":
        await _log_out(context, user)
        message = answer.get("message") or "Further MFA verification attempts will be rejected."
        raise AuthError(403, "mfa_verification_rejected", str(message))


async def invoke(
    context: Context, call: Call, hook: Hook, name: str, event: dict[str, Any], connection: Connection | None = None
) -> dict[str, Any]:
    """The hook's answer, empty where it gave none.

    Raises AuthError: the hook's own where it returns `{"error": {"http_code", "message"}}`, 422 where it takes too
    long, else 500.
    """
    metadata = {
        "uuid": str(uuid4()),
        "time": users.stamp(datetime.now(UTC)),
        "name": name,
        "ip_address": call.ip,
    }
    event = {"metadata": metadata} | event
    if hook.uri.startswith("pg-functions:"):
        if connection is not None:
            answer = await _ask_database(connection, hook, event)
        else:
            async with context.transaction() as own:
                answer = await _ask_database(own, hook, event)
    else:
        answer = await _ask_server(context, hook, event)
    if answer is None:
        return {}
    if not isinstance(answer, dict):
        raise unexpected("Error unmarshaling JSON output.")
    if isinstance(answer.get("error"), dict) and answer["error"].get("message"):
        raise _refusal(answer["error"])
    return answer


async def _ask_database(connection: Connection, hook: Hook, event: dict[str, Any]) -> Any:
    match = _FUNCTION.fullmatch(hook.uri)
    assert match is not None  # told at the start
    try:
        async with connection.transaction():
            await connection.execute("select set_config('statement_timeout', %s, true)", [DATABASE_TIMEOUT])
            function = sql.Identifier(match["schema"], match["function"])
            found = await connection.execute(sql.SQL("select {}(%s) as answer").format(function), [Jsonb(event)])
            row = await found.fetchone()
            await connection.execute("set local statement_timeout to default")
    except psycopg.errors.QueryCanceled:
        message = f"Failed to reach hook within maximum time of {DATABASE_TIMEOUT}"
        raise AuthError(422, "hook_timeout", message) from None
    except psycopg.Error as problem:
        raise unexpected(f"Error running hook URI: {hook.uri}") from problem
    return row["answer"] if row else None


async def _ask_server(context: Context, hook: Hook, event: dict[str, Any]) -> Any:
    body = json.dumps(event).encode()
    late = AuthError(422, "hook_timeout", f"Failed to reach hook within maximum time of {TIMEOUT:f} seconds")
    try:
        async with asyncio.timeout(TIMEOUT):
            for left in range(TRIES - 1, -1, -1):
                try:
                    answer = await context.web.ask("POST", hook.uri, content=body, headers=_signed(hook, body))
                except TooLongError:
                    message = f"Payload size exceeded size limit of {MAX_ANSWER} bytes"
                    raise AuthError(422, "hook_payload_over_size_limit", message) from None
                except WebError as problem:
                    if not left:
                        message = "Failed to reach hook after maximum retries"
                        raise AuthError(422, "hook_timeout_after_retry", message) from problem
                    await asyncio.sleep(PAUSE)
                    continue
                match answer.status_code:
                    case 204:
                        return None
                    case 200 | 202:
                        return _read(answer.headers.get("content-type"), answer.content)
                    case 429 | 503 if answer.headers.get("retry-after"):
                        continue
                    case 429 | 503:
                        break
                    case 400:
                        raise unexpected("Invalid payload sent to hook")
                    case 401:
                        raise unexpected("Hook requires authorization token")
                    case status:
                        raise unexpected(f"Unexpected status code returned from hook: {status}")
    except TimeoutError:
        raise late from None
    raise unexpected("Service currently unavailable due to hook")


def _signed(hook: Hook, body: bytes) -> dict[str, str]:
    """Headers of a Standard Webhook: its id, when, and one signature for each secret."""
    message_id, moment = str(uuid4()), str(int(datetime.now(UTC).timestamp()))
    signatures = []
    for secret in hook.secrets:
        key = base64.b64decode(secret.removeprefix("v1,whsec_"))
        digest = hmac.digest(key, f"{message_id}.{moment}.".encode() + body, "sha256")
        signatures.append("v1," + base64.b64encode(digest).decode())
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": ", ".join(signatures),
    }


def _read(content_type: str | None, body: bytes) -> Any:
    if not content_type:
        raise invalid_hook("Invalid Content-Type: Missing Content-Type header")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise invalid_hook(f"Invalid JSON response. Received content-type: {content_type}")
    try:
        return json.loads(body)
    except ValueError:
        raise unexpected("Error unmarshaling JSON output.") from None


def _refusal(error: dict[str, Any]) -> AuthError:
    status = error.get("http_code")
    if not isinstance(status, int) or not 400 <= status <= 599:
        status = 500
    return AuthError(status, "unexpected_failure" if status == 500 else "unknown", str(error["message"]))


async def _log_out(context: Context, user: Row) -> None:
    async with context.transaction() as connection:
        await connection.execute("delete from auth.sessions where user_id = %s", [user["id"]])
