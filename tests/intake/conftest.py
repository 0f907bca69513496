"""A desk that receives mail: two organizations, the route, and the consumer run by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from chalicelib.intake import consumer, route
from chalicelib.kit import database, jobs, storage
from chalicelib.kit import settings as environment
from chalicelib.kit.http import HttpError, Request, error_response

from infra.local.settings import Settings
from tests.people import Connection, connect, new_organization

INTAKE = jobs.Consumer("intake", consumer.handle)
RECEIVER = "mx.acme.test"
SECRET = "reply-secret"
VERIFIED = f"Authentication-Results: {RECEIVER}; dmarc=pass header.from=customer.test"


@dataclass
class Desk:
    """`admin` is a connection that sees everything."""

    admin: Connection
    acme: UUID
    other: UUID
    files: dict[str, bytes] = field(default_factory=dict)

    def post(self, raw: bytes, *recipients: str, secret: str = "inbound-secret", **query: str) -> tuple[int, Any]:
        """Status and answer of POST /inbound/mime."""
        given: dict[str, list[str]] = {"rcpt": list(recipients), **{name: [value] for name, value in query.items()}}
        request = Request("POST", "/inbound/mime", given, {"authorization": f"Bearer {secret}"}, raw)
        try:
            answer = route.receive(request)
        except HttpError as error:
            answer = error_response(error)
        return answer.status, json.loads(answer.body)

    def work(self) -> None:
        """Run everything that waits for the consumer intake, delays left out."""
        for _ in range(100):
            claimed = self.admin.execute("select id from private.claim_jobs() where consumer = 'intake'").fetchall()
            if not claimed:
                return
            for row in claimed:
                jobs.run(INTAKE, row["id"])
        raise AssertionError("the jobs come to no end")

    def receive(self, raw: bytes, *recipients: str, **query: str) -> dict[str, Any]:
        """The ledger row of a mail that was posted and read."""
        status, answer = self.post(raw, *(recipients or ("help@acme.test",)), **query)
        assert status == 202, answer
        self.work()
        return self.ledger(answer["mails"][0]["id"])

    def ledger(self, mail_id: str) -> dict[str, Any]:
        return self.row("select * from public.inbound_mails where id = %s", mail_id)

    def message(self, ledger: dict[str, Any]) -> dict[str, Any]:
        return self.row("select * from public.messages where id = %s", ledger["message_id"])

    def row(self, statement: str, *values: Any) -> dict[str, Any]:
        found = self.admin.execute(statement.encode(), values).fetchone()
        assert found is not None, statement
        return found

    def count(self, table: str) -> int:
        return int(self.row(f"select count(*) as n from {table}")["n"])


@pytest.fixture
def desk(swept: Settings) -> Settings:
    return swept


@pytest.fixture
def box(desk: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_box(desk, monkeypatch) as found:
        yield found


@contextmanager
def open_box(desk: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Two organizations with their addresses in an empty database, and files that are kept in memory."""
    monkeypatch.setenv("PGDESK_DATABASE_URL", desk.database_url("pgdesk_functions"))
    monkeypatch.setenv("PGDESK_INBOUND_SECRET", "inbound-secret")
    monkeypatch.setenv("PGDESK_RECEIVER_NAME", RECEIVER)
    monkeypatch.setenv("PGDESK_REPLY_SECRET", SECRET)
    environment.settings.cache_clear()
    with connect(desk, "supabase_admin") as admin:
        acme, other = new_organization(admin, "acme"), new_organization(admin, "other")
        for organization, address in ((acme, "help@acme.test"), (acme, "sales@acme.test"), (other, "help@other.test")):
            admin.execute(
                "insert into public.mail_addresses (organization_id, address) values (%s, %s)", [organization, address]
            )
        box = Desk(admin, acme, other)

        def put(_organization: UUID, _bucket: str, path: str, body: bytes, _type: str) -> None:
            box.files[path] = body

        monkeypatch.setattr(storage, "put", put)
        try:
            yield box
        finally:
            database.close()
            environment.settings.cache_clear()
