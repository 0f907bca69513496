"""POST /signup: new users with a password, and anonymous ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from starlette.responses import JSONResponse, Response

from infra.local.auth import audit, letters, passwords, pkce, sessions, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid

EMAIL_PROVIDER = {"provider": "email", "providers": ["email"]}


async def sign_up(context: Context, call: Call) -> Response:
    """A session where addresses need no confirmation, else the user; a mail follows.

    A confirmed address gets the same answer as a new one, with made-up values, so that nobody learns who is registered.
    """
    config = context.config
    if not call.text("email") and not call.text("phone"):
        return await _sign_up_anonymously(context, call)
    context.limits.take_call("sign-up", call.ip, config.limits.sign_in_sign_ups)
    if not config.signup_enabled:
        raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")
    password, data = call.text("password"), call.mapping("data") or {}
    if not password:
        raise invalid("Signup requires a valid password")
    passwords.check_strength(config, password)
    if call.text("phone"):
        raise AuthError(400, "phone_provider_disabled", "Phone signups are disabled")
    email = users.normal_email(call.text("email"))
    flow = pkce.is_wanted(call)
    hashed = await passwords.hash_password(config, password)
    try:
        return await _register(context, call, email, hashed, data, flow)
    except psycopg.errors.UniqueViolation:  # another sign-up of the address won: it exists now
        return await _register(context, call, email, hashed, data, flow)


async def register(
    context: Context, connection: Connection, call: Call, email: str, hashed: str, data: dict[str, Any], flow: bool
) -> Row | None:
    """Make the user or find it unconfirmed, and confirm it or mail a code. None where it is confirmed already.

    An unconfirmed user is left as it is: whoever asks now has not shown that the address is theirs.
    """
    config = context.config
    user = await users.by_email(connection, email)
    if user is not None and user["email_confirmed_at"] is not None:
        await audit.record(connection, call, user, "user_repeated_signup", provider="email")
        return None
    if user is None:
        user = await users.create(
            connection, aud=audience(context, call), role=config.default_role, email=email, password_hash=hashed,
            data=data, app_metadata=EMAIL_PROVIDER,
        )  # fmt: skip
    if not config.confirmations:
        await audit.record(connection, call, user, "user_signedup", provider="email")
        return await users.confirm(connection, user)
    await audit.record(connection, call, user, "user_confirmation_requested", provider="email")
    if flow:
        await pkce.begin(connection, call, user["id"], "signup")
    return await letters.send(context, connection, call, user, "signup", flow)


def audience(context: Context, call: Call) -> str:
    return call.request.headers.get("x-jwt-aud") or context.config.audience


async def _register(
    context: Context, call: Call, email: str, hashed: str, data: dict[str, Any], flow: bool
) -> Response:
    async with context.transaction() as connection:
        user = await register(context, connection, call, email, hashed, data, flow)
        if user is not None and user["email_confirmed_at"] is not None:
            await audit.record(connection, call, user, "login", provider="email")
            return (await sessions.sign_in(context, connection, call, user, "password")).response()
        if user is not None:
            shown = await users.present_one(connection, user)
            if user["invited_at"] is not None:  # what the inviter noted is not for whoever signs up
                shown |= {"user_metadata": {}, "identities": []}
            return JSONResponse(shown)
    if not context.config.confirmations:
        raise AuthError(422, "user_already_exists", "User already registered")
    return JSONResponse(_made_up(context, call, email, data))


def _made_up(context: Context, call: Call, email: str, data: dict[str, Any]) -> dict[str, Any]:
    now = users.stamp(datetime.now(UTC))
    return {
        "id": str(uuid4()),
        "aud": audience(context, call),
        "role": "",
        "email": email,
        "phone": "",
        "confirmation_sent_at": now,
        "app_metadata": EMAIL_PROVIDER,
        "user_metadata": data,
        "identities": [],
        "created_at": now,
        "updated_at": now,
        "is_anonymous": False,
    }


async def _sign_up_anonymously(context: Context, call: Call) -> Response:
    config = context.config
    if not config.anonymous_enabled:
        raise AuthError(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled")
    context.limits.take_call("anonymous", call.ip, config.limits.anonymous_users)
    if not config.signup_enabled:
        raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")
    data = call.mapping("data") or {}
    async with context.transaction() as connection:
        user = await users.create(
            connection, aud=audience(context, call), role=config.default_role, data=data, is_anonymous=True
        )
        return (await sessions.sign_in(context, connection, call, user, "anonymous")).response()
