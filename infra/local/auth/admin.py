"""What the project's server does with the service role: users, and who did what."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from starlette.responses import JSONResponse, Response

from infra.local.auth import account, audit, identities, passwords, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
MAX_PER_PAGE = 1000
_AUDIT_FIELDS = {"author": ("actor_username", "actor_name"), "action": ("action",), "type": ("log_type",)}


async def list_users(context: Context, call: Call) -> Response:
    """Newest first, or as `sort` says; `page`, `per_page`, and `filter` (part of an address or a full name)."""
    await call.require_admin(context)
    page, per_page = _number(call, "page", 1), min(_number(call, "per_page", 50), MAX_PER_PAGE)
    direction = _direction(call)
    aud = call.audience(context)
    wanted = {"aud": aud, "part": _like(call.query("filter"))}
    async with context.transaction() as connection:
        condition = (
            "aud = %(aud)s and (%(part)s = '%%' or email like lower(%(part)s) "
            "or raw_user_meta_data ->> 'full_name' ilike %(part)s)"
        )
        counted = await connection.execute(f"select count(*) as total from auth.users where {condition}", wanted)  # noqa: S608
        total = (await counted.fetchone() or {"total": 0})["total"]
        found = await connection.execute(
            f"select * from auth.users where {condition} "  # noqa: S608
            f"order by created_at {direction}, id limit %(limit)s offset %(offset)s",
            wanted | {"limit": per_page, "offset": (page - 1) * per_page},
        )
        shown = await users.present(connection, await found.fetchall())
    return JSONResponse({"users": shown, "aud": aud}, headers=page_headers(call, page, per_page, total))


async def get_user(context: Context, call: Call) -> Response:
    await call.require_admin(context)
    async with context.transaction() as connection:
        return JSONResponse(await users.present_one(connection, await users.in_path(connection, call)))


async def create_user(context: Context, call: Call) -> Response:
    admin = await call.require_admin(context)
    email, phone = call.text("email"), call.text("phone")
    if not email and not phone:
        raise invalid("Cannot create a user without either an email or phone")
    email = users.normal_email(email) if email else ""
    phone = users.normal_phone(phone) if phone else ""
    async with context.transaction() as connection:
        if email and await users.owner_of(connection, email) is not None:
            raise AuthError(422, "email_exists", account.EMAIL_TAKEN)
        if phone and await users.by_phone(connection, phone) is not None:
            raise AuthError(422, "phone_exists", "Phone number already registered by another user")
    chosen_id, ban = _chosen_id(call), _ban(call)
    hashed = await _given_hash(context, call)
    providers = [name for name, value in (("email", email), ("phone", phone)) if value]
    app_metadata = {"provider": providers[0], "providers": providers}
    try:
        async with context.transaction() as connection:
            user = await users.create(
                connection, aud=call.text("aud") or call.audience(context),
                role=call.text("role").strip() or context.config.default_role, email=email or None,
                phone=phone or None, password_hash=hashed, data=call.mapping("user_metadata"), user_id=chosen_id,
                app_metadata=users.merged(app_metadata, call.mapping("app_metadata") or {}),
            )  # fmt: skip
            for provider in providers:
                await identities.add_own(connection, user, provider)
            traits = {"user_id": user["id"], "user_email": user["email"], "user_phone": user["phone"]}
            await audit.record(connection, call, admin, "user_signedup", **traits, provider=providers[0])
            user = await _confirm(connection, call, user)
            if ban is not None:
                user = await users.update(connection, user, **ban)
            return JSONResponse(await users.present_one(connection, user))
    except psycopg.errors.UniqueViolation as taken:
        if taken.diag.constraint_name == "users_pkey":
            raise invalid("A user with this id exists already") from None
        raise _taken(taken) from None


async def update_user(context: Context, call: Call) -> Response:
    admin = await call.require_admin(context)
    async with context.transaction() as connection:
        before = await users.in_path(connection, call)
    email = users.normal_email(call.text("email")) if call.text("email") else ""
    phone = users.normal_phone(call.text("phone")) if call.text("phone") else ""
    password, ban = call.text("password") if call.body.get("password") is not None else None, _ban(call)
    if password is not None:
        passwords.check_strength(context.config, password)
    hashed = await passwords.hash_password(context.config, password) if password else None
    try:
        async with context.transaction() as connection:
            user = await users.by_id(connection, before["id"], lock=True) or before
            user = await _confirm(connection, call, user)
            if hashed is not None:
                await connection.execute("delete from auth.sessions where user_id = %s", [user["id"]])
                user = await account.reset_password(connection, user, hashed)
            for provider, value in (("email", email), ("phone", phone)):
                if value:
                    confirmed = call.flag(f"{provider}_confirm")
                    await identities.set_own(connection, user, provider, value, confirmed)
                    values: dict[str, Any] = {provider: value, "is_anonymous": user["is_anonymous"] and not confirmed}
                    user = await users.update(connection, user, **values)
                    user = await identities.refresh_providers(connection, user)
            user = await users.update(connection, user, **_plain_changes(call, user), **(ban or {}))
            traits = {"user_id": user["id"], "user_email": user["email"], "user_phone": user["phone"]}
            await audit.record(connection, call, admin, "user_modified", **traits)
            return JSONResponse(await users.present_one(connection, user))
    except psycopg.errors.UniqueViolation as taken:
        raise _taken(taken) from None


async def delete_user(context: Context, call: Call) -> Response:
    """Remove the user and all that hangs on it, or with `should_soft_delete` keep a row that names nobody."""
    admin = await call.require_admin(context)
    async with context.transaction() as connection:
        user = await users.in_path(connection, call, lock=True)
        soft = call.flag("should_soft_delete") if call.raw.strip() else False
        traits = {"user_id": user["id"], "user_email": user["email"], "user_phone": user["phone"]}
        await audit.record(connection, call, admin, "user_deleted", **traits)
        if not soft:
            await connection.execute("delete from auth.users where id = %s", [user["id"]])
        elif user["deleted_at"] is None:
            await users.soft_delete(connection, user)
    return JSONResponse({})


async def read_audit(context: Context, call: Call) -> Response:
    """The audit log, newest first; `query` is `author:`, `action:` or `type:` and part of what to find there."""
    await call.require_admin(context)
    page, per_page = _number(call, "page", 1), min(_number(call, "per_page", 50), MAX_PER_PAGE)
    scope, _, part = call.query("query").partition(":")
    if call.query("query") and (scope not in _AUDIT_FIELDS or ":" not in call.query("query")):
        raise invalid(f"Invalid query scope: {call.query('query')}")
    fields = _AUDIT_FIELDS.get(scope, ())
    condition = " or ".join(f"payload ->> '{name}' ilike %(part)s" for name in fields) or "true"
    async with context.transaction() as connection:
        wanted = {"part": _like(part), "limit": per_page, "offset": (page - 1) * per_page}
        counted = await connection.execute(
            f"select count(*) as total from auth.audit_log_entries where {condition}",  # noqa: S608
            wanted,
        )
        total = (await counted.fetchone() or {"total": 0})["total"]
        found = await connection.execute(
            f"select id, payload, created_at, ip_address from auth.audit_log_entries where {condition} "  # noqa: S608
            "order by created_at desc, id limit %(limit)s offset %(offset)s",
            wanted,
        )
        rows = [
            row | {"id": str(row["id"]), "created_at": users.stamp(row["created_at"])} for row in await found.fetchall()
        ]
    return JSONResponse(rows, headers=page_headers(call, page, per_page, total))


async def _confirm(connection: Connection, call: Call, user: Row) -> Row:
    """Take the address and the number as confirmed, each where the administrator says so."""
    if call.flag("email_confirm"):
        user = await users.confirm(connection, user)
    if call.flag("phone_confirm"):
        user = await users.confirm_phone(connection, user)
    return user


def _taken(problem: psycopg.errors.UniqueViolation) -> AuthError:
    if "phone" in (problem.diag.constraint_name or ""):
        return AuthError(422, "phone_exists", account.PHONE_TAKEN)
    return AuthError(422, "email_exists", account.EMAIL_TAKEN)


async def _given_hash(context: Context, call: Call) -> str:
    password, hashed = call.text("password"), call.text("password_hash")
    if password and hashed:
        raise invalid("Only a password or a password hash should be provided")
    if hashed:
        if not passwords.is_hash(hashed):
            raise invalid("password_hash has to be a bcrypt hash")
        return hashed
    passwords.check_length(password)
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
        changes["role"] = call.text("role").strip()
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


def _direction(call: Call) -> str:
    """The order that `sort` asks for."""
    column, _, direction = call.query("sort").partition(" ")
    if column and column != "created_at":
        raise invalid(f"Bad Sort Parameters: bad field for sort '{column}'")
    if direction.lower() not in {"", "asc", "desc"}:
        message = f"Bad Sort Parameters: bad direction for sort '{direction}', only 'asc' and 'desc' allowed"
        raise invalid(message)
    return direction.lower() or "desc"


def _like(part: str) -> str:
    """A pattern for LIKE that finds `part` anywhere."""
    escaped = re.sub(r"([\\%_])", r"\\\1", part)
    return f"%{escaped}%"


def _number(call: Call, name: str, default: int) -> int:
    """A number of a page or of what is on it; nought stands for the default."""
    text = call.query(name)
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise invalid(f"Bad Pagination Parameters: {name} has to be a positive number")
    return int(text) or default


def page_headers(call: Call, page: int, per_page: int, total: int) -> dict[str, str]:
    pages = -(-total // per_page)
    links = [(pages, "last")]
    if pages > page:
        links.insert(0, (page + 1, "next"))
    url = call.request.url
    told = [f'<{url.path}?{url.include_query_params(page=number).query}>; rel="{name}"' for number, name in links]
    return {"X-Total-Count": str(total), "Link": ", ".join(told)}
