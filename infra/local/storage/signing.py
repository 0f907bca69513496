"""Tokens of signed URLs: bound to one object and to one use of it, download or upload."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import jwt
from starlette.requests import Request

from infra.local.settings import Keys
from infra.local.storage.callers import token_fault
from infra.local.storage.errors import StorageError, malformed

DOWNLOAD = "download"
UPLOAD = "upload"
UPLOAD_SECONDS = 2 * 60 * 60  # as on the hosted platform
MAX_SECONDS = 200_000_000_000  # a date that can still be written; beyond it is refused


def sign(keys: Keys, scope: str, path: str, seconds: int, **claims: Any) -> str:
    """A token that allows `scope` on `path` (bucket/key) for `seconds`. `claims` never override those."""
    now = int(time.time())
    return jwt.encode(claims | {"url": path, "scope": scope, "iat": now, "exp": now + seconds}, _key(keys), "HS256")


def verify_query(keys: Keys, request: Request, scope: str, path: str) -> dict[str, Any]:
    """The claims of the token in a signed URL. Raises StorageError as verify() does."""
    token = request.query_params.get("token")
    if token is None:
        raise malformed("querystring must have required property 'token'")
    return verify(keys, token, scope, path)


def verify(keys: Keys, token: str, scope: str, path: str) -> dict[str, Any]:
    """The claims of a token that allows `scope` on `path` now. Raises StorageError for every other."""
    try:
        claims: dict[str, Any] = jwt.decode(token, _key(keys), ["HS256"], options={"require": ["exp", "url", "scope"]})
    except jwt.InvalidTokenError as error:
        raise StorageError(400, "InvalidJWT", token_fault(error)) from None
    if claims["scope"] != scope:
        raise StorageError(400, "InvalidSignature", f"Token is not scoped for {scope}")
    if claims["url"] != path:
        raise StorageError(400, "InvalidSignature", "Invalid signature")
    return claims


def _key(keys: Keys) -> bytes:
    # A key of its own: a session is no signed URL, and a signed URL, which travels in logs and links, is no session.
    return hmac.digest(keys.jwt_secret.encode(), b"storage signed urls", hashlib.sha256)
