"""Sessions: the access tokens that speak for them and the refresh tokens that keep them alive."""

from __future__ import annotations

import ipaddress
import secrets
import string
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from starlette.responses import JSONResponse

from infra.local import tokens
from infra.local.auth import audit, hooks, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, OAuthError

_ALPHABET = string.ascii_lowercase + string.digits
_AAL2_METHODS = {"totp", "mfa/phone", "mfa/webauthn"}


@dataclass(frozen=True)
class Issued:
    """A session's tokens, as the protocol answers a sign-in."""

    user_id: UUID
    session_id: UUID
    body: dict[str, Any]

    def response(self) -> JSONResponse:
        headers = {"sb-auth-user-id": str(self.user_id), "sb-auth-session-id": str(self.session_id)}
        return JSONResponse(self.body, headers=headers)


async def sign_in(context: Context, connection: Connection, call: Call, user: Row, method: str) -> Issued:
    """Start a session for a user who proved who they are by `method` (an amr value)."""
    user = await users.update(connection, user, last_sign_in_at=datetime.now(UTC))
    session_id = uuid4()
    await connection.execute(
        "insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip) "
        "values (%s, %s, now(), now(), 'aal1', %s, %s)",
        [session_id, user["id"], call.user_agent or None, _inet(call.ip)],
    )
    await add_method(connection, session_id, method)
    refresh_token = await _new_refresh_token(connection, user["id"], session_id, None)
    return await _issue(context, connection, user, session_id, refresh_token, method)


async def refresh(context: Context, call: Call) -> Issued:
    """Exchange a refresh token for a new pair.

    A token that was exchanged already gets the pair's current token where it is that token's parent (the answer was
    lost on its way) and a new one within the reuse interval (several tabs at once). Otherwise it was stolen or its
    thief was here first: the session ends. Raises AuthError 400.
    """
    token = call.text("refresh_token")
    if not token:
        raise OAuthError(400, "invalid_request", "refresh_token required")
    async with context.transaction() as connection:
        issued = await _refresh(context, connection, call, token)
    if issued is None:  # told after the commit that ended the session
        raise AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
    return issued


async def step_up(
    context: Context, connection: Connection, call: Call, user: Row, session: Row, factor_id: UUID
) -> Issued:
    """Raise a session to aal2 by a verified second factor: its refresh token is exchanged too."""
    await add_method(connection, session["id"], "totp")
    # The tokens held until now are gone: none of them may be traded for one of the higher level.
    await connection.execute("delete from auth.refresh_tokens where session_id = %s", [session["id"]])
    refresh_token = await _new_refresh_token(connection, user["id"], session["id"], None)
    await connection.execute(
        "update auth.sessions set aal = 'aal2', factor_id = %s, updated_at = now() where id = %s",
        [factor_id, session["id"]],
    )
    await connection.execute(
        "delete from auth.sessions where user_id = %s and aal is distinct from 'aal2'", [user["id"]]
    )
    return await _issue(context, connection, user, session["id"], refresh_token, "totp")


async def add_method(connection: Connection, session_id: UUID, method: str) -> None:
    await connection.execute(
        "insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method) "
        "values (%s, %s, now(), now(), %s) on conflict (session_id, authentication_method) "
        "do update set updated_at = now()",
        [uuid4(), session_id, method],
    )


async def end(connection: Connection, user_id: UUID, session_id: UUID | None, scope: str) -> None:
    """End the `global`, the `local` or the `others` sessions of a user; tokens die with them."""
    everything = session_id is None or scope == "global"
    await connection.execute(
        "delete from auth.sessions where user_id = %s and (%s or (id = %s) = %s)",
        [user_id, everything, session_id, scope == "local"],
    )


async def _refresh(context: Context, connection: Connection, call: Call, token: str) -> Issued | None:
    await connection.execute("set local lock_timeout = '5s'")
    try:
        # The session's row is the lock: whoever exchanges one of its tokens waits for the one before.
        found = await connection.execute(
            "select s.* from auth.sessions s where s.id = "
            "(select r.session_id from auth.refresh_tokens r where r.token = %s) for update",
            [token],
        )
        session = await found.fetchone()
    except psycopg.errors.LockNotAvailable:
        message = "Too many concurrent token refresh requests on the same session or refresh token"
        raise AuthError(409, "conflict", message) from None
    held = await (
        await connection.execute("select * from auth.refresh_tokens where token = %s for update", [token])
    ).fetchone()
    if held is None or session is None:
        message = "Invalid Refresh Token: Refresh Token Not Found"
        raise AuthError(400, "refresh_token_not_found", message)
    user = await users.by_id(connection, session["user_id"])
    if user is None or users.is_banned(user):
        raise AuthError(400, "user_banned", "Invalid Refresh Token: User Banned")
    _check_age(context, session, held)
    chosen = await _exchange(context, connection, session, held)
    if chosen is None:
        await connection.execute("delete from auth.sessions where id = %s", [session["id"]])
        return None
    await audit.record(connection, call, user, "token_refreshed")
    await connection.execute(
        "update auth.sessions set refreshed_at = now() at time zone 'utc', updated_at = now(), user_agent = %s, "
        "ip = %s where id = %s",
        [call.user_agent or None, _inet(call.ip), session["id"]],
    )
    return await _issue(context, connection, user, session["id"], chosen, "token_refresh")


async def _exchange(context: Context, connection: Connection, session: Row, held: Row) -> str | None:
    """The token to answer with, or None where `held` must not be used any more."""
    if held["revoked"]:
        found = await connection.execute(
            "select token, parent from auth.refresh_tokens where session_id = %s and revoked = false "
            "order by id desc limit 1",
            [session["id"]],
        )
        active = await found.fetchone()
        if active is not None and active["parent"] == held["token"]:
            return str(active["token"])
        if held["updated_at"] + timedelta(seconds=context.config.refresh_reuse_interval) < datetime.now(UTC):
            return None
    await connection.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = case when revoked then updated_at else now() end "
        "where id = %s",
        [held["id"]],
    )
    return await _new_refresh_token(connection, session["user_id"], session["id"], held["token"])


def _check_age(context: Context, session: Row, held: Row) -> None:
    now = datetime.now(UTC)
    limits = [(session["not_after"], 0.0, "Session Expired")]
    if context.config.session_timebox is not None:
        limits.append((session["created_at"], context.config.session_timebox, "Session Expired"))
    if context.config.session_inactivity is not None:
        limits.append((held["created_at"], context.config.session_inactivity, "Session Expired (Inactivity)"))
    for start, allowed, reason in limits:
        if start is not None and start + timedelta(seconds=allowed) < now:
            raise AuthError(400, "session_expired", f"Invalid Refresh Token: {reason}")


async def _new_refresh_token(connection: Connection, user_id: UUID, session_id: UUID, parent: str | None) -> str:
    token = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    await connection.execute(
        "insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, "
        "session_id) values (%s, %s, %s, false, now(), now(), %s, %s)",
        [users.NOBODY, token, str(user_id), parent, session_id],
    )
    return token


async def _issue(
    context: Context, connection: Connection, user: Row, session_id: UUID, refresh_token: str, method: str
) -> Issued:
    claims = await _claims(context, connection, user, session_id)
    if context.config.custom_access_token_hook:
        claims = await hooks.customize(connection, context.config.custom_access_token_hook, user["id"], claims, method)
    body = {
        "access_token": tokens.sign(context.settings.keys, claims),
        "token_type": "bearer",
        "expires_in": context.config.jwt_expiry,
        "expires_at": claims["exp"],
        "refresh_token": refresh_token,
        "user": await users.present_one(connection, user),
    }
    return Issued(user["id"], session_id, body)


async def _claims(context: Context, connection: Connection, user: Row, session_id: UUID) -> dict[str, Any]:
    found = await connection.execute(
        "select authentication_method, extract(epoch from updated_at)::bigint as moment from auth.mfa_amr_claims "
        "where session_id = %s order by updated_at desc",
        [session_id],
    )
    methods = [{"method": row["authentication_method"], "timestamp": row["moment"]} for row in await found.fetchall()]
    now = int(time.time())
    return {
        "iss": context.url,
        "sub": str(user["id"]),
        "aud": user["aud"] or context.config.audience,
        "exp": now + context.config.jwt_expiry,
        "iat": now,
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "role": user["role"] or "",
        "aal": "aal2" if any(entry["method"] in _AAL2_METHODS for entry in methods) else "aal1",
        "amr": methods,
        "session_id": str(session_id),
        "is_anonymous": user["is_anonymous"],
    }


def _inet(address: str) -> str | None:
    """The address as PostgreSQL's inet takes it; None for the names that servers on sockets report."""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return None
