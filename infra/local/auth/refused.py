"""What this Auth does not play: each with the answer of a project that has it off."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from infra.local.auth.calls import Call, Context
from infra.local.auth.errors import AuthError


async def saml(_context: Context, _call: Call) -> Response:
    raise AuthError(404, "saml_provider_disabled", "SAML 2.0 is disabled")


async def passkeys(_context: Context, _call: Call) -> Response:
    raise AuthError(404, "passkey_disabled", "Passkeys are disabled")


async def scim(_context: Context, _call: Call) -> Response:
    raise AuthError(404, "feature_disabled", "SCIM server is disabled")


async def no_sso_providers(context: Context, call: Call) -> Response:
    await call.require_admin(context)
    return JSONResponse({"items": []})


async def no_sso_provider(context: Context, call: Call) -> Response:
    await call.require_admin(context)
    raise AuthError(404, "sso_provider_not_found", "SSO Identity Provider not found")
