"""Applications that may sign users in here (OAuth 2.1 clients): what administrators, and they themselves, register."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from psycopg import sql
from starlette.responses import JSONResponse, Response

from infra.local.auth import users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid

GRANTS = ("authorization_code", "refresh_token")
METHODS = {"none": "public", "client_secret_basic": "confidential", "client_secret_post": "confidential"}
MAX_REDIRECTS = 10
MAX_NAME, MAX_URI = 1024, 2048  # characters
_DANGEROUS = {"javascript", "data", "file", "vbscript", "about", "blob"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


async def read_all(context: Context, call: Call) -> Response:
    await _admit(context, call)
    async with context.transaction() as connection:
        found = await connection.execute(
            "select * from auth.oauth_clients where deleted_at is null order by created_at desc, id"
        )
        return JSONResponse({"clients": [present(row) for row in await found.fetchall()]})


async def register(context: Context, call: Call) -> Response:
    """By an administrator."""
    await _admit(context, call)
    return await _register(context, call, "manual")


async def register_itself(context: Context, call: Call) -> Response:
    """By the application (RFC 7591), where the project lets anybody."""
    check_enabled(context)
    context.take(call, "oauth-register", context.config.limits.oauth_registrations)
    if not context.config.oauth_dynamic_registration:
        message = "Dynamic client registration is not enabled"
        raise AuthError(403, "oauth_dynamic_client_registration_disabled", message)
    return await _register(context, call, "dynamic")


async def read(context: Context, call: Call) -> Response:
    await _admit(context, call)
    async with context.transaction() as connection:
        return JSONResponse(present(await _named(connection, call)))


async def update(context: Context, call: Call) -> Response:
    await _admit(context, call)
    async with context.transaction() as connection:
        row = await _named(connection, call)
        values = _described(call, required=False)
        method = call.text("token_endpoint_auth_method")
        if method:
            if method not in METHODS:
                raise invalid(f"invalid token_endpoint_auth_method: must be one of [{' '.join(METHODS)}]")
            if METHODS[method] != row["client_type"]:
                allowed = " ".join(name for name, kind in METHODS.items() if kind == row["client_type"])
                raise invalid(
                    f"token_endpoint_auth_method '{method}' is not valid for client_type '{row['client_type']}'; "
                    f"valid methods: [{allowed}]"
                )
            values["token_endpoint_auth_method"] = method
        if not values:
            raise invalid("No fields provided for update")
        return JSONResponse(present(await _update(connection, row, values)))


async def delete(context: Context, call: Call) -> Response:
    await _admit(context, call)
    async with context.transaction() as connection:
        await _update(connection, await _named(connection, call), {"deleted_at": datetime.now(UTC)})
    return Response(status_code=204)


async def regenerate_secret(context: Context, call: Call) -> Response:
    await _admit(context, call)
    secret = secrets.token_urlsafe(32)
    async with context.transaction() as connection:
        row = await _named(connection, call)
        if row["client_type"] != "confidential":
            raise invalid("Cannot regenerate secret for public client")
        row = await _update(connection, row, {"client_secret_hash": hash_of(secret)})
    return JSONResponse(present(row) | {"client_secret": secret})


async def find(connection: Connection, client_id: UUID) -> Row | None:
    found = await connection.execute(
        "select * from auth.oauth_clients where id = %s and deleted_at is null", [client_id]
    )
    return await found.fetchone()


def parsed_id(text: str, code: str) -> UUID:
    """Raises AuthError 400 with that code for what is no id."""
    try:
        return UUID(text)
    except ValueError:
        raise AuthError(400, code, "invalid client_id format") from None


def check_enabled(context: Context) -> None:
    if not context.config.oauth_server_enabled:
        raise AuthError(404, "feature_disabled", "OAuth server is disabled")


def redirects_of(row: Row) -> list[str]:
    listed: list[str] = row["redirect_uris"].split(",")
    return listed


def hash_of(secret: str) -> str:
    """SHA-256: a secret of 256 random bits needs nothing slower."""
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).rstrip(b"=").decode()


def present(row: Row) -> dict[str, Any]:
    shown = {
        "client_id": str(row["id"]),
        "client_type": row["client_type"],
        "redirect_uris": redirects_of(row),
        "token_endpoint_auth_method": row["token_endpoint_auth_method"],
        "grant_types": row["grant_types"].split(","),
        "response_types": ["code"],
        "registration_type": row["registration_type"],
        "created_at": users.stamp(row["created_at"]),
        "updated_at": users.stamp(row["updated_at"]),
    }
    return shown | {name: row[name] for name in ("client_name", "client_uri", "logo_uri") if row[name]}


async def _register(context: Context, call: Call, how: str) -> Response:
    values = _described(call, required=True)
    method, kind = call.text("token_endpoint_auth_method"), call.text("client_type")
    if kind not in {"", "public", "confidential"}:
        raise invalid("client_type must be 'public' or 'confidential'")
    if method and method not in METHODS:
        raise invalid(f"token_endpoint_auth_method must be one of: [{' '.join(METHODS)}]")
    if method and kind and METHODS[method] != kind:
        raise invalid(
            f"client_type '{kind}' is inconsistent with token_endpoint_auth_method '{method}' "
            f"(expected client_type '{METHODS[method]}')"
        )
    kind = kind or METHODS.get(method, "confidential")
    secret = secrets.token_urlsafe(32) if kind == "confidential" else None
    values = {"grant_types": ",".join(GRANTS)} | values
    values |= {
        "id": uuid4(),
        "registration_type": how,
        "client_type": kind,
        "token_endpoint_auth_method": method or ("none" if kind == "public" else "client_secret_basic"),
        "client_secret_hash": hash_of(secret) if secret else None,
    }
    query = sql.SQL("insert into auth.oauth_clients ({}) values ({}) returning *").format(
        sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(map(sql.Placeholder, values))
    )
    async with context.transaction() as connection:
        row = await (await connection.execute(query, values)).fetchone()
    assert row is not None
    return JSONResponse(present(row) | ({"client_secret": secret} if secret else {}), 201)


def _described(call: Call, required: bool) -> dict[str, Any]:
    """The columns that the body sets. Raises AuthError for a value that no client may have."""
    values: dict[str, Any] = {}
    targets = call.texts("redirect_uris")
    if required and not targets:
        raise invalid("redirect_uris is required")
    if targets is not None:
        if not targets:
            raise invalid("redirect_uris cannot be empty")
        if len(targets) > MAX_REDIRECTS:
            raise invalid(f"redirect_uris cannot exceed {MAX_REDIRECTS} items")
        for target in targets:
            if problem := _problem(target):
                raise invalid(f"invalid redirect_uri '{target}': {problem}")
        values["redirect_uris"] = ",".join(targets)
    grants = call.texts("grant_types")
    if grants is not None and (grants or not required):
        if not grants:
            raise invalid("grant_types cannot be empty")
        if not set(grants) <= set(GRANTS):
            raise invalid("grant_types must only contain 'authorization_code' and/or 'refresh_token'")
        values["grant_types"] = ",".join(grants)
    for name, limit in (("client_name", MAX_NAME), ("client_uri", MAX_URI), ("logo_uri", MAX_URI)):
        if call.body.get(name) is not None:
            text = call.text(name)
            if len(text) > limit:
                raise invalid(f"{name} cannot exceed {limit} characters")
            if text and limit == MAX_URI and not _is_url(text):
                raise invalid(f"{name} must be a valid URL")
            values[name] = text or None
    return values


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc) or text.startswith("/")


def _problem(target: str) -> str | None:
    """What keeps an address from being one to lead to (RFC 6749 section 3.1.2); None where nothing does."""
    if not target:
        return "redirect URI cannot be empty"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "invalid URL format"
    if "," in target or any(ord(letter) <= 32 or letter in "\\\x7f" for letter in target):
        return "invalid URL format"
    if not parts.scheme or not parts.netloc:
        return "must have scheme and host"
    if parts.scheme in _DANGEROUS:
        return f"scheme '{parts.scheme}' is not allowed for security reasons"
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return "HTTP scheme only allowed for localhost"
    return "fragment not allowed in redirect URI" if parts.fragment else None


async def _admit(context: Context, call: Call) -> None:
    await call.require_admin(context)
    check_enabled(context)


async def _named(connection: Connection, call: Call) -> Row:
    try:
        client_id = UUID(call.request.path_params["client_id"])
    except ValueError:
        raise invalid("invalid client_id format") from None
    row = await find(connection, client_id)
    if row is None:
        raise AuthError(404, "oauth_client_not_found", "OAuth client not found")
    return row


async def _update(connection: Connection, row: Row, values: dict[str, Any]) -> Row:
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values]
    query = sql.SQL("update auth.oauth_clients set {}, updated_at = now() where id = {} returning *").format(
        sql.SQL(", ").join(assignments), sql.Literal(row["id"])
    )
    changed = await (await connection.execute(query, values)).fetchone()
    assert changed is not None
    return changed
