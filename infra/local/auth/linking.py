"""Whose a sign-in at a provider is: a known identity's, a user's with the same verified address, or a new user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from infra.local.auth import audit, identities, letters, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.config import AuthConfig
from infra.local.auth.errors import AuthError, unexpected
from infra.local.auth.oidc import Profile


class Decision(Enum):
    EXISTS = auto()
    CREATE = auto()
    LINK = auto()


@dataclass(frozen=True)
class Outcome:
    """The user, and a refusal to be told once what was done is kept: a mail may have left."""

    user: Row
    decision: Decision = Decision.LINK
    refusal: AuthError | None = None


@dataclass(frozen=True)
class _Found:
    decision: Decision
    user: Row | None
    identity: Row | None
    email: str
    verified: bool


async def decide(connection: Connection, config: AuthConfig, provider: str, profile: Profile) -> _Found:
    """Link by addresses that the provider has verified only: anybody can claim another."""
    primary = next((email for email in profile.emails if email.primary), None)
    email, verified = (primary.address.lower(), primary.verified) if primary else ("", False)
    identity = await identities.find(connection, provider, profile.subject)
    if identity is not None:
        user = await users.by_id(connection, identity["user_id"], lock=True)
        return _Found(Decision.EXISTS, user, identity, (user or {}).get("email") or "", verified)
    sure = [each.address.lower() for each in profile.emails if each.verified or not config.confirmations]
    if not sure:
        taken = email and await users.owner_of(connection, email) is not None
        return _Found(Decision.CREATE, None, None, "" if taken else email, verified)
    found = await connection.execute(
        "select distinct u.id from auth.users u left join auth.identities i on i.user_id = u.id "
        "and i.email = any (%(emails)s) "
        "where u.is_sso_user = false and (i.id is not null or u.email = any (%(emails)s))",
        {"emails": sure},
    )
    owners = [row["id"] for row in await found.fetchall()]
    if len(owners) > 1:
        raise unexpected("Multiple accounts with the same email address in the same linking domain detected: default")
    if owners:
        return _Found(Decision.LINK, await users.by_id(connection, owners[0], lock=True), None, email, verified)
    return _Found(Decision.CREATE, None, None, email, verified)


async def sign_in(
    context: Context, connection: Connection, call: Call, provider: str, profile: Profile, email_optional: bool
) -> Outcome:
    """The user of a sign-in at a provider, made or linked as need be.

    Raises AuthError. An address that nobody verified is mailed a code first, unless the project lets such users in.
    """
    config = context.config
    found = await decide(connection, config, provider, profile)
    user, identity = found.user, found.identity
    if found.decision is Decision.CREATE:
        if not config.signup_enabled:
            raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")
        user = await users.create(
            connection, aud=call.audience(context), role=config.default_role, email=found.email or None,
            data=profile.claims, app_metadata={"provider": provider, "providers": [provider]},
        )  # fmt: skip
        identity = await identities.add(connection, user["id"], provider, profile.claims)
    else:
        if user is None:
            raise unexpected("Database error finding user")
        if identity is None:
            identity = await identities.add(connection, user["id"], provider, profile.claims)
            await _record_link(connection, call, user, identity)
        else:
            await identities.touch(connection, identity, profile.claims)
            identity = identity | {"identity_data": profile.claims}
        metadata = users.merged(user["raw_user_meta_data"], profile.claims)
        user = await users.update(connection, user, raw_user_meta_data=metadata)
        user = await identities.refresh_providers(connection, user)
    if users.is_banned(user):
        raise AuthError(403, "user_banned", "User is banned")
    nameless = email_optional and not found.email
    if nameless or user["email_confirmed_at"] is not None:
        await audit.record(connection, call, user, "login", provider=provider)
        return Outcome(user, found.decision)
    # Whoever signed up with the address before has not shown that it is theirs: what they set is forgotten.
    user = await identities.keep_only(connection, user, identity)
    if found.verified or not config.confirmations:
        await audit.record(connection, call, user, "user_signedup", provider=provider)
        return Outcome(await users.confirm(connection, user), found.decision)
    advice = f"Verify the email with {provider} in order to sign in"
    if found.email:
        user = await letters.send(context, connection, call, user, "signup")
        advice = f"A confirmation email has been sent to your {provider} email"
    refusal = AuthError(422, "provider_email_needs_verification", f"Unverified email with {provider}. {advice}")
    return Outcome(user, found.decision, None if config.allow_unverified_email_sign_ins else refusal)


async def link(
    context: Context, connection: Connection, call: Call, user: Row, provider: str, profile: Profile
) -> Outcome:
    """Add the provider's identity to somebody who is signed in. Raises AuthError 422 where it is somebody's already."""
    known = await identities.find(connection, provider, profile.subject)
    if known is not None:
        whose = "" if known["user_id"] == user["id"] else " to another user"
        raise AuthError(422, "identity_already_exists", f"Identity is already linked{whose}")
    identity = await identities.add(connection, user["id"], provider, profile.claims)
    await _record_link(connection, call, user, identity)
    if not user["email"]:
        try:
            user = await identities.adopt_email(connection, user, not context.config.confirmations)
        except AuthError:
            raise AuthError(400, "email_exists", "A user with this email address has already been registered") from None
        if not profile.claims.get("email_verified"):
            if user["email"]:
                user = await letters.send(context, connection, call, user, "signup")
            message = f"Unverified email with {provider}. A confirmation email has been sent to your {provider} email"
            return Outcome(user, refusal=AuthError(422, "email_not_confirmed", message))
        user = await users.update(connection, await users.confirm(connection, user), is_anonymous=False)
    user = await identities.refresh_providers(connection, user)
    await letters.notify(context, connection, call, user, "identity_linked", provider=provider)
    return Outcome(user)


async def accept_invitation(
    context: Context, connection: Connection, call: Call, token: str, provider: str, profile: Profile
) -> Outcome:
    """The invited user, who takes the invitation up with an account at a provider. Raises AuthError."""
    found = await connection.execute(
        "select u.* from auth.users u join auth.one_time_tokens t on t.user_id = u.id "
        "where t.token_hash = %s and t.token_type = 'confirmation_token' for update of u",
        [token],
    )
    user = await found.fetchone()
    if user is None:
        raise AuthError(404, "invite_not_found", "Invite not found")
    if not any(email.address.lower() == user["email"] for email in profile.emails):
        raise AuthError(400, "validation_failed", "Invited email does not match emails from external provider")
    identity = await identities.add(connection, user["id"], provider, profile.claims)
    user = await identities.refresh_providers(connection, user)
    metadata = users.merged(user["raw_user_meta_data"], profile.claims)
    user = await users.update(connection, user, raw_user_meta_data=metadata)
    await audit.record(connection, call, user, "invite_accepted", provider=provider)
    user = await identities.keep_only(connection, user, identity)
    return Outcome(await users.confirm(connection, user))


async def _record_link(connection: Connection, call: Call, user: Row, identity: Mapping[str, Any]) -> None:
    traits = {"identity_id": identity["id"], "provider": identity["provider"], "provider_id": identity["provider_id"]}
    await audit.record(connection, call, user, "identity_linked", **traits)
