"""What signed-in users do with their own account: /user, /logout, /reauthenticate, their identities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.responses import JSONResponse, Response

from infra.local.auth import audit, codes, letters, passwords, pkce, sessions, users, verify
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid

EMAIL_TAKEN = "A user with this email address has already been registered"


@dataclass(frozen=True)
class Caller:
    """The user who calls and the session their token speaks for, None for a token without one."""

    user: Row
    session: Row | None
    claims: dict[str, Any]

    @property
    def aal(self) -> str:
        return str(self.session["aal"]) if self.session else "aal1"


async def authenticate(context: Context, connection: Connection, call: Call) -> Caller:
    """The caller of a good token whose user and session still exist. Raises AuthError 401 or 403."""
    claims = call.claims(context)
    if not claims.get("sub"):
        raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
    try:
        user_id = UUID(str(claims["sub"]))
        session_id = UUID(str(claims["session_id"])) if claims.get("session_id") else None
    except ValueError:
        raise AuthError(403, "bad_jwt", "invalid claim: sub and session_id have to be UUIDs") from None
    user = await users.by_id(connection, user_id)
    if user is None:
        raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
    session = None
    if session_id is not None:
        found = await connection.execute(
            "select * from auth.sessions where id = %s and user_id = %s", [session_id, user_id]
        )
        session = await found.fetchone()
        if session is None:
            message = "Session from session_id claim in JWT does not exist"
            raise AuthError(403, "session_not_found", message)
    if users.is_banned(user):
        raise AuthError(403, "user_banned", "User is banned")
    return Caller(user, session, claims)


async def get_user(context: Context, call: Call) -> Response:
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        return JSONResponse(await users.present_one(connection, caller.user))


async def put_user(context: Context, call: Call) -> Response:
    """Change one's password, address or user_metadata; nothing else. A new address is confirmed by mail first."""
    password = call.text("password") if call.body.get("password") is not None else None
    email = users.normal_email(call.text("email")) if call.text("email") else ""
    data, flow = call.mapping("data"), pkce.is_wanted(call)
    if call.body.get("app_metadata") is not None:
        raise AuthError(403, "not_admin", "Updating app_metadata requires admin privileges")
    if call.text("phone"):
        raise AuthError(400, "phone_provider_disabled", "Phone logins are disabled")
    if password is not None:
        passwords.check_strength(context.config, password)
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        await _check_change(connection, caller, email, password)
    hashed = await _new_hash(context, caller.user, password) if password is not None else None
    async with context.transaction() as connection:
        user = await users.by_id(connection, caller.user["id"], lock=True)
        if user is None:
            raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
        if hashed is not None:
            user = await _set_password(connection, call, caller, user, hashed)
        if data is not None:
            metadata = users.merged(user["raw_user_meta_data"], data)
            user = await users.update(connection, user, raw_user_meta_data=metadata)
        if email and email != user["email"]:
            user = await _change_email(context, connection, call, user, email, flow)
        await audit.record(connection, call, user, "user_modified")
        return JSONResponse(await users.present_one(connection, user))


async def logout(context: Context, call: Call) -> Response:
    """End sessions: `scope` is global (default), local or others."""
    scope = call.query("scope") or "global"
    if scope not in {"global", "local", "others"}:
        raise invalid(f'Unsupported logout scope "{scope}"')
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        await audit.record(connection, call, caller.user, "logout")
        session_id = caller.session["id"] if caller.session else None
        await sessions.end(connection, caller.user["id"], session_id, scope)
    return Response(status_code=204)


async def reauthenticate(context: Context, call: Call) -> Response:
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        if not caller.user["email"]:
            raise invalid("Reauthentication requires the user to have an email or a phone number")
        if caller.user["email_confirmed_at"] is None:
            raise AuthError(422, "email_not_confirmed", "Please verify your email first.")
        await audit.record(connection, call, caller.user, "user_reauthenticate_requested")
        await letters.send_reauthentication(context, connection, caller.user)
    return JSONResponse({})


async def delete_identity(context: Context, call: Call) -> Response:
    if not context.config.manual_linking_enabled:
        raise AuthError(404, "manual_linking_disabled", "Manual linking is disabled")
    identity_id = call.path_uuid("identity_id")
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        await users.by_id(connection, caller.user["id"], lock=True)
        found = await connection.execute("select * from auth.identities where user_id = %s", [caller.user["id"]])
        owned = {row["id"]: row for row in await found.fetchall()}
        if len(owned) <= 1:
            message = "User must have at least 1 identity after unlinking"
            raise AuthError(422, "single_identity_not_deletable", message)
        if identity_id not in owned:
            raise AuthError(422, "identity_not_found", "Identity doesn't exist")
        await connection.execute("delete from auth.identities where id = %s", [identity_id])
        provider = owned[identity_id]["provider"]
        await audit.record(
            connection, call, caller.user, "identity_unlinked", identity_id=identity_id, provider=provider
        )
        await users.refresh_providers(connection, caller.user)
    return JSONResponse({})


async def _check_change(connection: Connection, caller: Caller, email: str, password: str | None) -> None:
    user = caller.user
    changes_email = bool(email) and email != user["email"]
    if password or changes_email:
        found = await connection.execute(
            "select 1 from auth.mfa_factors where user_id = %s and status = 'verified' limit 1", [user["id"]]
        )
        if caller.aal != "aal2" and await found.fetchone() is not None:
            message = "AAL2 session is required to update email or password when MFA is enabled."
            raise AuthError(401, "insufficient_aal", message)
    if user["is_anonymous"] and password and not email:
        message = "Updating password of an anonymous user without an email or phone is not allowed"
        raise AuthError(422, "validation_failed", message)
    if changes_email and await users.by_email(connection, email) is not None:
        raise AuthError(422, "email_exists", EMAIL_TAKEN)


async def _new_hash(context: Context, user: Row, password: str) -> str:
    kept = user["encrypted_password"]
    if kept and await passwords.verify_password(context.config, password, kept):
        raise AuthError(422, "same_password", "New password should be different from the old password.")
    return await passwords.hash_password(context.config, password)


async def _set_password(connection: Connection, call: Call, caller: Caller, user: Row, hashed: str) -> Row:
    """With a new password, codes sent before and other sessions are void."""
    await audit.record(connection, call, user, "user_updated_password")
    session_id = caller.session["id"] if caller.session else None
    await sessions.end(connection, user["id"], session_id, "others")
    return await reset_password(connection, user, hashed)


async def reset_password(connection: Connection, user: Row, hashed: str) -> Row:
    """Set the password and forget every code that the old one's user asked for."""
    await users.forget_codes(connection, user)
    slots = (codes.CONFIRMATION, codes.RECOVERY, codes.CHANGE_NEW, codes.CHANGE_CURRENT, codes.REAUTHENTICATION)
    cleared: dict[str, Any] = {slot.column: "" for slot in slots} | {slot.sent_at: None for slot in slots}
    return await users.update(connection, user, encrypted_password=hashed, **cleared)


async def _change_email(context: Context, connection: Connection, call: Call, user: Row, email: str, flow: bool) -> Row:
    if user["is_anonymous"] and not context.config.confirmations:
        user = await users.update(connection, user, email_change=email, email_change_sent_at=datetime.now(UTC))
        user = await verify.change_email(connection, call, user)
        return await users.refresh_providers(connection, user)
    if flow:
        await pkce.begin(connection, call, user["id"], "email_change")
    return await letters.send_change(context, connection, call, user, email, flow)
