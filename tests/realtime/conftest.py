"""Realtime on a database of its own, with two tables that are followed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psycopg
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from infra.local.realtime import RealtimeService
from infra.local.realtime.limits import Limits
from infra.local.settings import Settings
from tests.databases import copy_of
from tests.serving import serve

SCHEMA = """
create function public.me() returns text language sql stable
  return current_setting('request.jwt.claims', true)::jsonb ->> 'sub';
create type public.mood as enum ('sad', 'glad');
create table public.notes (
  id integer primary key, owner text, body text, mood mood, amount numeric, tags text[], document jsonb, done boolean,
  at timestamptz
);
create table public.open (id integer primary key, body text, hidden text);
create table public.keyless (body text);
create table public.unpublished (id integer primary key);
alter publication supabase_realtime add table public.notes, public.open, public.keyless;
alter table public.notes enable row level security;
grant execute on function public.me() to anon, authenticated;
grant select on public.notes, public.keyless, public.unpublished to anon, authenticated;
grant select (id, body) on public.open to anon, authenticated;
grant select on public.open to service_role;
create policy "owners see their notes" on public.notes for select to authenticated
  using (owner = (select public.me()));
create policy "members hear their room" on realtime.messages for select to authenticated
  using (extension = 'broadcast' and (select realtime.topic()) = (select 'room:' || public.me()));
create policy "members speak in their room" on realtime.messages for insert to authenticated
  with check (extension = 'broadcast' and (select realtime.topic()) = (select 'room:' || public.me()));
create policy "all of the hall" on realtime.messages for select to authenticated
  using ((select realtime.topic()) = 'hall');
create policy "members show themselves in the hall" on realtime.messages for insert to authenticated
  with check (extension = 'presence' and (select realtime.topic()) = 'hall');
"""


@dataclass(frozen=True)
class Stack:
    """`url` is where Supabase's API would be."""

    url: str
    settings: Settings

    def run(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run one statement as the database's owner, and commit it."""
        with psycopg.connect(self.settings.database_url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []


def application(service: RealtimeService) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    return Starlette(routes=[Mount("/realtime/v1", routes=service.routes)], lifespan=lifespan)


@pytest.fixture(scope="session")
def prepared(platform: Settings) -> Iterator[Settings]:
    """A template with the tables."""
    with copy_of(platform) as settings:
        with psycopg.connect(settings.database_url("postgres"), autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        yield settings


@pytest.fixture(scope="module")
def shared(prepared: Settings) -> Iterator[Stack]:
    """For tests that leave nothing behind but rows and messages."""
    yield from run_stack(prepared)


@pytest.fixture
def stack(prepared: Settings) -> Iterator[Stack]:
    """For tests that change the tables or break the server's connections."""
    yield from run_stack(prepared)


def run_stack(template: Settings, limits: Limits | None = None) -> Iterator[Stack]:
    """The service over a copy of `template`."""
    with copy_of(template) as settings, serve(application(RealtimeService(settings, limits))) as url:
        yield Stack(url, settings)
