"""POST /otp, /magiclink, /recover, /resend: codes and links that are asked for by an address or a number."""

from __future__ import annotations

import psycopg
from starlette.responses import JSONResponse, Response

from infra.local.auth import audit, letters, passwords, pkce, sms, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid
from infra.local.auth.signup import Newcomer, ask_first, register

RESENT = ("signup", "email_change", "sms", "phone_change")


async def otp(context: Context, call: Call) -> Response:
    """A code to an address or a number. Refuses unknown ones where the caller wants no new user."""
    context.take(call, "otp", context.config.limits.sign_in_sign_ups)
    email, phone = call.text("email"), call.text("phone")
    if email and phone:
        raise invalid("Only an email address or phone number should be provided")
    if email and call.text("channel"):
        raise invalid("Channel should only be specified with Phone OTP")
    pkce.is_wanted(call)
    if not call.flag("create_user", True) and (email or phone):
        async with context.transaction() as connection:
            if await _known(connection, email, phone) is None:
                raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
    if email:
        return await _mail_link(context, call)
    if phone:
        return await _text_code(context, call)
    raise invalid("One of email or phone must be set")


async def magic_link(context: Context, call: Call) -> Response:
    """Mail a link that signs in; an address without a confirmed user gets one that confirms it."""
    context.take(call, "magiclink", context.config.limits.sign_in_sign_ups)
    return await _mail_link(context, call)


async def recover(context: Context, call: Call) -> Response:
    """Mail a link that signs in to choose a new password. An unknown address gets the same answer and no mail."""
    context.take(call, "recover", context.config.limits.sign_in_sign_ups)
    if not context.config.email_enabled:
        raise AuthError(400, "email_provider_disabled", "Email logins are disabled")
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
    """Send the code of an unfinished sign-up or change again. Says nothing about whether there is one."""
    context.take(call, "resend", context.config.limits.sign_in_sign_ups)
    kind, email, phone = call.text("type"), call.text("email"), call.text("phone")
    if kind not in RESENT:
        raise invalid(f"Missing one of these types: {', '.join(RESENT)}")
    flow = kind in {"signup", "email_change"} and pkce.is_wanted(call)
    if not email and kind == "signup":
        raise invalid("Type provided requires an email address")
    if not phone and kind == "sms":
        raise invalid("Type provided requires a phone number")
    if email and phone:
        raise invalid("Only an email address or phone number should be provided.")
    if not email and not phone:
        raise invalid("Missing email address or phone number")
    if email and not context.config.email_enabled:
        raise AuthError(400, "email_provider_disabled", "Email logins are disabled")
    if phone and not context.config.phone_enabled:
        raise AuthError(400, "phone_provider_disabled", "Phone logins are disabled")
    message_id = ""
    async with context.transaction() as connection:
        user = await _known(connection, email, phone)
        if user is not None:
            message_id = await _resend(context, connection, call, user, kind, flow)
    return JSONResponse({"message_id": message_id} if message_id else {})


async def _resend(context: Context, connection: Connection, call: Call, user: Row, kind: str, flow: bool) -> str:
    match kind:
        case "signup" if user["email_confirmed_at"] is None and user["email"]:
            if flow:
                await pkce.begin(connection, call, user["id"], kind)
            await audit.record(connection, call, user, "user_confirmation_requested")
            await letters.send(context, connection, call, user, kind, flow)
        case "email_change" if user["email_change"]:
            if flow:
                await pkce.begin(connection, call, user["id"], kind)
            await letters.send_change(context, connection, call, user, user["email_change"], flow)
        case "sms" if user["phone_confirmed_at"] is None and user["phone"]:
            await audit.record(connection, call, user, "user_recovery_requested")
            return (await sms.send(context, connection, call, user, "confirmation", user["phone"]))[1]
        case "phone_change" if user["phone_change"]:
            return (await sms.send(context, connection, call, user, kind, user["phone_change"]))[1]
    return ""


async def _mail_link(context: Context, call: Call) -> Response:
    if not context.config.email_enabled:
        raise AuthError(422, "email_provider_disabled", "Email logins are disabled")
    if not context.config.magic_link_enabled:
        raise AuthError(422, "email_provider_disabled", "Login with magic link is disabled")
    if not call.text("email"):
        raise AuthError(422, "validation_failed", "Password recovery requires an email")
    email = users.normal_email(call.text("email"))
    newcomer = await _newcomer(context, call, "email", email, pkce.is_wanted(call))
    try:
        await _send_link(context, call, newcomer)
    except psycopg.errors.UniqueViolation:  # another request made the user meanwhile
        await _send_link(context, call, newcomer)
    return JSONResponse({})


async def _send_link(context: Context, call: Call, newcomer: Newcomer) -> None:
    async with context.transaction() as connection:
        user = await users.by_email(connection, newcomer.value)
    if user is None:
        await _check_new(context, call, newcomer)
    async with context.transaction() as connection:
        user = await users.by_email(connection, newcomer.value)
        if user is None or user["email_confirmed_at"] is None:
            _check_open(context)
            user = await register(context, connection, call, newcomer)
            if user is None or user["email_confirmed_at"] is None:
                return  # the mail that confirms the address signs in too
        if newcomer.pkce:
            await pkce.begin(connection, call, user["id"], "magiclink")
        await audit.record(connection, call, user, "user_recovery_requested")
        await letters.send(context, connection, call, user, "magiclink", newcomer.pkce)


async def _text_code(context: Context, call: Call) -> Response:
    if not context.config.phone_enabled:
        raise AuthError(400, "phone_provider_disabled", "Unsupported phone provider")
    phone = users.normal_phone(call.text("phone"))
    sms.check_channel(call.text("channel"))
    newcomer = await _newcomer(context, call, "phone", phone)
    try:
        message_id = await _send_code(context, call, newcomer)
    except psycopg.errors.UniqueViolation:
        message_id = await _send_code(context, call, newcomer)
    return JSONResponse({"message_id": message_id} if message_id else {})


async def _send_code(context: Context, call: Call, newcomer: Newcomer) -> str:
    async with context.transaction() as connection:
        user = await users.by_phone(connection, newcomer.value)
    if user is None:
        await _check_new(context, call, newcomer)
    async with context.transaction() as connection:
        user = await users.by_phone(connection, newcomer.value)
        if user is None or user["phone_confirmed_at"] is None:
            _check_open(context)
            user = await register(context, connection, call, newcomer)
            if user is None or user["phone_confirmed_at"] is None:
                return ""
        await audit.record(connection, call, user, "user_recovery_requested", channel="sms")
        return (await sms.send(context, connection, call, user, "confirmation", newcomer.value))[1]


async def _newcomer(context: Context, call: Call, provider: str, value: str, flow: bool = False) -> Newcomer:
    """Who the address or number may become: a user with a password that nobody knows."""
    hashed = await passwords.hash_password(context.config, passwords.random_password())
    return Newcomer(provider, value, hashed, call.mapping("data") or {}, flow)


async def _check_new(context: Context, call: Call, newcomer: Newcomer) -> None:
    _check_open(context)
    await ask_first(context, call, newcomer)


def _check_open(context: Context) -> None:
    if not context.config.signup_enabled:
        raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")


async def _known(connection: Connection, email: str, phone: str) -> Row | None:
    if email:
        return await users.by_email(connection, users.normal_email(email))
    return await users.by_phone(connection, users.normal_phone(phone))
