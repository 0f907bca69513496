"""GET /authorize and /callback: signing in at somebody else's, and coming back with a session or a code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from starlette.responses import JSONResponse, RedirectResponse, Response

from infra.local.auth import custom_providers, hooks, linking, oidc, pkce, redirects, sessions, users
from infra.local.auth.account import authenticate
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, OAuthError, invalid, unexpected
from infra.local.auth.oidc import Exchanged, Profile, ProviderError
from infra.local.auth.providers import Provider
from infra.local.auth.signup import unmade

# What we say to a provider ourselves: no caller may say it for us.
RESERVED = {
    "client_id", "client_secret", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method",
    "code_verifier",
}  # fmt: skip
_OURS = {"provider", "scopes", "skip_http_redirect", "redirect_to", "invite_token"}
_DENIED = {"signup_disabled", "user_banned", "provider_email_needs_verification"}
STATE_AGE = timedelta(minutes=5)  # of what we remember for a provider's own PKCE


async def authorize(context: Context, call: Call) -> Response:
    """Lead the browser to the provider."""
    return RedirectResponse(await _address(context, call, None), 302)


async def link_identity(context: Context, call: Call) -> Response:
    """The same for somebody who is signed in and adds a way in; a script asks for the address instead."""
    async with context.transaction() as connection:
        caller = await authenticate(context, connection, call)
    if not context.config.manual_linking_enabled:
        raise AuthError(404, "manual_linking_disabled", "Manual linking is disabled")
    address = await _address(context, call, caller.user)
    if call.query("skip_http_redirect") == "true":
        return JSONResponse({"url": address})
    return RedirectResponse(address, 302)


async def callback(context: Context, call: Call) -> Response:
    """What the provider sends the browser back with: led on to where the sign-in began, whatever became of it."""
    values = call.form if call.request.method == "POST" else dict(call.request.query_params)
    config = context.config
    try:
        flow = await _begun(context, values)
    except AuthError as error:
        return RedirectResponse(redirects.with_query(config.site_url, _told(error)), 303)
    target = flow["referrer"] or config.site_url
    try:
        return RedirectResponse(await _come_back(context, call, flow, values, target), 302)
    except AuthError as error:
        told = _told(error)
        bare = target.partition("#")[0]
        return RedirectResponse(redirects.with_fragment(redirects.with_query(bare, told), told), 302)


async def _address(context: Context, call: Call, linking_to: Row | None) -> str:
    name = call.query("provider").lower()
    provider = await chosen(context, name)
    scopes = tuple(scope for scope in call.query("scopes").replace(",", " ").split() if scope)
    invite_token = call.query("invite_token")
    if invite_token:
        await _check_invitation(context, invite_token)
    challenge, method = call.query("code_challenge"), call.query("code_challenge_method")
    pkce.check(challenge, method)
    passed_on = {
        "provider" if key == "workos_provider" else key: value
        for key, value in call.request.query_params.items()
        if key.lower() not in RESERVED | _OURS
    }
    try:
        provider = await context.oidc.located(provider)
    except ProviderError as problem:
        raise invalid(f"Unsupported provider: {problem}") from problem
    state_id = verifier = None
    if provider.pkce:
        verifier, told = oidc.new_verifier()
        state_id = uuid4()
        passed_on |= {"code_challenge": told, "code_challenge_method": "S256"}
    flow_id = uuid4()
    if scopes:  # those of a known provider are added to
        provider = replace(provider, scopes=scopes if name.startswith("custom:") else (*provider.scopes, *scopes))
    async with context.transaction() as connection:
        await pkce.forget_old(connection)
        if state_id is not None:
            await connection.execute(
                "insert into auth.oauth_client_states (id, provider_type, code_verifier, created_at) "
                "values (%s, %s, %s, now())",
                [state_id, name, verifier],
            )
        await connection.execute(
            "insert into auth.flow_state (id, provider_type, authentication_method, auth_code, code_challenge, "
            "code_challenge_method, referrer, invite_token, oauth_client_state_id, linking_target_id, email_optional, "
            "created_at, updated_at) values (%s, %s, 'oauth', %s, %s, %s, %s, %s, %s, %s, %s, now(), now())",
            [flow_id, name, str(uuid4()) if challenge else None, challenge or None, method.lower() or None,
             call.redirect(context.config), invite_token or None, state_id, linking_to and linking_to["id"],
             provider.email_optional],
        )  # fmt: skip
    return oidc.authorization_url(provider, _redirect_uri(context, provider), str(flow_id), passed_on)


async def chosen(context: Context, name: str) -> Provider:
    """The provider called `name`, from the configuration or, `custom:…`, from the database. Raises AuthError 400."""
    if name.startswith("custom:"):
        return await custom_providers.load(context, name)
    provider = context.config.providers.get(name)
    if provider is None:
        known = name in context.known_providers
        reason = "provider is not enabled" if known else f"Provider {name} could not be found"
        raise invalid(f"Unsupported provider: {reason}")
    return provider


async def _begun(context: Context, values: dict[str, str]) -> Row:
    """The sign-in that the state belongs to. Raises AuthError for none, an old one, and one that is done."""
    state = values.get("state", "")
    if not state:
        raise AuthError(400, "bad_oauth_callback", "OAuth state parameter missing")
    try:
        flow_id = UUID(state)
    except ValueError:
        raise AuthError(400, "bad_oauth_state", "OAuth state parameter is invalid") from None
    async with context.transaction() as connection:
        found = await connection.execute(
            "select * from auth.flow_state where id = %s and authentication_method = 'oauth'", [flow_id]
        )
        flow = await found.fetchone()
    if flow is None:
        raise AuthError(400, "bad_oauth_state", "OAuth state not found or expired")
    if flow["created_at"] + timedelta(seconds=context.config.flow_expiry) < datetime.now(UTC):
        raise AuthError(400, "bad_oauth_state", "OAuth state has expired")
    if flow["user_id"] is not None:
        raise AuthError(400, "flow_state_already_used", "State has already been used")
    return flow


async def _come_back(context: Context, call: Call, flow: Row, values: dict[str, str], target: str) -> str:
    name = flow["provider_type"]
    exchanged, profile = await _ask_provider(context, flow, values)
    if not profile.emails and not flow["email_optional"]:
        raise unexpected("Error getting user email from external provider")
    if not profile.subject:
        raise unexpected("Error getting user profile from external provider")
    profile = profile.settled()
    direct = flow["linking_target_id"] is None and not flow["invite_token"]
    if direct:
        await ask_first(context, call, name, profile)
    issued = None
    async with context.transaction() as connection:
        # Taken under its lock: of two who come back with one state, one is too late.
        found = await connection.execute("select * from auth.flow_state where id = %s for update", [flow["id"]])
        held = await found.fetchone()
        if held is None or held["user_id"] is not None:
            raise AuthError(400, "flow_state_already_used", "State has already been used")
        outcome = await _settle(context, connection, call, held, profile)
        if outcome.refusal is None and held["code_challenge"]:
            await connection.execute(
                "update auth.flow_state set user_id = %s, provider_access_token = %s, provider_refresh_token = %s, "
                "auth_code_issued_at = now(), updated_at = now() where id = %s",
                [outcome.user["id"], exchanged.access_token, exchanged.refresh_token, held["id"]],
            )
        else:
            await connection.execute("delete from auth.flow_state where id = %s", [held["id"]])
            if outcome.refusal is None:
                issued = await sessions.sign_in(context, connection, call, outcome.user, "oauth")
    if outcome.refusal is not None:
        raise outcome.refusal
    if outcome.decision is linking.Decision.CREATE:
        await hooks.after_user_created(context, call, outcome.user)
    if issued is None:
        return redirects.with_query(target, {"code": held["auth_code"]})
    told = {"provider_token": exchanged.access_token}
    if exchanged.refresh_token:
        told["provider_refresh_token"] = exchanged.refresh_token
    return redirects.with_session(target, issued.body, told)


async def _ask_provider(context: Context, flow: Row, values: dict[str, str]) -> tuple[Exchanged, Profile]:
    name = flow["provider_type"]
    if values.get("error"):
        raise OAuthError(400, values["error"], values.get("error_description", ""))
    code = values.get("code", "")
    if not code:
        raise AuthError(400, "bad_oauth_callback", "OAuth callback with missing authorization code missing")
    provider = await chosen(context, name)
    verifier = await _verifier(context, flow, provider)
    try:
        provider = await context.oidc.located(provider)
        exchanged = await context.oidc.exchange(provider, code, _redirect_uri(context, provider), verifier)
    except ProviderError as problem:
        raise unexpected(f"Unable to exchange external code: {code[:4]}") from problem
    try:
        return exchanged, await context.oidc.profile(provider, exchanged)
    except ProviderError as problem:
        raise unexpected("Error getting user profile from external provider") from problem


async def _verifier(context: Context, flow: Row, provider: Provider) -> str | None:
    """What proves to the provider that it is we who began; it is used up by this."""
    if flow["oauth_client_state_id"] is None:
        if provider.pkce:
            raise AuthError(400, "oauth_invalid_state", "OAuth PKCE code verifier missing")
        return None
    async with context.transaction() as connection:
        found = await connection.execute(
            "delete from auth.oauth_client_states where id = %s returning *", [flow["oauth_client_state_id"]]
        )
        state = await found.fetchone()
    if state is None:
        raise AuthError(422, "oauth_client_state_not_found", "OAuth state not found")
    if state["provider_type"] != flow["provider_type"]:
        raise AuthError(400, "oauth_invalid_state", "OAuth provider mismatch")
    if state["created_at"] + STATE_AGE < datetime.now(UTC):
        raise AuthError(422, "oauth_client_state_expired", "OAuth state expired")
    verifier: str = state["code_verifier"]
    return verifier


async def ask_first(context: Context, call: Call, name: str, profile: Profile) -> None:
    """Let the project's hook refuse somebody whom this sign-in would make a user."""
    if context.config.before_user_created_hook is None:
        return
    async with context.transaction() as connection:
        found = await linking.decide(connection, context.config, name, profile)
    if found.decision is linking.Decision.CREATE:
        metadata = {"provider": name, "providers": [name]}
        await hooks.before_user_created(
            context, call, unmade(context, call, metadata, profile.claims, {"email": found.email})
        )


async def _settle(context: Context, connection: Connection, call: Call, flow: Row, profile: Profile) -> linking.Outcome:
    name = flow["provider_type"]
    if flow["linking_target_id"] is not None:
        target = await users.by_id(connection, flow["linking_target_id"], lock=True)
        if target is None:
            raise AuthError(422, "user_not_found", "Linking target user not found")
        return await linking.link(context, connection, call, target, name, profile)
    if flow["invite_token"]:
        return await linking.accept_invitation(context, connection, call, flow["invite_token"], name, profile)
    return await linking.sign_in(context, connection, call, name, profile, flow["email_optional"])


async def _check_invitation(context: Context, token: str) -> None:
    async with context.transaction() as connection:
        found = await connection.execute(
            "select 1 from auth.one_time_tokens where token_hash = %s and token_type = 'confirmation_token'", [token]
        )
        if await found.fetchone() is None:
            raise AuthError(404, "user_not_found", "User identified by token not found")


def _redirect_uri(context: Context, provider: Provider) -> str:
    return provider.redirect_uri or f"{context.url}/callback"


def _told(error: AuthError) -> dict[str, str]:
    """A failure as the browser's address tells it."""
    if isinstance(error, OAuthError):
        return {"error": error.code, "error_description": error.message}
    kind = "access_denied" if error.code in _DENIED else redirects.OAUTH.get(error.status, "server_error")
    return {"error": kind, "error_code": error.code, "error_description": error.message}
