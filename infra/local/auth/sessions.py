"""Sessions: the access tokens that speak for them and the refresh tokens that keep them alive."""

from __future__ import annotations

import ipaddress
import secrets
import string
import time
from dataclasses import dataclass, field, replace
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
AMR = {"totp": "totp", "phone": "mfa/phone", "webauthn": "mfa/webauthn"}  # by kind of factor; each makes aal2


@dataclass(frozen=True)
class Issued:
    """A session's tokens, as the protocol answers a sign-in."""

    user_id: UUID
    session_id: UUID
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        headers = {
            "sb-auth-user-id": str(self.user_id),
            "sb-auth-session-id": str(self.session_id),
            "sb-auth-refresh-token-prefix": self.body["refresh_token"][:5],
        }
        return JSONResponse(self.body, headers=headers | self.headers)


async def sign_in(
    context: Context, connection: Connection, call: Call, user: Row, method: str,
    client_id: UUID | None = None, scopes: str | None = None,
) -> Issued:  # fmt: skip
    """Start a session for a user who proved who they are by `method` (an amr value).

    `client_id` and `scopes` are those of an application that the user lets in (OAuth 2.1).
    """
    user = await users.update(connection, user, last_sign_in_at=datetime.now(UTC))
    session_id = uuid4()
    found = await connection.execute(
        "insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip, oauth_client_id, scopes) "
        "values (%s, %s, now(), now(), 'aal1', %s, %s, %s, %s) returning *",
        [session_id, user["id"], call.user_agent or None, _inet(call.ip), client_id, scopes],
    )
    session = await found.fetchone()
    assert session is not None
    await add_method(connection, session_id, method)
    refresh_token = await _new_refresh_token(connection, user["id"], session_id, None)
    return await _issue(context, connection, call, user, session, refresh_token, method)


async def refresh(context: Context, call: Call, token: str, client_id: UUID | None = None) -> Issued:
    """Exchange a refresh token for a new pair.

    A token that was exchanged already gets the pair's current token where it is that token's parent (the answer was
    lost on its way) and a new one within the reuse interval (several tabs at once). Otherwise it was stolen or its
    thief was here first: the session ends. Raises AuthError 400.
    """
    if not token:
        raise OAuthError(400, "invalid_request", "refresh_token required")
    async with context.transaction() as connection:
        issued = await _refresh(context, connection, call, token, client_id)
    if issued is None:  # told after the commit that ended the session
        raise AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
    return issued


async def step_up(context: Context, connection: Connection, call: Call, user: Row, session: Row, factor: Row) -> Issued:
    """Raise a session to aal2 by a verified second factor: its refresh token is exchanged too."""
    method = AMR[factor["factor_type"]]
    await add_method(connection, session["id"], method)
    # The tokens held until now are gone: none of them may be traded for one of the higher level.
    await connection.execute("delete from auth.refresh_tokens where session_id = %s", [session["id"]])
    refresh_token = await _new_refresh_token(connection, user["id"], session["id"], None)
    await connection.execute(
        "update auth.sessions set aal = 'aal2', factor_id = %s, updated_at = now() where id = %s",
        [factor["id"], session["id"]],
    )
    await connection.execute(
        "delete from auth.sessions where user_id = %s and aal is distinct from 'aal2'", [user["id"]]
    )
    return await _issue(context, connection, call, user, session, refresh_token, method)


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


async def _refresh(
    context: Context, connection: Connection, call: Call, token: str, client_id: UUID | None
) -> Issued | None:
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
    _check_client(session, client_id)
    reason = await _end_of(context, connection, session, held)
    if reason is not None:
        raise AuthError(400, "session_expired", f"Invalid Refresh Token: {reason}")
    if context.config.session_single_per_user:
        await _check_newest(connection, session, held)
    chosen = await _exchange(context, connection, session, held)
    if chosen is None:
        if context.config.refresh_rotation:
            await connection.execute("delete from auth.sessions where id = %s", [session["id"]])
        return None
    await audit.record(connection, call, user, "token_refreshed")
    if chosen[1]:
        await audit.record(connection, call, user, "token_revoked")
    await connection.execute(
        "update auth.sessions set refreshed_at = now() at time zone 'utc', updated_at = now(), user_agent = %s, "
        "ip = %s where id = %s",
        [call.user_agent or None, _inet(call.ip), session["id"]],
    )
    issued = await _issue(context, connection, call, user, session, chosen[0], "token_refresh")
    return replace(issued, headers={"sb-auth-refresh-token-reuse": "false"} if chosen[1] else {})


async def _exchange(context: Context, connection: Connection, session: Row, held: Row) -> tuple[str, bool] | None:
    """The token to answer with and whether it is a new one, or None where `held` must not be used any more."""
    if held["revoked"]:
        found = await connection.execute(
            "select token, parent from auth.refresh_tokens where session_id = %s and revoked = false "
            "order by id desc limit 1",
            [session["id"]],
        )
        active = await found.fetchone()
        if active is not None and active["parent"] == held["token"]:
            return str(active["token"]), False
        if held["updated_at"] + timedelta(seconds=context.config.refresh_reuse_interval) < datetime.now(UTC):
            return None
    await connection.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = case when revoked then updated_at else now() end "
        "where id = %s",
        [held["id"]],
    )
    return await _new_refresh_token(connection, session["user_id"], session["id"], held["token"]), True


def _check_client(session: Row, client_id: UUID | None) -> None:
    """A session that an application holds is refreshed by that application only, and any other by none."""
    if session["oauth_client_id"] == client_id:
        return
    message = "Client authentication not allowed for non-OAuth session"
    if session["oauth_client_id"] is not None:
        message = "Client does not match the session's OAuth client"
        if client_id is None:
            message = "Client authentication required for OAuth session"
    raise OAuthError(400, "invalid_client", message)


async def _end_of(context: Context, connection: Connection, session: Row, held: Row) -> str | None:
    """Why a session is over; None while it is not."""
    config, now = context.config, datetime.now(UTC)
    born = session["created_at"]
    if session["not_after"] is not None and session["not_after"] < now:
        return "Session Expired"
    if config.session_timebox is not None and born + timedelta(seconds=config.session_timebox) < now:
        return "Session Expired"
    quiet = config.session_inactivity
    if quiet is not None and _last_active(session, held) + timedelta(seconds=quiet) < now:
        return "Session Expired (Inactivity)"
    allowed = config.session_low_aal if session["aal"] == "aal1" else None
    late = allowed is not None and born + timedelta(seconds=allowed) < now
    if late and await has_factor(connection, session["user_id"]):
        return "Session Expired (Low AAL: User Needs MFA Verification)"
    return None


async def has_factor(connection: Connection, user_id: UUID) -> bool:
    """Whether the user has a verified second factor."""
    found = await connection.execute(
        "select 1 from auth.mfa_factors where user_id = %s and status = 'verified' limit 1", [user_id]
    )
    return await found.fetchone() is not None


async def _check_newest(connection: Connection, session: Row, held: Row) -> None:
    """Raise AuthError where the user has signed in elsewhere since: only the newest session goes on."""
    found = await connection.execute(
        "select 1 from auth.sessions where user_id = %s and id <> %s and (not_after is null or not_after > now()) "
        "and coalesce(refreshed_at at time zone 'utc', created_at) > %s limit 1",
        [session["user_id"], session["id"], _last_active(session, held)],
    )
    if await found.fetchone() is not None:
        message = "Invalid Refresh Token: Session Expired (Revoked by Newer Login)"
        raise AuthError(400, "session_expired", message)


def _last_active(session: Row, held: Row) -> datetime:
    if session["refreshed_at"] is not None:
        refreshed: datetime = session["refreshed_at"].replace(tzinfo=UTC)
        return refreshed
    latest: datetime = max(session["created_at"], held["updated_at"])
    return latest


async def _new_refresh_token(connection: Connection, user_id: UUID, session_id: UUID, parent: str | None) -> str:
    token = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    await connection.execute(
        "insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, "
        "session_id) values (%s, %s, %s, false, now(), now(), %s, %s)",
        [users.NOBODY, token, str(user_id), parent, session_id],
    )
    return token


async def _issue(
    context: Context, connection: Connection, call: Call, user: Row, session: Row, refresh_token: str, method: str
) -> Issued:
    claims = await _claims(context, connection, user, session)
    claims = await hooks.customize(context, connection, call, user["id"], claims, method)
    body = {
        "access_token": tokens.sign(context.settings.keys, claims),
        "token_type": "bearer",
        "expires_in": claims["exp"] - int(time.time()) if isinstance(claims["exp"], int) else context.config.jwt_expiry,
        "expires_at": claims["exp"],
        "refresh_token": refresh_token,
        "user": await users.present_one(connection, user),
    }
    return Issued(user["id"], session["id"], body)


async def _claims(context: Context, connection: Connection, user: Row, session: Row) -> dict[str, Any]:
    config = context.config
    found = await connection.execute(
        "select authentication_method, extract(epoch from updated_at)::bigint as moment from auth.mfa_amr_claims "
        "where session_id = %s order by updated_at desc",
        [session["id"]],
    )
    methods = [{"method": row["authentication_method"], "timestamp": row["moment"]} for row in await found.fetchall()]
    level = "aal2" if any(entry["method"] in AMR.values() for entry in methods) else "aal1"
    now = int(time.time())
    expires = now + config.jwt_expiry
    if config.session_low_aal is not None and level == "aal1" and await has_factor(connection, user["id"]):
        expires = min(expires, int(session["created_at"].timestamp() + config.session_low_aal))
    claims = {
        "iss": context.issuer,
        "sub": str(user["id"]),
        "aud": user["aud"] or config.audience,
        "exp": expires,
        "iat": now,
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "role": user["role"] or "",
        "aal": level,
        "amr": methods,
        "session_id": str(session["id"]),
        "is_anonymous": user["is_anonymous"],
    }
    if session["oauth_client_id"] is not None:
        claims |= {"client_id": str(session["oauth_client_id"])}
        claims |= {"scope": session["scopes"]} if session["scopes"] else {}
    return claims


def _inet(address: str) -> str | None:
    """The address as PostgreSQL's inet takes it; None for the names that servers on sockets report."""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return None
