"""Identities: the ways a user is known, each by a provider of its own (`email` and `phone` among them)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from infra.local.auth import users
from infra.local.auth.calls import Connection, Row
from infra.local.auth.errors import AuthError, unexpected


async def of_user(connection: Connection, user_id: UUID) -> list[Row]:
    """Oldest first."""
    found = await connection.execute(
        "select * from auth.identities where user_id = %s order by created_at, id", [user_id]
    )
    return await found.fetchall()


async def find(connection: Connection, provider: str, subject: str) -> Row | None:
    """Who a provider knows by this name."""
    found = await connection.execute(
        "select * from auth.identities where provider = %s and provider_id = %s", [provider, subject]
    )
    return await found.fetchone()


async def add(connection: Connection, user_id: UUID, provider: str, data: dict[str, Any]) -> Row:
    """Make an identity of what the provider says of the user; `sub` is its name there."""
    if data.get("email"):
        data = data | {"email": str(data["email"]).lower()}
    try:
        found = await connection.execute(
            "insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, "
            "updated_at) values (%s, %s, %s, %s, now(), clock_timestamp(), now()) returning *",
            [str(data["sub"]), user_id, Jsonb(data), provider],
        )
    except psycopg.errors.UniqueViolation as taken:
        raise unexpected("Error creating identity") from taken
    made = await found.fetchone()
    assert made is not None
    return made


async def add_own(
    connection: Connection, user: Row, provider: str, data: dict[str, Any] | None = None, verified: bool = False
) -> Row:
    """Make the identity of the user's own address or number (`provider` is email or phone)."""
    claims = {"sub": str(user["id"]), "email_verified": False, "phone_verified": False}
    claims |= {provider: user[provider], f"{provider}_verified": verified}
    return await add(connection, user["id"], provider, (data or {}) | claims)


async def set_own(connection: Connection, user: Row, provider: str, value: str, verified: bool) -> None:
    """Give the user's e-mail or phone identity this value, making it where there is none."""
    patch = {provider: value, f"{provider}_verified": verified}
    done = await connection.execute(
        "update auth.identities set identity_data = identity_data || %s, updated_at = now() "
        "where user_id = %s and provider = %s",
        [Jsonb(patch), user["id"], provider],
    )
    if done.rowcount == 0:
        await add_own(connection, user | {provider: value}, provider, None, verified)


async def verify_email(connection: Connection, user: Row) -> None:
    """Mark the identities that have the user's address as verified."""
    await connection.execute(
        "update auth.identities set identity_data = identity_data || '{\"email_verified\": true}', updated_at = now() "
        "where user_id = %s and email = %s",
        [user["id"], user["email"]],
    )


async def refresh_providers(connection: Connection, user: Row) -> Row:
    """Make app_metadata name the providers of the user's identities."""
    providers = list(dict.fromkeys(row["provider"] for row in await of_user(connection, user["id"])))
    patch: dict[str, Any] = {"providers": providers} | ({"provider": providers[0]} if providers else {})
    metadata = users.merged(user["raw_app_meta_data"], patch)
    return await users.update(connection, user, raw_app_meta_data=metadata)


async def keep_only(connection: Connection, user: Row, identity: Row) -> Row:
    """Forget how a user who never confirmed the address was known till now: whoever signed up may be somebody else."""
    values: dict[str, Any] = {"raw_user_meta_data": identity["identity_data"]}
    if identity["provider"] not in {"email", "phone"}:
        values["encrypted_password"] = None
    await connection.execute(
        "delete from auth.identities where user_id = %s and id <> %s", [user["id"], identity["id"]]
    )
    return await refresh_providers(connection, await users.update(connection, user, **values))


async def adopt_email(connection: Connection, user: Row, autoconfirm: bool) -> Row:
    """Give the user an address of one of its identities, where none of them has the user's own any more.

    Verified addresses go first. What was sent before is void, and an address that nobody verified is unconfirmed.
    Raises AuthError 422 where every address belongs to another user.
    """
    owned = await of_user(connection, user["id"])
    if any((row["email"] or "") == (user["email"] or "") for row in owned):
        return user
    for row in sorted(owned, key=_rank):
        email = row["email"]
        if email and await users.by_email(connection, email) is not None:
            continue
        user = await users.update(connection, user, email=email, **_no_codes())
        await users.forget_codes(connection, user)
        if not email or not (_is_verified(row) or autoconfirm):
            metadata = users.merged(user["raw_user_meta_data"], {"email_verified": False})
            user = await users.update(connection, user, email_confirmed_at=None, raw_user_meta_data=metadata)
        return user
    raise AuthError(422, "email_conflict_identity_not_deletable", "Unable to unlink identity due to email conflict")


async def touch(connection: Connection, identity: Row, data: dict[str, Any]) -> None:
    """Keep what the provider says of the user now."""
    await connection.execute(
        "update auth.identities set identity_data = %s, last_sign_in_at = %s, updated_at = now() where id = %s",
        [Jsonb(data), datetime.now(UTC), identity["id"]],
    )


def _is_verified(row: Row) -> bool:
    return row["identity_data"].get("email_verified") is True


def _rank(row: Row) -> int:
    return 2 if not row["email"] else 0 if _is_verified(row) else 1


def _no_codes() -> dict[str, Any]:
    columns = (
        "confirmation_token", "recovery_token", "email_change", "email_change_token_current", "email_change_token_new",
        "phone_change", "phone_change_token", "reauthentication_token",
    )  # fmt: skip
    return dict.fromkeys(columns, "") | {"email_change_confirm_status": 0}
