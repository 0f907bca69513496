"""Where the embedded stack listens, where it keeps its data, and which keys it accepts."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

# The Supabase CLI publishes these for local development; the official clients' own tests carry them.
# They guard nothing: the stack binds to loopback.
CLI_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105
CLI_PUBLISHABLE_KEY = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH"
CLI_SECRET_KEY = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz"  # noqa: S105
CLI_ISSUER = "supabase-demo"
FAR_FUTURE = 1_983_812_996  # 2032-11-12, the expiry the CLI's demo keys carry
# The members of a JWK that are no secret (RFC 7517 section 4, RFC 7518 section 6).
PUBLIC_MEMBERS = {"kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e"}


@dataclass(frozen=True)
class Keys:
    """The secrets of one stack.

    `signing_key` is the private JWK (RFC 7517; ES256, RS256 or HS256) that Auth signs sessions with; tokens of
    `verification_keys`, JWKs with a `kid` each, are accepted too.
    """

    service_password: str
    signing_key: dict[str, Any]
    jwt_secret: str = CLI_JWT_SECRET
    publishable_key: str = CLI_PUBLISHABLE_KEY
    secret_key: str = CLI_SECRET_KEY
    verification_keys: tuple[dict[str, Any], ...] = ()

    @classmethod
    def generate(cls) -> Keys:
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
        jwk |= {"kid": secrets.token_hex(8), "alg": "ES256", "use": "sig"}
        return cls(service_password=secrets.token_urlsafe(24), signing_key=jwk)

    @classmethod
    def load_or_create(cls, path: Path) -> Keys:
        """Read the keys kept at `path`, or make them there, readable by the owner only."""
        if path.exists():
            return cls(**json.loads(path.read_text()))
        keys = cls.generate()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(keys.__dict__, indent=1))
        return keys

    @cached_property
    def signer(self) -> jwt.PyJWK:
        """The signing key, ready for use."""
        return jwt.PyJWK(self.signing_key, _algorithm(self.signing_key))

    @cached_property
    def verifiers(self) -> dict[str, jwt.PyJWK]:
        """By key id: a key that tokens may be signed with. It names the one algorithm that goes with it."""
        every = (self.signing_key, *self.verification_keys)
        return {key["kid"]: jwt.PyJWK(public_half(key), _algorithm(key)) for key in every if key.get("kid")}

    @cached_property
    def anon_key(self) -> str:
        return self._demo_token("anon")

    @cached_property
    def service_role_key(self) -> str:
        return self._demo_token("service_role")

    def _demo_token(self, role: str) -> str:
        claims = {"iss": CLI_ISSUER, "role": role, "exp": FAR_FUTURE}
        return jwt.encode(claims, self.jwt_secret, algorithm="HS256")


@dataclass(frozen=True)
class Settings:
    """One stack. Ports are the Supabase CLI's where it has one."""

    data: Path
    keys: Keys = field(default_factory=Keys.generate)
    host: str = "127.0.0.1"
    api_port: int = 54321
    db_port: int = 54322
    pages_port: int = 54323
    mail_port: int = 54324
    queue_port: int = 54325
    functions_port: int = 54326
    database: str = "postgres"
    schemas: tuple[str, ...] = ("public",)
    # Attributes of infra.local.auth.AuthConfig that differ from its defaults; they are kept as JSON.
    auth: Mapping[str, Any] = field(default_factory=dict)
    # Bytes that a file in Storage may have at most: no bucket can raise it. The CLI's default.
    file_size_limit: int = 50 * 1024 * 1024
    # A project that runs elsewhere, instead of PostgreSQL and the platform's protocols here: the URL of its APIs, and
    # the database's for the role postgres. Keys are that project's then.
    platform: str = ""
    platform_database: str = ""
    # A folder of static pages to serve (infra.local.pages). None, where it is empty.
    pages: str = ""
    # Who hears what becomes of mail (`whsec_…` signs it). Nobody, where it is empty.
    mail_webhook_url: str = ""
    mail_webhook_secret: str = ""

    @property
    def api_url(self) -> str:
        return f"http://{self.host}:{self.api_port}"

    @property
    def platform_url(self) -> str:
        """Where REST, Auth, Realtime and Storage are."""
        return self.platform or self.api_url

    @property
    def pages_url(self) -> str:
        return f"http://{self.host}:{self.pages_port}"

    def database_url(self, role: str) -> str:
        """libpq URL for one of the platform's login roles; `postgres` has the password that the CLI gives it."""
        if self.platform:
            return self._elsewhere(role)
        password = "postgres" if role == "postgres" else self.keys.service_password
        return f"postgresql://{role}:{password}@{self.host}:{self.db_port}/{self.database}"

    def _elsewhere(self, role: str) -> str:
        if role == "postgres":
            return self.platform_database
        parts = urlsplit(self.platform_database)
        # A pooler's user names end in the project's reference: `postgres.abcd`.
        _, dot, reference = (parts.username or "").partition(".")
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{role}{dot}{reference}:{self.keys.service_password}@{host}"))

    def at(self, database: str) -> Settings:
        """The same stack on another database of its cluster."""
        return replace(self, database=database)


def public_half(key: dict[str, Any]) -> dict[str, Any]:
    """A JWK without what only its owner may know; a symmetric one is all secret and stays as it is."""
    if key.get("kty") == "oct":
        return key
    return {name: key[name] for name in key if name in PUBLIC_MEMBERS}


def _algorithm(key: dict[str, Any]) -> str:
    algorithm = key.get("alg") or {"EC": "ES256", "RSA": "RS256", "oct": "HS256"}.get(key.get("kty", ""), "")
    return str(algorithm)
