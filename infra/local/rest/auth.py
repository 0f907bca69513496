"""Who calls: the token's claims and the database role they name."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import Any

import jwt

from infra.local import tokens
from infra.local.rest.config import Configuration
from infra.local.rest.errors import ApiError, anonymous_refused, bad_claims, bad_token, no_secret
from infra.local.rest.jsonpath import Path
from infra.local.rest.keys import KeySet
from infra.local.settings import Keys

TIME_CLAIMS = ("exp", "nbf", "iat")


@dataclass(frozen=True)
class Caller:
    """`claims` is JSON, as `request.jwt.claims` shows it. `authenticated` is anybody but the anonymous role."""

    role: str
    claims: str
    authenticated: bool


class Authenticator:
    """Verifies tokens, and remembers those that it has verified until they expire."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._key_set: KeySet | None = None  # what verified tokens last; None is the stack's own keys
        self._verified: dict[str, dict[str, Any]] = {}
        self._configuration: Configuration | None = None
        self._callers: dict[tuple[str | None, str | None], tuple[Caller, float]] = {}  # until when each is who he is

    def identify(self, configuration: Configuration, apikey: str | None, authorization: str | None) -> Caller:
        """The caller of a request with these headers. Raises ApiError PGRST301 or PGRST303."""
        if configuration is not self._configuration:  # anything in it may decide who a caller is
            self._configuration = configuration
            self._callers.clear()
        known = self._callers.get((apikey, authorization))
        if known is not None and time.time() < known[1]:
            return known[0]
        caller, claims = self._identify(configuration, apikey, authorization)
        if configuration.cached_tokens:
            if len(self._callers) >= configuration.cached_tokens:
                self._callers.clear()
            expires = claims.get("exp")
            self._callers[apikey, authorization] = caller, math.inf if expires is None else expires + tokens.LEEWAY
        return caller

    def _identify(
        self, configuration: Configuration, apikey: str | None, authorization: str | None
    ) -> tuple[Caller, dict[str, Any]]:
        if configuration.key_set != self._key_set:
            self._key_set = configuration.key_set
            self._verified.clear()
        if authorization is not None and authorization.strip().lower() == "bearer":
            raise bad_token("Empty JWT is sent in Authorization header")
        claims = self._claims(tokens.resolve(self._keys, apikey, authorization), configuration.cached_tokens)
        _check_audience(claims.get("aud"), configuration.audience)
        role = _role(claims, configuration.role_claim) or configuration.anonymous_role
        if role is None:
            raise anonymous_refused()
        told = json.dumps(claims | {"role": role}, ensure_ascii=False, separators=(",", ":"))
        return Caller(role, told, role != configuration.anonymous_role), claims

    def _claims(self, token: str | None, cached: int) -> dict[str, Any]:
        if token is None:
            return {}
        claims = self._verified.get(token)
        if claims is None:
            claims = self._verify(token)
            if len(self._verified) >= cached:
                self._verified.clear()
            if cached:
                self._verified[token] = claims
        expires = claims.get("exp")
        if expires is not None and expires + tokens.LEEWAY <= time.time():
            self._verified.pop(token, None)
            raise bad_claims("JWT expired")
        return claims

    def _verify(self, token: str) -> dict[str, Any]:
        if self._key_set is not None and not self._key_set.keys:
            raise no_secret()
        parts = token.count(".") + 1
        if parts != 3:
            raise bad_token(f"Expected 3 parts in JWT; got {parts}")
        try:
            claims = (
                self._key_set.verify(token) if self._key_set else tokens.verify(self._keys, token, signature_only=True)
            )
        except jwt.InvalidTokenError as error:
            raise _refusal(error, token) from None
        _check_times(claims)
        return claims


def _refusal(error: jwt.InvalidTokenError, token: str) -> ApiError:
    if isinstance(error, jwt.InvalidAlgorithmError):
        return bad_token("Wrong or unsupported encoding algorithm", _unsecured(token))
    if isinstance(error, jwt.InvalidSignatureError):
        return bad_token("No suitable key or wrong key type", "None of the keys was able to decode the JWT")
    if "payload" in str(error):  # told of a token whose signature is right
        return bad_claims("Parsing claims failed")
    return bad_token("JWT cryptographic operation failed")


def _unsecured(token: str) -> str | None:
    unsigned = jwt.get_unverified_header(token).get("alg") == "none"
    return "JWT is unsecured but expected 'alg' was not 'none'" if unsigned else None


def _check_times(claims: dict[str, Any]) -> None:
    """A claim that is null counts as not there."""
    now = time.time()
    for name in TIME_CLAIMS:
        value = claims.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise bad_claims(f"The JWT '{name}' claim must be a number")
        if name == "exp" and value + tokens.LEEWAY <= now:
            raise bad_claims("JWT expired")
        if name != "exp" and value > now + tokens.LEEWAY:
            raise bad_claims("JWT not yet valid" if name == "nbf" else "JWT issued at future")


def _check_audience(audience: object, expected: str | None) -> None:
    if audience is None:
        return
    allowed = [audience] if isinstance(audience, str) else audience
    if not isinstance(allowed, list) or not all(isinstance(each, str) for each in allowed):
        raise bad_claims("The JWT 'aud' claim must be a string or an array of strings")
    if expected is not None and allowed and expected not in allowed:
        raise bad_claims("JWT not in audience")


def _role(claims: dict[str, Any], path: Path) -> str | None:
    value = path.first(claims)
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
