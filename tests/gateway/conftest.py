"""One project's public APIs: the embedded gateway over pgdesk's schema, or whatever SUPABASE_URL names.

Tests marked `public_api` need nothing but the project's URL and keys, so they run against hosted Supabase, `supabase
start` or a stack that runs already, unchanged:

    SUPABASE_URL=… SUPABASE_PUBLISHABLE_KEY=… SUPABASE_SECRET_KEY=… .venv/bin/pytest tests/gateway -m public_api
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from supabase.lib.client_options import SyncClientOptions

from infra.local.plan import VARIABLE, Plan
from infra.local.ports import free_ports
from infra.local.process import Child, answers
from infra.local.settings import Settings
from supabase import Client, create_client
from tests.databases import copy_of

START_SECONDS = 30.0
PASSWORD = "correct horse battery staple"
ELSEWHERE = os.environ.get("SUPABASE_URL", "").rstrip("/")


@dataclass
class Project:
    """Where the APIs are, and the keys. `settings` only where the stack is our own."""

    url: str
    publishable_key: str
    secret_key: str
    http: httpx.Client
    settings: Settings | None = None
    users: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """A bare request with the publishable key, and a bearer token if there is one."""
        headers = {"apikey": self.publishable_key} | ({"Authorization": f"Bearer {token}"} if token else {})
        return self.http.request(method, self.url + path, headers=headers | options.pop("headers", {}), **options)

    def as_service(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.call(method, path, headers={"apikey": self.secret_key}, **options)

    def client(self) -> Client:
        """The official client with the publishable key."""
        options = SyncClientOptions(auto_refresh_token=False, persist_session=True, httpx_client=self.http)
        return create_client(self.url, self.publishable_key, options)

    def new_user(self) -> str:
        """The address of a confirmed user with PASSWORD."""
        address = f"{uuid4().hex}@example.com"
        body = {"email": address, "password": PASSWORD, "email_confirm": True}
        made = self.as_service("POST", "/auth/v1/admin/users", json=body)
        assert made.status_code == 200, made.text
        self.users.append(made.json()["id"])
        return address

    def new_token(self) -> str:
        """The access token of a new user."""
        body = {"email": self.new_user(), "password": PASSWORD}
        answer = self.call("POST", "/auth/v1/token?grant_type=password", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def forget_users(self) -> None:
        for user in self.users:
            self.as_service("DELETE", f"/auth/v1/admin/users/{user}")


@pytest.fixture(scope="session")
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    """The project that SUPABASE_URL names, or the embedded one."""
    with httpx.Client(timeout=30) as http:
        if not ELSEWHERE:
            settings: Settings = request.getfixturevalue("embedded")
            keys = settings.keys
            yield Project(settings.api_url, keys.publishable_key, keys.secret_key, http, settings)
            return
        missing = [name for name in ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY") if not os.environ.get(name)]
        if missing:
            pytest.fail(f"SUPABASE_URL is set, {' and '.join(missing)} not")
        publishable, secret = (os.environ[f"SUPABASE_{name}_KEY"] for name in ("PUBLISHABLE", "SECRET"))
        there = Project(ELSEWHERE, publishable, secret, http)
        try:
            yield there
        finally:
            there.forget_users()


@pytest.fixture(scope="session")
def embedded(schema_template: Settings) -> Iterator[Settings]:
    """A gateway process over a database with pgdesk's schema."""
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="pgdesk-gateway-")))
        folder.chmod(0o755)
        database = open_.enter_context(copy_of(schema_template))
        api, mail = free_ports(2)
        settings = replace(database, data=folder, api_port=api, mail_port=mail)
        yield start(open_, settings)


def start(open_: ExitStack, settings: Settings) -> Settings:
    plan = settings.data / "plan.json"
    Plan(settings, settings.data).write(plan)
    child = Child("gateway", "infra.local.gateway", settings.data / "gateway.log", {VARIABLE: str(plan)})
    child.start()
    open_.callback(child.close)
    deadline = time.monotonic() + START_SECONDS
    while not answers(settings.host, settings.api_port, "/health"):
        assert child.ended() is None, child.last_words()
        assert time.monotonic() < deadline, "the gateway does not answer"
        time.sleep(0.02)
    return settings
