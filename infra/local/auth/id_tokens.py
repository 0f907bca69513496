"""POST /token?grant_type=id_token: a session for an ID token that an app got from a provider itself."""

from __future__ import annotations

import hashlib

from starlette.responses import Response

from infra.local.auth import codes, hooks, linking, sessions
from infra.local.auth.account import authenticate
from infra.local.auth.calls import Call, Context
from infra.local.auth.errors import AuthError, OAuthError, invalid
from infra.local.auth.external import ask_first, chosen
from infra.local.auth.oidc import AudienceError, Profile, ProviderError
from infra.local.auth.providers import Provider


async def sign_in(context: Context, call: Call) -> Response:
    """The user of the token, or with `link_identity` the caller with one more way in."""
    token, nonce = call.text("id_token"), call.text("nonce")
    if not token:
        raise _bad("id_token required")
    if not call.text("provider") and not (call.text("client_id") and call.text("issuer")):
        raise _bad("provider or client_id and issuer required")
    caller = None
    if call.flag("link_identity"):
        if "authorization" not in call.request.headers:
            raise _bad("Linking requires a valid user access token in Authorization")
        async with context.transaction() as connection:
            caller = (await authenticate(context, connection, call)).user
    name, provider = await _provider(context, call)
    profile = await _profile(context, provider, token, call.text("access_token"), nonce)
    if caller is None:
        await ask_first(context, call, name, profile)
    issued = None
    async with context.transaction() as connection:
        if caller is not None:
            outcome = await linking.link(context, connection, call, caller, name, profile)
        else:
            outcome = await linking.sign_in(context, connection, call, name, profile, provider.email_optional)
        if outcome.refusal is None:
            issued = await sessions.sign_in(context, connection, call, outcome.user, "oauth")
    if outcome.refusal is not None or issued is None:
        raise outcome.refusal or _bad("Bad ID token")
    if outcome.decision is linking.Decision.CREATE:
        await hooks.after_user_created(context, call, outcome.user)
    return issued.response()


async def _provider(context: Context, call: Call) -> tuple[str, Provider]:
    """Whose token it is said to be. Raises AuthError 400 for a provider that the project does not have."""
    name, issuer = call.text("provider").lower(), call.text("issuer")
    config = context.config
    if name.startswith("custom:"):
        provider = await chosen(context, name)
        if not provider.issuer:
            raise invalid(f'Provider "{name}" is not an OIDC provider')
        return name, provider
    if not name and issuer:
        name = next((known for known, each in config.providers.items() if each.issuer == issuer), "")
    if name in config.providers and config.providers[name].issuer:
        provider = config.providers[name]
        if issuer and issuer != provider.issuer:
            raise invalid("Provided issuer does not match ID token issuer")
        return name, provider
    if name in context.known_providers:
        raise AuthError(400, "provider_disabled", f'Provider (issuer "{context.known_providers[name]}") is not enabled')
    if issuer and issuer in config.allowed_id_token_issuers:
        return issuer, Provider(client_ids=(call.text("client_id"),), issuer=issuer)
    raise invalid(f'Custom OIDC provider "{call.text("provider")}" not allowed')


async def _profile(context: Context, provider: Provider, token: str, access_token: str, nonce: str) -> Profile:
    try:
        claims = await context.oidc.verify(provider, token, access_token)
    except AudienceError as problem:
        raise _bad(str(problem)) from problem
    except ProviderError as problem:
        raise _bad("Bad ID token") from problem
    if not claims.get("sub"):
        raise _bad("Missing sub claim in id_token")
    if not provider.skip_nonce_check:
        expected = claims.get("nonce") or ""
        if bool(expected) != bool(nonce):
            raise _bad("Passed nonce and nonce in id_token should either both exist or not.")
        if expected and not codes.same(hashlib.sha256(nonce.encode()).hexdigest(), str(expected)):
            raise OAuthError(400, "invalid nonce", "Nonces mismatch")
    return context.oidc.read(provider, claims).settled()


def _bad(description: str) -> OAuthError:
    return OAuthError(400, "invalid request", description)
