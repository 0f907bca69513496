"""POST /token: a session for a password, a refresh token or an authorization code."""

from __future__ import annotations

from starlette.responses import Response

from infra.local.auth import audit, passwords, pkce, sessions, users
from infra.local.auth.calls import Call, Context
from infra.local.auth.errors import AuthError, WeakPasswordError, invalid, wrong_credentials


async def token(context: Context, call: Call) -> Response:
    """Dispatch on `grant_type`."""
    limits = context.config.limits
    match call.query("grant_type"):
        case "password":
            context.limits.take_call("sign-in", call.ip, limits.sign_in_sign_ups)
            return await _by_password(context, call)
        case "refresh_token":
            context.limits.take_call("refresh", call.ip, limits.token_refresh)
            return (await sessions.refresh(context, call)).response()
        case "pkce":
            context.limits.take_call("pkce", call.ip, limits.sign_in_sign_ups)
            return await _by_code(context, call)
        case _:
            raise AuthError(400, "invalid_credentials", "unsupported_grant_type")


async def _by_password(context: Context, call: Call) -> Response:
    email, phone, password = call.text("email"), call.text("phone"), call.text("password")
    if email and phone:
        raise invalid("Only an email address or phone number should be provided on login.")
    if phone:
        raise AuthError(422, "phone_provider_disabled", "Phone logins are disabled")
    if not email:
        raise invalid("missing email or phone")
    async with context.transaction() as connection:
        user = await users.by_email(connection, email)
    # No connection is held while bcrypt works.
    right = await passwords.verify_password(context.config, password, user["encrypted_password"] if user else None)
    if user is None or not right:
        raise wrong_credentials()
    # Told to those who know the password only.
    if users.is_banned(user):
        raise AuthError(400, "user_banned", "User is banned")
    if user["email_confirmed_at"] is None:
        raise AuthError(400, "email_not_confirmed", "Email not confirmed")
    async with context.transaction() as connection:
        await audit.record(connection, call, user, "login", provider="email")
        issued = await sessions.sign_in(context, connection, call, user, "password")
    try:
        passwords.check_strength(context.config, password)
    except WeakPasswordError as weak:  # set before the rules were tightened
        issued.body["weak_password"] = {"message": weak.message, "reasons": weak.reasons}
    return issued.response()


async def _by_code(context: Context, call: Call) -> Response:
    async with context.transaction() as connection:
        flow = await pkce.redeem(connection, context.config, call.text("auth_code"), call.text("code_verifier"))
        user = await users.by_id(connection, flow["user_id"], lock=True)
        if user is None or users.is_banned(user):
            raise AuthError(403, "user_banned", "User is banned")
        await audit.record(connection, call, user, "login", provider_type=flow["provider_type"])
        issued = await sessions.sign_in(context, connection, call, user, flow["authentication_method"])
    return issued.response()
