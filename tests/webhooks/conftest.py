"""A desk that tells its events to a receiver over HTTPS, with the relay and the consumer run by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from chalicelib.kit import database, secrets, standard_webhooks
from chalicelib.kit.jobs import Consumer, run
from chalicelib.kit.safe_url import Policy, parse_allowed
from chalicelib.kit.settings import settings as functions_settings
from chalicelib.webhooks import consumer as deliver

from infra.local.settings import Settings
from tests.people import Actor, Connection, act_as, connect, new_member, new_organization
from tests.webhooks.receiver import HOST, Authority, Receiver, receiving

MASTER_KEY = base64.b64encode(bytes(range(32))).decode()

Logged = Callable[[], list[dict[str, Any]]]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint and the secret it was given."""

    id: UUID
    secret: str


@dataclass
class Desk:
    """An organization. `db` is a session of `postgres`, which sees everything."""

    settings: Settings
    db: Connection
    organization: UUID
    members: dict[str, Actor] = field(default_factory=dict)

    def one(self, query: str, *parameters: Any) -> dict[str, Any]:
        row = self.db.execute(query, parameters).fetchone()
        assert row is not None
        return row

    def all(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        return self.db.execute(query, parameters).fetchall()

    def as_member(self, role: str, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """One statement as a member, the way PostgREST runs it."""
        with connect(self.settings, "authenticator") as session, session.transaction():
            act_as(session, self.members[role])
            cursor = session.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def endpoint(self, url: str, **columns: Any) -> Endpoint:
        """An endpoint as the route makes one."""
        values = {"organization_id": self.organization, "url": url, **columns}
        names, marks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
        row = self.db.execute(
            f"insert into public.webhook_endpoints ({names}) values ({marks}) returning id", values
        ).fetchone()
        assert row is not None
        secret, secret_id = standard_webhooks.new_secret(), uuid4()
        key = secrets.sealing_key(values["organization_id"])
        self.db.execute(
            "insert into private.webhook_secrets (id, organization_id, endpoint_id, sealed, key_version)"
            " values (%s, %s, %s, %s, %s)",
            [
                secret_id,
                values["organization_id"],
                row["id"],
                key.seal(deliver.SECRETS, secret_id, secret),
                key.version,
            ],
        )
        return Endpoint(row["id"], secret)

    def happens(self, times: int = 1, kind: str = "contact.created", **data: Any) -> list[UUID]:
        """Events, each in a transaction of its own."""
        return [
            self.one(
                "select private.emit(%s, %s, %s, %s::jsonb) as id", self.organization, kind, uuid4(), json.dumps(data)
            )["id"]
            for _ in range(times)
        ]

    def claimed(self) -> list[UUID]:
        """What the relay would hand out now to the consumer."""
        rows = self.all("select id, consumer, delay from private.claim_jobs(100)")
        return [row["id"] for row in rows if row["consumer"] == "deliver" and row["delay"] == 0]

    def deliver(self) -> list[str]:
        """Relay and consumer, until nothing is due. Returns how the jobs ended."""
        outcomes: list[str] = []
        while jobs := self.claimed():
            outcomes += [run(CONSUMER, job) for job in jobs]
            assert len(outcomes) < 50, "it goes round in circles"
        return outcomes

    def later(self, seconds: float = 0, **parts: float) -> None:
        """Time passes for everything that waits."""
        from datetime import timedelta

        gone = timedelta(seconds=seconds, **parts)
        self.db.execute("update public.webhook_deliveries set next_attempt_at = next_attempt_at - %s", [gone])
        self.db.execute(
            "update public.webhook_health set paused_until = paused_until - %(gone)s,"
            " busy_until = busy_until - %(gone)s, queued_until = queued_until - %(gone)s,"
            " failing_since = failing_since - %(gone)s, last_failure_at = last_failure_at - %(gone)s",
            {"gone": gone},
        )
        self.db.execute("update private.jobs set run_at = run_at - %s where state = 'waiting'", [gone])

    def deliveries(self) -> list[dict[str, Any]]:
        return self.all(
            "select d.*, extract(epoch from d.next_attempt_at - now())::float as due_in"
            " from public.webhook_deliveries as d order by d.id"
        )

    def states(self) -> list[str]:
        return [row["state"] for row in self.deliveries()]

    def health(self) -> dict[str, Any]:
        return self.one(
            "select h.*, extract(epoch from h.paused_until - now())::float as paused_for"
            " from public.webhook_health as h"
        )


CONSUMER = Consumer("deliver", deliver.handle)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.found(tmp_path_factory.mktemp("authority"), HOST, "other.test")


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    with receiving(authority.server()) as found:
        yield found


@pytest.fixture
def environment(database_of_file: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The functions' environment on this database."""
    monkeypatch.setenv("PGDESK_DATABASE_URL", database_of_file.database_url("pgdesk_functions"))
    monkeypatch.setenv("PGDESK_MASTER_KEY", MASTER_KEY)
    _forget()
    yield database_of_file
    _forget()


def _forget() -> None:
    functions_settings.cache_clear()
    secrets.opening_key.cache_clear()
    database.close()


@pytest.fixture
def desk(environment: Settings, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """An organization whose webhooks may go to this machine, where every name leads."""

    def here(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    rules = Policy(authority.trusting(), parse_allowed("127.0.0.1"), here)
    monkeypatch.setattr(deliver, "policy", lambda: rules)
    monkeypatch.setattr(deliver, "LOOKS", 0)
    with connect(environment, "supabase_admin") as people, connect(environment, "postgres") as db:
        organization = new_organization(people, "acme")
        members = {role: new_member(people, organization, role) for role in ("viewer", "agent", "admin")}
        try:
            yield Desk(environment, db, organization, members)
        finally:
            db.execute("delete from public.organizations")
            db.execute("delete from private.jobs")


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    """What was logged since it was last asked for; every line must be JSON."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
