"""A desk that receives mail with files, over the real Storage server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from chalicelib.kit import jobs, storage
from chalicelib.kit.settings import settings as functions_settings
from chalicelib.privacy import consumer

from infra.local.settings import Settings
from tests.intake.conftest import Desk, open_box
from tests.people import Actor, Connection, act_as, new_member
from tests.serving import serve
from tests.storage.conftest import storage_app

PRIVACY = jobs.Consumer("privacy", consumer.handle)


@dataclass(frozen=True)
class Office:
    """`box` takes mail in for the organization `acme`, which `admin` administers."""

    settings: Settings
    box: Desk
    admin: Actor

    @property
    def db(self) -> Connection:
        return self.box.admin

    def as_(self, actor: Actor, statement: str, *values: object) -> list[dict[str, Any]]:
        with self.db.transaction():
            act_as(self.db, actor)
            return self.db.execute(statement.encode(), values).fetchall()

    def work(self) -> list[str]:
        """Run what waits for the consumer privacy until nothing does. How each job ended."""
        ended = []
        while claimed := self.db.execute("select id from private.claim_jobs() where consumer = 'privacy'").fetchall():
            ended += [jobs.run(PRIVACY, row["id"]) for row in claimed]
        return ended

    def ask(self, kind: str, contact_id: UUID) -> UUID:
        row = self.as_(self.admin, f"select id from public.request_contact_{kind}(%s)", contact_id)[0]
        return UUID(str(row["id"]))

    def request(self, request_id: UUID) -> dict[str, Any]:
        return self.box.row("select * from public.privacy_requests where id = %s", request_id)

    def stored(self) -> list[str]:
        found = self.db.execute("select bucket_id || '/' || name as path from storage.objects order by 1").fetchall()
        return [row["path"] for row in found]


@pytest.fixture
def office(desk: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    put = storage.put
    with open_box(desk, monkeypatch) as box, serve(storage_app(desk)) as url:
        # The box keeps files in memory: here they are Storage's again.
        monkeypatch.setattr(storage, "put", put)
        monkeypatch.setenv("PGDESK_SUPABASE_URL", url)
        monkeypatch.setenv("PGDESK_PUBLISHABLE_KEY", desk.keys.publishable_key)
        monkeypatch.setenv("PGDESK_SIGNING_KEY", json.dumps(desk.keys.signing_key))
        functions_settings.cache_clear()
        make, made = storage._client.__wrapped__, []

        def client(organization_id: UUID, half_life: int) -> Any:
            made.append(make(organization_id, half_life))
            return made[-1]

        monkeypatch.setattr(storage, "_client", client)
        yield Office(desk, box, new_member(box.admin, box.acme, "admin"))
        for each in made:
            each.session.close()
