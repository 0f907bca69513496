"""The functions behind API Gateway as the embedded runner plays it, over real HTTP and a database of their own."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import requests
from chalicelib.kit import database, rates, standard_webhooks
from chalicelib.kit.settings import settings as functions_settings
from chalicelib.relay import relay
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.aws.api import ERROR_TEMPLATE
from infra.local import tokens
from infra.local.plan import QueueDefinition
from infra.local.queue import engine
from infra.local.queue.service import QueueService
from infra.local.runner.application import API_HANDLER
from infra.local.runner.containers import Function
from infra.local.runner.http import FunctionsService
from infra.local.settings import Settings
from pgdesk.environment import functions_environment
from tests.people import Actor, Connection, act_as, connect, new_member, new_organization
from tests.serving import serve

SVIX_SECRET = standard_webhooks.new_secret()
CLOSE = {"close": "the container"}


Sign = Callable[[requests.PreparedRequest], None]


@dataclass(frozen=True)
class Api:
    """The functions at `url`. `credentials` add good ones to a request, by the security scheme of docs/openapi.json."""

    url: str
    credentials: dict[str, Sign]
    db: Connection


def bearer(secret: str) -> Sign:
    return lambda request: request.headers.update({"Authorization": f"Bearer {secret}"})


def svix(secret: str) -> Sign:
    def sign(request: requests.PreparedRequest) -> None:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        assert isinstance(body, bytes)
        signed = standard_webhooks.headers([secret], f"msg_{uuid4().hex}", int(time.time()), body)
        request.headers.update({name.replace("webhook-", "svix-"): value for name, value in signed.items()})

    return sign


def forget() -> None:
    """As a container that has just started, and leave none open."""
    if relay._sqs.cache_info().currsize:
        relay._sqs().close()
    relay._sqs.cache_clear()
    relay._queue_url.cache_clear()
    rates.forget()
    database.close()
    functions_settings.cache_clear()


@pytest.fixture(scope="module")
def api(database_of_file: Settings) -> Iterator[Api]:
    """The routes of functions/app.py, an organization that receives mail at support@acme.example, and a queue."""
    settings = database_of_file
    environment = functions_environment(settings) | {
        "PGDESK_QUEUE_PREFIX": "pgdesk-",
        "PGDESK_RESEND_EVENTS_SECRET": SVIX_SECRET,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        with pytest.MonkeyPatch.context() as patch, serve(QueueService()) as sqs, serve(auth(settings)) as project:
            environment |= {"AWS_ENDPOINT_URL_SQS": sqs, "PGDESK_SUPABASE_URL": project}
            for name, value in environment.items():
                patch.setenv(name, value)
            # The tries of a minute are many: limits are tests/access' concern.
            for name in ("READS", "WRITES"):
                patch.setattr(rates, name, 10**6)
            forget()
            app = importlib.import_module("app")
            queues = [QueueDefinition(f"pgdesk-{consumer.name}") for consumer in app.CONSUMERS]
            engine.create(queues, sqs.removeprefix("http://"))
            function = Function(API_HANDLER, _closable(app.app), timeout=29, memory=128, concurrency=1)
            service = FunctionsService(app.app, {API_HANDLER: function}, error_template=ERROR_TEMPLATE)
            with (
                serve(_closing(service, function)) as url,
                connect(settings, "postgres") as db,
                connect(settings, "supabase_admin") as people,
            ):
                admin = furnish(db, people)
                yield Api(
                    f"{url}{app.PREFIX}",
                    {
                        "apiKey": bearer(api_key(people, admin)),
                        "accessToken": bearer(access_token(settings, admin)),
                        "inboundSecret": bearer(environment["PGDESK_INBOUND_SECRET"]),
                        "relaySecret": bearer(environment["PGDESK_RELAY_SECRET"]),
                        "svixSignature": svix(SVIX_SECRET),
                    },
                    db,
                )
    finally:
        forget()


def auth(settings: Settings) -> Starlette:
    """The keys that the project's tokens are signed with, where Auth publishes them."""

    async def keys(request: Request) -> JSONResponse:
        return JSONResponse(tokens.public_keys(settings.keys))

    return Starlette(routes=[Route("/auth/v1/.well-known/jwks.json", keys)])


def access_token(settings: Settings, who: Actor) -> str:
    return tokens.sign(settings.keys, {**who.claims, "aud": "authenticated", "exp": int(time.time()) + 3600})


def api_key(people: Connection, admin: Actor) -> str:
    """The secret of a key that the admin makes."""
    with people.transaction():
        act_as(people, admin)
        row = people.execute(
            "select public.create_api_key(id, 'schemathesis', array['tickets:read']) ->> 'secret' as secret"
            " from public.organizations"
        ).fetchone()
    assert row
    return str(row["secret"])


def furnish(db: Connection, people: Connection) -> Actor:
    """An organization that receives mail. Returns its admin."""
    organization = new_organization(db, "acme")
    db.execute(
        "insert into public.mail_addresses (organization_id, address, display_name, is_default)"
        " values (%s, 'support@acme.example', 'Acme', true)",
        [organization],
    )
    return new_member(people, organization, "admin")


def _closable(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The handler, and a way to have its container close what it opened: connections belong to their thread."""

    def handle(event: Any, context: Any) -> Any:
        if event == CLOSE:
            forget()
            return None
        return handler(event, context)

    return handle


def _closing(service: FunctionsService, function: Function) -> Callable[..., Any]:
    """The service with a lifespan, at whose end the container closes."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await service(scope, receive, send)
            return
        for done in ("startup", "shutdown"):
            await receive()
            if done == "shutdown":
                await function.invoke(CLOSE, "close")
            await send({"type": f"lifespan.{done}.complete"})

    return application
