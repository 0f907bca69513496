"""A desk that receives mail with files, over the real Storage server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from chalicelib.kit import jobs, storage
from chalicelib.kit.secrets import opening_key
from chalicelib.kit.settings import settings as functions_settings
from chalicelib.privacy import consumer

from infra.local.settings import Settings
from tests.databases import empty
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


@pytest.fixture(scope="package")
def database(swept_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(swept_database, data=tmp_path_factory.mktemp("privacy"))


@pytest.fixture(scope="package")
def storage_url(database: Settings) -> Iterator[str]:
    with serve(storage_app(database)) as url:
        yield url


@pytest.fixture
def office(database: Settings, storage_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    put = storage.put
    with open_box(database, monkeypatch) as box:
        # The box keeps files in memory: here they are Storage's again.
        monkeypatch.setattr(storage, "put", put)
        monkeypatch.setenv("PGDESK_SUPABASE_URL", storage_url)
        monkeypatch.setenv("PGDESK_PUBLISHABLE_KEY", database.keys.publishable_key)
        monkeypatch.setenv("PGDESK_MASTER_KEY", base64.b64encode(bytes(range(32))).decode())
        monkeypatch.setenv("PGDESK_SIGNING_KEY", json.dumps(database.keys.signing_key))
        functions_settings.cache_clear()
        made, make = [], storage._client.__wrapped__

        def client(organization_id: UUID, half_life: int) -> Any:
            made.append(make(organization_id, half_life))
            return made[-1]

        monkeypatch.setattr(storage, "_client", client)
        found = Office(database, box, new_member(box.admin, box.acme, "admin"))
        yield found
        # Storage refuses that its rows are deleted behind its back.
        for path in found.stored():
            bucket, name = path.split("/", 1)
            storage.remove(UUID(name.split("/")[0]), bucket, name)
        empty(box.admin)
        opening_key.cache_clear()
        for each in made:
            each.session.close()
