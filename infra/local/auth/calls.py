"""One request as the handlers see it, and what they share."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import jwt
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request

from infra.local import tokens
from infra.local.auth import redirects
from infra.local.auth.config import AuthConfig, RateLimits
from infra.local.auth.errors import AuthError, invalid, unexpected
from infra.local.auth.limits import WINDOW, Limits
from infra.local.auth.mails import Deliver
from infra.local.auth.oidc import Oidc
from infra.local.auth.providers import ISSUERS
from infra.local.auth.web import Web
from infra.local.mail.mailbox import Message
from infra.local.serving import read_body
from infra.local.settings import Settings

MAX_BODY = 1 << 20  # bytes, GoTrue's own limit
MAX_FIELDS = 100
NO_SESSION = str(UUID(int=0))  # as good as none in a token

Row = dict[str, Any]
Connection = AsyncConnection[Row]

log = logging.getLogger(__name__)


@dataclass
class Context:
    """What one running Auth shares among its calls."""

    settings: Settings
    config: AuthConfig
    pool: AsyncConnectionPool[Connection]
    deliver: Deliver
    limits: Limits = field(default_factory=Limits)
    web: Web = field(default_factory=Web)

    def __post_init__(self) -> None:
        self.oidc = Oidc(self.web)
        self.known_providers = ISSUERS  # by name, of those that could be configured

    @property
    def url(self) -> str:
        """Where this Auth answers, as clients and mails name it."""
        return self.config.external_url.rstrip("/") or f"{self.settings.api_url}/auth/v1"

    @property
    def issuer(self) -> str:
        """Of its tokens."""
        return self.config.issuer or self.url

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.pool.connection() as connection, connection.transaction():
            yield connection

    def take(self, call: Call, kind: str, allowed: int | None, window: float = WINDOW) -> None:
        """Count a call of this kind by this caller. Raises AuthError 429 where `allowed` per window are used up."""
        self.limits.take_call(kind, call.limited_as(self.config.limits), allowed, window)

    async def send(self, message: Message) -> str:
        """Hand a message over; returns its id. Raises AuthError where that fails: the transaction leaves no trace."""
        try:
            kept = await asyncio.to_thread(self.deliver, message)
        except Exception as problem:
            log.exception("a message could not be delivered")
            raise unexpected("Error sending email") from problem
        return kept.id if isinstance(kept, Message) else ""


@dataclass(frozen=True)
class Call:
    """One request: its body as an object, and readers that name what is wrong with a field."""

    request: Request
    raw: bytes

    @classmethod
    async def read(cls, request: Request) -> Call:
        """Raises AuthError for a body that is too large."""
        raw = await read_body(request, MAX_BODY)
        if raw is None:
            raise AuthError(413, "request_entity_too_large", f"Request body too large (max {MAX_BODY} bytes)")
        return cls(request, raw)

    @cached_property
    def body(self) -> dict[str, Any]:
        """Raises AuthError for anything but a JSON object, nothing at all included."""
        try:
            body = json.loads(self.raw)
            # What the database could not keep: lone surrogates, infinite numbers.
            json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError) as problem:
            raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {problem}") from None
        if not isinstance(body, dict):
            raise AuthError(400, "bad_json", "Could not parse request body as JSON: it has to be an object")
        return body

    @cached_property
    def form(self) -> dict[str, str]:
        """The body as a form (application/x-www-form-urlencoded); of a field that comes twice, the first."""
        try:
            pairs = parse_qsl(self.raw.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise AuthError(400, "validation_failed", "Could not parse the form") from None
        return dict(reversed(pairs))

    def form_field(self, name: str) -> str:
        """A field of a form; empty for a body of any other kind."""
        kind = self.request.headers.get("content-type", "")
        return self.form.get(name, "") if kind.startswith("application/x-www-form-urlencoded") else ""

    def text(self, name: str) -> str:
        """A text field; missing and null read as empty."""
        value = self.body.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {name} has to be a string")
        if "\0" in value:
            raise invalid(f"{name} contains a null character")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {name} has to be a boolean")
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        """An object field, None where it is missing or null."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {name} has to be an object")
        if "\\u0000" in json.dumps(value):
            raise invalid(f"{name} contains a null character")
        return value

    def query(self, name: str) -> str:
        """A parameter of the URL; missing reads as empty."""
        value = self.request.query_params.get(name, "")
        if "\0" in value:
            raise invalid(f"{name} contains a null character")
        return value

    def path_uuid(self, name: str) -> UUID:
        try:
            return UUID(self.request.path_params[name])
        except ValueError:
            raise AuthError(404, "validation_failed", f"{name} must be an UUID") from None

    @property
    def ip(self) -> str:
        """The caller's address: the first that a proxy forwarded, else the connection's."""
        for given in self.request.headers.get("x-forwarded-for", "").split(","):
            try:
                return str(ipaddress.ip_address(given.strip()))
            except ValueError:
                continue
        return self.request.client.host if self.request.client else "127.0.0.1"

    def limited_as(self, limits: RateLimits) -> str | None:
        """Who this call is counted for: nobody, where limits go by a header that it lacks.

        By address, it is the connection's: what a proxy forwarded anybody can write.
        """
        if not limits.header:
            return self.request.client.host if self.request.client else "127.0.0.1"
        return self.request.headers.get(limits.header, "").partition(",")[0].strip() or None

    @property
    def user_agent(self) -> str:
        return self.request.headers.get("user-agent", "")

    def redirect(self, config: AuthConfig) -> str:
        """Where this call's links should lead: what it asks for if that is allowed, else the site."""
        return redirects.choose(
            config,
            self.request.headers.get("redirect_to"),
            self.request.query_params.get("redirect_to"),
            self.request.headers.get("referer"),
        )

    def texts(self, name: str) -> list[str] | None:
        """A list of texts, None where it is missing or null."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, str) and "\0" not in each for each in value):
            raise AuthError(
                400, "bad_json", f"Could not parse request body as JSON: {name} has to be a list of strings"
            )
        return value

    def audience(self, context: Context) -> str:
        """For whom users are made and found: what the header asks for, or what the caller's own token is for."""
        asked = self.request.headers.get("x-jwt-aud")
        return asked or context.config.audience

    def claims(self, context: Context) -> dict[str, Any]:
        """The verified claims of the bearer's token. Raises AuthError 401 without one, 403 for one that is not ours."""
        authorization = self.request.headers.get("authorization")
        apikey = self.request.headers.get("apikey")
        if authorization is None and not (apikey or "").startswith("sb_"):
            raise _no_bearer()
        token = tokens.resolve(context.settings.keys, apikey, authorization)
        if not token or (authorization is not None and authorization[:7].lower() != "bearer "):
            raise _no_bearer()
        try:
            return tokens.verify(context.settings.keys, token)
        except jwt.ExpiredSignatureError:
            message = "invalid JWT: unable to parse or verify signature, token has invalid claims: token is expired"
            raise AuthError(403, "bad_jwt", message) from None
        except jwt.InvalidTokenError as problem:
            message = f"invalid JWT: unable to parse or verify signature, {problem}"
            raise AuthError(403, "bad_jwt", message) from None

    async def require_admin(self, context: Context) -> Row:
        """The administrator who calls, as audit entries name an actor. Raises AuthError 403 for anyone else.

        The token of a user who is one is good for as long as its session is.
        """
        claims = self.claims(context)
        session_id = claims.get("session_id") or NO_SESSION
        if session_id != NO_SESSION:
            async with context.transaction() as connection:
                found = await connection.execute(
                    "select 1 from auth.sessions where id::text = %s and user_id::text = %s "
                    "and (not_after is null or not_after > now())",
                    [str(session_id), str(claims.get("sub"))],
                )
                if await found.fetchone() is None:
                    message = "Session from session_id claim in JWT does not exist"
                    raise AuthError(403, "session_not_found", message)
        role = claims.get("role")
        if not isinstance(role, str) or role not in context.config.admin_roles:
            raise AuthError(403, "not_admin", "User not allowed")
        return {"id": UUID(int=0), "email": role}


def _no_bearer() -> AuthError:
    return AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
