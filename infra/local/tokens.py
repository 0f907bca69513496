"""JSON Web Tokens: one place that signs and verifies them for every protocol of the stack."""

from __future__ import annotations

from typing import Any

import jwt

from infra.local.settings import Keys

LEEWAY = 30  # seconds of clock skew accepted, as PostgREST does


def sign(keys: Keys, claims: dict[str, Any]) -> str:
    """Sign `claims` with the stack's ES256 key."""
    key = jwt.PyJWK(keys.signing_key)
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": keys.signing_key["kid"]})


def sign_shared(keys: Keys, claims: dict[str, Any]) -> str:
    """Sign `claims` with the shared HS256 secret, as the legacy keys are."""
    return jwt.encode(claims, keys.jwt_secret, algorithm="HS256")


def verify(keys: Keys, token: str) -> dict[str, Any]:
    """Return the claims of a token signed by this stack (ES256 by `kid`, or HS256).

    Raises jwt.InvalidTokenError (ExpiredSignatureError among its kinds) for any other. Audience is left to the caller.
    """
    header = jwt.get_unverified_header(token)
    options: Any = {"verify_aud": False}
    if header.get("alg") == "ES256" and header.get("kid") == keys.signing_key["kid"]:
        return jwt.decode(token, jwt.PyJWK(keys.signing_key), algorithms=["ES256"], options=options, leeway=LEEWAY)
    return jwt.decode(token, keys.jwt_secret, algorithms=["HS256"], options=options, leeway=LEEWAY)


def public_keys(keys: Keys) -> dict[str, Any]:
    """The JSON Web Key Set that verifiers fetch: public halves only."""
    public = {name: value for name, value in keys.signing_key.items() if name != "d"}
    return {"keys": [public | {"key_ops": ["verify"]}]}


def resolve(keys: Keys, apikey: str | None, authorization: str | None) -> str | None:
    """The JWT a request speaks with, by the platform gateway's rule.

    A bearer token wins unless it is itself an `sb_` key; an opaque key stands for the anon or service_role JWT;
    a legacy key is a JWT already. None when the request brought neither.
    """
    bearer = authorization[7:].strip() if authorization and authorization[:7].lower() == "bearer " else None
    if bearer and not bearer.startswith("sb_"):
        return bearer
    opaque = {keys.publishable_key: keys.anon_key, keys.secret_key: keys.service_role_key}
    key = apikey or bearer
    return opaque.get(key, key) if key else None
