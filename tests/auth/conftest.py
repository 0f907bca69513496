"""Auth on a real port over a real database, its mail in memory, and the official client in front of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from starlette.applications import Starlette
from starlette.routing import Mount
from supabase_auth import SyncGoTrueClient

from infra.local.auth import AuthConfig, AuthService
from infra.local.mail.mailbox import Mailbox, Message
from infra.local.settings import Settings
from tests.databases import copy_of
from tests.serving import serve

PASSWORD = "correct horse"
_numbers = count(1)


@dataclass
class Auth:
    """A running Auth: `url` ends in /auth/v1."""

    url: str
    settings: Settings
    mailbox: Mailbox
    http: httpx.Client

    def client(self, key: str | None = None, **options: Any) -> SyncGoTrueClient:
        """An official client with the anon key, or another."""
        key = key or self.settings.keys.anon_key
        headers = {"apikey": key, "Authorization": f"Bearer {key}"}
        # One connection for all: a client of its own would read the machine's certificates each time.
        options = {"http_client": self.http, "auto_refresh_token": False, **options}
        return SyncGoTrueClient(url=self.url, headers=headers, **options)

    def admin(self) -> SyncGoTrueClient:
        return self.client(self.settings.keys.service_role_key)

    def call(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """A bare request, in the newer error shape."""
        headers = {"X-Supabase-Api-Version": "2024-01-01", **options.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.request(method, self.url + path, headers=headers, **options)

    def as_service(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.call(method, path, self.settings.keys.service_role_key, **options)

    def mails(self, address: str) -> list[Message]:
        """Newest first."""
        return [mail for mail in self.mailbox.list() if address in mail.recipients]

    def mail(self, address: str) -> Message:
        return self.mails(address)[0]

    def code(self, address: str) -> str:
        match = re.search(r"code: (\d+)", self.mail(address).text or "", re.IGNORECASE)
        assert match
        return match[1]

    def follow(self, address: str) -> str:
        """Open the newest mail's link as a browser does; returns where it leads."""
        return self.open(link_in(self.mail(address)))

    def open(self, link: str) -> str:
        answer = self.http.get(self.url + link.removeprefix(f"{self.settings.api_url}/auth/v1"))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.settings.database_url("supabase_admin"), row_factory=dict_row) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def user(self, address: str | None = None, **attributes: Any) -> str:
        """A confirmed user with PASSWORD; returns the address."""
        address = address or new_address()
        made = self.as_service(
            "POST",
            "/admin/users",
            json={"email": address, "password": PASSWORD, "email_confirm": True, **attributes},
        )
        assert made.status_code == 200, made.text
        return address

    def sign_in(self, address: str, password: str = PASSWORD) -> httpx.Response:
        return self.call("POST", "/token?grant_type=password", json={"email": address, "password": password})

    def session(self, address: str | None = None) -> dict[str, Any]:
        """Tokens and user of somebody who just signed in."""
        answer = self.sign_in(address or self.user())
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def refresh(self, token: str) -> httpx.Response:
        return self.call("POST", "/token?grant_type=refresh_token", json={"refresh_token": token})


def new_address() -> str:
    return f"user{next(_numbers)}@example.com"


def link_in(mail: Message) -> str:
    match = re.search(r"http\S+/verify\S+", mail.text or "")
    assert match
    return match[0]


def fragment(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).fragment).items()}


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture(scope="session")
def auth_database(platform: Settings) -> Iterator[Settings]:
    with copy_of(platform) as settings:
        yield settings


@contextmanager
def serving(service: AuthService) -> Iterator[str]:
    """The service on a port; yields its URL, which ends in /auth/v1."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> Any:
        await service.start()
        yield
        await service.stop()

    app = Starlette(routes=[Mount("/auth/v1", routes=service.routes)], lifespan=lifespan)
    with serve(app) as url:
        yield f"{url}/auth/v1"


@contextmanager
def running(settings: Settings, config: AuthConfig) -> Iterator[Auth]:
    mailbox = Mailbox()
    with serving(AuthService(settings, mailbox.deliver, config)) as url, httpx.Client() as http:
        yield Auth(url, settings, mailbox, http)


FAST = AuthConfig(bcrypt_cost=4, max_frequency=0.0, anonymous_enabled=True)


@pytest.fixture(scope="session")
def auth(auth_database: Settings) -> Iterator[Auth]:
    """Auth as a project has it by default: addresses are confirmed by mail."""
    with running(auth_database, FAST) as auth:
        yield auth


@pytest.fixture
def configured(auth_database: Settings) -> Iterator[Callable[..., Auth]]:
    """Makes an Auth with the settings given."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running(auth_database, replace(FAST, **options)))
