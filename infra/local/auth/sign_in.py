"""POST /token: a session for a password, a refresh token, an authorization code or a provider's ID token."""

from __future__ import annotations

from starlette.responses import Response

from infra.local.auth import audit, hooks, id_tokens, passwords, pkce, sessions, users
from infra.local.auth.calls import Call, Context
from infra.local.auth.errors import AuthError, WeakPasswordError, invalid, wrong_credentials


async def token(context: Context, call: Call) -> Response:
    """Dispatch on `grant_type`."""
    limits = context.config.limits
    grant = call.query("grant_type") or call.form_field("grant_type")
    match grant:
        case "password":
            context.take(call, "sign-in", limits.sign_in_sign_ups)
            return await _by_password(context, call)
        case "refresh_token":
            context.take(call, "refresh", limits.token_refresh)
            return (await sessions.refresh(context, call, call.text("refresh_token"))).response()
        case "pkce":
            context.take(call, "pkce", limits.sign_in_sign_ups)
            return await _by_code(context, call)
        case "id_token":
            context.take(call, "id-token", limits.sign_in_sign_ups)
            return await id_tokens.sign_in(context, call)
        case "web3":
            raise AuthError(422, "web3_provider_disabled", "Web3 provider is disabled")
        case _:
            raise AuthError(400, "invalid_credentials", "unsupported_grant_type")


async def _by_password(context: Context, call: Call) -> Response:
    email, phone, password = call.text("email"), call.text("phone"), call.text("password")
    if email and phone:
        raise invalid("Only an email address or phone number should be provided on login.")
    if email and not context.config.email_enabled:
        raise AuthError(422, "email_provider_disabled", "Email logins are disabled")
    if phone and not context.config.phone_enabled:
        raise AuthError(422, "phone_provider_disabled", "Phone logins are disabled")
    if not email and not phone:
        raise invalid("missing email or phone")
    provider = "email" if email else "phone"
    async with context.transaction() as connection:
        user = await (
            users.by_email(connection, email) if email else users.by_phone(connection, users.bare_phone(phone))
        )
    # No connection is held while bcrypt works.
    right = await passwords.verify_password(context.config, password, user["encrypted_password"] if user else None)
    if user is None or not user["encrypted_password"]:
        raise wrong_credentials()
    if users.is_banned(user) and right:  # told to those who know the password only
        raise AuthError(400, "user_banned", "User is banned")
    await hooks.password_checked(context, call, user, right)
    if not right:
        raise wrong_credentials()
    if user[f"{provider}_confirmed_at"] is None:
        raise AuthError(400, f"{provider}_not_confirmed", f"{provider.capitalize()} not confirmed")
    async with context.transaction() as connection:
        await audit.record(connection, call, user, "login", provider=provider)
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
    for name, column in (("provider_token", "provider_access_token"), ("provider_refresh_token",) * 2):
        if flow[column]:
            issued.body[name] = flow[column]
    return issued.response()
