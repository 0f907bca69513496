"""A running Storage over a fresh database, with buckets and policies as a project would write them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from starlette.applications import Starlette
from storage3 import SyncStorageClient

from infra.local import tokens
from infra.local.settings import Settings
from infra.local.storage.service import StorageService
from tests.databases import copy_of
from tests.serving import serve

# Files of a person lie in a folder named after them; readers of `shared` may only read.
POLICIES = """
insert into storage.buckets (id, name, public) values ('private', 'private', false), ('public', 'public', true);
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('small', 'small', false, 1000, array['text/plain', 'image/*']);
create policy "own folder, see" on storage.objects for select to authenticated
  using ((storage.foldername(name))[1] = nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub');
create policy "own folder, add" on storage.objects for insert to authenticated
  with check ((storage.foldername(name))[1] = nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub');
create policy "own folder, change" on storage.objects for update to authenticated
  using ((storage.foldername(name))[1] = nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub');
create policy "own folder, remove" on storage.objects for delete to authenticated
  using ((storage.foldername(name))[1] = nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub');
"""


@dataclass
class Running:
    """A served Storage: its address, its settings, and clients for whoever is asked for."""

    url: str
    settings: Settings
    session: httpx.Client

    @property
    def folder(self) -> Path:
        return self.settings.data / "storage" / self.settings.database

    def token(self, subject: str | None = None, role: str = "authenticated", **claims: Any) -> str:
        identity = {"sub": subject} if subject else {}
        return tokens.sign(self.settings.keys, {"role": role, "exp": int(time.time()) + 600} | identity | claims)

    def client(self, token: str) -> SyncStorageClient:
        headers = {"apikey": self.settings.keys.anon_key, "Authorization": f"Bearer {token}"}
        return SyncStorageClient(f"{self.url}/storage/v1/", headers, http_client=self.session)

    def request(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        return self.session.request(method, f"{self.url}/storage/v1{path}", headers=headers, **options)

    def files(self) -> list[Path]:
        """Every file that Storage keeps, temporary ones included."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def database(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.settings.database_url("postgres"), autocommit=True)


# One database and one server for all of these tests: what a test changes is undone before the next.
RESET = """
do $$
declare
  found record;
begin
  for found in select policyname, tablename from pg_policies where schemaname = 'storage' loop
    execute format('drop policy %I on storage.%I', found.policyname, found.tablename);
  end loop;
end;
$$;
truncate storage.objects, storage.buckets;
"""


@pytest.fixture(scope="session")
def database(platform: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A database of the platform's for Storage's tests."""
    with copy_of(platform) as settings:
        yield replace(settings, data=tmp_path_factory.mktemp("storage"))


@pytest.fixture(scope="session")
def server(database: Settings) -> Iterator[Running]:
    with serve(storage_app(database)) as url, httpx.Client(timeout=20) as session:
        yield Running(url, database, session)


@pytest.fixture
def storage(server: Running) -> Running:
    """Storage with the buckets and policies above and no objects."""
    with server.database() as db:
        db.execute(RESET + POLICIES)
    for file in server.files():
        file.unlink()
    return server


def storage_app(settings: Settings) -> Starlette:
    service = StorageService(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = Starlette(lifespan=lifespan)
    app.mount("/storage/v1", Starlette(routes=service.routes))
    return app


@pytest.fixture
def empty(database: Settings) -> Settings:
    """The database with neither buckets nor policies."""
    with psycopg.connect(database.database_url("postgres")) as db:
        db.execute(RESET)
    return database


@pytest.fixture
def admin(storage: Running) -> SyncStorageClient:
    """The service role."""
    return storage.client(storage.settings.keys.service_role_key)


@pytest.fixture
def ann() -> str:
    """A user's id."""
    return str(uuid4())
