"""Signing in at another provider: by the browser, by an ID token, and what becomes of accounts by it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.local.auth.providers import Provider, known
from infra.local.settings import Settings
from tests.auth.conftest import FAST, Auth, fragment, new_address, query, running
from tests.auth.oidc_provider import CLIENT_ID, SECRET, OidcProvider, provider

VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "s256"}
HOME = "http://127.0.0.1:3000/after"


@pytest.fixture(scope="module")
def theirs() -> Iterator[OidcProvider]:
    with provider() as made:
        yield made


@pytest.fixture(scope="module")
def acme(auth_database: Settings, theirs: OidcProvider) -> Iterator[Auth]:
    known_as = Provider(client_ids=(CLIENT_ID, "the-app"), secret=SECRET, issuer=theirs.url, scopes=("email",))
    with running(auth_database, replace(FAST, providers={"acme": known_as}, manual_linking_enabled=True)) as auth:
        yield auth


@pytest.fixture
def world(acme: Auth, theirs: OidcProvider) -> Auth:
    """An Auth that knows the provider as `acme`, and somebody new there."""
    address = new_address()
    theirs.user = {"sub": address, "email": address, "email_verified": True, "name": "Ann", "picture": "http://p"}
    theirs.tamper, theirs.algorithm, theirs.with_id_token = {}, "RS256", True
    return acme


def browse(auth: Auth, **parameters: str) -> str:
    """Follow the redirects from /authorize to the page that the sign-in ends at."""
    answer = auth.http.get(f"{auth.url}/authorize", params={"provider": "acme", "redirect_to": HOME} | parameters)
    assert answer.status_code == 302, answer.text
    return arrive(auth, answer.headers["location"])


def arrive(auth: Auth, location: str) -> str:
    back = auth.http.get(location)
    assert back.status_code == 302
    parts = urlsplit(back.headers["location"])
    ended = auth.http.get(f"{auth.url}/callback?{parts.query}")
    assert ended.status_code in {302, 303}, ended.text
    target: str = ended.headers["location"]
    return target


def test_the_browser_comes_back_with_a_session(world: Auth, theirs: OidcProvider) -> None:
    target = browse(world)
    assert target.startswith(HOME + "#")
    told = fragment(target)
    assert told["provider_token"] == "theirs"
    assert told["provider_refresh_token"] == "theirs too"
    user = world.call("GET", "/user", told["access_token"]).json()
    assert user["email"] == theirs.user["email"]
    assert user["app_metadata"] == {"provider": "acme", "providers": ["acme"]}
    assert user["user_metadata"]["full_name"] == "Ann"
    assert user["identities"][0]["id"] == theirs.user["sub"]
    assert user["email_confirmed_at"]
    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert claims["amr"][0]["method"] == "oauth"


def test_with_a_challenge_it_comes_back_with_a_code(world: Auth) -> None:
    code = query(browse(world, **PKCE))["code"]
    answer = world.call("POST", "/token?grant_type=pkce", json={"auth_code": code, "code_verifier": VERIFIER})
    assert answer.status_code == 200
    assert answer.json()["provider_token"] == "theirs"
    again = world.call("POST", "/token?grant_type=pkce", json={"auth_code": code, "code_verifier": VERIFIER})
    assert again.json()["code"] == "flow_state_not_found"


def test_who_comes_again_is_the_same_user(world: Auth, theirs: OidcProvider) -> None:
    first = fragment(browse(world))["access_token"]
    theirs.user |= {"name": "Ann B."}
    second = fragment(browse(world))["access_token"]
    one, other = (world.call("GET", "/user", token).json() for token in (first, second))
    assert one["id"] == other["id"]
    assert other["user_metadata"]["name"] == "Ann B."


def test_our_parameters_cannot_be_said_for_us(world: Auth, theirs: OidcProvider) -> None:
    browse(world, state="mine", redirect_uri="http://evil.example", client_id="x", prompt="login", STATE="no")
    asked = theirs.asked[-1]
    assert (asked["client_id"], asked["prompt"]) == (CLIENT_ID, "login")
    assert asked["state"] != "mine"
    assert "STATE" not in asked
    assert asked["redirect_uri"].endswith("/auth/v1/callback")
    assert set(asked["scope"].split()) == {"openid", "email"}


def test_a_state_is_good_once(world: Auth) -> None:
    begun = world.http.get(f"{world.url}/authorize", params={"provider": "acme"}).headers["location"]
    first = world.http.get(begun).headers["location"]
    world.http.get(f"{world.url}/callback?{urlsplit(first).query}")
    second = world.http.get(begun).headers["location"]  # another code, the same state
    told = query(world.http.get(f"{world.url}/callback?{urlsplit(second).query}").headers["location"])
    assert told["error_code"] == "bad_oauth_state"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("", "bad_oauth_callback"),
        ("state=1", "bad_oauth_state"),
        ("state=00000000-0000-4000-8000-000000000000&code=x", "bad_oauth_state"),
    ],
)
def test_a_callback_that_nobody_began_leads_to_the_site(world: Auth, parameters: str, code: str) -> None:
    answer = world.http.get(f"{world.url}/callback?{parameters}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://127.0.0.1:3000?")
    assert query(answer.headers["location"])["error_code"] == code


def test_what_the_provider_refuses_is_told_where_it_began(world: Auth) -> None:
    begun = world.http.get(f"{world.url}/authorize", params={"provider": "acme", "redirect_to": HOME})
    state = query(begun.headers["location"])["state"]
    values = {"state": state, "error": "access_denied", "error_description": "no\r\nSet-Cookie: a=b"}
    answer = world.http.get(f"{world.url}/callback", params=values)
    target = answer.headers["location"]
    assert target.startswith(HOME)
    assert query(target)["error"] == fragment(target)["error"] == "access_denied"
    assert "set-cookie" not in answer.headers


def test_a_code_that_is_not_the_providers_gives_no_session(world: Auth) -> None:
    begun = world.http.get(f"{world.url}/authorize", params={"provider": "acme"})
    values = {"state": query(begun.headers["location"])["state"], "code": "guessed"}
    target = world.http.get(f"{world.url}/callback", params=values).headers["location"]
    assert query(target)["error"] == "server_error"
    assert "access_token" not in target


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "http://elsewhere.example"},
        {"aud": "another-client"},
        {"exp": 1},
        {"sub": None},
        {"iat": None},
    ],
)
def test_an_id_token_that_says_something_else_gives_no_session(
    world: Auth, theirs: OidcProvider, wrong: dict[str, Any]
) -> None:
    theirs.tamper = wrong
    assert "access_token" not in browse(world)


def test_a_verified_address_links_to_the_user_who_has_it(world: Auth, theirs: OidcProvider) -> None:
    address = world.user(theirs.user["email"])
    told = fragment(browse(world))
    user = world.call("GET", "/user", told["access_token"]).json()
    assert sorted(identity["provider"] for identity in user["identities"]) == ["acme", "email"]
    assert world.sign_in(address).status_code == 200


def test_an_unverified_address_takes_over_nobody(world: Auth, theirs: OidcProvider) -> None:
    address = world.user(theirs.user["email"])
    theirs.user["email_verified"] = False
    told = query(browse(world))
    assert (told["error"], told["error_code"]) == ("access_denied", "provider_email_needs_verification")
    users = world.rows(
        "select u.id from auth.users u join auth.identities i on i.user_id = u.id where i.provider_id = %s", address
    )
    owner = world.rows("select id from auth.users where email = %s", address)
    assert users != owner


def test_a_password_that_nobody_confirmed_is_forgotten(world: Auth, theirs: OidcProvider) -> None:
    address = theirs.user["email"]
    attack = world.call("POST", "/signup", json={"email": address, "password": "attacker's", "data": {"name": "Eve"}})
    assert attack.status_code == 200
    told = fragment(browse(world))
    user = world.call("GET", "/user", told["access_token"]).json()
    assert [identity["provider"] for identity in user["identities"]] == ["acme"]
    assert user["user_metadata"]["name"] == "Ann"
    assert world.sign_in(address, "attacker's").status_code == 400


def test_an_address_that_nobody_verified_is_confirmed_by_mail(world: Auth, theirs: OidcProvider) -> None:
    theirs.user["email_verified"] = False
    assert query(browse(world))["error_code"] == "provider_email_needs_verification"
    world.follow(theirs.user["email"])
    assert "access_token" in fragment(browse(world))


def test_userinfo_answers_where_there_is_no_id_token(world: Auth, theirs: OidcProvider) -> None:
    theirs.with_id_token = False
    assert "access_token" in fragment(browse(world))


def test_a_new_user_needs_sign_ups_to_be_open(
    configured: Callable[..., Auth], world: Auth, theirs: OidcProvider
) -> None:
    known_as = Provider(client_ids=(CLIENT_ID,), secret=SECRET, issuer=theirs.url)
    closed = configured(providers={"acme": known_as}, signup_enabled=False)
    told = query(browse(closed))
    assert (told["error"], told["error_code"]) == ("access_denied", "signup_disabled")


def test_an_unknown_provider_is_named(world: Auth) -> None:
    for name, message in (("nobody", "could not be found"), ("github", "not enabled"), ("custom:x", "not found")):
        answer = world.call("GET", "/authorize", params={"provider": name})
        assert answer.status_code == 400
        assert message in answer.json()["message"]


def test_a_signed_in_user_adds_and_removes_a_way_in(world: Auth, theirs: OidcProvider) -> None:
    session = world.session()
    token, values = session["access_token"], {"provider": "acme", "skip_http_redirect": "true"}
    begun = world.call("GET", "/user/identities/authorize", token, params=values)
    assert "access_token" in arrive(world, begun.json()["url"])
    user = world.call("GET", "/user", token).json()
    assert user["app_metadata"]["providers"] == ["email", "acme"]
    assert user["email"] == session["user"]["email"]
    again = world.call("GET", "/user/identities/authorize", token, params=values)
    assert query(arrive(world, again.json()["url"]))["error_code"] == "identity_already_exists"
    added = next(each for each in user["identities"] if each["provider"] == "acme")
    assert world.call("DELETE", f"/user/identities/{added['identity_id']}", token).status_code == 200
    user = world.call("GET", "/user", token).json()
    assert user["app_metadata"]["providers"] == ["email"]
    last = user["identities"][0]["identity_id"]
    assert world.call("DELETE", f"/user/identities/{last}", token).json()["code"] == "single_identity_not_deletable"


def test_an_anonymous_user_becomes_somebody_by_linking(world: Auth, theirs: OidcProvider) -> None:
    session = world.call("POST", "/signup", json={}).json()
    values = {"provider": "acme", "skip_http_redirect": "true"}
    begun = world.call("GET", "/user/identities/authorize", session["access_token"], params=values)
    told = fragment(arrive(world, begun.json()["url"]))
    user = world.call("GET", "/user", told["access_token"]).json()
    assert (user["id"], user["is_anonymous"]) == (session["user"]["id"], False)
    assert user["email"] == theirs.user["email"]


def test_an_identity_of_another_user_is_not_linked(world: Auth, theirs: OidcProvider) -> None:
    browse(world)
    token = world.session()["access_token"]
    values = {"provider": "acme", "skip_http_redirect": "true"}
    begun = world.call("GET", "/user/identities/authorize", token, params=values)
    told = query(arrive(world, begun.json()["url"]))
    assert told["error_description"] == "Identity is already linked to another user"


def test_an_invitation_is_taken_up_at_the_provider(world: Auth, theirs: OidcProvider) -> None:
    link = {"type": "invite", "email": theirs.user["email"]}
    token = world.as_service("POST", "/admin/generate_link", json=link).json()["hashed_token"]
    user = world.call("GET", "/user", fragment(browse(world, invite_token=token))["access_token"]).json()
    assert user["email_confirmed_at"]
    assert [identity["provider"] for identity in user["identities"]] == ["acme"]
    answer = world.call("GET", "/authorize", params={"provider": "acme", "invite_token": "made up"})
    assert answer.status_code == 404


# ID tokens that an app brings itself ---------------------------------------------------------------------------------


def bring(auth: Auth, token: str, **values: Any) -> Any:
    return auth.call("POST", "/token?grant_type=id_token", json={"provider": "acme", "id_token": token, **values})


def test_an_id_token_signs_in(world: Auth, theirs: OidcProvider) -> None:
    nonce = hashlib.sha256(b"said once").hexdigest()
    answer = bring(world, theirs.id_token(nonce=nonce, aud=["other", "the-app"]), nonce="said once")
    assert answer.status_code == 200
    assert answer.json()["user"]["email"] == theirs.user["email"]


@pytest.mark.parametrize(
    ("claims", "values", "reason"),
    [
        ({"nonce": "x"}, {"nonce": "said once"}, "Nonces mismatch"),
        ({}, {"nonce": "said once"}, "either both exist or not"),
        ({"nonce": "x"}, {}, "either both exist or not"),
        ({"aud": "another"}, {}, "Unacceptable audience"),
        ({"sub": None}, {}, "Missing sub claim"),
        ({"exp": 1}, {}, "Bad ID token"),
        ({"iss": "https://evil.example"}, {}, "Bad ID token"),
        ({"at_hash": "wrong"}, {"access_token": "theirs"}, "Bad ID token"),
    ],
)
def test_an_id_token_has_to_be_right_in_everything(
    world: Auth, theirs: OidcProvider, claims: dict[str, Any], values: dict[str, str], reason: str
) -> None:
    answer = bring(world, theirs.id_token(**claims), **values)
    assert answer.status_code == 400
    assert reason in answer.json()["error_description"]


def test_an_id_token_of_another_algorithm_is_refused(world: Auth, theirs: OidcProvider) -> None:
    head, claims, signature = theirs.id_token().split(".")
    pem = theirs.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = encoded(json.dumps({"alg": "none", "kid": "one"}).encode())
    shared = encoded(json.dumps({"alg": "HS256", "kid": "one"}).encode())
    confused = [
        f"{shared}.{claims}." + encoded(hmac.digest(key, f"{shared}.{claims}".encode(), "sha256"))
        for key in (pem, SECRET.encode())
    ]
    for forged in (f"{unsigned}.{claims}.", *confused, f"{head}.{claims}.{signature[:-4]}AAAA", "no.token.atall"):
        answer = bring(world, forged)
        assert (answer.status_code, answer.json()["error_description"]) == (400, "Bad ID token")


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_an_id_token_links_to_the_caller(world: Auth, theirs: OidcProvider) -> None:
    session = world.session()
    values = {"provider": "acme", "id_token": theirs.id_token(), "link_identity": True}
    answer = world.call("POST", "/token?grant_type=id_token", session["access_token"], json=values)
    assert answer.json()["user"]["id"] == session["user"]["id"]
    alone = world.call("POST", "/token?grant_type=id_token", json=values)
    assert "Linking requires" in alone.json()["error_description"]


def test_providers_that_are_off_take_no_tokens(world: Auth) -> None:
    answer = world.call("POST", "/token?grant_type=id_token", json={"provider": "google", "id_token": "x"})
    assert answer.json()["code"] == "provider_disabled"
    odd = {"issuer": "https://odd.example", "client_id": "x", "id_token": "x"}
    answer = world.call("POST", "/token?grant_type=id_token", json=odd)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


# Providers from the database ------------------------------------------------------------------------------------------


def test_an_administrator_adds_a_provider(world: Auth, theirs: OidcProvider) -> None:
    name = f"custom:{new_address().partition('@')[0]}"
    values = {
        "provider_type": "oidc", "identifier": name, "name": "Acme", "client_id": CLIENT_ID, "client_secret": SECRET,
        "issuer": theirs.url, "scopes": ["email"],
    }  # fmt: skip
    made = world.as_service("POST", "/admin/custom-providers", json=values)
    assert made.status_code == 201, made.text
    assert made.json()["scopes"] == ["openid", "email"]
    assert "client_secret" not in made.json()
    assert "access_token" in browse(world, provider=name)
    assert "code_challenge" in theirs.asked[-1]  # our own, as custom providers have by default
    assert world.as_service("POST", "/admin/custom-providers", json=values).json()["code"] == "conflict"
    world.as_service("PUT", f"/admin/custom-providers/{name}", json={"enabled": False})
    assert world.call("GET", "/authorize", params={"provider": name}).status_code == 400
    listed = world.as_service("GET", "/admin/custom-providers").json()["providers"]
    assert [each["enabled"] for each in listed if each["identifier"] == name] == [False]
    assert world.as_service("DELETE", f"/admin/custom-providers/{name}").status_code == 204
    assert world.as_service("GET", f"/admin/custom-providers/{name}").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider_type": "saml"},
        {"identifier": "acme"},
        {"client_secret": ""},
        {"issuer": "http://not-here.example"},
        {"issuer": "file:///etc/passwd"},
        {"authorization_params": {"state": "x"}},
        {"attribute_mapping": {"role": "sub"}},
    ],
)
def test_a_provider_that_cannot_be_is_not_kept(world: Auth, theirs: OidcProvider, wrong: dict[str, Any]) -> None:
    values = {
        "provider_type": "oidc", "identifier": "custom:wrong", "name": "Acme", "client_id": "x", "client_secret": "y",
        "issuer": theirs.url,
    }  # fmt: skip
    answer = world.as_service("POST", "/admin/custom-providers", json=values | wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert world.rows("select 1 from auth.custom_oauth_providers where identifier = 'custom:wrong'") == []


def test_known_providers_need_no_addresses() -> None:
    github = known("github", Provider(client_ids=("x",)))
    assert github.userinfo_url == "https://api.github.com/user"
    own = known("gitlab", Provider(client_ids=("x",), url="https://git.example/"))
    assert own.token_url == "https://git.example/oauth/token"
    with pytest.raises(ValueError, match="its issuer"):
        known("nobody", Provider(client_ids=("x",)))
