"""The protocol's routes, relative to /auth/v1, and the life of what stands behind them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import cast

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local import tokens
from infra.local.auth import account, admin, hooks, mfa, requests, sign_in, signup, verify
from infra.local.auth.calls import Call, Connection, Context
from infra.local.auth.config import AuthConfig
from infra.local.auth.errors import AuthError, invalid, unexpected
from infra.local.auth.mails import Deliver
from infra.local.mail.mailbox import Mailbox
from infra.local.mail.service import FOLDER
from infra.local.settings import Settings

POOL = 8  # connections at most
WAIT = 10.0  # seconds for a connection
JWKS_AGE = 600  # seconds a verifier may keep the keys, as GoTrue allows

Handler = Callable[[Context, Call], Awaitable[Response]]

log = logging.getLogger(__name__)


class AuthService:
    """GoTrue's protocol over schema `auth` of `settings.database`.

    `deliver` takes each mail; by default it goes to the stack's mailbox.
    """

    def __init__(self, settings: Settings, deliver: Deliver | None = None, config: AuthConfig | None = None) -> None:
        config = config or AuthConfig.read(settings.auth)
        if config.custom_access_token_hook:
            hooks.parse_uri(config.custom_access_token_hook)
        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            settings.database_url("supabase_auth_admin"),
            connection_class=cast("type[Connection]", AsyncConnection),
            kwargs={"row_factory": dict_row, "autocommit": True, "options": "-c timezone=UTC"},
            min_size=0,
            max_size=POOL,
            timeout=WAIT,
            open=False,
        )
        self._context = Context(settings, config, pool, deliver or Mailbox(settings.data / FOLDER).deliver)
        self.routes: list[BaseRoute] = [
            *(self._route(method, path, handler) for method, path, handler in _HANDLERS),
            Route("/health", _health),
            Route("/settings", self._settings),
            Route("/.well-known/jwks.json", self._jwks),
            Route("/.well-known/openid-configuration", self._discovery),
        ]

    async def start(self) -> None:
        await self._context.pool.open()

    async def stop(self) -> None:
        await self._context.pool.close()

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return await handler(self._context, await Call.read(request))
            except AuthError as error:
                if error.__cause__ is not None:
                    log.error("%s %s: %s: %s", method, path, error, _summary(error.__cause__))
                return error.response(request.headers)
            except psycopg.DataError as error:  # such as a text longer than its column
                return invalid(_summary(error)).response(request.headers)
            except Exception as error:  # whatever it was, the caller gets the protocol's shape
                known = isinstance(error, psycopg.Error)
                log.error("%s %s failed: %s", method, path, _summary(error), exc_info=not known)
                failure = unexpected("Unexpected failure, please check server logs for more information")
                return failure.response(request.headers)

        route = Route(path, endpoint, methods=[method])
        # Scanners of mail ask by HEAD before somebody follows the link: that must not use it up.
        route.methods = {method}
        return route

    async def _settings(self, _request: Request) -> Response:
        config = self._context.config
        return JSONResponse(
            {
                "external": dict.fromkeys(_PROVIDERS, False)
                | {"email": True, "phone": False, "anonymous_users": config.anonymous_enabled},
                "disable_signup": not config.signup_enabled,
                "mailer_autoconfirm": not config.confirmations,
                "phone_autoconfirm": False,
                "sms_provider": "",
                "saml_enabled": False,
                "saml_private_key_next_configured": False,
                "passkeys_enabled": False,
            }
        )

    async def _jwks(self, _request: Request) -> Response:
        keys = tokens.public_keys(self._context.settings.keys)
        return JSONResponse(keys, headers={"Cache-Control": f"public, max-age={JWKS_AGE}"})

    async def _discovery(self, _request: Request) -> Response:
        """What verifiers of tokens look up (RFC 8414): who issues them and where the keys are."""
        url = self._context.url
        return JSONResponse(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/oauth/authorize",
                "token_endpoint": f"{url}/oauth/token",
                "jwks_uri": f"{url}/.well-known/jwks.json",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            },
            headers={"Cache-Control": f"public, max-age={JWKS_AGE}"},
        )


def _summary(error: BaseException) -> str:
    """What went wrong, without the rows that the database shows as details."""
    told = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return told or f"{type(error).__name__}: {error}"


async def _health(_request: Request) -> Response:
    return JSONResponse({"version": "pgdesk", "name": "GoTrue", "description": "Users and sign-in, GoTrue's protocol"})


_PROVIDERS = (
    "apple", "azure", "bitbucket", "discord", "facebook", "snapchat", "figma", "fly", "github", "gitlab", "google",
    "keycloak", "kakao", "linkedin", "linkedin_oidc", "notion", "spotify", "slack", "slack_oidc", "workos", "twitch",
    "twitter", "x", "zoom",
)  # fmt: skip

_HANDLERS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/signup", signup.sign_up),
    ("POST", "/token", sign_in.token),
    ("POST", "/otp", requests.otp),
    ("POST", "/magiclink", requests.magic_link),
    ("POST", "/recover", requests.recover),
    ("POST", "/resend", requests.resend),
    ("GET", "/verify", verify.follow_link),
    ("POST", "/verify", verify.verify),
    ("GET", "/user", account.get_user),
    ("PUT", "/user", account.put_user),
    ("POST", "/logout", account.logout),
    ("GET", "/reauthenticate", account.reauthenticate),
    ("DELETE", "/user/identities/{identity_id}", account.delete_identity),
    ("POST", "/factors", mfa.enroll),
    ("POST", "/factors/{factor_id}/challenge", mfa.challenge),
    ("POST", "/factors/{factor_id}/verify", mfa.verify),
    ("DELETE", "/factors/{factor_id}", mfa.unenroll),
    ("POST", "/invite", admin.invite),
    ("POST", "/admin/generate_link", admin.generate_link),
    ("GET", "/admin/users", admin.list_users),
    ("POST", "/admin/users", admin.create_user),
    ("GET", "/admin/users/{user_id}", admin.get_user),
    ("PUT", "/admin/users/{user_id}", admin.update_user),
    ("DELETE", "/admin/users/{user_id}", admin.delete_user),
    ("GET", "/admin/users/{user_id}/factors", admin.list_factors),
    ("DELETE", "/admin/users/{user_id}/factors/{factor_id}", mfa.admin_delete),
)
