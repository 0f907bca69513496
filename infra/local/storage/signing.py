"""Tokens of signed URLs: bound to one object and to one use of it, download or upload."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import jwt

from infra.local.settings import Keys
from infra.local.storage.errors import StorageError

DOWNLOAD = "download"
UPLOAD = "upload"
UPLOAD_SECONDS = 2 * 60 * 60  # as on the hosted platform
MAX_SECONDS = 10 * 365 * 24 * 60 * 60


def sign(keys: Keys, scope: str, path: str, seconds: int, **claims: Any) -> str:
    """A token that allows `scope` on `path` (bucket/key) for `seconds`. `claims` never override those."""
    now = int(time.time())
    return jwt.encode(claims | {"url": path, "scope": scope, "iat": now, "exp": now + seconds}, _key(keys), "HS256")


def verify(keys: Keys, token: str, scope: str, path: str) -> dict[str, Any]:
    """The claims of a token that allows `scope` on `path` now. Raises StorageError for every other."""
    try:
        claims: dict[str, Any] = jwt.decode(token, _key(keys), ["HS256"], options={"require": ["exp", "url", "scope"]})
    except jwt.ExpiredSignatureError:
        raise StorageError(400, "InvalidJWT", '"exp" claim timestamp check failed') from None
    except jwt.InvalidTokenError as error:
        raise StorageError(400, "InvalidJWT", str(error)) from None
    if claims["scope"] != scope:
        raise StorageError(400, "InvalidSignature", f"Token is not scoped for {scope}")
    if claims["url"] != path:
        raise StorageError(400, "InvalidSignature", "Invalid signature")
    return claims


def _key(keys: Keys) -> bytes:
    # A key of its own: a session is no signed URL, and a signed URL, which travels in logs and links, is no session.
    return hmac.digest(keys.jwt_secret.encode(), b"storage signed urls", hashlib.sha256)
