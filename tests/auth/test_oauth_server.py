"""Other applications sign users in here: registering, asking, consenting, trading codes, and what they may know."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from infra.local import tokens
from tests.auth.conftest import Auth, query

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "https://app.example/back"


@pytest.fixture
def server(configured: Callable[..., Auth]) -> Auth:
    return configured(oauth_server_enabled=True, oauth_dynamic_registration=True)


def registered(auth: Auth, **values: Any) -> dict[str, Any]:
    answer = auth.as_service("POST", "/admin/oauth/clients", json={"redirect_uris": [BACK]} | values)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def asked(auth: Auth, client: dict[str, Any], **values: str) -> Any:
    """GET /oauth/authorize, as the application sends the browser there."""
    parameters = {
        "client_id": client["client_id"], "redirect_uri": BACK, "response_type": "code", "state": "its own",
        "scope": "openid email", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    return auth.call("GET", "/oauth/authorize", params={k: v for k, v in (parameters | values).items() if v})


def agreed(auth: Auth, client: dict[str, Any], token: str, **values: str) -> str:
    """The code that the application gets once the user has agreed."""
    authorization = query(asked(auth, client, **values).headers["location"])["authorization_id"]
    shown = auth.call("GET", f"/oauth/authorizations/{authorization}", token).json()
    if "redirect_url" not in shown:
        path = f"/oauth/authorizations/{authorization}/consent"
        shown = auth.call("POST", path, token, json={"action": "approve"}).json()
    told = query(shown["redirect_url"])
    assert told["state"] == "its own"
    return told["code"]


def traded(auth: Auth, client: dict[str, Any], code: str, **values: str) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    who = (client["client_id"], client["client_secret"])
    return auth.http.post(f"{auth.url}/oauth/token", data=form | values, auth=who)


def test_an_application_signs_a_user_in(server: Auth) -> None:
    client, session = registered(server, client_name="Notes"), server.session()
    code = agreed(server, client, session["access_token"], nonce="once")
    answer = traded(server, client, code)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert "user" not in told
    claims = tokens.verify(server.settings.keys, told["access_token"])
    assert (claims["client_id"], claims["scope"]) == (client["client_id"], "openid email")
    shown = tokens.verify(server.settings.keys, told["id_token"])
    assert (shown["aud"], shown["nonce"], shown["sub"]) == (client["client_id"], "once", session["user"]["id"])
    known = server.call("GET", "/oauth/userinfo", told["access_token"]).json()
    assert known == {"sub": session["user"]["id"], "email": session["user"]["email"], "email_verified": True}
    assert traded(server, client, code).json()["error"] == "invalid_grant"


def test_who_has_agreed_is_not_asked_again_until_it_is_revoked(server: Auth) -> None:
    client, token = registered(server), server.session()["access_token"]
    first = traded(server, client, agreed(server, client, token)).json()
    authorization = query(asked(server, client).headers["location"])["authorization_id"]
    assert "code=" in server.call("GET", f"/oauth/authorizations/{authorization}", token).json()["redirect_url"]
    grants = server.call("GET", "/user/oauth/grants", token).json()
    assert grants[0]["scopes"] == ["openid", "email"]
    path = f"/user/oauth/grants?client_id={client['client_id']}"
    assert server.call("DELETE", path, token).status_code == 204
    assert server.call("GET", "/user", first["access_token"]).json()["code"] == "session_not_found"
    assert server.call("DELETE", path, token).json()["code"] == "oauth_consent_not_found"


def test_only_the_application_refreshes_its_session(server: Auth) -> None:
    client, other = registered(server), registered(server)
    held = traded(server, client, agreed(server, client, server.session()["access_token"])).json()
    assert server.refresh(held["refresh_token"]).json()["error"] == "invalid_client"
    form = {"grant_type": "refresh_token", "refresh_token": held["refresh_token"]}
    for who, status in ((other, 400), (client, 200)):
        credentials = (who["client_id"], who["client_secret"])
        assert server.http.post(f"{server.url}/oauth/token", data=form, auth=credentials).status_code == status
    own = {"grant_type": "refresh_token", "refresh_token": server.session()["refresh_token"]}
    answer = server.http.post(
        f"{server.url}/oauth/token", data=own, auth=(client["client_id"], client["client_secret"])
    )
    assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    "wrong", [{"code_verifier": "w" * 64}, {"code_verifier": ""}, {"redirect_uri": "https://app.example/other"}]
)
def test_a_code_is_traded_by_who_asked_for_it_only(server: Auth, wrong: dict[str, str]) -> None:
    client, other = registered(server), registered(server)
    code = agreed(server, client, server.session()["access_token"])
    assert traded(server, other, code).json()["error"] == "invalid_grant"
    assert traded(server, client, code, **wrong).json()["error"] == "invalid_grant"
    guessed = traded(server, client | {"client_secret": "guessed"}, code)
    assert (guessed.status_code, guessed.json().get("error_code")) == (400, "invalid_credentials")
    assert traded(server, client, code).status_code == 200


def test_a_denied_or_foreign_request_gives_no_code(server: Auth) -> None:
    client, token = registered(server), server.session()["access_token"]
    authorization = query(asked(server, client).headers["location"])["authorization_id"]
    path = f"/oauth/authorizations/{authorization}"
    server.call("GET", path, token)
    stranger = server.session()["access_token"]
    for method, where in (("GET", path), ("POST", f"{path}/consent")):
        answer = server.call(method, where, stranger, json={"action": "approve"})
        assert answer.json()["code"] == "oauth_authorization_not_found"
    evil = {"Origin": "https://evil.example"}
    assert server.call("POST", f"{path}/consent", token, json={"action": "approve"}, headers=evil).status_code == 400
    denied = server.call("POST", f"{path}/consent", token, json={"action": "deny"}).json()
    assert query(denied["redirect_url"])["error"] == "access_denied"
    assert server.call("POST", f"{path}/consent", token, json={"action": "approve"}).status_code == 400


def test_a_browser_is_led_to_registered_addresses_only(server: Auth) -> None:
    client = registered(server)
    for values in ({"redirect_uri": "https://evil.example"}, {"client_id": "1"}, {"client_id": ""}):
        assert asked(server, client, **values).status_code == 400
    for values in ({"scope": "admin"}, {"code_challenge": ""}, {"response_type": "token"}, {"resource": "x"}):
        told = asked(server, client, **values)
        assert told.status_code == 302
        assert query(told.headers["location"])["error"] == "invalid_request"


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uris": []},
        {"redirect_uris": ["javascript:alert(1)//x"]},
        {"redirect_uris": ["http://app.example/back"]},
        {"redirect_uris": ["https://app.example/#x"]},
        {"redirect_uris": ["https://app.example/a,https://evil.example"]},
        {"grant_types": ["password"]},
        {"client_type": "public", "token_endpoint_auth_method": "client_secret_basic"},
        {"client_name": "x" * 1025},
    ],
)
def test_an_application_that_cannot_be_is_not_registered(server: Auth, wrong: dict[str, Any]) -> None:
    body = {"redirect_uris": [BACK]} | wrong
    answer = server.call("POST", "/oauth/clients/register", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


def test_an_application_registers_itself_where_that_is_allowed(server: Auth, configured: Callable[..., Auth]) -> None:
    body = {"redirect_uris": [BACK], "token_endpoint_auth_method": "none"}
    made = server.call("POST", "/oauth/clients/register", json=body).json()
    assert (made["client_type"], made["registration_type"]) == ("public", "dynamic")
    assert "client_secret" not in made
    code = agreed(server, made, server.session()["access_token"])
    form = {"grant_type": "authorization_code", "code": code, "client_id": made["client_id"]}
    answer = server.http.post(f"{server.url}/oauth/token", data=form | {"code_verifier": VERIFIER})
    assert answer.status_code == 200
    closed = configured(oauth_server_enabled=True)
    refused = closed.call("POST", "/oauth/clients/register", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "oauth_dynamic_client_registration_disabled")


def test_secrets_are_shown_once_and_replaced(server: Auth) -> None:
    client = registered(server)
    path = f"/admin/oauth/clients/{client['client_id']}"
    assert "client_secret" not in server.as_service("GET", path).json()
    renewed = server.as_service("POST", f"{path}/regenerate_secret").json()
    assert renewed["client_secret"] != client["client_secret"]
    kept = server.rows("select client_secret_hash from auth.oauth_clients where id = %s", client["client_id"])
    assert renewed["client_secret"] not in str(kept)
    code = agreed(server, client, server.session()["access_token"])
    assert traded(server, client, code).status_code == 400
    assert traded(server, renewed, code).status_code == 200
    assert server.as_service("DELETE", path).status_code == 204
    assert server.as_service("GET", path).status_code == 404


def test_where_it_is_off_there_is_none(auth: Auth) -> None:
    for method, path in (("GET", "/oauth/authorize"), ("POST", "/oauth/token"), ("POST", "/oauth/clients/register")):
        assert auth.call(method, path).json()["code"] == "feature_disabled"
    assert auth.as_service("GET", "/admin/oauth/clients").json()["code"] == "feature_disabled"
    assert auth.call("GET", "/.well-known/oauth-authorization-server").status_code == 404


def test_a_token_of_an_application_is_a_users_token(server: Auth) -> None:
    client = registered(server)
    held = traded(server, client, agreed(server, client, server.session()["access_token"])).json()
    assert jwt.decode(held["access_token"], options={"verify_signature": False})["role"] == "authenticated"
    assert server.call("GET", "/user", held["access_token"]).status_code == 200
