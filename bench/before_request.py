"""What the pre-request adds to each request through PostgREST: a statement of its own, beside a bare `select 1`."""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import Any

import psycopg
from rich.console import Console

from bench.server import throwaway_server
from infra.local.postgres import clone_database
from infra.local.settings import Settings
from pgdesk import schema
from tests.people import Actor, connect, new_member, new_organization

REQUESTS = 3000
LIMIT = 10**9  # none is refused
ACT = (
    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),"
    " set_config('request.method', %s, true), set_config('request.path', '/tickets', true),"
    " set_config('request.headers', '{}', true)"
)
ASKED = "select private.before_request()"


def main() -> int:
    """Measure and print."""
    console = Console()
    with throwaway_server() as platform:
        settings = clone_database(platform, "requests")
        schema.declare(settings.database_url("postgres"))
        user, key = _callers(settings)
        with psycopg.connect(settings.database_url("authenticator"), autocommit=True) as connection:
            for name, actor, statement, method in (
                ("select 1", user, "select 1", "GET"),
                ("a user reads", user, ASKED, "GET"),
                ("a user writes", user, ASKED, "POST"),
                ("a key reads", key, ASKED, "GET"),
                ("a key writes", key, ASKED, "POST"),
                ("the service role", Actor("service_role"), ASKED, "GET"),
            ):
                spent = _spent(connection, actor, statement, method)
                console.print(f"{name:20} {spent * 1e6:6.0f} µs (median of {REQUESTS})")
    return 0


def _callers(settings: Settings) -> tuple[Actor, Actor]:
    with connect(settings, "supabase_admin") as admin:
        organization = new_organization(admin, "acme")
        row = admin.execute(
            "insert into public.api_keys (organization_id, name, prefix, scopes, role)"
            " values (%s, 'robot', 'pgd_00000000', array['tickets:write'], 'agent') returning id",
            [organization],
        ).fetchone()
        assert row
        admin.execute(
            "insert into private.rate_limits select %(organization)s, %(limit)s, %(limit)s, %(limit)s, %(limit)s",
            {"organization": organization, "limit": LIMIT},
        )
        return new_member(admin, organization, "agent"), Actor("pgdesk_api_key", key_id=row["id"])


def _spent(connection: psycopg.Connection[Any], actor: Actor, statement: str, method: str) -> float:
    times = []
    for _ in range(REQUESTS):
        connection.execute("begin read only" if method == "GET" else "begin")
        connection.execute(ACT, [actor.role, json.dumps(actor.claims), method])
        started = time.perf_counter()
        connection.execute(statement.encode())
        times.append(time.perf_counter() - started)
        connection.execute("commit")
    return median(times)


if __name__ == "__main__":
    sys.exit(main())
