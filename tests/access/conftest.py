"""Two organizations behind the REST protocol, and the functions' routes beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from uuid import UUID

import httpx
import pytest
from chalice.test import Client, HTTPResponse
from chalicelib.kit import database, rates
from chalicelib.kit.settings import settings as functions_settings
from postgrest import SyncPostgrestClient

from infra.local import tokens
from infra.local.settings import Settings
from tests.people import Actor, Connection, connect, new_member, new_organization
from tests.rest.conftest import serving

Signed = dict[str, str]
Logged = Callable[[], list[dict[str, Any]]]
EVERYTHING = [
    "tickets:write", "mail:send", "contacts:write", "knowledge:write", "organization:read", "events:read",
    "webhooks:manage",
]  # fmt: skip


@dataclass
class Organization:
    id: UUID
    slug: str
    people: dict[str, Actor]
    contact: str
    ticket: str


@dataclass
class World:
    """Acme and bolt. `db` is the superuser's connection."""

    settings: Settings
    db: Connection
    url: str
    http: httpx.Client
    functions: Client
    acme: Organization = field(init=False)
    bolt: Organization = field(init=False)

    def organization(self, slug: str) -> Organization:
        made = new_organization(self.db, slug)
        people = {role: new_member(self.db, made, role) for role in ("viewer", "agent", "admin", "owner")}
        contact = self.value(
            "insert into public.contacts (organization_id, email) values (%s, %s) returning id",
            [made, f"ada@{slug}.example"],
        )
        ticket = self.value(
            "insert into public.tickets (organization_id, subject, channel, contact_id)"
            " values (%s, 'Where is it?', 'portal', %s) returning id",
            [made, contact],
        )
        self.db.execute(
            "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
            " values (%s, %s, 'contact', %s, 'My parcel')",
            [made, ticket, contact],
        )
        return Organization(made, slug, people, str(contact), str(ticket))

    def value(self, statement: str, parameters: Any = None) -> Any:
        row = self.db.execute(statement.encode(), parameters).fetchone()
        assert row
        return next(iter(row.values()))

    def signed(self, actor: Actor) -> Signed:
        """The headers of a signed-in user."""
        claims = actor.claims | {"exp": int(time.time()) + 3600, "aud": "authenticated"}
        return self.bearing(tokens.sign(self.settings.keys, claims))

    def bearing(self, token: str) -> Signed:
        return {"apikey": self.settings.keys.publishable_key, "authorization": f"Bearer {token}"}

    def new_key(self, organization: Organization, scopes: list[str], **more: Any) -> dict[str, Any]:
        """A key made by the organization's owner, through the API: its row and its secret."""
        said = {"organization_id": str(organization.id), "name": "robot", "scopes": scopes} | more
        with SyncPostgrestClient(self.url, headers=self.signed(organization.people["owner"])) as client:
            made: Any = client.rpc("create_api_key", said).execute().data
            return dict(made)

    def token(self, secret: str) -> HTTPResponse:
        """POST /functions/v1/token, as API Gateway hands it over."""
        return self.functions.http.post("/v1/token", headers={"authorization": f"Bearer {secret}"})

    def program(self, organization: Organization, scopes: list[str], **more: Any) -> Signed:
        """The headers of a program that has a token for a new key."""
        answer = self.token(self.new_key(organization, scopes, **more)["secret"])
        assert answer.status_code == 200, answer.body
        return self.bearing(json.loads(answer.body)["access_token"])

    def client(self, headers: Signed) -> SyncPostgrestClient:
        """The official client. Close it."""
        return SyncPostgrestClient(self.url, headers=headers)

    def a_minute_passes(self) -> None:
        """What was counted was counted a minute ago. (Reads are counted by each session for itself.)"""
        self.db.execute("update private.rate_counts set minute = minute - interval '1 minute'")
        rates.forget()


@pytest.fixture(scope="module")
def world(database_of_file: Settings) -> Iterator[World]:
    settings = database_of_file
    told = {
        "PGDESK_DATABASE_URL": settings.database_url("pgdesk_functions"),
        "PGDESK_SIGNING_KEY": json.dumps(settings.keys.signing_key),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        start_afresh()
        with (
            connect(settings, "supabase_admin") as db,
            serving(settings) as url,
            httpx.Client(base_url=url) as http,
            Client(import_module("app").app) as functions,
        ):
            world = World(settings, db, url, http, functions)
            world.acme, world.bolt = world.organization("acme"), world.organization("bolt")
            yield world
        start_afresh()


@pytest.fixture(autouse=True)
def uncounted(world: World) -> None:
    world.db.execute("delete from private.rate_counts")
    world.db.execute("delete from private.rate_limits")
    rates.forget()


def start_afresh() -> None:
    database.close()
    functions_settings.cache_clear()
    rates.forget()


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    """What the functions have logged since it was last asked for."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
