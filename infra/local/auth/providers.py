"""Other people's sign-in (OAuth 2.0, OpenID Connect): what a project says of a provider, and what is known of some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

NAMES = (
    "apple", "azure", "bitbucket", "discord", "facebook", "figma", "fly", "github", "gitlab", "google", "kakao",
    "keycloak", "linkedin", "linkedin_oidc", "notion", "slack", "slack_oidc", "snapchat", "spotify", "twitch",
    "twitter", "workos", "x", "zoom",
)  # fmt: skip


@dataclass(frozen=True)
class Provider:
    """One provider as a project configures it; what is left out of a known one is filled in by `known`.

    `client_ids`: the first is sent, ID tokens made out to any of them are taken. `url`: where a known one is hosted
    that is not where it usually is. `issuer`: its endpoints are found by
    OpenID Connect discovery, unless the three addresses are given. `emails_url`: a second question for the addresses,
    where the user's profile does not tell whether they are verified. `attribute_mapping`: claim ← claim of another
    name, or a literal value. `claims_allowlist`: further claims to keep, as `custom_claims`.
    """

    client_ids: tuple[str, ...] = ()
    secret: str = ""
    url: str = ""
    issuer: str = ""
    authorization_url: str = ""
    token_url: str = ""
    userinfo_url: str = ""
    emails_url: str = ""
    discovery_url: str = ""
    jwks_url: str = ""
    redirect_uri: str = ""
    scopes: tuple[str, ...] = ()
    pkce: bool = False
    skip_nonce_check: bool = False
    email_optional: bool = False
    attribute_mapping: Mapping[str, Any] = field(default_factory=dict)
    authorization_params: Mapping[str, str] = field(default_factory=dict)
    claims_allowlist: tuple[str, ...] = ()

    @property
    def client_id(self) -> str:
        return self.client_ids[0] if self.client_ids else ""


@dataclass(frozen=True)
class _Known:
    """Paths are relative to `url`, which self-hosted providers replace, and `userinfo` and `emails` to `api`."""

    url: str
    authorize: str
    token: str
    userinfo: str = ""
    emails: str = ""
    issuer: str = ""
    scopes: tuple[str, ...] = ()
    pkce: bool = False
    api: str = ""
    hosted_api: str = ""  # below `url` of a self-hosted one


_KNOWN = {
    "apple": _Known("https://appleid.apple.com", "/auth/authorize", "/auth/token", scopes=("email", "name"),
                    issuer="https://appleid.apple.com"),
    "azure": _Known("https://login.microsoftonline.com/common", "/oauth2/v2.0/authorize", "/oauth2/v2.0/token",
                    scopes=("openid",), issuer="{url}/v2.0"),
    "discord": _Known("https://discord.com", "/api/oauth2/authorize", "/api/oauth2/token", "/api/users/@me",
                      scopes=("email", "identify")),
    "facebook": _Known("https://www.facebook.com", "/dialog/oauth", "/oauth/access_token", "/me", scopes=("email",)),
    "github": _Known("https://github.com", "/login/oauth/authorize", "/login/oauth/access_token", "/user",
                     "/user/emails", scopes=("user:email",), api="https://api.github.com", hosted_api="/api/v3"),
    "gitlab": _Known("https://gitlab.com", "/oauth/authorize", "/oauth/token", "/api/v4/user", scopes=("read_user",)),
    "google": _Known("https://accounts.google.com", "/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token",
                     "https://openidconnect.googleapis.com/v1/userinfo", issuer="https://accounts.google.com",
                     scopes=("email", "profile")),
    "kakao": _Known("https://kauth.kakao.com", "/oauth/authorize", "/oauth/token", issuer="https://kauth.kakao.com",
                    scopes=("account_email", "profile_image", "profile_nickname")),
    "keycloak": _Known("", "/protocol/openid-connect/auth", "/protocol/openid-connect/token",
                       "/protocol/openid-connect/userinfo", issuer="{url}", scopes=("profile", "email")),
    "linkedin_oidc": _Known("https://www.linkedin.com/oauth", "/v2/authorization", "/v2/accessToken",
                            "https://api.linkedin.com/v2/userinfo", issuer="https://www.linkedin.com/oauth",
                            scopes=("openid", "email", "profile")),
    "slack_oidc": _Known("https://slack.com", "/openid/connect/authorize", "/api/openid.connect.token",
                         "/api/openid.connect.userInfo", scopes=("profile", "email", "openid")),
    "spotify": _Known("https://accounts.spotify.com", "/authorize", "/api/token", "https://api.spotify.com/v1/me",
                      scopes=("user-read-email",)),
    "twitch": _Known("https://id.twitch.tv", "/oauth2/authorize", "/oauth2/token", "/oauth2/userinfo",
                     scopes=("user:read:email",)),
    "x": _Known("https://x.com", "/i/oauth2/authorize", "https://api.x.com/2/oauth2/token",
                "https://api.x.com/2/users/me", scopes=("users.email", "tweet.read", "users.read", "offline.access"),
                pkce=True),
    "zoom": _Known("https://zoom.us", "/oauth/authorize", "/oauth/token", "https://api.zoom.us/v2/users/me"),
}  # fmt: skip


def known(name: str, provider: Provider) -> Provider:
    """`provider` with the endpoints and scopes of the known one called `name`.

    A provider of another name, or one whose endpoints or issuer are given, stays as it is. Raises ValueError where
    there is nothing to go by.
    """
    if provider.authorization_url or provider.issuer:
        return provider
    template, url = _KNOWN.get(name), provider.url
    base = (url or (template.url if template else "")).rstrip("/")
    if not base:
        raise ValueError(f"provider {name}: give its url, its issuer or its endpoints")
    if template is None:
        return replace(provider, issuer=base)

    api = base + template.hosted_api if url else template.api or base

    def address(path: str, base: str = base) -> str:
        return path if not path or path.startswith("https://") else base + path

    # One that is hosted elsewhere issues its tokens there.
    issuer = base if url and template.issuer and "{url}" not in template.issuer else template.issuer.format(url=base)
    if url and name == "google":
        return replace(provider, issuer=base, scopes=(*template.scopes, *provider.scopes))
    return replace(
        provider, authorization_url=address(template.authorize), token_url=address(template.token),
        userinfo_url=address(template.userinfo, api), emails_url=address(template.emails, api), issuer=issuer,
        scopes=(*template.scopes, *provider.scopes), pkce=provider.pkce or template.pkce,
    )  # fmt: skip


ISSUERS = {name: _KNOWN[name].issuer.format(url=_KNOWN[name].url) if name in _KNOWN else "" for name in NAMES}
