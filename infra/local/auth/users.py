"""Users and their identities: how they are found, made, changed, and shown."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from infra.local.auth.calls import Connection, Row
from infra.local.auth.errors import AuthError, invalid, unexpected

NOBODY = UUID(int=0)
# "Valid e-mail address" of the HTML standard, which is what browsers let a form send.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_JSON = {"raw_app_meta_data", "raw_user_meta_data", "identity_data"}
# Columns shown under their own name where they have a value; the others are named in present().
_SHOWN_IF_SET = (
    "email_confirmed_at", "invited_at", "phone_confirmed_at", "confirmation_sent_at", "confirmed_at",
    "recovery_sent_at", "email_change_sent_at", "phone_change_sent_at", "reauthentication_sent_at", "last_sign_in_at",
    "banned_until", "deleted_at",
)  # fmt: skip


def normal_email(address: str) -> str:
    """The address in lower case. Raises AuthError where it is none."""
    if not address:
        raise invalid("An email address is required")
    if len(address) > 255:
        raise invalid("An email address is too long")
    if not _EMAIL.fullmatch(address):
        raise invalid("Unable to validate email address: invalid format")
    return address.lower()


async def by_email(connection: Connection, email: str) -> Row | None:
    found = await connection.execute(
        "select * from auth.users where email = lower(%s) and is_sso_user = false", [email]
    )
    return await found.fetchone()


async def by_id(connection: Connection, user_id: UUID, lock: bool = False) -> Row | None:
    query = "select * from auth.users where id = %s"
    found = await connection.execute(query + " for update" if lock else query, [user_id])
    return await found.fetchone()


async def create(
    connection: Connection,
    *,
    aud: str,
    role: str,
    email: str | None = None,
    password_hash: str | None = None,
    data: dict[str, Any] | None = None,
    app_metadata: dict[str, Any] | None = None,
    is_anonymous: bool = False,
    user_id: UUID | None = None,
) -> Row:
    """Insert a user, with the identity of the address if there is one. Raises UniqueViolation where it is taken."""
    identifier = user_id or uuid4()
    try:
        await connection.execute(
            "insert into auth.users (instance_id, id, aud, role, email, encrypted_password, raw_app_meta_data, "
            "raw_user_meta_data, is_anonymous, created_at, updated_at, confirmation_token, recovery_token, "
            "email_change_token_new, email_change) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now(), now(), '', '', '', '')",
            [NOBODY, identifier, aud, role, email, password_hash, Jsonb(app_metadata or {}), Jsonb(data or {}),
             is_anonymous],
        )  # fmt: skip
    except psycopg.Error as problem:
        ours = problem.diag.context is None  # else it comes from within a trigger of the project's
        if ours and isinstance(problem, (psycopg.errors.UniqueViolation, psycopg.DataError)):
            raise
        raise unexpected("Database error saving new user") from problem
    if email:
        await add_email_identity(connection, identifier, email, data or {})
    # Read again: a trigger may have changed the row.
    user = await by_id(connection, identifier)
    if user is None:
        raise unexpected("Database error loading user after sign-up")
    return user


async def update(connection: Connection, user: Row, **values: Any) -> Row:
    """Set columns of a user and return it as it is now."""
    columns = values | {"updated_at": datetime.now(UTC)}
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns
    )
    query = sql.SQL("update auth.users set {} where id = {} returning *").format(assignments, sql.Placeholder("key"))
    given = {name: Jsonb(value) if name in _JSON else value for name, value in columns.items()}
    found = await (await connection.execute(query, given | {"key": user["id"]})).fetchone()
    if found is None:
        raise AuthError(404, "user_not_found", "User not found")
    return found


def merged(kept: dict[str, Any] | None, patch: dict[str, Any]) -> dict[str, Any]:
    """Metadata with the keys of `patch` set, or removed where they are null."""
    return {name: value for name, value in ((kept or {}) | patch).items() if value is not None}


async def confirm(connection: Connection, user: Row) -> Row:
    """Take the user's address as confirmed; every code that was sent before is void."""
    await forget_codes(connection, user)
    return await update(
        connection,
        user,
        email_confirmed_at=datetime.now(UTC),
        confirmation_token="",
        raw_user_meta_data=merged(user["raw_user_meta_data"], {"email_verified": True}),
    )


async def forget_codes(connection: Connection, user: Row) -> None:
    await connection.execute("delete from auth.one_time_tokens where user_id = %s", [user["id"]])


async def add_email_identity(
    connection: Connection, user_id: UUID, email: str, data: dict[str, Any], verified: bool = False
) -> None:
    claims = {"sub": str(user_id), "email": email, "email_verified": verified, "phone_verified": False}
    await connection.execute(
        "insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, "
        "updated_at) values (%s, %s, %s, 'email', now(), now(), now())",
        [str(user_id), user_id, Jsonb(data | claims)],
    )


async def set_email_identity(connection: Connection, user_id: UUID, email: str, verified: bool) -> None:
    """Give the user's e-mail identity this address, making it where there is none."""
    patch = {"email": email, "email_verified": verified}
    done = await connection.execute(
        "update auth.identities set identity_data = identity_data || %s, updated_at = now() "
        "where user_id = %s and provider = 'email'",
        [Jsonb(patch), user_id],
    )
    if done.rowcount == 0:
        await add_email_identity(connection, user_id, email, {}, verified)


async def refresh_providers(connection: Connection, user: Row) -> Row:
    """Make app_metadata name the providers of the user's identities."""
    found = await connection.execute(
        "select provider from auth.identities where user_id = %s group by provider order by min(created_at)",
        [user["id"]],
    )
    providers = [row["provider"] for row in await found.fetchall()]
    patch: dict[str, Any] = {"providers": providers} | ({"provider": providers[0]} if providers else {})
    return await update(connection, user, raw_app_meta_data=merged(user["raw_app_meta_data"], patch))


async def soft_delete(connection: Connection, user: Row) -> None:
    """Keep the row, so that references to it hold, but nothing in it that says who it was."""
    key = str(user["id"])
    await connection.execute(
        "update auth.identities set provider_id = %s || id::text, identity_data = '{}', updated_at = now() "
        "where user_id = %s",
        [_obscured(key, "identity"), user["id"]],
    )
    for query in (
        b"delete from auth.mfa_factors where user_id = %s",
        b"delete from auth.sessions where user_id = %s",
        b"delete from auth.one_time_tokens where user_id = %s",
    ):
        await connection.execute(query, [user["id"]])
    await update(
        connection, user, email=_obscured(key, user["email"] or ""), phone=_obscured(key, user["phone"] or "")[:15],
        encrypted_password=None, email_change="", phone_change="", confirmation_token="", recovery_token="",
        email_change_token_current="", email_change_token_new="", phone_change_token="", deleted_at=datetime.now(UTC),
        raw_app_meta_data={}, raw_user_meta_data={},
    )  # fmt: skip


def is_banned(user: Row) -> bool:
    return user["banned_until"] is not None and user["banned_until"] > datetime.now(UTC)


async def present(connection: Connection, users: list[Row]) -> list[dict[str, Any]]:
    """Users as the protocol shows them, with their identities and factors."""
    keys = [user["id"] for user in users]
    identities = await connection.execute(
        "select * from auth.identities where user_id = any (%s) order by created_at, id", [keys]
    )
    factors = await connection.execute(
        "select * from auth.mfa_factors where user_id = any (%s) order by created_at, id", [keys]
    )
    owned: dict[UUID, dict[str, list[Any]]] = {key: {"identities": [], "factors": []} for key in keys}
    for row in await identities.fetchall():
        owned[row["user_id"]]["identities"].append(_identity(row))
    for row in await factors.fetchall():
        owned[row["user_id"]]["factors"].append(present_factor(row))
    return [_user(user) | _without_empty_factors(owned[user["id"]]) for user in users]


async def present_one(connection: Connection, user: Row) -> dict[str, Any]:
    return (await present(connection, [user]))[0]


def present_factor(row: Row) -> dict[str, Any]:
    shown = {
        "id": str(row["id"]),
        "created_at": stamp(row["created_at"]),
        "updated_at": stamp(row["updated_at"]),
        "status": row["status"],
        "factor_type": row["factor_type"],
        "phone": row["phone"] or "",
        "last_challenged_at": stamp(row["last_challenged_at"]),
    }
    return shown | ({"friendly_name": row["friendly_name"]} if row["friendly_name"] else {})


def stamp(moment: datetime | None) -> str | None:
    """A moment as the protocol writes it (RFC 3339, UTC)."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _without_empty_factors(owned: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: rows for name, rows in owned.items() if rows or name != "factors"}


def _user(row: Row) -> dict[str, Any]:
    shown = {
        "id": str(row["id"]),
        "aud": row["aud"] or "",
        "role": row["role"] or "",
        "email": row["email"] or "",
        "phone": row["phone"] or "",
        "app_metadata": row["raw_app_meta_data"] or {},
        "user_metadata": row["raw_user_meta_data"] or {},
        "created_at": stamp(row["created_at"]) or stamp(datetime.fromtimestamp(0, UTC)),
        "updated_at": stamp(row["updated_at"]) or stamp(datetime.fromtimestamp(0, UTC)),
        "is_anonymous": row["is_anonymous"],
    }
    changes = {"new_email": row["email_change"], "new_phone": row["phone_change"]}
    shown |= {name: value for name, value in changes.items() if value}
    return shown | {name: stamp(row[name]) for name in _SHOWN_IF_SET if row[name] is not None}


def _identity(row: Row) -> dict[str, Any]:
    shown = {
        "identity_id": str(row["id"]),
        "id": row["provider_id"],
        "user_id": str(row["user_id"]),
        "identity_data": row["identity_data"],
        "provider": row["provider"],
        "last_sign_in_at": stamp(row["last_sign_in_at"]),
        "created_at": stamp(row["created_at"]),
        "updated_at": stamp(row["updated_at"]),
        "email": row["email"],
    }
    return {name: value for name, value in shown.items() if value is not None}


def _obscured(key: str, value: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(f"{key}{value}".encode()).digest()).rstrip(b"=").decode()
