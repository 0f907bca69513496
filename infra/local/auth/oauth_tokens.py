"""What an application gets once a user has let it in: /oauth/token, its ID tokens, and /oauth/userinfo."""

from __future__ import annotations

import base64
import binascii
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.responses import JSONResponse, Response

from infra.local import tokens
from infra.local.auth import audit, codes, oauth_clients, pkce, sessions, users
from infra.local.auth.account import Caller, authenticate
from infra.local.auth.calls import Call, Context, Row
from infra.local.auth.errors import AuthError, OAuthError

ID_TOKEN_AGE = 3600  # seconds


async def token(context: Context, call: Call) -> Response:
    """Tokens for an authorization code or a refresh token, for an application that proves which it is."""
    oauth_clients.check_enabled(context)
    given = _parameters(call)
    client = await _authenticated(context, call, given)
    grant = given.get("grant_type", "")
    if not grant:
        raise OAuthError(400, "invalid_request", "grant_type is required")
    if client is None:
        raise OAuthError(400, "invalid_client", "Client authentication required")
    if grant not in client["grant_types"].split(","):
        raise OAuthError(400, "unsupported_grant_type", f"Client is not allowed to use grant type: {grant}")
    if grant == "refresh_token":
        if not given.get("refresh_token"):
            raise OAuthError(400, "invalid_request", "refresh_token is required for refresh_token grant")
        issued = await sessions.refresh(context, call, given["refresh_token"], client["id"])
        return _granted(issued)
    return await _by_code(context, call, client, given)


async def userinfo(context: Context, call: Call) -> Response:
    """What the application may know of the user, by the scopes that the user agreed to."""
    oauth_clients.check_enabled(context)
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
    user, scopes = caller.user, _scopes(caller)
    told: dict[str, Any] = {"sub": str(user["id"])}
    if "email" in scopes:
        told |= {"email": user["email"]} if user["email"] else {}
        told |= {"email_verified": True} if user["email_confirmed_at"] else {}
    if "profile" in scopes:
        told |= _profile(user) | {"user_metadata": user["raw_user_meta_data"] or {}}
    if "phone" in scopes:
        told |= {"phone": user["phone"]} if user["phone"] else {}
        told |= {"phone_verified": True} if user["phone_confirmed_at"] else {}
    return JSONResponse(told)


async def _by_code(context: Context, call: Call, client: Row, given: dict[str, str]) -> Response:
    if not given.get("code"):
        raise OAuthError(400, "invalid_request", "code is required for authorization_code grant")
    async with context.transaction() as connection:
        found = await connection.execute(
            "select * from auth.oauth_authorizations where authorization_code = %s for update skip locked",
            [given["code"]],
        )
        held = await found.fetchone()
        if held is None:
            raise _bad_grant("Invalid authorization code")
        if held["expires_at"] < datetime.now(UTC):
            raise _bad_grant("Authorization code has expired")
        if held["client_id"] != client["id"]:
            raise _bad_grant("Authorization code was not issued for this client")
        if given.get("resource") and given["resource"] != held["resource"]:
            raise _bad_grant("Authorization code resource does not match the resource parameter")
        if given.get("redirect_uri") and given["redirect_uri"] != held["redirect_uri"]:
            raise _bad_grant("Invalid redirect_uri")
        if not pkce.proves(held, given.get("code_verifier", "")):
            raise _bad_grant("PKCE verification failed: code challenge does not match previously saved code verifier")
        user = await users.by_id(connection, held["user_id"], lock=True)
        if user is None:
            raise _bad_grant("User not found for authorization code")
        if users.is_banned(user):
            raise OAuthError(400, "access_denied", "User is banned")
        traits = {"provider_type": "oauth_provider_authorization_code", "client_id": client["id"]}
        await audit.record(connection, call, user, "login", **traits)
        method = "oauth_provider/authorization_code"
        issued = await sessions.sign_in(context, connection, call, user, method, client["id"], held["scope"])
        await connection.execute("delete from auth.oauth_authorizations where id = %s", [held["id"]])
    if "openid" in held["scope"].split():
        issued.body["id_token"] = _id_token(context, user, client["id"], held["scope"].split(), held["nonce"])
    return _granted(issued)


def _granted(issued: sessions.Issued) -> Response:
    names = ("access_token", "token_type", "expires_in", "refresh_token", "id_token")
    return JSONResponse({name: issued.body[name] for name in names if name in issued.body})


def _id_token(context: Context, user: Row, client_id: UUID, scopes: list[str], nonce: str | None) -> str:
    now = int(time.time())
    signed_in = user["last_sign_in_at"]
    claims = {
        "iss": context.issuer,
        "sub": str(user["id"]),
        "aud": str(client_id),
        "iat": now,
        "exp": now + ID_TOKEN_AGE,
        "auth_time": int(signed_in.timestamp()) if signed_in else now,
        "email_verified": "email" in scopes and user["email_confirmed_at"] is not None,
        "phone_number_verified": "phone" in scopes and user["phone_confirmed_at"] is not None,
        "client_id": str(client_id),
    }
    claims |= {"nonce": nonce} if nonce else {}
    claims |= {"email": user["email"]} if "email" in scopes and user["email"] else {}
    claims |= {"phone_number": user["phone"]} if "phone" in scopes and user["phone"] else {}
    claims |= _profile(user) if "profile" in scopes else {}
    return tokens.sign(context.settings.keys, claims)


def _profile(user: Row) -> dict[str, Any]:
    metadata = user["raw_user_meta_data"] or {}

    def told(*names: str) -> str:
        return next((metadata[name] for name in names if isinstance(metadata.get(name), str) and metadata[name]), "")

    shown = {
        "name": told("name") or user["email"],
        "picture": told("picture", "avatar_url"),
        "preferred_username": told("preferred_username", "username"),
        "updated_at": int(user["updated_at"].timestamp()) if user["updated_at"] else None,
    }
    return {name: value for name, value in shown.items() if value}


def _parameters(call: Call) -> dict[str, str]:
    if "application/json" not in call.request.headers.get("content-type", ""):
        return call.form
    return {name: value for name, value in call.body.items() if isinstance(value, str)}


async def _authenticated(context: Context, call: Call, given: dict[str, str]) -> Row | None:
    """The application that calls; None where it does not say. Raises AuthError where it says so wrongly."""
    client_id, secret, method = given.get("client_id", ""), given.get("client_secret", ""), "client_secret_post"
    header = call.request.headers.get("authorization", "")
    if header.startswith("Basic "):
        try:
            client_id, colon, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _bad_client("Invalid client credentials: invalid basic auth encoding") from None
        if not colon:
            raise _bad_client("Invalid client credentials: invalid basic auth format")
        method = "client_secret_basic"
    elif not secret:
        method = "none"
    if not client_id:
        return None
    async with context.transaction() as connection:
        client = await oauth_clients.find(connection, oauth_clients.parsed_id(client_id, "invalid_credentials"))
    if client is None:
        raise _bad_client("Invalid client credentials")
    if method != client["token_endpoint_auth_method"]:
        registered = client["token_endpoint_auth_method"]
        message = f"invalid authentication method: client is registered for '{registered}' but '{method}' was used"
        raise _bad_client(message)
    known = client["client_secret_hash"] or ""
    if client["client_type"] == "confidential" and not codes.same(oauth_clients.hash_of(secret), known):
        raise _bad_client("invalid client credentials")
    return client


def _scopes(caller: Caller) -> list[str]:
    return (caller.session["scopes"] or "").split() if caller.session else []


def _bad_grant(description: str) -> OAuthError:
    return OAuthError(400, "invalid_grant", description)


def _bad_client(message: str) -> AuthError:
    return AuthError(400, "invalid_credentials", message)
