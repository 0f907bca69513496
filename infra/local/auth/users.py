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

from infra.local.auth.calls import Call, Connection, Row
from infra.local.auth.errors import AuthError, invalid, unexpected

NOBODY = UUID(int=0)
# "Valid e-mail address" of the HTML standard, which is what browsers let a form send.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_PHONE = re.compile(r"[1-9][0-9]{1,14}")
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


def bare_phone(number: str) -> str:
    """Without the plus and the spaces that people write."""
    return number.removeprefix("+").replace(" ", "")


def normal_phone(number: str) -> str:
    """The number as digits only (E.164 without its plus). Raises AuthError where it is none."""
    digits = bare_phone(number)
    if not _PHONE.fullmatch(digits):
        raise invalid("Invalid phone number format (E.164 required)")
    return digits


async def by_email(connection: Connection, email: str) -> Row | None:
    found = await connection.execute(
        "select * from auth.users where email = lower(%s) and is_sso_user = false", [email]
    )
    return await found.fetchone()


async def by_phone(connection: Connection, phone: str) -> Row | None:
    found = await connection.execute("select * from auth.users where phone = %s and is_sso_user = false", [phone])
    return await found.fetchone()


async def owner_of(connection: Connection, email: str) -> Row | None:
    """Whoever has this address, as their own or from a provider."""
    found = await connection.execute(
        "select u.* from auth.users u left join auth.identities i on i.user_id = u.id and i.email = lower(%(email)s) "
        "where u.is_sso_user = false and (u.email = lower(%(email)s) or i.id is not null) "
        "order by u.email = lower(%(email)s) desc nulls last limit 1",
        {"email": email},
    )
    return await found.fetchone()


async def by_id(connection: Connection, user_id: UUID, lock: bool = False) -> Row | None:
    query = "select * from auth.users where id = %s"
    found = await connection.execute(query + " for update" if lock else query, [user_id])
    return await found.fetchone()


async def in_path(connection: Connection, call: Call, lock: bool = False) -> Row:
    """The user that the request's path names. Raises AuthError 404 where there is none."""
    user = await by_id(connection, call.path_uuid("user_id"), lock)
    if user is None:
        raise AuthError(404, "user_not_found", "User not found")
    return user


async def create(
    connection: Connection,
    *,
    aud: str,
    role: str,
    email: str | None = None,
    phone: str | None = None,
    password_hash: str | None = None,
    data: dict[str, Any] | None = None,
    app_metadata: dict[str, Any] | None = None,
    is_anonymous: bool = False,
    user_id: UUID | None = None,
) -> Row:
    """Insert a user, without identities. Raises UniqueViolation where the address or number is taken."""
    identifier = user_id or uuid4()
    try:
        await connection.execute(
            "insert into auth.users (instance_id, id, aud, role, email, phone, encrypted_password, raw_app_meta_data, "
            "raw_user_meta_data, is_anonymous, created_at, updated_at, confirmation_token, recovery_token, "
            "email_change_token_new, email_change) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now(), now(), '', '', '', '')",
            [NOBODY, identifier, aud, role, email, phone, password_hash, Jsonb(app_metadata or {}), Jsonb(data or {}),
             is_anonymous],
        )  # fmt: skip
    except psycopg.Error as problem:
        ours = problem.diag.context is None  # else it comes from within a trigger of the project's
        if ours and isinstance(problem, (psycopg.errors.UniqueViolation, psycopg.DataError)):
            raise
        raise unexpected("Database error saving new user") from problem
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


async def confirm_phone(connection: Connection, user: Row) -> Row:
    """The same for the user's number."""
    await forget_codes(connection, user)
    return await update(connection, user, phone_confirmed_at=datetime.now(UTC), confirmation_token="")


async def forget_codes(connection: Connection, user: Row) -> None:
    await connection.execute("delete from auth.one_time_tokens where user_id = %s", [user["id"]])


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
