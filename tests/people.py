"""Users, and statements run as them, the way PostgREST runs a request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from infra.local.settings import Settings

Connection = psycopg.Connection[DictRow]

ROLE_OF_KEYS = "pgdesk_api_key"
ROLE_OF_VISITORS = "pgdesk_visitor"


@dataclass(frozen=True)
class Actor:
    """Who acts: a database role, and a user or an API key behind it where there is one."""

    role: str
    user_id: UUID | None = None
    organization_id: UUID | None = None  # for the functions: the tenant they work for
    key_id: UUID | None = None
    visitor_id: UUID | None = None  # of the organization's widget

    @property
    def claims(self) -> dict[str, Any]:
        who = {"sub": self.user_id, "key_id": self.key_id, "visitor_id": self.visitor_id}
        if self.visitor_id:
            who["organization_id"] = self.organization_id
        return {"role": self.role} | {name: str(value) for name, value in who.items() if value}


ANON = Actor("anon")


@contextmanager
def connect(settings: Settings, role: str) -> Iterator[Connection]:
    """A connection as one of the login roles, in autocommit."""
    with psycopg.connect(settings.database_url(role), row_factory=dict_row, autocommit=True) as connection:
        yield connection


def act_as(connection: Connection, actor: Actor) -> None:
    """Become `actor` until the end of the transaction. The connection is authenticator's or postgres'."""
    connection.execute(
        "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),"
        " set_config('app.organization_id', %s, true)",
        [actor.role, json.dumps(actor.claims), str("" if actor.visitor_id else actor.organization_id or "")],
    )


def new_user(connection: Connection, email: str | None = None, *, confirmed: bool = True) -> UUID:
    """A user of Auth, made directly. `connection` is the superuser's."""
    user_id = uuid4()
    connection.execute(
        "insert into auth.users (id, email, email_confirmed_at, aud, role) values (%s, %s, case when %s then now() end,"
        " 'authenticated', 'authenticated')",
        [user_id, email or f"{user_id}@people.example", confirmed],
    )
    return user_id


def new_organization(connection: Connection, slug: str) -> UUID:
    """An organization without members."""
    row = connection.execute(
        "insert into public.organizations (name, slug) values (%s, %s) returning id", [slug.title(), slug]
    ).fetchone()
    assert row
    return UUID(str(row["id"]))


def new_member(connection: Connection, organization_id: UUID, role: str) -> Actor:
    user_id = new_user(connection)
    connection.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, %s)",
        [organization_id, user_id, role],
    )
    return Actor("authenticated", user_id)


@contextmanager
def not_there(match: str | None = None) -> Iterator[None]:
    """What runs inside is refused because what it names is not there, or not the caller's to see: 404 over HTTP."""
    with pytest.raises(psycopg.ProgrammingError, match=match) as refused:
        yield
    assert refused.value.sqlstate == "PT404"
