"""What signed-in users do with their own account: /user, /logout, /reauthenticate, their identities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from starlette.responses import JSONResponse, Response

from infra.local.auth import audit, codes, identities, letters, passwords, pkce, sessions, sms, users, verify
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid

EMAIL_TAKEN = "A user with this email address has already been registered"
PHONE_TAKEN = "A user with this phone number has already been registered"
RECENT = timedelta(hours=24)  # a sign-in no older than this needs no further proof


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
    except ValueError:
        raise AuthError(400, "bad_jwt", "invalid claim: sub claim must be a UUID") from None
    user = await users.by_id(connection, user_id)
    if user is None:
        raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
    try:
        session_id = UUID(str(claims.get("session_id") or users.NOBODY))
    except ValueError:
        raise AuthError(403, "bad_jwt", "invalid claim: session_id claim must be a UUID") from None
    session = None
    if session_id != users.NOBODY:
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
        wanted = call.request.headers.get("x-jwt-aud")
        if wanted and wanted not in _audiences(caller.claims):
            raise invalid("Token audience doesn't match request audience")
        return JSONResponse(await users.present_one(connection, caller.user))


def _audiences(claims: dict[str, Any]) -> list[Any]:
    audience = claims.get("aud")
    return audience if isinstance(audience, list) else [audience]


@dataclass(frozen=True)
class _Change:
    """What somebody wants to be different about their account; empty is as it was."""

    email: str
    phone: str
    password: str | None
    data: dict[str, Any] | None
    pkce: bool

    @classmethod
    def asked(cls, context: Context, call: Call) -> _Change:
        """Raises AuthError for what no account could be changed to."""
        password = call.text("password") if call.body.get("password") is not None else None
        email = users.normal_email(call.text("email")) if call.text("email") else ""
        phone = users.normal_phone(call.text("phone")) if call.text("phone") else ""
        if phone:
            sms.check_channel(call.text("channel"))
        if password is not None:
            passwords.check_strength(context.config, password)
        return cls(email, phone, password, call.mapping("data"), pkce.is_wanted(call))


async def put_user(context: Context, call: Call) -> Response:
    """Change one's password, address, number or user_metadata. What reaches the user is confirmed there first."""
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
    context.take(call, "user", context.config.limits.sign_in_sign_ups)
    change = _Change.asked(context, call)
    # A user whose own role is an administrator's may; the service's key has no user.
    if call.body.get("app_metadata") is not None and caller.user["role"] not in context.config.admin_roles:
        raise AuthError(403, "not_admin", "Updating app_metadata requires admin privileges")
    async with context.transaction() as connection:
        await _check_change(connection, caller, change)
    hashed = None
    if change.password is not None:
        await _check_presence(context, call, caller)
        hashed = await _new_hash(context, call, caller, change.password) if change.password else None
    async with context.transaction() as connection:
        user = await users.by_id(connection, caller.user["id"], lock=True)
        if user is None:
            raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
        if hashed is not None:
            user = await _set_password(context, connection, call, caller, user, hashed)
        values = {"raw_user_meta_data": change.data, "raw_app_meta_data": call.mapping("app_metadata")}
        patched = {column: users.merged(user[column], patch) for column, patch in values.items() if patch is not None}
        if patched:
            user = await users.update(connection, user, **patched)
        if change.email and change.email != user["email"]:
            user = await _change_email(context, connection, call, user, change.email, change.pkce)
        if change.phone and change.phone != user["phone"]:
            user = await _change_phone(context, connection, call, user, change.phone)
        await audit.record(connection, call, user, "user_modified")
        return JSONResponse(await users.present_one(connection, user))


async def logout(context: Context, call: Call) -> Response:
    """End sessions: `scope` is global (default), local or others."""
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        scope = call.query("scope") or "global"
        if scope not in {"global", "local", "others"}:
            raise invalid(f'Unsupported logout scope "{scope}"')
        await audit.record(connection, call, caller.user, "logout")
        session_id = caller.session["id"] if caller.session else None
        await sessions.end(connection, caller.user["id"], session_id, scope)
    return Response(status_code=204)


async def reauthenticate(context: Context, call: Call) -> Response:
    """Send a code that proves, as a nonce, that the caller is still the user."""
    message_id = ""
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        user = caller.user
        if not user["email"] and not user["phone"]:
            raise invalid("Reauthentication requires the user to have an email or a phone number")
        if user["email"] and user["email_confirmed_at"] is None:
            raise AuthError(422, "email_not_confirmed", "Please verify your email first.")
        if not user["email"] and user["phone_confirmed_at"] is None:
            raise AuthError(422, "phone_not_confirmed", "Please verify your phone first.")
        await audit.record(connection, call, user, "user_reauthenticate_requested")
        if user["email"]:
            await letters.send_reauthentication(context, connection, call, user)
        else:
            phone = user["phone"]
            _, message_id = await sms.send(context, connection, call, user, "reauthentication", phone)
    return JSONResponse({"message_id": message_id} if message_id else {})


async def delete_identity(context: Context, call: Call) -> Response:
    """Forget one way in; the last one stays. An address or number that came with it goes too."""
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        if not context.config.manual_linking_enabled:
            raise AuthError(404, "manual_linking_disabled", "Manual linking is disabled")
        identity_id = call.path_uuid("identity_id")
        user = await users.by_id(connection, caller.user["id"], lock=True) or caller.user
        owned = {row["id"]: row for row in await identities.of_user(connection, user["id"])}
        if len(owned) <= 1:
            message = "User must have at least 1 identity after unlinking"
            raise AuthError(422, "single_identity_not_deletable", message)
        if identity_id not in owned:
            raise AuthError(422, "identity_not_found", "Identity doesn't exist")
        provider, subject = owned[identity_id]["provider"], owned[identity_id]["provider_id"]
        traits = {"identity_id": identity_id, "provider": provider, "provider_id": subject}
        await audit.record(connection, call, user, "identity_unlinked", **traits)
        await connection.execute("delete from auth.identities where id = %s", [identity_id])
        recipient = user["email"]
        if provider == "phone":
            user = await users.update(connection, user, phone=None, phone_confirmed_at=None)
        else:
            user = await identities.adopt_email(connection, user, not context.config.confirmations)
        user = await identities.refresh_providers(connection, user)
        await letters.notify(context, connection, call, user, "identity_unlinked", to=recipient, provider=provider)
    return JSONResponse({})


async def _check_change(connection: Connection, caller: Caller, change: _Change) -> None:
    user = caller.user
    email = change.email if change.email != user["email"] else ""
    phone = change.phone if change.phone != user["phone"] else ""
    if change.password or email or phone:
        if caller.aal != "aal2" and await sessions.has_factor(connection, user["id"]):
            message = "AAL2 session is required to update email or password when MFA is enabled."
            raise AuthError(401, "insufficient_aal", message)
        if user["is_sso_user"]:
            message = "Updating email, phone, password of a SSO account only possible via SSO"
            raise AuthError(422, "user_sso_managed", message)
    if user["is_anonymous"] and change.password and not change.email and not change.phone:
        message = "Updating password of an anonymous user without an email or phone is not allowed"
        raise AuthError(422, "validation_failed", message)
    if email:
        owner = await users.owner_of(connection, email)
        if owner is not None and owner["id"] != user["id"]:
            raise AuthError(422, "email_exists", EMAIL_TAKEN)
    if phone and await users.by_phone(connection, phone) is not None:
        raise AuthError(422, "phone_exists", PHONE_TAKEN)


async def _check_presence(context: Context, call: Call, caller: Caller) -> None:
    """Raise AuthError where the project wants a recent sign-in, or a code, before a new password."""
    config = context.config
    if not config.password_change_needs_recent_sign_in:
        return
    if caller.session is not None and caller.session["created_at"] + RECENT > datetime.now(UTC):
        return
    nonce = call.text("nonce")
    if not nonce:
        raise AuthError(400, "reauthentication_needed", "Password update requires reauthentication")
    user, slot = caller.user, codes.REAUTHENTICATION
    expiry = config.otp_expiry if user["email"] else config.sms_otp_expiry
    if not codes.matches(expiry, user, slot, codes.hash_of(user["email"] or user["phone"] or "", nonce)):
        message = "Nonce has expired or is invalid"
        raise AuthError(422, "reauthentication_not_valid", message)
    async with context.transaction() as connection:
        await connection.execute(
            "delete from auth.one_time_tokens where user_id = %s and token_type::text = %s",
            [user["id"], slot.token_type],
        )
        await users.update(connection, user, **{slot.column: ""})


async def _new_hash(context: Context, call: Call, caller: Caller, password: str) -> str:
    config, kept = context.config, caller.user["encrypted_password"]
    if kept:
        if config.password_change_needs_current and not await _is_recovery(context, caller):
            message = "Current password required when setting new password."
            current = call.text("current_password")
            if not current:
                raise AuthError(400, "current_password_required", message)
            if not await passwords.verify_password(config, current, kept):
                raise AuthError(400, "current_password_invalid", message)
        if await passwords.verify_password(config, password, kept):
            raise AuthError(422, "same_password", "New password should be different from the old password.")
    return await passwords.hash_password(config, password)


async def _is_recovery(context: Context, caller: Caller) -> bool:
    """Whether the session was begun by a link: whoever forgot a password cannot give it."""
    if caller.session is None:
        return False
    async with context.transaction() as connection:
        found = await connection.execute(
            "select 1 from auth.mfa_amr_claims where session_id = %s and authentication_method in "
            "('otp', 'recovery', 'magiclink') limit 1",
            [caller.session["id"]],
        )
        return await found.fetchone() is not None


async def _set_password(
    context: Context, connection: Connection, call: Call, caller: Caller, user: Row, hashed: str
) -> Row:
    """With a new password, codes sent before and other sessions are void."""
    await audit.record(connection, call, user, "user_updated_password")
    session_id = caller.session["id"] if caller.session else None
    await sessions.end(connection, user["id"], session_id, "others")
    user = await reset_password(connection, user, hashed)
    await letters.notify(context, connection, call, user, "password_changed")
    return user


async def reset_password(connection: Connection, user: Row, hashed: str) -> Row:
    """Set the password and forget every code that the old one's user asked for."""
    await users.forget_codes(connection, user)
    slots = (
        codes.CONFIRMATION, codes.RECOVERY, codes.CHANGE_NEW, codes.CHANGE_CURRENT, codes.CHANGE_PHONE,
        codes.REAUTHENTICATION,
    )  # fmt: skip
    cleared: dict[str, Any] = {slot.column: "" for slot in slots} | {slot.sent_at: None for slot in slots}
    return await users.update(connection, user, encrypted_password=hashed, **cleared)


async def _change_email(context: Context, connection: Connection, call: Call, user: Row, email: str, flow: bool) -> Row:
    if user["is_anonymous"] and not context.config.confirmations:
        user = await users.update(connection, user, email_change=email)
        user = await verify.change_email(context, connection, call, user)
        return await identities.refresh_providers(connection, user)
    if flow:
        await pkce.begin(connection, call, user["id"], "email_change")
    return await letters.send_change(context, connection, call, user, email, flow)


async def _change_phone(context: Context, connection: Connection, call: Call, user: Row, phone: str) -> Row:
    if not context.config.phone_confirmations:
        user = await users.update(connection, user, phone_change=phone)
        user = await verify.change_phone(context, connection, call, user)
        return await identities.refresh_providers(connection, user)
    return (await sms.send(context, connection, call, user, "phone_change", phone))[0]
