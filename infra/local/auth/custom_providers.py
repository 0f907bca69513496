"""Providers that an administrator adds at run time (`custom:…`): /admin/custom-providers, and reading them back."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from starlette.responses import JSONResponse, Response

from infra.local.auth import users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid
from infra.local.auth.oidc import ProviderError
from infra.local.auth.providers import Provider

_RESERVED = {
    "client_id", "client_secret", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method",
    "code_verifier", "nonce",
}  # fmt: skip
# What no provider may say of a user.
_PROTECTED = {
    "id", "aud", "role", "app_metadata", "created_at", "updated_at", "confirmed_at", "email_confirmed_at",
    "phone_confirmed_at", "email_verified", "phone_verified", "banned_until", "is_super_admin",
}  # fmt: skip
_URLS = {"oidc": ("issuer", "discovery_url"), "oauth2": ("authorization_url", "token_url", "userinfo_url", "jwks_uri")}
_NEEDED = {"oidc": ("issuer",), "oauth2": ("authorization_url", "token_url", "userinfo_url")}
_DOCUMENT = (
    "issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "scopes_supported",
    "response_types_supported", "grant_types_supported", "subject_types_supported",
)  # fmt: skip
_ALWAYS = (
    "id", "provider_type", "identifier", "name", "client_id", "acceptable_client_ids", "scopes", "pkce_enabled",
    "attribute_mapping", "custom_claims_allowlist", "authorization_params", "enabled", "email_optional",
    "skip_nonce_check", "created_at", "updated_at",
)  # fmt: skip
_IF_SET = ("issuer", "discovery_url", "authorization_url", "token_url", "userinfo_url", "jwks_uri")
_IDENTIFIER = re.compile(r"custom:[a-z0-9:-]{0,42}[a-z0-9]")


async def load(context: Context, name: str) -> Provider:
    """The provider of that name. Raises AuthError 400 where there is none or it is off."""
    if not context.config.custom_providers_enabled:
        raise invalid("Unsupported provider: custom OAuth providers are disabled")
    async with context.transaction() as connection:
        row = await _find(connection, name)
    if row is None:
        raise invalid(f"Unsupported provider: custom provider {name} not found")
    if not row["enabled"]:
        raise invalid(f"Unsupported provider: custom provider {name} is disabled")
    return Provider(
        client_ids=(row["client_id"], *row["acceptable_client_ids"]), secret=row["client_secret"],
        issuer=row["issuer"] or "", authorization_url=row["authorization_url"] or "", token_url=row["token_url"] or "",
        userinfo_url=row["userinfo_url"] or "", discovery_url=row["discovery_url"] or "",
        jwks_url=row["jwks_uri"] or "", scopes=tuple(row["scopes"]), pkce=row["pkce_enabled"],
        skip_nonce_check=row["skip_nonce_check"], email_optional=row["email_optional"],
        attribute_mapping=row["attribute_mapping"], authorization_params=row["authorization_params"],
        claims_allowlist=tuple(row["custom_claims_allowlist"]),
    )  # fmt: skip


async def read_all(context: Context, call: Call) -> Response:
    await _admit(context, call)
    kind = call.query("type")
    if kind and kind not in _URLS:
        raise invalid("type must be either 'oauth2' or 'oidc'")
    async with context.transaction() as connection:
        found = await connection.execute(
            "select * from auth.custom_oauth_providers where %(kind)s = '' or provider_type = %(kind)s "
            "order by created_at desc, id",
            {"kind": kind},
        )
        rows = await found.fetchall()
    return JSONResponse({"providers": [_present(row) for row in rows]})


async def read(context: Context, call: Call) -> Response:
    await _admit(context, call)
    async with context.transaction() as connection:
        return JSONResponse(_present(await _named(connection, call)))


async def create(context: Context, call: Call) -> Response:
    """Keep a provider whose discovery document, where it has one, is what it should be."""
    await _admit(context, call)
    kind, identifier = call.text("provider_type"), call.text("identifier")
    if kind not in _URLS:
        raise invalid("provider_type must be either 'oauth2' or 'oidc'")
    if not identifier:
        raise invalid("identifier is required")
    _check_prefix(identifier)
    if not _IDENTIFIER.fullmatch(identifier):
        raise invalid("identifier may have lower-case letters, digits, hyphens and colons only, 50 at most")
    for name in ("name", "client_id", "client_secret"):
        if not call.text(name):
            raise invalid(f"{name} is required")
    for name in _NEEDED[kind]:
        if not call.text(name):
            raise invalid(f"{name} is required for {'OIDC' if kind == 'oidc' else 'OAuth2'} providers")
    values = {"scopes": ["openid"] if kind == "oidc" else []} | _changes(call, kind)
    async with context.transaction() as connection:
        if await _find(connection, identifier) is not None:
            raise AuthError(400, "conflict", "A custom OAuth provider with this identifier already exists")
    values |= {"provider_type": kind, "identifier": identifier} | await _discovered(context, kind, values)
    query = sql.SQL("insert into auth.custom_oauth_providers ({}) values ({}) returning *").format(
        sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(map(sql.Placeholder, values))
    )
    return JSONResponse(_present(await _write(context, query, values)), 201)


async def update(context: Context, call: Call) -> Response:
    await _admit(context, call)
    async with context.transaction() as connection:
        row = await _named(connection, call)
    kind = row["provider_type"]
    values = _changes(call, kind)
    if kind == "oidc" and {"issuer", "discovery_url"} & values.keys():
        context.oidc.forget(row["issuer"])
        values |= await _discovered(context, kind, row | values)
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values]
    query = sql.SQL("update auth.custom_oauth_providers set {} where id = {} returning *").format(
        sql.SQL(", ").join([*assignments, sql.SQL("updated_at = now()")]), sql.Literal(row["id"])
    )
    return JSONResponse(_present(await _write(context, query, values)))


async def delete(context: Context, call: Call) -> Response:
    await _admit(context, call)
    async with context.transaction() as connection:
        row = await _named(connection, call)
        await connection.execute("delete from auth.custom_oauth_providers where id = %s", [row["id"]])
    if row["issuer"]:
        context.oidc.forget(row["issuer"])
    return Response(status_code=204)


def check_url(url: str) -> None:
    """Raise AuthError for an address that is not https; this machine may be asked plainly, it is the local network."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise invalid("Invalid URL format") from None
    host = parts.hostname or ""
    if not host:
        raise invalid("URL must have a valid hostname")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise invalid("URL must use HTTPS")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _admit(context: Context, call: Call) -> None:
    await call.require_admin(context)
    if not context.config.custom_providers_enabled:
        raise AuthError(404, "feature_disabled", "Custom OAuth providers are disabled")


def _check_prefix(identifier: str) -> None:
    if not identifier.startswith("custom:"):
        raise invalid(f"identifier must start with 'custom:' prefix, e.g. 'custom:{identifier}'")


async def _find(connection: Connection, identifier: str) -> Row | None:
    found = await connection.execute("select * from auth.custom_oauth_providers where identifier = %s", [identifier])
    return await found.fetchone()


async def _named(connection: Connection, call: Call) -> Row:
    identifier = call.request.path_params["identifier"]
    _check_prefix(identifier)
    row = await _find(connection, identifier)
    if row is None:
        raise AuthError(404, "custom_provider_not_found", "Custom OAuth provider not found")
    return row


def _changes(call: Call, kind: str) -> dict[str, Any]:
    """The columns that the body sets. Raises AuthError for a value that no provider may have."""
    texts = ("name", "client_id", "client_secret", *_URLS[kind])
    values: dict[str, Any] = {name: call.text(name) for name in texts if call.text(name)}
    for name in _URLS[kind]:
        if name in values:
            check_url(values[name])
    for name in ("acceptable_client_ids", "scopes", "custom_claims_allowlist"):
        listed = call.texts(name)
        if listed is not None:
            values[name] = listed
    if "scopes" in values and kind == "oidc" and "openid" not in values["scopes"]:
        values["scopes"] = ["openid", *values["scopes"]]
    if not all(name.strip() for name in values.get("custom_claims_allowlist", ())):
        raise invalid("custom_claims_allowlist entries must be non-empty strings")
    for name in ("pkce_enabled", "enabled", "email_optional", *(("skip_nonce_check",) if kind == "oidc" else ())):
        if call.body.get(name) is not None:
            values[name] = call.flag(name)
    return values | _mappings(call)


def _mappings(call: Call) -> dict[str, Any]:
    parameters, mapping = call.mapping("authorization_params"), call.mapping("attribute_mapping")
    for key, value in (parameters or {}).items():
        if key in _RESERVED:
            raise invalid(f"Cannot override reserved OAuth parameter: {key}")
        if not isinstance(value, str):
            raise invalid(f'Authorization parameter "{key}" must be a string')
    for key in mapping or {}:
        if key in _PROTECTED:
            raise invalid(f"Cannot map to protected system field: {key}")
    given = {"authorization_params": parameters, "attribute_mapping": mapping}
    return {name: Jsonb(value) for name, value in given.items() if value is not None}


async def _discovered(context: Context, kind: str, values: dict[str, Any]) -> dict[str, Any]:
    if kind != "oidc":
        return {}
    url = values.get("discovery_url") or values["issuer"].rstrip("/") + "/.well-known/openid-configuration"
    try:
        document = await context.oidc.discover(values["issuer"], url)
    except ProviderError as problem:
        raise invalid(f'OIDC discovery from "{url}" failed: {problem}') from None
    needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
    if missing := [name for name in needed if not document.get(name)]:
        raise invalid(f"OIDC discovery document is missing required fields: {', '.join(missing)}")
    kept = {name: document[name] for name in _DOCUMENT if document.get(name)}
    return {"cached_discovery": Jsonb(kept)}


async def _write(context: Context, query: sql.Composed, values: dict[str, Any]) -> Row:
    try:
        async with context.transaction() as connection:
            row = await (await connection.execute(query, values)).fetchone()
    except psycopg.errors.UniqueViolation:
        raise AuthError(400, "conflict", "A custom OAuth provider with this identifier already exists") from None
    except psycopg.errors.CheckViolation as problem:
        raise invalid(f"a value is out of bounds: {problem.diag.constraint_name}") from None
    if row is None:
        raise AuthError(404, "custom_provider_not_found", "Custom OAuth provider not found")
    return row


def _present(row: Row) -> dict[str, Any]:
    """A provider as administrators see it: its secret is not shown again."""
    shown = {name: row[name] for name in _ALWAYS} | {name: row[name] for name in _IF_SET if row[name]}
    shown |= {"id": str(row["id"]), "created_at": users.stamp(row["created_at"])}
    shown["updated_at"] = users.stamp(row["updated_at"])
    return shown | ({"discovery_document": row["cached_discovery"]} if row["cached_discovery"] else {})
