"""Who may speak for whom: every service believes the same tokens, and no others."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from infra.local import tokens
from infra.local.settings import Settings
from tests.gateway.conftest import Project
from tests.gateway.forgery import claims, forged

SECONDS = 10
REFUSED = (400, 401, 403, 431)


@pytest.fixture(scope="module")
def genuine(project: Project) -> str:
    return project.new_token()


@pytest.fixture(scope="module")
def forgeries(project: Project, genuine: str) -> dict[str, str]:
    keys = project.call("GET", "/auth/v1/.well-known/jwks.json").json()["keys"]
    return forged(keys[0] if keys else {}, genuine)


PROBES = {
    "rest": ("GET", "/rest/v1/"),
    "rest rpc": ("POST", "/rest/v1/rpc/create_organization"),
    "auth": ("GET", "/auth/v1/user"),
    "auth admin": ("GET", "/auth/v1/admin/users"),
    "storage": ("GET", "/storage/v1/bucket"),
    "storage upload": ("POST", "/storage/v1/object/attachments/a/b.txt"),
    "realtime": ("POST", "/realtime/v1/api/broadcast"),
}


def asked(project: Project, probe: str, token: str, **options: Any) -> httpx.Response:
    method, path = PROBES[probe]
    if method == "POST":
        options["json"] = {"messages": [{"topic": "a", "event": "b", "payload": {}, "private": False}]}
    raw = {b"apikey": project.publishable_key.encode(), b"authorization": f"Bearer {token}".encode("latin-1")}
    return project.http.request(method, project.url + path, headers=raw, **options)


@pytest.mark.public_api
@pytest.mark.parametrize("probe", PROBES)
def test_no_service_believes_a_token_that_anybody_can_make(
    project: Project, forgeries: dict[str, str], probe: str
) -> None:
    wrong = {}
    for name, token in forgeries.items():
        answer = asked(project, probe, token)
        if answer.status_code not in REFUSED:
            wrong[name] = (answer.status_code, answer.text[:200])
    assert wrong == {}


@pytest.mark.public_api
@pytest.mark.parametrize("probe", ["rest", "auth admin", "storage", "realtime"])
def test_a_forged_key_is_worth_no_more_than_a_forged_token(
    project: Project, forgeries: dict[str, str], probe: str
) -> None:
    method, path = PROBES[probe]
    for name, token in forgeries.items():
        headers = {b"apikey": token.encode("latin-1")}
        answer = project.http.request(method, project.url + path, headers=headers)
        assert answer.status_code in REFUSED, (name, answer.status_code, answer.text[:200])


@pytest.mark.public_api
def test_no_socket_opens_for_a_forged_key_and_no_channel_for_a_forged_token(
    project: Project, forgeries: dict[str, str]
) -> None:
    address = project.url.replace("http", "ws", 1) + "/realtime/v1/websocket?vsn=2.0.0&apikey="

    async def join(token: str) -> str:
        payload = {"config": {"private": True, "broadcast": {}, "presence": {}}, "access_token": token}
        async with asyncio.timeout(SECONDS), connect(address + project.publishable_key, proxy=None) as socket:
            await socket.send(json.dumps(["1", "1", "realtime:org:1", "phx_join", payload]))
            async for told in socket:
                frame = json.loads(told)
                if frame[3] == "phx_reply" and frame[1] == "1":
                    return str(frame[4]["status"])
        return "closed"

    async def scene() -> None:
        opened, refusals = [], []
        for name, token in forgeries.items():
            if not token.isascii() or len(token) > 10_000:
                continue
            try:
                async with asyncio.timeout(SECONDS), connect(address + token.replace("+", "%2B"), proxy=None):
                    opened.append(name)
            except InvalidStatus as refusal:
                refusals.append(refusal.response.status_code)
        assert opened == []
        assert set(refusals) <= set(REFUSED)
        for name in ("alg none", "a stranger's key under the known kid", "others' claims under a genuine signature"):
            assert await join(forgeries[name]) == "error", name

    asyncio.run(scene())


def test_tokens_of_every_kind_that_the_project_makes_are_believed(project: Project, embedded: Settings) -> None:
    made = {
        "ES256": tokens.sign(embedded.keys, claims()),
        "HS256": tokens.sign_shared(embedded.keys, claims()),
        "legacy key": embedded.keys.service_role_key,
    }
    for name, token in made.items():
        for probe in ("rest", "auth admin", "storage"):
            assert asked(project, probe, token).status_code == 200, (name, probe)


@pytest.mark.parametrize("sign", [tokens.sign, tokens.sign_shared], ids=["ES256", "HS256"])
@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": "soon"},
        {"nbf": 9_999_999_999},
        {"iat": 9_999_999_999},
        {"role": "postgres"},
        {"role": "supabase_admin"},
        {"role": "pgdesk_functions"},
        {"role": "authenticator"},
        {"role": 'anon"; drop table organizations; --'},
    ],
    ids=lambda changes: " ".join(f"{name} {value}"[:20] for name, value in changes.items()),
)
def test_claims_that_do_not_hold_are_refused_by_rest_auth_and_storage(
    project: Project, embedded: Settings, sign: Any, changes: dict[str, Any]
) -> None:
    token = sign(embedded.keys, claims(**changes))
    for probe in ("rest", "storage", "auth"):
        answer = asked(project, probe, token)
        assert answer.status_code in REFUSED, (probe, answer.status_code, answer.text[:200])


def test_an_expired_token_is_named_as_such(project: Project, embedded: Settings) -> None:
    expired = tokens.sign(embedded.keys, claims(exp=int(time.time()) - 60, role="authenticated"))
    rest = asked(project, "rest", expired)
    assert (rest.status_code, rest.json()["code"], rest.json()["message"]) == (401, "PGRST303", "JWT expired")
    auth = asked(project, "auth", expired)
    assert (auth.status_code, auth.headers["x-sb-error-code"]) == (403, "bad_jwt")


def test_a_key_of_another_stack_says_nothing_here(project: Project, embedded: Settings) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(stranger, as_dict=True) | {"kid": "other", "alg": "ES256"}
    token = jwt.encode(claims(), stranger, "ES256", {"kid": jwk["kid"]})
    assert asked(project, "rest", token).status_code == 401
