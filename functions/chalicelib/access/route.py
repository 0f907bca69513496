"""Where a program exchanges its API key for a short token."""

from __future__ import annotations

import hashlib
import re
import time

from chalicelib.kit import rates
from chalicelib.kit.database import call, queries
from chalicelib.kit.http import HttpError, Request, Response, json_response, unstored
from chalicelib.kit.issuer import TOKEN_SECONDS, Kind, issue

SQL = queries(__file__)
SECRET = re.compile(r"pgd_[0-9a-f]{64}")


def token(request: Request) -> Response:
    """POST /token with an API key as bearer: a token for the Supabase API, as RFC 6749 section 5.1 shows it.

    It is good for ten minutes, or until the key expires, or until the key is revoked, whichever comes first. Raises
    HttpError 401 for a key that is unknown, revoked or expired, 429 for one that asks too often.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not SECRET.fullmatch(secret):
        raise HttpError(401, "unauthorized", "an API key is needed", "Send Authorization: Bearer pgd_…")
    key = call(SQL["open_api_key"], {"sha256": hashlib.sha256(secret.encode()).digest()})
    if key is None:
        raise HttpError(401, "unauthorized", "the API key is unknown, revoked or expired", "Make a new one.")
    rates.take(f"key {key['id']}", rates.WRITES)
    ends = key["expires_at"].timestamp() - time.time() if key["expires_at"] else TOKEN_SECONDS
    seconds = int(min(max(ends, 0), TOKEN_SECONDS))
    answer = {
        "access_token": issue(Kind.API_KEY, key["organization_id"], {"key_id": str(key["id"])}, seconds),
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": " ".join(key["scopes"]),
    }
    return unstored(json_response(200, answer))
