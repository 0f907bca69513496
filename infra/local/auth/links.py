"""What an administrator sends: invitations, and links to hand over in mails of the project's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from infra.local.auth import account, audit, codes, hooks, identities, letters, passwords, redirects, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid
from infra.local.auth.signup import Newcomer, ask_first

KINDS = ("signup", "invite", "magiclink", "recovery", "email_change_current", "email_change_new")


async def invite(context: Context, call: Call) -> Response:
    """Make a user without a password and mail a link that lets them in. Raises AuthError 422 for a confirmed one."""
    admin = await call.require_admin(context)
    newcomer = Newcomer("email", users.normal_email(call.text("email")), None, call.mapping("data") or {})
    await ask_first(context, call, newcomer)
    async with context.transaction() as connection:
        user = await _invited(context, connection, call, newcomer)
        await audit.record(connection, call, admin, "user_invited", user_id=user["id"], user_email=newcomer.value)
        user = await letters.send(context, connection, call, user, "invite")
        shown = await users.present_one(connection, user)
    await hooks.after_user_created(context, call, user)
    return JSONResponse(shown)


async def generate(context: Context, call: Call) -> Response:
    """Make the code and link of a mail without sending it; the caller does."""
    admin = await call.require_admin(context)
    kind, email = call.text("type"), users.normal_email(call.text("email"))
    if kind not in KINDS:
        raise invalid(f"Invalid email action link type requested: {kind}")
    wanted = call.text("redirect_to")
    target = wanted if redirects.is_allowed(context.config, wanted) else call.redirect(context.config)
    async with context.transaction() as connection:
        made = await users.by_email(connection, email) is None
    if made and kind in {"recovery", "email_change_current", "email_change_new"}:
        raise AuthError(404, "user_not_found", "User with this email not found")
    asked, kind = kind, "signup" if kind == "magiclink" and made else kind
    newcomer = Newcomer("email", email, None, call.mapping("data") or {})
    if made and kind == "signup":
        password = passwords.random_password() if asked == "magiclink" else call.text("password")
        if not password:
            raise invalid("Signup requires a valid password")
        if asked == "signup":
            passwords.check_strength(context.config, password)
        hashed = await passwords.hash_password(context.config, password)
        newcomer = Newcomer("email", email, hashed, newcomer.data)
    if made:
        await ask_first(context, call, newcomer)
    async with context.transaction() as connection:
        user = await _subject(context, connection, call, kind, newcomer)
        if kind == "invite":
            await audit.record(connection, call, admin, "user_invited", user_id=user["id"], user_email=email)
        elif kind in {"magiclink", "recovery"}:
            await audit.record(connection, call, user, "user_recovery_requested")
        user, code = await _keep(context, connection, call, user, kind)
        shown = await users.present_one(connection, user)
    if made:
        await hooks.after_user_created(context, call, user)
    linked = "email_change" if kind.startswith("email_change") else kind
    shown |= {
        "action_link": redirects.action_link(context.url, linked, code.token, target),
        "email_otp": code.digits,
        # Of the address asked about, as Auth tells it, even where the code is for a new one.
        "hashed_token": codes.hash_of(email, code.digits),
        "verification_type": kind,
        "redirect_to": target,
    }
    return JSONResponse(shown)


async def _subject(context: Context, connection: Connection, call: Call, kind: str, newcomer: Newcomer) -> Row:
    """Whose link it is; made where a sign-up or an invitation names nobody yet."""
    if kind == "invite":
        invited = await _invited(context, connection, call, newcomer)
        return await users.update(connection, invited, invited_at=datetime.now(UTC))
    user = await users.by_email(connection, newcomer.value)
    if user is None and kind == "signup":
        return await _made(context, connection, call, newcomer)
    if user is None:
        raise AuthError(404, "user_not_found", "User with this email not found")
    if kind == "signup":
        if user["email_confirmed_at"] is not None:
            raise AuthError(422, "email_exists", account.EMAIL_TAKEN)
        metadata = users.merged(user["raw_user_meta_data"], newcomer.data)
        user = await users.update(connection, user, raw_user_meta_data=metadata)
    return user


async def _keep(context: Context, connection: Connection, call: Call, user: Row, kind: str) -> tuple[Row, codes.Code]:
    config = context.config
    if not kind.startswith("email_change"):
        code = codes.new_code(config, user["email"])
        kept = await codes.keep(connection, user, codes.SLOTS[kind][0], code, user["email"])
        return await users.update(connection, user, **kept), code
    if kind == "email_change_current" and not config.double_confirm_changes:
        raise invalid("Enable secure email change to generate link for current email")
    new_email = users.normal_email(call.text("new_email"))
    owner = await users.owner_of(connection, new_email)
    if owner is not None and owner["id"] != user["id"]:
        raise AuthError(422, "email_exists", account.EMAIL_TAKEN)
    slot, address = codes.CHANGE_NEW, new_email
    if kind == "email_change_current":
        slot, address = codes.CHANGE_CURRENT, user["email"]
    code = codes.new_code(config, address)
    kept = await codes.keep(connection, user, slot, code, address)
    kept |= {"email_change": new_email, "email_change_confirm_status": 0}
    return await users.update(connection, user, **kept), code


async def _invited(context: Context, connection: Connection, call: Call, newcomer: Newcomer) -> Row:
    user = await users.by_email(connection, newcomer.value)
    if user is None:
        return await _made(context, connection, call, newcomer)
    if user["email_confirmed_at"] is not None:
        raise AuthError(422, "email_exists", account.EMAIL_TAKEN)
    return user


async def _made(context: Context, connection: Connection, call: Call, newcomer: Newcomer) -> Row:
    values: dict[str, Any] = {"password_hash": newcomer.hashed, "data": newcomer.data}
    user = await users.create(
        connection, aud=call.audience(context), role=context.config.default_role, email=newcomer.value,
        app_metadata=newcomer.metadata, **values,
    )  # fmt: skip
    await identities.add_own(connection, user, "email")
    return user
