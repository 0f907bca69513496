"""Talking to a provider: its endpoints, the exchange of a code, its ID tokens, and what it says of a user."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import jwt

from infra.local.auth.providers import Provider
from infra.local.auth.web import Web, WebError

CACHED = 3600.0  # seconds that endpoints and keys are kept
AGAIN = 10.0  # seconds at least between two questions for keys because of a token's unknown kid
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY = 30  # seconds
MAX_TOKEN = 16_384  # characters
_TEXTS = (
    "iss", "sub", "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
    "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "phone", "full_name",
    "avatar_url", "slug", "provider_id", "user_name",
)  # fmt: skip


class ProviderError(Exception):
    """A provider whose answer cannot be trusted or is none: one sentence."""


@dataclass(frozen=True)
class Email:
    address: str
    verified: bool
    primary: bool = True


@dataclass(frozen=True)
class Profile:
    """What a provider says of a user: `claims` as an identity keeps them, and the addresses it knows."""

    claims: dict[str, Any]
    emails: tuple[Email, ...] = ()

    @property
    def subject(self) -> str:
        return str(self.claims.get("sub") or "")

    def settled(self) -> Profile:
        """The same with the primary address, and whether it is verified, among the claims."""
        chosen = next((email for email in self.emails if email.primary), self.emails[-1] if self.emails else None)
        told: dict[str, Any] = {"email_verified": chosen.verified if chosen else False}
        if chosen:
            told["email"] = chosen.address.lower()
        return replace(self, claims=self.claims | told)


@dataclass(frozen=True)
class Exchanged:
    access_token: str
    refresh_token: str
    id_token: str


class Oidc:
    """What is known of providers' endpoints and keys, so that they are not asked each time."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._documents: dict[str, tuple[float, dict[str, Any]]] = {}
        self._keys: dict[str, tuple[float, dict[str, Any]]] = {}

    async def discover(self, issuer: str, url: str = "") -> dict[str, Any]:
        """The provider's discovery document. Raises ProviderError where it is none, or another issuer's."""
        address = url or issuer.rstrip("/") + "/.well-known/openid-configuration"
        kept = self._documents.get(address)
        if kept is None or kept[0] + CACHED < time.monotonic():
            document = await self._ask("GET", address)
            if not isinstance(document, dict):
                raise ProviderError(f"{address} is no discovery document")
            kept = self._documents[address] = (time.monotonic(), document)
        if kept[1].get("issuer") != issuer:
            raise ProviderError(f"issuer mismatch, expected {issuer!r} got {kept[1].get('issuer')!r}")
        return kept[1]

    def forget(self, issuer: str) -> None:
        """Ask anew the next time."""
        self._documents = {url: kept for url, kept in self._documents.items() if kept[1].get("issuer") != issuer}

    async def located(self, provider: Provider) -> Provider:
        """The provider with its endpoints, discovered where they were not given."""
        if provider.authorization_url:
            return provider
        document = await self.discover(provider.issuer, provider.discovery_url)
        found = {}
        for name, key in (("authorization_url", "authorization_endpoint"), ("token_url", "token_endpoint")):
            if not isinstance(document.get(key), str):
                raise ProviderError(f"the discovery document of {provider.issuer} names no {key}")
            found[name] = document[key]
        scopes = provider.scopes if "openid" in provider.scopes else ("openid", *provider.scopes)
        return replace(provider, userinfo_url=document.get("userinfo_endpoint") or "", scopes=scopes, **found)

    async def exchange(self, provider: Provider, code: str, redirect_uri: str, verifier: str | None) -> Exchanged:
        """Trade an authorization code for tokens. Raises ProviderError where the provider will not."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": verifier} if verifier else {}
        in_form = form | {"client_id": provider.client_id, "client_secret": provider.secret}
        basic = base64.b64encode(f"{quote(provider.client_id, '')}:{quote(provider.secret, '')}".encode()).decode()
        accept = {"accept": "application/json"}
        # RFC 6749 section 2.3.1 has two ways; a provider that will not have one may have the other.
        ways: list[dict[str, Any]] = [
            {"data": in_form, "headers": accept},
            {"data": form, "headers": accept | {"authorization": f"Basic {basic}"}},
        ]
        for way in ways:
            answer = await self._answer("POST", provider.token_url, **way)
            if answer.status_code != 401:
                break
        try:
            told = answer.json()
        except ValueError:
            told = None
        if answer.status_code != 200 or not isinstance(told, dict) or not isinstance(told.get("access_token"), str):
            raise ProviderError(f"{provider.token_url} answered {answer.status_code} to the code")
        return Exchanged(told["access_token"], str(told.get("refresh_token") or ""), str(told.get("id_token") or ""))

    async def profile(self, provider: Provider, exchanged: Exchanged) -> Profile:
        """What the provider says of the user: by its ID token, else by its user-info endpoint."""
        if exchanged.id_token and provider.issuer:
            return self.read(provider, await self.verify(provider, exchanged.id_token))
        if not provider.userinfo_url:
            raise ProviderError("no ID token or userinfo endpoint available")
        headers = {"authorization": f"Bearer {exchanged.access_token}", "accept": "application/json"}
        told = await self._ask("GET", provider.userinfo_url, headers=headers)
        if not isinstance(told, dict):
            raise ProviderError(f"{provider.userinfo_url} does not describe a user")
        listed = await self._ask("GET", provider.emails_url, headers=headers) if provider.emails_url else None
        return self.read(provider, told, listed)

    async def verify(
        self, provider: Provider, token: str, access_token: str = "", nonce: str | None = None
    ) -> dict[str, Any]:
        """The claims of the provider's ID token: signature, issuer, time, audience, and `at_hash` where it has one.

        Raises ProviderError. The key says which algorithm is right; a shared secret or `none` never is.
        """
        try:
            if len(token) > MAX_TOKEN:
                raise jwt.InvalidTokenError("the token is too long")
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS:
                raise jwt.InvalidAlgorithmError(f"unexpected signature algorithm {algorithm!r}")
            key = await self._key(provider, header.get("kid"), algorithm)
            required: Any = {"require": ["exp", "iat"], "verify_aud": False}
            claims = jwt.decode(
                token, key, algorithms=[algorithm], issuer=provider.issuer, leeway=LEEWAY, options=required
            )
        except jwt.InvalidTokenError as problem:
            raise ProviderError(f"Bad ID token: {problem}") from problem
        audience = claims.get("aud")
        told = audience if isinstance(audience, list) else [audience]
        if not any(client and client in told for client in provider.client_ids):
            raise AudienceError(f"Unacceptable audience in id_token: [{' '.join(str(each) for each in told)}]")
        if access_token and claims.get("at_hash") and not _proves(claims["at_hash"], access_token, algorithm):
            raise ProviderError("Bad ID token: access token hash does not match")
        return claims

    async def _key(self, provider: Provider, key_id: object, algorithm: str) -> jwt.PyJWK:
        """The provider's key for a token, asked for again where it is one that was not there the last time."""
        url = provider.jwks_url or (await self.discover(provider.issuer, provider.discovery_url)).get("jwks_uri")
        if not isinstance(url, str):
            raise ProviderError(f"the discovery document of {provider.issuer} names no jwks_uri")
        for again in (False, True):
            kept = self._keys.get(url)
            age = time.monotonic() - kept[0] if kept else CACHED
            if kept is None or age >= CACHED or (again and age >= AGAIN):
                told = await self._ask("GET", url)
                kept = self._keys[url] = (time.monotonic(), told if isinstance(told, dict) else {})
            key = _chosen(kept[1].get("keys"), key_id, algorithm)
            if key is not None:
                return key
        raise jwt.InvalidKeyError("no key of the provider's fits the token")

    def read(self, provider: Provider, told: dict[str, Any], listed: Any = None) -> Profile:
        claims = claims_of(provider, told)
        if isinstance(listed, list):
            emails = tuple(
                Email(str(each["email"]), each.get("verified") is True, each.get("primary") is True)
                for each in listed
                if isinstance(each, dict) and each.get("email")
            )
        else:
            emails = (Email(claims["email"], claims["email_verified"]),) if claims.get("email") else ()
        return Profile(claims, emails)

    async def _ask(self, method: str, url: str, **options: Any) -> Any:
        try:
            return await self._web.ask_json(method, url, **options)
        except WebError as problem:
            raise ProviderError(str(problem)) from problem

    async def _answer(self, method: str, url: str, **options: Any) -> Any:
        try:
            return await self._web.ask(method, url, **options)
        except (WebError, TimeoutError) as problem:
            raise ProviderError(str(problem)) from problem


class AudienceError(ProviderError):
    """An ID token that is meant for somebody else."""


def authorization_url(provider: Provider, redirect_uri: str, state: str, further: Mapping[str, str]) -> str:
    """Where the browser goes to sign in at the provider."""
    ours = {"client_id": provider.client_id, "redirect_uri": redirect_uri, "response_type": "code", "state": state}
    if provider.scopes:
        ours["scope"] = " ".join(dict.fromkeys(provider.scopes))
    values = dict(further) | dict(provider.authorization_params) | ours
    joint = "&" if "?" in provider.authorization_url else "?"
    return f"{provider.authorization_url}{joint}{urlencode(sorted(values.items()))}"


def claims_of(provider: Provider, told: Mapping[str, Any]) -> dict[str, Any]:
    """A provider's own words as the claims that identities have, mapped as the project says."""
    told = _spelled(told)
    claims: dict[str, Any] = {name: told[name] for name in _TEXTS if isinstance(told.get(name), str) and told[name]}
    if isinstance(told.get("updated_at"), int):
        claims["updated_at"] = str(told["updated_at"])
    claims |= {name: told[name] for name in ("aud", "iat", "exp") if told.get(name)}
    claims |= {name: told.get(name) in (True, "true") for name in ("email_verified", "phone_verified")}
    kept = {name: told[name] for name in provider.claims_allowlist if name in told}
    if "hd" in told:
        kept["hd"] = told["hd"]
    if kept:
        claims["custom_claims"] = kept
    for target, source in provider.attribute_mapping.items():
        if not isinstance(source, str):
            claims[target] = source
        elif source in claims:
            claims[target] = claims[source]
    return claims


def new_verifier() -> tuple[str, str]:
    """A code verifier and its S256 challenge (RFC 7636), for providers that want them of us."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _spelled(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without what every provider calls by another name."""
    one = dict(told)
    one.setdefault("sub", str(told["id"]) if told.get("id") else "")
    one.setdefault(
        "email_verified", bool(told.get("verified_email") or told.get("verified") or told.get("confirmed_at"))
    )
    login = told.get("login") or told.get("username")
    name = told.get("name") or told.get("global_name") or told.get("display_name") or login
    picture = told.get("picture") or told.get("avatar_url")
    one |= {"name": name, "full_name": told.get("full_name") or name, "provider_id": one["sub"]}
    one |= {"picture": picture, "avatar_url": picture}
    if login:
        one |= {"user_name": login, "preferred_username": login}
    return one


def _chosen(keys: Any, key_id: object, algorithm: str) -> jwt.PyJWK | None:
    family = {"R": "RSA", "P": "RSA", "E": "EC"}[algorithm[0]] if algorithm != "EdDSA" else "OKP"
    for key in keys if isinstance(keys, list) else []:
        fits = isinstance(key, dict) and key.get("kty") == family and key.get("alg", algorithm) == algorithm
        if fits and key.get("use", "sig") == "sig" and (key_id is None or key.get("kid") == key_id):
            try:
                return jwt.PyJWK(key, algorithm)
            except jwt.PyJWKError:
                continue
    return None


def _proves(at_hash: object, access_token: str, algorithm: str) -> bool:
    """OpenID Connect Core section 3.1.3.6: the left half of the token's hash."""
    digest = hashlib.new(f"sha{algorithm[2:]}" if algorithm[2:].isdigit() else "sha512", access_token.encode()).digest()
    expected = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    return secrets.compare_digest(str(at_hash).encode(), expected.encode())
