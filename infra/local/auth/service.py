"""The protocol's routes, relative to /auth/v1, and the life of what stands behind them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local import tokens
from infra.local.auth import (
    account,
    admin,
    custom_providers,
    external,
    hooks,
    links,
    mfa,
    oauth_clients,
    oauth_server,
    oauth_tokens,
    refused,
    requests,
    sign_in,
    signup,
    verify,
)
from infra.local.auth.calls import Call, Connection, Context
from infra.local.auth.config import AuthConfig
from infra.local.auth.errors import AuthError, invalid, unexpected
from infra.local.auth.mails import Deliver
from infra.local.auth.providers import known
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

    `deliver` takes each mail and each SMS; by default they go to the stack's mailbox. `settings.api_url` is where
    clients find the routes, below /auth/v1, unless `config.external_url` says otherwise. Raises ValueError for a
    configuration that cannot be.
    """

    def __init__(self, settings: Settings, deliver: Deliver | None = None, config: AuthConfig | None = None) -> None:
        config = config or AuthConfig.read(settings.auth)
        config = replace(config, providers={name: known(name, each) for name, each in config.providers.items()})
        for hook in config.hooks:
            hooks.check(hook)
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
            Route("/.well-known/oauth-authorization-server", self._metadata),
        ]

    async def start(self) -> None:
        await self._context.pool.open()

    async def stop(self) -> None:
        await self._context.pool.close()
        await self._context.web.close()

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
        providers = {name: name in config.providers for name in (*SHOWN, *config.providers)}
        return JSONResponse(
            {
                "external": providers
                | {
                    "email": config.email_enabled,
                    "phone": config.phone_enabled,
                    "anonymous_users": config.anonymous_enabled,
                },
                "disable_signup": not config.signup_enabled,
                "mailer_autoconfirm": not config.confirmations,
                "phone_autoconfirm": not config.phone_confirmations,
                "sms_provider": config.sms_provider if config.phone_enabled else "",
                "saml_enabled": False,
                "saml_private_key_next_configured": False,
                "passkeys_enabled": False,
            }
        )

    async def _jwks(self, _request: Request) -> Response:
        keys = tokens.public_keys(self._context.settings.keys)
        return JSONResponse(keys, headers={"Cache-Control": f"public, max-age={JWKS_AGE}"})

    async def _metadata(self, request: Request) -> Response:
        try:
            oauth_clients.check_enabled(self._context)
        except AuthError as error:
            return error.response(request.headers)
        return await self._discovery(request)

    async def _discovery(self, _request: Request) -> Response:
        """What verifiers of tokens and applications look up (OpenID Connect Discovery, RFC 8414)."""
        issuer, config = self._context.issuer, self._context.config
        url = issuer.rstrip("/")
        told = {
            "issuer": issuer,
            "authorization_endpoint": f"{url}/oauth/authorize",
            "token_endpoint": f"{url}/oauth/token",
            "jwks_uri": f"{url}/.well-known/jwks.json",
            "userinfo_endpoint": f"{url}/oauth/userinfo",
            "scopes_supported": list(oauth_server.SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(oauth_clients.GRANTS),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "claims_supported": list(_CLAIMS),
            "code_challenge_methods_supported": ["S256", "plain"],
        }
        if config.oauth_server_enabled and config.oauth_dynamic_registration:
            told["registration_endpoint"] = f"{url}/oauth/clients/register"
        return JSONResponse(told, headers={"Cache-Control": f"public, max-age={JWKS_AGE}"})


def _summary(error: BaseException) -> str:
    """What went wrong, without the rows that the database shows as details."""
    told = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return told or f"{type(error).__name__}: {error}"


async def _health(_request: Request) -> Response:
    return JSONResponse({"version": "pgdesk", "name": "GoTrue", "description": "Users and sign-in, GoTrue's protocol"})


# The providers that /settings tells of, on or off.
SHOWN = (
    "apple", "azure", "bitbucket", "discord", "facebook", "snapchat", "figma", "fly", "github", "gitlab", "google",
    "keycloak", "kakao", "linkedin", "linkedin_oidc", "notion", "spotify", "slack", "slack_oidc", "workos", "twitch",
    "twitter", "zoom",
)  # fmt: skip
_CLAIMS = (
    "sub", "aud", "iss", "exp", "iat", "auth_time", "nonce", "email", "email_verified", "phone_number",
    "phone_number_verified", "name", "picture", "preferred_username", "updated_at",
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
    ("GET", "/authorize", external.authorize),
    ("GET", "/callback", external.callback),
    ("POST", "/callback", external.callback),
    ("GET", "/user", account.get_user),
    ("PUT", "/user", account.put_user),
    ("POST", "/logout", account.logout),
    ("GET", "/reauthenticate", account.reauthenticate),
    ("GET", "/user/identities/authorize", external.link_identity),
    ("DELETE", "/user/identities/{identity_id}", account.delete_identity),
    ("GET", "/user/oauth/grants", oauth_server.read_grants),
    ("DELETE", "/user/oauth/grants", oauth_server.revoke_grant),
    ("POST", "/factors", mfa.enroll),
    ("POST", "/factors/{factor_id}/challenge", mfa.challenge),
    ("POST", "/factors/{factor_id}/verify", mfa.verify),
    ("DELETE", "/factors/{factor_id}", mfa.unenroll),
    ("POST", "/invite", links.invite),
    ("POST", "/admin/generate_link", links.generate),
    ("GET", "/admin/audit", admin.read_audit),
    ("GET", "/admin/users", admin.list_users),
    ("POST", "/admin/users", admin.create_user),
    ("GET", "/admin/users/{user_id}", admin.get_user),
    ("PUT", "/admin/users/{user_id}", admin.update_user),
    ("DELETE", "/admin/users/{user_id}", admin.delete_user),
    ("GET", "/admin/users/{user_id}/factors", mfa.admin_list),
    ("PUT", "/admin/users/{user_id}/factors/{factor_id}", mfa.admin_update),
    ("DELETE", "/admin/users/{user_id}/factors/{factor_id}", mfa.admin_delete),
    ("GET", "/admin/custom-providers", custom_providers.read_all),
    ("POST", "/admin/custom-providers", custom_providers.create),
    ("GET", "/admin/custom-providers/{identifier}", custom_providers.read),
    ("PUT", "/admin/custom-providers/{identifier}", custom_providers.update),
    ("DELETE", "/admin/custom-providers/{identifier}", custom_providers.delete),
    ("GET", "/admin/oauth/clients", oauth_clients.read_all),
    ("POST", "/admin/oauth/clients", oauth_clients.register),
    ("GET", "/admin/oauth/clients/{client_id}", oauth_clients.read),
    ("PUT", "/admin/oauth/clients/{client_id}", oauth_clients.update),
    ("DELETE", "/admin/oauth/clients/{client_id}", oauth_clients.delete),
    ("POST", "/admin/oauth/clients/{client_id}/regenerate_secret", oauth_clients.regenerate_secret),
    ("POST", "/oauth/clients/register", oauth_clients.register_itself),
    ("GET", "/oauth/authorize", oauth_server.authorize),
    ("POST", "/oauth/token", oauth_tokens.token),
    ("GET", "/oauth/userinfo", oauth_tokens.userinfo),
    ("GET", "/oauth/authorizations/{authorization_id}", oauth_server.read_authorization),
    ("POST", "/oauth/authorizations/{authorization_id}/consent", oauth_server.consent),
    ("POST", "/sso", refused.saml),
    ("GET", "/sso/saml/metadata", refused.saml),
    ("POST", "/sso/saml/acs", refused.saml),
    ("GET", "/admin/sso/providers", refused.no_sso_providers),
    ("POST", "/admin/sso/providers", refused.saml),
    ("GET", "/admin/sso/providers/{idp_id}", refused.no_sso_provider),
    ("PUT", "/admin/sso/providers/{idp_id}", refused.no_sso_provider),
    ("DELETE", "/admin/sso/providers/{idp_id}", refused.no_sso_provider),
    *((method, "/passkeys/{rest:path}", refused.passkeys) for method in ("GET", "POST", "PATCH", "DELETE")),
    ("GET", "/passkeys", refused.passkeys),
    ("GET", "/admin/users/{user_id}/passkeys", refused.passkeys),
    ("GET", "/scim/v2/{rest:path}", refused.scim),
)
