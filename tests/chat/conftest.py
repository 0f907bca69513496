"""A desk with a widget on a site, behind the REST protocol and the functions' routes."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chalice.test import Client, HTTPResponse
from chalicelib.kit import database, rates
from chalicelib.kit.settings import settings as functions_settings

from infra.local.settings import Settings
from tests.data_model.shop import together
from tests.people import Actor, Connection, act_as, connect, new_member, new_organization
from tests.rest.conftest import serving

SITE = "https://kestrel.example"


@dataclass
class Widget:
    """An organization with a widget. `db` is the superuser's connection."""

    settings: Settings
    db: Connection
    http: httpx.Client
    functions: Client
    organization: UUID
    id: UUID
    agent: Actor
    admin: Actor

    def value(self, statement: str, *parameters: object) -> Any:
        row = self.db.execute(statement, parameters).fetchone()
        assert row
        return next(iter(row.values()))

    def as_(self, actor: Actor, statement: str, *parameters: object) -> list[dict[str, Any]]:
        with self.db.transaction():
            act_as(self.db, actor)
            return self.db.execute(statement, parameters).fetchall()

    def counted(self) -> list[int]:
        tables = ("contacts", "visitors", "tickets", "sessions", "events", "channel_threads")
        return [self.value(f"select count(*) from public.{table}") for table in tables]

    def ask(self, body: dict[str, Any], origin: str = SITE) -> HTTPResponse:
        """POST /functions/v1/token/visitor, as API Gateway hands it over."""
        headers = {"content-type": "application/json", "origin": origin}
        return self.functions.http.post("/v1/token/visitor", headers=headers, body=json.dumps(body).encode())

    def secret_by(self, actor: Actor) -> HTTPResponse:
        """POST /functions/v1/widgets/…/secret with the token of `actor`."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("chalicelib.access.visitors.caller", lambda _request: _Caller(actor))
            return self.functions.http.post(f"/v1/widgets/{self.id}/secret")

    def new_secret(self) -> str:
        answer = self.secret_by(self.admin)
        assert answer.status_code == 200, answer.body
        return str(json.loads(answer.body)["secret"])


class _Caller:
    """A caller whose token was believed; tests/gateway is about the believing."""

    def __init__(self, actor: Actor) -> None:
        self.user_id, self.role, self.claims = actor.user_id, actor.role, actor.claims


@dataclass
class Visit:
    """Somebody who has the widget open."""

    widget: Widget
    answer: dict[str, Any]

    @property
    def secret(self) -> str:
        return str(self.answer["visitor_secret"])

    @property
    def http(self) -> httpx.Client:
        return self.widget.http

    @property
    def headers(self) -> dict[str, str]:
        key = self.widget.settings.keys.publishable_key
        return {"apikey": key, "authorization": f"Bearer {self.answer['access_token']}"}

    def post(self, function: str, **arguments: Any) -> httpx.Response:
        return self.http.post(f"/rpc/{function}", json=arguments, headers=self.headers)

    def call(self, function: str, **arguments: Any) -> Any:
        answer = self.post(function, **arguments)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def say(self, body: str, **more: Any) -> dict[str, Any]:
        return dict(self.call("say_in_chat", body=body, **more))

    def together(self, *bodies: str) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        together(*[lambda body=body: said.append(self.say(body)) for body in bodies])
        return said

    def get(self, table: str, **query: str) -> list[dict[str, Any]]:
        answer = self.http.get(f"/{table}", params=query, headers=self.headers)
        assert answer.is_success, answer.text
        return list(answer.json())

    def events(self) -> list[dict[str, Any]]:
        answer = self.call("events_since", organization_id=str(self.widget.organization), cursor="1:0:0")
        return list(answer["events"])


def open_widget(widget: Widget, **said: str) -> Visit:
    """A page of the site shows the widget."""
    answer = widget.ask({"widget": str(widget.id)} | said)
    assert answer.status_code == 200, answer.body
    return Visit(widget, json.loads(answer.body))


@pytest.fixture(scope="module")
def served(shared: Settings) -> Iterator[tuple[Connection, httpx.Client, Client]]:
    told = {
        "PGDESK_DATABASE_URL": shared.database_url("pgdesk_functions"),
        "PGDESK_SIGNING_KEY": json.dumps(shared.keys.signing_key),
        "PGDESK_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        _start_afresh()
        with (
            connect(shared, "supabase_admin") as db,
            serving(shared) as url,
            httpx.Client(base_url=url) as http,
            Client(import_module("app").app) as functions,
        ):
            yield db, http, functions
    _start_afresh()


@pytest.fixture
def widget(shared: Settings, served: tuple[Connection, httpx.Client, Client]) -> Widget:
    db, http, functions = served
    db.execute("delete from private.rate_counts")
    rates.forget()
    organization = new_organization(db, f"site-{uuid4().hex[:12]}")
    row = db.execute(
        "insert into public.chat_widgets (organization_id, name, domains) values (%s, 'Site', '{kestrel.example}')"
        " returning id",
        [organization],
    ).fetchone()
    assert row
    agent, admin = new_member(db, organization, "agent"), new_member(db, organization, "admin")
    return Widget(shared, db, http, functions, organization, row["id"], agent, admin)


def _start_afresh() -> None:
    database.close()
    functions_settings.cache_clear()
    rates.forget()
