"""One server of the REST protocol over a small shop. Tests that write roll back or clean up after themselves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from postgrest import SyncPostgrestClient
from psycopg.sql import SQL, Identifier, Literal
from starlette.applications import Starlette
from starlette.routing import Mount

from infra.local import tokens
from infra.local.rest import RestService
from infra.local.settings import Settings
from tests.databases import copy_of
from tests.serving import serve

ANN = "00000000-0000-0000-0000-00000000000a"
SCHEMA = Path(__file__).with_name("schema.sql")


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The address of a REST service over `settings`' database."""
    service = RestService(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = Starlette(routes=[Mount("/rest/v1", routes=service.routes)], lifespan=lifespan)
    with serve(app) as url:
        yield f"{url}/rest/v1"


def until(answer: Callable[[], httpx.Response], satisfied: Callable[[httpx.Response], bool]) -> httpx.Response:
    """The first answer that satisfies: a notification takes its moment."""
    deadline = time.monotonic() + 10
    while not satisfied(response := answer()):
        assert time.monotonic() < deadline, response.text
    return response


def configure(settings: Settings, **values: str) -> None:
    """Set `pgrst.*` for this database, and say so."""
    with psycopg.connect(settings.database_url("supabase_admin"), autocommit=True) as admin:
        for name, value in values.items():
            statement = SQL("alter role authenticator in database {} set {} to {}")
            admin.execute(statement.format(Identifier(settings.database), Identifier("pgrst", name), Literal(value)))
        admin.execute("notify pgrst, 'reload config'")


@pytest.fixture(scope="session")
def shop(platform: Settings) -> Iterator[Settings]:
    with copy_of(platform) as settings:
        with psycopg.connect(settings.database_url("postgres")) as connection:
            connection.execute(SCHEMA.read_bytes())
        yield settings


@pytest.fixture(scope="session")
def address(shop: Settings) -> Iterator[str]:
    with serving(shop) as url:
        yield url


@pytest.fixture(scope="session")
def api(address: str, shop: Settings) -> Iterator[httpx.Client]:
    """Plain HTTP as anon."""
    with httpx.Client(base_url=address, headers={"apikey": shop.keys.publishable_key}) as client:
        yield client


@pytest.fixture(scope="session")
def postgrest(address: str, shop: Settings) -> Iterator[SyncPostgrestClient]:
    """The official client as anon."""
    with SyncPostgrestClient(address, headers={"apikey": shop.keys.publishable_key}) as client:
        yield client


@pytest.fixture
def ann(shop: Settings) -> dict[str, str]:
    """The headers of a signed-in user."""
    token = tokens.sign(shop.keys, {"role": "authenticated", "sub": ANN, "exp": 4102444800})
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def clean(shop: Settings) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection as the owner; what the test has added to clients, users and notes is removed at its end."""
    with psycopg.connect(shop.database_url("postgres"), autocommit=True) as connection:
        yield connection
        connection.execute("delete from clients where id > 3")
        connection.execute("delete from users where id > 3")
        connection.execute("delete from notes where id > 2")
        connection.execute("update users set age = case id when 1 then 30 when 2 then 40 end")
