"""The desk's real processes under a hand that kills them: PostgreSQL, queue, gateway, and two runners."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import DictRow, dict_row

from infra.local.plan import FUNCTIONS_HEALTH, VARIABLE, Plan
from infra.local.ports import free_ports
from infra.local.postgres import Cluster, create_database
from infra.local.process import Child, answers
from infra.local.settings import Keys, Settings
from pgdesk import models, schema, up
from pgdesk.environment import functions_environment
from tests.faults import points
from tests.faults.mailbox import DESKS
from tests.faults.queue import Queue
from tests.people import new_organization
from tests.replies.world import POINTS, RETURNS, TENTS
from tests.waiting import until

START_SECONDS = 60
ARTICLES = {"return-an-item": ("Return an item", RETURNS), "wash-a-tent": ("Wash and dry a tent", TENTS),
            "pick-up-points": ("Pick-up points", POINTS)}  # fmt: skip
# What a dead process would wait for is made to be over: its lease, and the pause before the next try.
PASS_TIME = """
with fallen_silent as (
  update private.jobs set lease_until = now() - interval '1 second'
  where state in ('published', 'running') returning 1
), paused as (
  update private.jobs set run_at = now() where state = 'waiting' and run_at > now() returning 1
)
select (select count(*) from fallen_silent) + (select count(*) from paused) as moved, private.wake_relay()
"""


@dataclass
class Rig:
    """One desk for two organizations. `environment` is laid over what the functions are told; `queue_port` is where
    they look for their queue, if that is not the queue itself."""

    folder: Path
    environment: Mapping[str, str]
    runners: int = 2
    queue_port: int | None = None
    kills: dict[str, int] = field(default_factory=dict)
    restarts: int = 0

    def __post_init__(self) -> None:
        api, database, mail, queue, *functions = free_ports(4 + self.runners)
        data = self.folder / "data"
        settings = Settings(
            data=data, keys=Keys.load_or_create(data / "keys.json"), api_port=api, db_port=database, mail_port=mail,
            queue_port=queue, functions_port=functions[0],
        )  # fmt: skip
        self.settings = settings
        self.cluster = Cluster(settings, int(os.environ.get("PGDESK_POSTGRES", "16")))
        self.orders = points.Orders(self.folder / "orders")
        self._children: dict[str, tuple[Child, int, str]] = {}
        self._session: psycopg.Connection[DictRow] | None = None
        told = functions_environment(settings)
        # What dies here has not failed: eight deaths must not make a job give up.
        plan = Plan(settings, self._app(), tuple(up.queues()), {"pgdesk_jobs": "sweep"})
        told |= {points.VARIABLE: str(self.orders.folder), "FAULTS_ADMIN_URL": settings.database_url("postgres")}
        self.queue_url = plan.queue_url
        self._add("queue", "infra.local.queue", plan, settings.queue_port, "/health", {})
        self._add("gateway", "infra.local.gateway", plan, settings.api_port, "/health", {})
        seen = replace(settings, queue_port=self.queue_port or queue)
        told |= replace(plan, settings=seen).aws_environment
        for number, port in enumerate(functions):
            # The second one answers no requests: it relays and consumes beside the first.
            own = replace(plan, settings=replace(seen, functions_port=port, data=self.folder / f"runner{number}"))
            self._add(
                f"runner{number}", "infra.local.runner", own, port, FUNCTIONS_HEALTH, told | dict(self.environment)
            )

    def _app(self) -> Path:
        folder = self.folder / "app"
        folder.mkdir(parents=True)
        (folder / "app.py").write_text("from tests.faults.entry import load\n\napp = load()\n")
        shutil.copytree(up.FUNCTIONS / ".chalice", folder / ".chalice")
        return folder

    def _add(self, name: str, module: str, plan: Plan, port: int, path: str, environment: Mapping[str, str]) -> None:
        file = self.folder / f"plan-{name}.json"
        plan.settings.data.mkdir(parents=True, exist_ok=True)
        plan.write(file)
        child = Child(name, module, self.folder / "logs" / f"{name}.log", {VARIABLE: str(file)} | dict(environment))
        self._children[name] = child, port, path

    def start(self) -> None:
        """Return once every part answers and both desks know their articles."""
        models.prepare()
        self._children["queue"][0].start()
        self.cluster.start()
        create_database(self.settings)
        url = self.settings.database_url("postgres")
        schema.declare(url)
        schema.admit_functions(url, self.settings.keys.service_password)
        self._furnish()
        self.mend()
        self.wait_until_up()

    def _furnish(self) -> None:
        with psycopg.connect(self.settings.database_url("postgres"), row_factory=dict_row) as database:
            database.execute("update private.consumers set max_attempts = 60")
            for slug, address in DESKS.items():
                organization = new_organization(database, slug)
                database.execute("update public.organizations set ai_mode = 'auto' where id = %s", [organization])
                database.execute(
                    "insert into public.mail_addresses (organization_id, address, display_name, is_default)"
                    " values (%s, %s, %s, true)",
                    [organization, address, slug.title()],
                )
                for name, (title, body) in ARTICLES.items():
                    database.execute(
                        "with article as (insert into public.articles (organization_id, slug) values (%s, %s)"
                        " returning id, organization_id), version as ("
                        " insert into public.article_versions (organization_id, article_id, title, body)"
                        " select organization_id, id, %s, %s from article) select 1",
                        [organization, name, title, body],
                    )
            database.execute("update public.articles set status = 'published'")

    def stop(self) -> None:
        for child, _, _ in reversed(self._children.values()):
            if child.process:
                child.process.kill()  # what it would finish is of no interest any more
            child.close()
        self._hang_up()
        if self.cluster.folder.exists():
            self.cluster.stop()

    # Killing and mending

    def pid(self, part: str) -> int | None:
        """Of `postgres`, `queue`, `gateway`, `runner0`, `runner1`; None while it does not run."""
        if part == "postgres":
            return self.cluster.running_pid()
        child, _, _ = self._children[part]
        return child.pid if child.ended() is None else None

    def kill(self, part: str) -> None:
        """SIGKILL, and the part is gone when this returns."""
        if (pid := self.pid(part)) is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if part != "postgres":
            process = self._children[part][0].process
            assert process
            process.wait(10)
        self.count(part)

    def count(self, part: str) -> None:
        self.kills[part] = self.kills.get(part, 0) + 1

    def mend(self) -> list[str]:
        """Start again what has died, as the stack itself does; tell who."""
        dead = []
        if self.cluster.running_pid() is None:
            dead.append("postgres")
            self.cluster.start()
        for name, (child, _, _) in self._children.items():
            if child.process is None or child.ended() is not None:
                dead.append(name)
                child.start()
        self.restarts += len(dead)
        pids = {name: pid for name in ("postgres", *self._children) if (pid := self.pid(name)) is not None}
        self.orders.tell_pids(pids)
        return dead

    def wait_until_up(self) -> None:
        """Return once queue, gateway and one runner answer; another one may still be starting."""

        settings = self.settings

        def answering() -> set[str]:
            return {name for name, (_, port, path) in self._children.items() if answers(settings.host, port, path)}

        def is_up() -> bool:
            names = answering()
            return {"queue", "gateway"} <= names and any(name.startswith("runner") for name in names)

        def words() -> str:
            return f"{answering()} answer; " + "; ".join(
                f"{name}: {child.last_words()}" for name, (child, _, _) in self._children.items()
            )

        until(is_up, START_SECONDS, words)

    # The database

    @property
    def database(self) -> psycopg.Connection[DictRow]:
        """A session of `postgres`, a new one where the last was lost."""
        if self._session is None or self._session.closed:
            url = self.settings.database_url("postgres")
            self._session = psycopg.connect(url, row_factory=dict_row, autocommit=True, connect_timeout=5)
        return self._session

    def ask(self, query: str, *parameters: Any) -> list[DictRow]:
        """The rows of one statement; asked again where the server dies over it."""
        for _ in range(20):
            try:
                answer = self.database.execute(query.encode(), parameters or None)
                return answer.fetchall() if answer.description is not None else []
            except psycopg.OperationalError:
                self._hang_up()
                self.mend()
        raise AssertionError("the database does not stay up")

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()

    def pass_time(self) -> int:
        """Leases run out and pauses are over, now. Returns for how many jobs.

        An outage is not made longer by it: what is pending until a part answers again waits for that.
        """
        self.mend()
        self.wait_until_up()
        return int(self.ask(PASS_TIME)[0]["moved"])

    def invoke(self, function: str, event: dict[str, Any]) -> None:
        """Call a function as EventBridge would, and wait for its end."""
        url = f"http://{self.settings.host}:{self.settings.functions_port}/2015-03-31/functions/{function}/invocations"
        answer = httpx.post(url, json=event, timeout=30, trust_env=False)
        assert answer.status_code == 200, answer.text
        assert "x-amz-function-error" not in answer.headers, answer.text

    def unfinished(self) -> int:
        """Jobs that have not ended, without what comes a minute behind all else: numbers, seals of the audit."""
        counted = self.ask(
            "select count(*) as n from private.jobs where state in ('waiting', 'published', 'running')"
            " and coalesce(dedupe_key, '') not in ('metrics', 'seal_audit')"
        )
        return int(counted[0]["n"])


@contextmanager
def running(environment: Mapping[str, str], runners: int = 2, through: Queue | None = None) -> Iterator[Rig]:
    """A rig for as long as the block lasts; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="pgdesk-faults-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        rig = Rig(Path(name), environment, runners, through.port if through else None)
        if through:
            through.target = rig.queue_url
        try:
            rig.start()
            yield rig
        finally:
            rig.stop()
