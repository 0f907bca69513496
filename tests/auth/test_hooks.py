"""Hooks: a project's own word before a user is made, a message sent, a password or a factor taken."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.local.auth import totp
from infra.local.auth.config import Hook
from tests.auth.conftest import PASSWORD, Auth, new_address
from tests.serving import serve

KEY = b"a key of the project's own, long"
SIGNED = f"v1,whsec_{base64.b64encode(KEY).decode()}"


@dataclass
class Receiver:
    """A project's server: what it was sent, and what it answers next."""

    url: str = ""
    status: int = 200
    content: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def hook(self) -> Hook:
        return Hook(self.url, (SIGNED,))

    @property
    def event(self) -> Any:
        return json.loads(self.got[-1][1])

    async def receive(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        return Response(self.content, self.status, self.headers)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    with serve(Starlette(routes=[Route("/", receiver.receive, methods=["POST"])])) as url:
        receiver.url = f"{url}/"
        yield receiver


@pytest.fixture(scope="module")
def servers() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def receiver(servers: Receiver) -> Receiver:
    servers.status, servers.content, servers.headers = 200, b"{}", {"content-type": "application/json"}
    servers.got.clear()
    return servers


def in_database(auth: Auth, name: str, body: str) -> Hook:
    with psycopg.connect(auth.settings.database_url("postgres")) as postgres:
        made = f"create or replace function public.{name}(event jsonb) returns jsonb language plpgsql as $$ {body} $$"
        postgres.execute(made.encode())
        postgres.execute(f"grant execute on function public.{name}(jsonb) to supabase_auth_admin".encode())
        postgres.execute(b"grant usage on schema public to supabase_auth_admin")
    return Hook(f"pg-functions://postgres/public/{name}")


def sign_up(auth: Auth, address: str) -> Any:
    return auth.call("POST", "/signup", json={"email": address, "password": PASSWORD})


def test_a_server_gets_what_it_can_verify(configured: Callable[..., Auth], receiver: Receiver) -> None:
    auth, address = configured(before_user_created_hook=receiver.hook), new_address()
    assert sign_up(auth, address).status_code == 200
    headers, body = receiver.got[-1]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    assert headers["webhook-signature"] == expected
    assert receiver.event["metadata"]["name"] == "before-user-created"
    assert receiver.event["user"]["email"] == address


def test_a_user_whom_the_project_does_not_want_is_not_made(configured: Callable[..., Auth], auth: Auth) -> None:
    body = """begin
      if event #>> '{user,email}' like '%@rivals.example' then
        return '{"error": {"http_code": 403, "message": "not you"}}';
      end if;
      return '{}';
    end"""
    hooked, address = configured(before_user_created_hook=in_database(auth, "bouncer", body)), "a@rivals.example"
    link = {"type": "signup", "email": address, "password": PASSWORD}
    for answer in (
        sign_up(hooked, address),
        hooked.call("POST", "/otp", json={"email": address}),
        hooked.as_service("POST", "/invite", json={"email": address}),
        hooked.as_service("POST", "/admin/generate_link", json=link),
    ):
        assert (answer.status_code, answer.json()["message"]) == (403, "not you")
    assert auth.rows("select 1 from auth.users where email = %s", address) == []
    assert sign_up(hooked, new_address()).status_code == 200


def test_mails_are_the_projects_own_where_it_sends_them(configured: Callable[..., Auth], receiver: Receiver) -> None:
    auth, address = configured(send_email_hook=receiver.hook), new_address()
    sign_up(auth, address)
    data = receiver.event["email_data"]
    assert data["email_action_type"] == "signup"
    assert auth.mails(address) == []
    answer = auth.call("POST", "/verify", json={"type": "signup", "email": address, "token": data["token"]})
    token = answer.json()["access_token"]
    auth.call("PUT", "/user", token, json={"email": new_address()})
    data = receiver.event["email_data"]
    assert data["email_action_type"] == "email_change"
    assert all(data[name] for name in ("token", "token_new", "token_hash", "token_hash_new"))


def test_a_mail_that_the_project_cannot_send_leaves_nothing(
    configured: Callable[..., Auth], receiver: Receiver
) -> None:
    receiver.status = 500
    auth, address = configured(send_email_hook=receiver.hook), new_address()
    assert sign_up(auth, address).status_code == 500
    assert auth.rows("select 1 from auth.users where email = %s", address) == []


def test_sms_are_the_projects_own_where_it_sends_them(configured: Callable[..., Auth], receiver: Receiver) -> None:
    auth = configured(send_sms_hook=receiver.hook, phone_enabled=True)
    auth.call("POST", "/otp", json={"phone": "15551112222"})
    told = receiver.event["sms"]
    assert told["phone"] == "15551112222"
    answer = auth.call("POST", "/verify", json={"type": "sms", "phone": told["phone"], "token": told["otp"]})
    assert answer.status_code == 200


def test_the_project_may_reject_a_password_that_is_right(configured: Callable[..., Auth], auth: Auth) -> None:
    body = """begin
      return jsonb_build_object('decision', 'reject', 'message', 'too often ' || (event ->> 'valid'),
        'should_logout_user', true);
    end"""
    session = auth.session()
    address = session["user"]["email"]
    hooked = configured(password_verification_hook=in_database(auth, "strict", body))
    for password, valid in ((PASSWORD, "true"), ("wrong", "false")):
        answer = hooked.sign_in(address, password)
        assert (answer.status_code, answer.json()["message"]) == (400, f"too often {valid}")
    assert auth.refresh(session["refresh_token"]).status_code == 400


def test_a_rejected_factor_ends_the_sessions(configured: Callable[..., Auth], auth: Auth) -> None:
    hook = in_database(auth, "no_factor", """begin return '{"decision": "reject"}'; end""")
    hooked = configured(mfa_verification_hook=hook)
    session = hooked.session()
    token = session["access_token"]
    factor = hooked.call("POST", "/factors", token, json={"factor_type": "totp"}).json()
    begun = hooked.call("POST", f"/factors/{factor['id']}/challenge", token).json()
    code = totp.code_at(factor["totp"]["secret"], time.time())
    body = {"challenge_id": begun["id"], "code": code}
    answer = hooked.call("POST", f"/factors/{factor['id']}/verify", token, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "mfa_verification_rejected")
    assert hooked.call("GET", "/user", token).json()["code"] == "session_not_found"


@pytest.mark.parametrize(
    ("status", "content", "headers", "expected", "message"),
    [
        (200, b"{}", {"content-type": "text/html"}, 400, "Invalid JSON response"),
        (200, b"no", {"content-type": "application/json"}, 500, "Error unmarshaling"),
        (400, b"", {}, 500, "Invalid payload"),
        (401, b"", {}, 500, "requires authorization"),
        (503, b"", {}, 500, "currently unavailable"),
        (503, b"", {"retry-after": "1"}, 500, "currently unavailable"),
        (302, b"", {"location": "http://127.0.0.1:1"}, 500, "Unexpected status code returned from hook: 302"),
        (200, b'{"error": {"message": "no"}}', {"content-type": "application/json"}, 500, "no"),
        (200, b'{"x": "' + b"x" * 300_000 + b'"}', {"content-type": "application/json"}, 422, "size limit"),
    ],
)
def test_a_server_that_answers_otherwise_is_told(
    configured: Callable[..., Auth], receiver: Receiver, monkeypatch: pytest.MonkeyPatch,
    status: int, content: bytes, headers: dict[str, str], expected: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("infra.local.auth.hooks.PAUSE", 0.0)
    receiver.status, receiver.content, receiver.headers = status, content, headers
    answer = sign_up(configured(before_user_created_hook=receiver.hook), new_address())
    assert answer.status_code == expected
    assert message in answer.json()["message"]


def test_a_server_that_is_not_there_is_asked_again_and_then_told(
    configured: Callable[..., Auth], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.auth.hooks.PAUSE", 0.0)
    auth = configured(before_user_created_hook=Hook("http://127.0.0.1:1/", (SIGNED,)))
    answer = sign_up(auth, new_address())
    assert (answer.status_code, answer.json()["code"]) == (422, "hook_timeout_after_retry")
