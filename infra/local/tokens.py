"""JSON Web Tokens: one place that signs and verifies them for every protocol of the stack."""

from __future__ import annotations

from typing import Any

import jwt

from infra.local.settings import Keys, public_half

LEEWAY = 30  # seconds of clock skew accepted, as PostgREST does
REGISTERED = ("aud", "exp", "iat", "iss", "jti", "nbf", "sub")  # the claims that RFC 7519 gives a meaning


def sign(keys: Keys, claims: dict[str, Any]) -> str:
    """Sign `claims` with the stack's signing key."""
    key = keys.signer
    return jwt.encode(claims, key, algorithm=key.algorithm_name, headers={"kid": keys.signing_key["kid"]})


def sign_shared(keys: Keys, claims: dict[str, Any]) -> str:
    """Sign `claims` with the shared HS256 secret, as the legacy keys are."""
    return jwt.encode(claims, keys.jwt_secret, algorithm="HS256")


def verify(keys: Keys, token: str, *, signature_only: bool = False) -> dict[str, Any]:
    """Return the claims of a token signed by this stack: by the key that its `kid` names, or by the shared secret.

    The key says which algorithm is right, never the token. Raises jwt.InvalidTokenError (ExpiredSignatureError among
    its kinds) for any other. Audience is left to the caller, and with `signature_only` every other claim too.
    """
    header = jwt.get_unverified_header(token)
    options: Any = {f"verify_{claim}": False for claim in (REGISTERED if signature_only else ("aud",))}
    known = keys.verifiers.get(header.get("kid") or "")
    if known is not None and header.get("alg") == known.algorithm_name:
        return jwt.decode(token, known, algorithms=[known.algorithm_name], options=options, leeway=LEEWAY)
    return jwt.decode(token, keys.jwt_secret, algorithms=["HS256"], options=options, leeway=LEEWAY)


def public_keys(keys: Keys) -> dict[str, Any]:
    """The JSON Web Key Set that verifiers fetch: public halves only, and no shared secret."""
    shown = [key for key in (keys.signing_key, *keys.verification_keys) if key.get("kty") != "oct"]
    return {"keys": [public_half(key) | {"key_ops": ["verify"]} for key in shown]}


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
