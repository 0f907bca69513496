"""The desk of tests/intake with its providers: real HTTP servers, real signatures, and jobs run by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from chalicelib.intake import consumer as intake
from chalicelib.intake.provider import consumer as fetching
from chalicelib.kit import jobs
from chalicelib.kit import settings as environment
from chalicelib.kit.http import Handler, HttpError, Request, error_response

from infra.local.settings import Settings
from tests.databases import empty
from tests.intake.conftest import Desk, open_box
from tests.intake.provider.outside import Outside, outside
from tests.people import Actor, act_as, connect, new_member

BUCKET = "acme-mail"
CONSUMERS = {
    "fetch_mail": jobs.Consumer("fetch_mail", fetching.handle),
    "intake": jobs.Consumer("intake", intake.handle),
}


@dataclass
class Post:
    """The desk, and the outside world as one server."""

    box: Desk
    outside: Outside
    settings: Settings
    monkeypatch: pytest.MonkeyPatch

    def configure(self, **values: str) -> None:
        """Variables of the functions' environment, without their prefix."""
        for name, value in values.items():
            self.monkeypatch.setenv(f"PGDESK_{name.upper()}", value)
        environment.settings.cache_clear()

    def call(
        self, handler: Handler, body: bytes, headers: dict[str, str] | None = None, **query: str | list[str]
    ) -> tuple[int, Any]:
        """Status and answer of a route."""
        given = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
        try:
            answer = handler(Request("POST", "/", given, headers or {}, body))
        except HttpError as error:
            answer = error_response(error)
        return answer.status, json.loads(answer.body)

    def work(self) -> list[str]:
        """Run fetching and reading until nothing is due. Returns how each fetch ended; what failed waits for its time,
        which does not come here."""
        outcomes: list[str] = []
        for _ in range(100):
            claimed = self.box.admin.execute(
                "select id, consumer from private.claim_jobs() where consumer in ('fetch_mail', 'intake')"
            ).fetchall()
            if not claimed:
                return outcomes
            for row in claimed:
                outcome = jobs.run(CONSUMERS[row["consumer"]], row["id"])
                if row["consumer"] == "fetch_mail":
                    outcomes.append(outcome)
                if outcome == "waiting":
                    self.box.admin.execute(
                        "update private.jobs set payload = payload || jsonb_build_object('wait', extract(epoch from"
                        " run_at - now())), run_at = now() + interval '1 day' where id = %s",
                        [row["id"]],
                    )
        raise AssertionError("the jobs come to no end")

    def again(self) -> list[str]:
        """Time has passed: what failed is due."""
        self.box.admin.execute("update private.jobs set run_at = now() where state = 'waiting' and attempt > 0")
        return self.work()

    @property
    def wait(self) -> float:
        """Seconds that the last failed job is to wait."""
        return float(
            self.box.row("select payload ->> 'wait' as wait from private.jobs where payload ? 'wait' order by id desc")[
                "wait"
            ]
        )

    def held(self) -> dict[str, Any]:
        """The one row of public.provider_mails."""
        (row,) = self.box.admin.execute("select * from public.provider_mails").fetchall()
        return row

    def raw(self) -> list[bytes]:
        return [bytes(row["raw"]) for row in self.box.admin.execute("select raw from private.inbound_raw order by 1")]

    def admin_of(self, organization_id: UUID) -> Actor:
        return new_member(self.box.admin, organization_id, "admin")

    def ask(self, actor: Actor, statement: str, *values: Any) -> list[dict[str, Any]]:
        """A statement of a signed-in user."""
        with connect(self.settings, "authenticator") as connection, connection.transaction():
            act_as(connection, actor)
            return connection.execute(statement.encode(), values).fetchall()

    def is_untouched(self) -> bool:
        """Nothing was recorded, kept, queued or remembered. (That the audit log is sealed is the fixtures' doing.)"""
        tables = ("public.provider_mails", "public.inbound_mails", "private.received_webhooks")
        jobs = "private.jobs where payload ->> 'ring' is distinct from 'seal_audit'"
        return not any(self.box.count(table) for table in (*tables, jobs))


@pytest.fixture(scope="package")
def database(swept_database: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(swept_database, data=tmp_path_factory.mktemp("providers"))


@pytest.fixture
def box(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_box(database, monkeypatch) as found:
        yield found
        empty(found.admin)


@pytest.fixture(scope="package")
def server() -> Iterator[Outside]:
    with outside() as found:
        yield found


@pytest.fixture
def post(box: Desk, database: Settings, server: Outside, monkeypatch: pytest.MonkeyPatch) -> Post:
    server.pages.clear()
    server.script.clear()
    server.asked.clear()
    return Post(box, server, database, monkeypatch)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make time-outs short."""
    from chalicelib.intake.provider import download, resend

    def shorten() -> None:
        monkeypatch.setattr(download, "READ", 0.2)
        monkeypatch.setattr(resend, "TIMEOUT", 0.2)

    return shorten


@pytest.fixture(scope="package")
def s3_client() -> Iterator[Any]:
    """S3, and the client by which the functions ask it."""
    from chalicelib.intake.provider import ses
    from moto import mock_aws

    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "us-east-1")):
            patch.setenv(f"AWS_{name}", value)
        with mock_aws():
            client = ses._client()
            client.create_bucket(Bucket=BUCKET)
            patch.setattr(ses, "_s3", lambda: client)
            yield client
            client.close()


@pytest.fixture
def s3(s3_client: Any) -> Any:
    """The same, with an empty bucket."""
    for each in s3_client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3_client.delete_object(Bucket=BUCKET, Key=each["Key"])
    return s3_client
