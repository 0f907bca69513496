"""Asking users to let other applications in (OAuth 2.1, OpenID Connect): /oauth/authorize, consent, and grants."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.responses import JSONResponse, RedirectResponse, Response

from infra.local.auth import audit, oauth_clients, pkce, redirects, users
from infra.local.auth.account import authenticate
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid

SCOPES = ("openid", "profile", "email", "phone", "offline_access")
_ALPHABET = string.ascii_lowercase + string.digits


async def authorize(context: Context, call: Call) -> Response:
    """Keep what the application asks for, and lead the browser to the project's page that asks the user."""
    oauth_clients.check_enabled(context)
    target = call.query("redirect_uri")
    if not call.query("client_id"):
        raise invalid("client_id is required")
    if not target:
        raise invalid("redirect_uri is required")
    async with context.transaction() as connection:
        client = await oauth_clients.find(
            connection, oauth_clients.parsed_id(call.query("client_id"), "oauth_client_not_found")
        )
    if client is None:
        raise AuthError(400, "oauth_client_not_found", "invalid client_id")
    if target not in oauth_clients.redirects_of(client):
        raise invalid("invalid redirect_uri")
    state = call.query("state")
    scope = call.query("scope") or context.config.oauth_default_scope
    problem = _problem(call, scope)
    if problem is not None:
        return RedirectResponse(_refused(target, "invalid_request", problem, state), 302)
    authorization_id = "".join(secrets.choice(_ALPHABET) for _ in range(32))
    expires_at = datetime.now(UTC) + timedelta(seconds=context.config.oauth_authorization_expiry)
    async with context.transaction() as connection:
        await connection.execute(
            "insert into auth.oauth_authorizations (id, authorization_id, client_id, redirect_uri, scope, state, "
            "resource, code_challenge, code_challenge_method, nonce, expires_at) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [uuid4(), authorization_id, client["id"], target, scope, state or None, call.query("resource") or None,
             call.query("code_challenge"), call.query("code_challenge_method").lower(), call.query("nonce") or None,
             expires_at],
        )  # fmt: skip
    page = context.config.site_url.rstrip("/") + "/" + context.config.oauth_consent_path.lstrip("/")
    return RedirectResponse(f"{page}?authorization_id={authorization_id}", 302)


async def read_authorization(context: Context, call: Call) -> Response:
    """What the application asks of the user; where the user has agreed to it before, the way on."""
    oauth_clients.check_enabled(context)
    async with context.transaction() as connection:
        user = (await authenticate(context, connection, call)).user
        _check_origin(context, call)
        held = await _pending(connection, call, "authorization request cannot be processed")
        if held["user_id"] is None:
            await connection.execute(
                "update auth.oauth_authorizations set user_id = %s where id = %s", [user["id"], held["id"]]
            )
            found = await connection.execute(
                "select scopes from auth.oauth_consents where user_id = %s and client_id = %s and revoked_at is null",
                [user["id"], held["client_id"]],
            )
            consent = await found.fetchone()
            if consent is not None and set(held["scope"].split()) <= set(consent["scopes"].split()):
                return JSONResponse({"redirect_url": await _approve(connection, held)})
        elif held["user_id"] != user["id"]:
            raise _not_found()
        client = await oauth_clients.find(connection, held["client_id"])
        if client is None:
            raise _not_found()
    return JSONResponse(
        {
            "authorization_id": held["authorization_id"],
            "redirect_uri": held["redirect_uri"],
            "client": _described(client),
            "user": {"id": str(user["id"]), "email": user["email"] or ""},
            "scope": held["scope"],
        }
    )


async def consent(context: Context, call: Call) -> Response:
    """The user's answer."""
    oauth_clients.check_enabled(context)
    async with context.transaction() as connection:
        user = (await authenticate(context, connection, call)).user
        _check_origin(context, call)
        action = call.text("action")
        if action not in {"approve", "deny"}:
            raise invalid("action must be 'approve' or 'deny'")
        held = await _pending(connection, call, "authorization request is no longer pending")
        if held["user_id"] != user["id"]:
            raise _not_found()
        if action == "deny":
            await connection.execute(
                "update auth.oauth_authorizations set status = 'denied' where id = %s", [held["id"]]
            )
            target = _refused(held["redirect_uri"], "access_denied", "User denied the request", held["state"] or "")
            return JSONResponse({"redirect_url": target})
        await connection.execute(
            "insert into auth.oauth_consents (id, user_id, client_id, scopes) values (%s, %s, %s, %s) "
            "on conflict (user_id, client_id) do update set scopes = excluded.scopes, granted_at = now(), "
            "revoked_at = null",
            [uuid4(), user["id"], held["client_id"], held["scope"]],
        )
        return JSONResponse({"redirect_url": await _approve(connection, held)})


async def read_grants(context: Context, call: Call) -> Response:
    """The applications that the caller has let in."""
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
        oauth_clients.check_enabled(context)
        found = await connection.execute(
            "select k.*, c.scopes, c.granted_at from auth.oauth_consents c join auth.oauth_clients k "
            "on k.id = c.client_id where c.user_id = %s and c.revoked_at is null and k.deleted_at is null "
            "order by c.granted_at desc",
            [caller.user["id"]],
        )
        rows = await found.fetchall()
    return JSONResponse(
        [
            {"client": _described(row), "scopes": row["scopes"].split(), "granted_at": users.stamp(row["granted_at"])}
            for row in rows
        ]
    )


async def revoke_grant(context: Context, call: Call) -> Response:
    """Let an application in no more: its sessions end."""
    async with context.transaction() as connection:
        user = (await authenticate(context, connection, call)).user
        oauth_clients.check_enabled(context)
        if not call.query("client_id"):
            raise invalid("client_id query parameter is required")
        client_id = oauth_clients.parsed_id(call.query("client_id"), "validation_failed")
        done = await connection.execute(
            "update auth.oauth_consents set revoked_at = now() where user_id = %s and client_id = %s "
            "and revoked_at is null",
            [user["id"], client_id],
        )
        if done.rowcount == 0:
            raise AuthError(404, "oauth_consent_not_found", "No active grant found for this client")
        await connection.execute(
            "delete from auth.sessions where user_id = %s and oauth_client_id = %s", [user["id"], client_id]
        )
        traits = {"oauth_client_id": client_id, "action": "revoke_oauth_grant"}
        await audit.record(connection, call, user, "token_revoked", **traits)
    return Response(status_code=204)


def _problem(call: Call, scope: str) -> str | None:
    """What is wrong with a request whose application and target are known; None where nothing is."""
    if call.query("response_type") not in {"", "code"}:
        return "only response_type=code is supported"
    if unknown := [each for each in scope.split() if each not in SCOPES]:
        return f"unsupported scope: {unknown[0]}"
    resource = call.query("resource")
    if resource:
        try:
            parts = urlsplit(resource)
        except ValueError:
            return "resource must be a valid URI"
        if not parts.scheme:
            return "resource must be an absolute URI"
        if parts.fragment or parts.query:
            return f"resource must not include a {'fragment' if parts.fragment else 'query'} component"
    challenge, method = call.query("code_challenge"), call.query("code_challenge_method")
    if not challenge or not method:
        return "PKCE flow requires both code_challenge and code_challenge_method"
    try:
        pkce.check(challenge, method)
    except AuthError as error:
        return error.message
    limits = (("state", 4096), ("resource", 2048), ("nonce", 255), ("redirect_uri", 2048))
    return next((f"{name} is too long" for name, limit in limits if len(call.query(name)) > limit), None)


async def _pending(connection: Connection, call: Call, otherwise: str) -> Row:
    """The authorization in the path, locked. Raises AuthError for none, an old one and one that is decided."""
    found = await connection.execute(
        "select * from auth.oauth_authorizations where authorization_id = %s for update skip locked",
        [call.request.path_params["authorization_id"]],
    )
    held = await found.fetchone()
    if held is None or held["expires_at"] < datetime.now(UTC):
        raise _not_found()
    if held["status"] != "pending":
        raise invalid(otherwise)
    return held


async def _approve(connection: Connection, held: Row) -> str:
    """Give the application its code; returns where the browser takes it."""
    code = str(uuid4())
    await connection.execute(
        "update auth.oauth_authorizations set status = 'approved', approved_at = now(), authorization_code = %s "
        "where id = %s",
        [code, held["id"]],
    )
    told = {"code": code} | ({"state": held["state"]} if held["state"] else {})
    return redirects.with_query(held["redirect_uri"], told)


def _check_origin(context: Context, call: Call) -> None:
    origin = call.request.headers.get("origin", "")
    if origin and not redirects.is_allowed(context.config, origin):
        raise invalid("unauthorized request origin")


def _described(client: Row) -> dict[str, Any]:
    named = {"name": client["client_name"], "uri": client["client_uri"], "logo_uri": client["logo_uri"]}
    return {"id": str(client["id"])} | {name: value for name, value in named.items() if value}


def _refused(target: str, error: str, description: str, state: str) -> str:
    told = {"error": error, "error_description": description} | ({"state": state} if state else {})
    return redirects.with_query(target, told)


def _not_found() -> AuthError:
    return AuthError(404, "oauth_authorization_not_found", "authorization not found")
