"""POST /otp, /magiclink, /recover, /resend: codes and links that are asked for by an address."""

from __future__ import annotations

import psycopg
from starlette.responses import JSONResponse, Response

from infra.local.auth import audit, letters, passwords, pkce, users
from infra.local.auth.calls import Call, Context
from infra.local.auth.errors import AuthError, invalid
from infra.local.auth.signup import register


async def otp(context: Context, call: Call) -> Response:
    """Like magic_link, and refuses unknown addresses where the caller wants no new user."""
    if call.text("email") and call.text("phone"):
        raise invalid("Only an email address or phone number should be provided")
    if call.text("phone"):
        raise AuthError(400, "phone_provider_disabled", "Unsupported phone provider")
    if not call.text("email"):
        raise invalid("One of email or phone must be set")
    if call.text("channel"):
        raise invalid("Channel should only be specified with Phone OTP")
    if not call.flag("create_user", True):
        async with context.transaction() as connection:
            if await users.by_email(connection, users.normal_email(call.text("email"))) is None:
                raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
    return await magic_link(context, call)


async def magic_link(context: Context, call: Call) -> Response:
    """Mail a link that signs in; an address without a confirmed user gets one that confirms it."""
    context.limits.take_call("otp", call.ip, context.config.limits.sign_in_sign_ups)
    if not call.text("email"):
        raise AuthError(422, "validation_failed", "Password recovery requires an email")
    email = users.normal_email(call.text("email"))
    flow = pkce.is_wanted(call)
    try:
        await _magic_link(context, call, email, flow)
    except psycopg.errors.UniqueViolation:  # another request made the user meanwhile
        await _magic_link(context, call, email, flow)
    return JSONResponse({})


async def recover(context: Context, call: Call) -> Response:
    """Mail a link that signs in to choose a new password. An unknown address gets the same answer and no mail."""
    context.limits.take_call("recover", call.ip, context.config.limits.sign_in_sign_ups)
    if not call.text("email"):
        raise invalid("Password recovery requires an email")
    email = users.normal_email(call.text("email"))
    flow = pkce.is_wanted(call)
    async with context.transaction() as connection:
        user = await users.by_email(connection, email)
        if user is not None:
            if flow:
                await pkce.begin(connection, call, user["id"], "recovery")
            await audit.record(connection, call, user, "user_recovery_requested")
            await letters.send(context, connection, call, user, "recovery", flow)
    return JSONResponse({})


async def resend(context: Context, call: Call) -> Response:
    """Mail the code of an unfinished sign-up or change of address again. Says nothing about whether there is one."""
    context.limits.take_call("resend", call.ip, context.config.limits.sign_in_sign_ups)
    kind = call.text("type")
    if kind not in {"signup", "email_change", "sms", "phone_change"}:
        raise invalid("Missing one of these types: signup, email_change, sms, phone_change")
    if call.text("phone") or kind in {"sms", "phone_change"}:
        raise AuthError(400, "phone_provider_disabled", "Phone logins are disabled")
    if not call.text("email"):
        raise invalid("Type provided requires an email address")
    email = users.normal_email(call.text("email"))
    flow = pkce.is_wanted(call)
    async with context.transaction() as connection:
        user = await users.by_email(connection, email)
        if user is None:
            return JSONResponse({})
        if kind == "signup" and user["email_confirmed_at"] is None:
            if flow:
                await pkce.begin(connection, call, user["id"], kind)
            await audit.record(connection, call, user, "user_confirmation_requested")
            await letters.send(context, connection, call, user, kind, flow)
        if kind == "email_change" and user["email_change"]:
            if flow:
                await pkce.begin(connection, call, user["id"], kind)
            await letters.send_change(context, connection, call, user, user["email_change"], flow)
    return JSONResponse({})


async def _magic_link(context: Context, call: Call, email: str, flow: bool) -> None:
    config = context.config
    hashed = await passwords.hash_password(config, passwords.random_password())
    async with context.transaction() as connection:
        user = await users.by_email(connection, email)
        if user is None or user["email_confirmed_at"] is None:
            if not config.signup_enabled:
                raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")
            data = call.mapping("data") or {}
            user = await register(context, connection, call, email, hashed, data, flow)
            if user is None or user["email_confirmed_at"] is None:
                return  # the mail that confirms the address signs in too
        if flow:
            await pkce.begin(connection, call, user["id"], "magiclink")
        await audit.record(connection, call, user, "user_recovery_requested")
        await letters.send(context, connection, call, user, "magiclink", flow)
