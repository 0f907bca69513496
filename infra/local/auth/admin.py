"""What the project's server does with the service role: users, invitations, links to send on its own."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from starlette.responses import JSONResponse, Response

from infra.local.auth import account, audit, codes, letters, passwords, redirects, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid
from infra.local.auth.signup import EMAIL_PROVIDER, audience

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
MAX_PER_PAGE = 1000


async def list_users(context: Context, call: Call) -> Response:
    """Newest first; `page`, `per_page`, and `filter` (part of an address)."""
    call.require_admin(context)
    page, per_page = _number(call, "page", 1), min(_number(call, "per_page", 50), MAX_PER_PAGE)
    aud = audience(context, call)
    wanted = {"aud": aud, "part": call.query("filter")}
    async with context.transaction() as connection:
        condition = "aud = %(aud)s and (%(part)s = '' or position(lower(%(part)s) in email) > 0)"
        counted = await connection.execute(f"select count(*) as total from auth.users where {condition}", wanted)  # noqa: S608
        total = (await counted.fetchone() or {"total": 0})["total"]
        found = await connection.execute(
            f"select * from auth.users where {condition} "  # noqa: S608
            "order by created_at desc, id limit %(limit)s offset %(offset)s",
            wanted | {"limit": per_page, "offset": (page - 1) * per_page},
        )
        shown = await users.present(connection, await found.fetchall())
    return JSONResponse({"users": shown, "aud": aud}, headers=_page_headers(call, page, per_page, total))


async def get_user(context: Context, call: Call) -> Response:
    call.require_admin(context)
    async with context.transaction() as connection:
        return JSONResponse(await users.present_one(connection, await _user(connection, call)))


async def create_user(context: Context, call: Call) -> Response:
    admin = call.require_admin(context)
    if call.text("phone"):
        raise AuthError(400, "phone_provider_disabled", "Phone signups are disabled")
    if not call.text("email"):
        raise invalid("Cannot create a user without either an email or phone")
    email = users.normal_email(call.text("email"))
    chosen_id = _chosen_id(call)
    hashed = await _given_hash(context, call)
    ban = _ban(call)
    app_metadata = users.merged(EMAIL_PROVIDER, call.mapping("app_metadata") or {})
    try:
        async with context.transaction() as connection:
            user = await users.create(
                connection, aud=call.text("aud") or audience(context, call),
                role=call.text("role") or context.config.default_role, email=email, password_hash=hashed,
                data=call.mapping("user_metadata"), app_metadata=app_metadata, user_id=chosen_id,
            )  # fmt: skip
            traits = {"user_id": user["id"], "user_email": email}
            await audit.record(connection, call, admin, "user_signedup", **traits)
            if call.flag("email_confirm"):
                user = await users.confirm(connection, user)
            if ban is not None:
                user = await users.update(connection, user, **ban)
            return JSONResponse(await users.present_one(connection, user))
    except psycopg.errors.UniqueViolation as taken:
        if taken.diag.constraint_name == "users_pkey":
            raise invalid("A user with this id exists already") from None
        raise AuthError(422, "email_exists", account.EMAIL_TAKEN) from None


async def update_user(context: Context, call: Call) -> Response:
    admin = call.require_admin(context)
    if call.text("phone"):
        raise AuthError(400, "phone_provider_disabled", "Phone logins are disabled")
    email = users.normal_email(call.text("email")) if call.text("email") else ""
    password = call.text("password") if call.body.get("password") is not None else None
    if password is not None:
        passwords.check_strength(context.config, password)
    hashed = await passwords.hash_password(context.config, password) if password is not None else None
    confirmed, ban = call.flag("email_confirm"), _ban(call)
    try:
        async with context.transaction() as connection:
            user = await _user(connection, call, lock=True)
            if hashed is not None:
                await connection.execute("delete from auth.sessions where user_id = %s", [user["id"]])
                user = await account.reset_password(connection, user, hashed)
            if email:
                await users.set_email_identity(connection, user["id"], email, confirmed)
                anonymous = user["is_anonymous"] and not confirmed
                user = await users.update(connection, user, email=email, is_anonymous=anonymous)
                user = await users.refresh_providers(connection, user)
            if confirmed:
                user = await users.confirm(connection, user)
            user = await users.update(connection, user, **_plain_changes(call, user), **(ban or {}))
            await audit.record(connection, call, admin, "user_modified", user_id=user["id"], user_email=user["email"])
            return JSONResponse(await users.present_one(connection, user))
    except psycopg.errors.UniqueViolation:
        raise AuthError(422, "email_exists", account.EMAIL_TAKEN) from None


async def delete_user(context: Context, call: Call) -> Response:
    """Remove the user and all that hangs on it, or with `should_soft_delete` keep a row that names nobody."""
    admin = call.require_admin(context)
    async with context.transaction() as connection:
        user = await _user(connection, call, lock=True)
        await audit.record(connection, call, admin, "user_deleted", user_id=user["id"], user_email=user["email"])
        if not call.flag("should_soft_delete"):
            await connection.execute("delete from auth.users where id = %s", [user["id"]])
        elif user["deleted_at"] is None:
            await users.soft_delete(connection, user)
    return JSONResponse({})


async def list_factors(context: Context, call: Call) -> Response:
    call.require_admin(context)
    async with context.transaction() as connection:
        user = await users.present_one(connection, await _user(connection, call))
        return JSONResponse(user.get("factors", []))


async def invite(context: Context, call: Call) -> Response:
    """Make a user without a password and mail a link that lets them in. Raises AuthError 422 for a confirmed one."""
    admin = call.require_admin(context)
    email = users.normal_email(call.text("email"))
    async with context.transaction() as connection:
        user = await _invited(context, connection, call, email)
        await audit.record(connection, call, admin, "user_invited", user_id=user["id"], user_email=email)
        user = await letters.send(context, connection, call, user, "invite")
        return JSONResponse(await users.present_one(connection, user))


async def generate_link(context: Context, call: Call) -> Response:
    """Make the code and link of a mail without sending it; the caller does."""
    admin = call.require_admin(context)
    kind, email = call.text("type"), users.normal_email(call.text("email"))
    async with context.transaction() as connection:
        user = await users.by_email(connection, email)
        if kind == "magiclink" and user is None:
            kind = "signup"
        match kind:
            case "signup" if user is None:
                user = await _linked_sign_up(context, connection, call, email)
            case "signup" if user is not None:
                if user["email_confirmed_at"] is not None:
                    raise AuthError(422, "email_exists", account.EMAIL_TAKEN)
                metadata = users.merged(user["raw_user_meta_data"], call.mapping("data") or {})
                user = await users.update(connection, user, raw_user_meta_data=metadata)
            case "invite":
                user = await _invited(context, connection, call, email)
                user = await users.update(connection, user, invited_at=datetime.now(UTC))
            case "magiclink" | "recovery" | "email_change_current" | "email_change_new":
                pass
            case _:
                raise invalid(f"Invalid email action link type requested: {kind}")
        if user is None:
            raise AuthError(404, "user_not_found", "User with this email not found")
        user, code = await _keep_linked(context, connection, call, user, kind)
        audited = "user_invited" if kind == "invite" else "user_recovery_requested"
        await audit.record(connection, call, admin, audited, user_id=user["id"], user_email=email)
        shown = await users.present_one(connection, user)
    wanted = call.text("redirect_to")
    target = wanted if redirects.is_allowed(context.config, wanted) else call.redirect(context.config)
    linked = "email_change" if kind.startswith("email_change") else kind
    shown |= {
        "action_link": redirects.action_link(context.url, linked, code.token, target),
        "email_otp": code.digits,
        "hashed_token": code.token,
        "verification_type": kind,
        "redirect_to": target,
    }
    return JSONResponse(shown)


async def _keep_linked(
    context: Context, connection: Connection, call: Call, user: Row, kind: str
) -> tuple[Row, codes.Code]:
    config = context.config
    if not kind.startswith("email_change"):
        code = codes.new_code(config, user["email"])
        kept = await codes.keep(connection, user, codes.SLOTS[kind][0], code, user["email"])
        return await users.update(connection, user, **kept), code
    new_email = users.normal_email(call.text("new_email"))
    if kind == "email_change_current" and not config.double_confirm_changes:
        raise invalid("Enable secure email change to generate link for current email")
    if await users.by_email(connection, new_email) is not None:
        raise AuthError(422, "email_exists", account.EMAIL_TAKEN)
    slot, address = codes.CHANGE_NEW, new_email
    if kind == "email_change_current":
        slot, address = codes.CHANGE_CURRENT, user["email"]
    code = codes.new_code(config, address)
    kept = await codes.keep(connection, user, slot, code, address)
    kept |= {"email_change": new_email, "email_change_confirm_status": 0}
    return await users.update(connection, user, **kept), code


async def _linked_sign_up(context: Context, connection: Connection, call: Call, email: str) -> Row:
    password = call.text("password") or (passwords.random_password() if call.text("type") == "magiclink" else "")
    if not password:
        raise invalid("Signup requires a valid password")
    passwords.check_strength(context.config, password)
    return await users.create(
        connection, aud=audience(context, call), role=context.config.default_role, email=email,
        password_hash=await passwords.hash_password(context.config, password), data=call.mapping("data"),
        app_metadata=EMAIL_PROVIDER,
    )  # fmt: skip


async def _invited(context: Context, connection: Connection, call: Call, email: str) -> Row:
    user = await users.by_email(connection, email)
    if user is None:
        return await users.create(
            connection, aud=audience(context, call), role=context.config.default_role, email=email,
            data=call.mapping("data"), app_metadata=EMAIL_PROVIDER,
        )  # fmt: skip
    if user["email_confirmed_at"] is not None:
        raise AuthError(422, "email_exists", account.EMAIL_TAKEN)
    return user


async def _user(connection: Connection, call: Call, lock: bool = False) -> Row:
    user = await users.by_id(connection, call.path_uuid("user_id"), lock)
    if user is None:
        raise AuthError(404, "user_not_found", "User not found")
    return user


async def _given_hash(context: Context, call: Call) -> str:
    password, hashed = call.text("password"), call.text("password_hash")
    if password and hashed:
        raise invalid("Only a password or a password hash should be provided")
    if hashed:
        if not passwords.is_hash(hashed):
            raise invalid("password_hash has to be a bcrypt hash")
        return hashed
    if password:
        passwords.check_strength(context.config, password)
    return await passwords.hash_password(context.config, password or passwords.random_password())


def _chosen_id(call: Call) -> UUID | None:
    if not call.text("id"):
        return None
    try:
        chosen = UUID(call.text("id"))
    except ValueError:
        raise invalid("ID must conform to the uuid v4 format") from None
    if chosen == users.NOBODY:
        raise invalid("ID cannot be a nil uuid")
    return chosen


def _plain_changes(call: Call, user: Row) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if call.text("role"):
        changes["role"] = call.text("role")
    for field, column in (("app_metadata", "raw_app_meta_data"), ("user_metadata", "raw_user_meta_data")):
        patch = call.mapping(field)
        if patch is not None:
            changes[column] = users.merged(user[column], patch)
    return changes


def _ban(call: Call) -> dict[str, Any] | None:
    """The column that `ban_duration` sets: a length such as `1h30m`, or `none`."""
    text = call.text("ban_duration")
    if not text:
        return None
    if text == "none":
        return {"banned_until": None}
    if not re.fullmatch(f"(?:{_DURATION.pattern})+", text):
        raise invalid(f"invalid format for ban duration: {text}")
    try:
        length = timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text)))
        return {"banned_until": datetime.now(UTC) + length}
    except OverflowError:
        raise invalid(f"invalid format for ban duration: {text} is too long") from None


def _number(call: Call, name: str, default: int) -> int:
    text = call.query(name)
    if not text:
        return default
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise invalid(f"Bad Pagination Parameters: {name} has to be a positive number")
    return int(text)


def _page_headers(call: Call, page: int, per_page: int, total: int) -> dict[str, str]:
    pages = -(-total // per_page)
    links = [(pages, "last")]
    if pages > page:
        links.insert(0, (page + 1, "next"))
    url = call.request.url
    told = [f'<{url.path}?{url.include_query_params(page=number).query}>; rel="{name}"' for number, name in links]
    return {"X-Total-Count": str(total), "Link": ", ".join(told)}
