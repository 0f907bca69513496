"""POST /signup: new users with a password, and anonymous ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from starlette.responses import JSONResponse, Response

from infra.local.auth import audit, hooks, identities, letters, passwords, pkce, sessions, sms, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid
from infra.local.auth.limits import HOUR

NEVER = "0001-01-01T00:00:00Z"  # when a user who is not made yet was made, as hooks are told


@dataclass(frozen=True)
class Newcomer:
    """Who wants to be a user: one address or one number, as `provider` says."""

    provider: str
    value: str
    hashed: str | None
    data: dict[str, Any] = field(default_factory=dict)
    pkce: bool = False

    @property
    def metadata(self) -> dict[str, Any]:
        return {"provider": self.provider, "providers": [self.provider]}


async def sign_up(context: Context, call: Call) -> Response:
    """A session where nothing has to be confirmed, else the user; a code follows.

    Somebody confirmed gets the same answer as a new one, with made-up values, so that nobody learns who is registered.
    """
    config = context.config
    if not call.text("email") and not call.text("phone"):
        return await _sign_up_anonymously(context, call)
    context.take(call, "sign-up", config.limits.sign_in_sign_ups)
    _check_open(context)
    password, email, phone = call.text("password"), call.text("email"), call.text("phone")
    if not password:
        raise invalid("Signup requires a valid password")
    passwords.check_strength(config, password)
    if email and phone:
        raise invalid("Only an email address or phone number should be provided on signup.")
    if phone:
        sms.check_channel(call.text("channel"))
        if call.text("code_challenge"):
            raise invalid("PKCE not supported for phone signups")
    flow = pkce.is_wanted(call)
    provider, value = _checked(context, email, phone)
    data = call.mapping("data") or {}
    newcomer = Newcomer(provider, value, await passwords.hash_password(config, password), data, flow)
    try:
        return await _sign_up(context, call, newcomer)
    except psycopg.errors.UniqueViolation:  # another sign-up of the address won: it exists now
        return await _sign_up(context, call, newcomer)


async def register(context: Context, connection: Connection, call: Call, newcomer: Newcomer) -> Row | None:
    """Make the user or find it unconfirmed, and confirm it or send a code. None where it is confirmed already.

    An unconfirmed user is left as it is: whoever asks now has not shown that the address is theirs.
    """
    config, provider = context.config, newcomer.provider
    user = await _existing(connection, newcomer)
    if user is not None and user[f"{provider}_confirmed_at"] is not None:
        await audit.record(connection, call, user, "user_repeated_signup", provider=provider)
        return None
    if user is None:
        user = await users.create(
            connection, aud=call.audience(context), role=config.default_role, password_hash=newcomer.hashed,
            email=newcomer.value if provider == "email" else None, data=newcomer.data,
            phone=newcomer.value if provider == "phone" else None, app_metadata=newcomer.metadata,
        )  # fmt: skip
    if await identities.find(connection, provider, str(user["id"])) is None:
        claims = {"sub": str(user["id"]), "email_verified": False, "phone_verified": False}
        claims |= {"email": newcomer.value} if provider == "email" else {}
        identity = await identities.add(connection, user["id"], provider, newcomer.data | claims)
        user = await identities.keep_only(connection, user, identity)
    if not (config.confirmations if provider == "email" else config.phone_confirmations):
        await audit.record(connection, call, user, "user_signedup", provider=provider)
        return await (users.confirm if provider == "email" else users.confirm_phone)(connection, user)
    await audit.record(connection, call, user, "user_confirmation_requested", provider=provider)
    if provider == "phone":
        return (await sms.send(context, connection, call, user, "confirmation", newcomer.value))[0]
    if newcomer.pkce:
        await pkce.begin(connection, call, user["id"], "signup")
    return await letters.send(context, connection, call, user, "signup", newcomer.pkce)


async def ask_first(context: Context, call: Call, newcomer: Newcomer) -> None:
    """Let the project's hook refuse somebody who is about to become a user."""
    if context.config.before_user_created_hook is not None:
        async with context.transaction() as connection:
            known = await _existing(connection, newcomer)
        if known is None:
            told = {newcomer.provider: newcomer.value}
            await hooks.before_user_created(
                context, call, unmade(context, call, newcomer.metadata, newcomer.data, told)
            )


def unmade(
    context: Context, call: Call, app_metadata: dict[str, Any], data: dict[str, Any], told: dict[str, Any]
) -> dict[str, Any]:
    """A user who is not made yet, as the hook before it is told."""
    return {
        "id": str(uuid4()),
        "aud": call.audience(context),
        "role": "",
        "email": "",
        "phone": "",
        "app_metadata": app_metadata,
        "user_metadata": data,
        "identities": [],
        "created_at": NEVER,
        "updated_at": NEVER,
        "is_anonymous": False,
    } | told


def _check_open(context: Context) -> None:
    if not context.config.signup_enabled:
        raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")


def _checked(context: Context, email: str, phone: str) -> tuple[str, str]:
    """The provider and its value. Raises AuthError where the project has that way off or the value is none."""
    if phone:
        if not context.config.phone_enabled:
            raise AuthError(400, "phone_provider_disabled", "Phone signups are disabled")
        return "phone", users.normal_phone(phone)
    if not context.config.email_enabled:
        raise AuthError(400, "email_provider_disabled", "Email signups are disabled")
    return "email", users.normal_email(email)


async def _existing(connection: Connection, newcomer: Newcomer) -> Row | None:
    if newcomer.provider == "phone":
        return await users.by_phone(connection, newcomer.value)
    return await users.owner_of(connection, newcomer.value)


async def _sign_up(context: Context, call: Call, newcomer: Newcomer) -> Response:
    await ask_first(context, call, newcomer)
    provider = newcomer.provider
    async with context.transaction() as connection:
        user = await register(context, connection, call, newcomer)
        if user is not None and (user["email_confirmed_at"] or user["phone_confirmed_at"]) is not None:
            await audit.record(connection, call, user, "login", provider=provider)
            return (await sessions.sign_in(context, connection, call, user, "password")).response()
        shown = await users.present_one(connection, user) if user is not None else {}
    if user is not None:
        if user["invited_at"] is not None:  # what the inviter noted is not for whoever signs up
            shown |= {"user_metadata": {}, "identities": []}
        await hooks.after_user_created(context, call, user)
        return JSONResponse(shown)
    if not context.config.confirmations or not context.config.phone_confirmations:
        raise AuthError(422, "user_already_exists", "User already registered")
    return JSONResponse(_made_up(context, call, newcomer))


def _made_up(context: Context, call: Call, newcomer: Newcomer) -> dict[str, Any]:
    now = users.stamp(datetime.now(UTC))
    moments = {"confirmation_sent_at": now, "created_at": now, "updated_at": now}
    told = {newcomer.provider: newcomer.value} | moments
    return unmade(context, call, newcomer.metadata, newcomer.data, told)


async def _sign_up_anonymously(context: Context, call: Call) -> Response:
    config = context.config
    if not config.anonymous_enabled:
        raise AuthError(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled")
    context.take(call, "anonymous", config.limits.anonymous_users, HOUR)
    _check_open(context)
    data = call.mapping("data") or {}
    if config.before_user_created_hook is not None:
        await hooks.before_user_created(context, call, unmade(context, call, {}, data, {"is_anonymous": True}))
    async with context.transaction() as connection:
        user = await users.create(
            connection, aud=call.audience(context), role=config.default_role, data=data, is_anonymous=True
        )
        issued = await sessions.sign_in(context, connection, call, user, "anonymous")
    await hooks.after_user_created(context, call, user)
    return issued.response()
