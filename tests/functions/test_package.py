"""The deployment package, unpacked and run where nothing else is installed."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from packaging.requirements import Requirement
from starlette.applications import Starlette

from infra.local.mail.service import MailService
from infra.local.plan import QueueDefinition
from infra.local.queue import engine
from infra.local.queue.service import QueueService
from infra.local.runner.gateway_events import HttpRequest, to_event
from infra.local.settings import Settings
from pgdesk import package
from tests.people import Connection
from tests.serving import serve

ROOT = Path(__file__).resolve().parents[2]
MAIN = Path(__file__).with_name("lambda_main.py")
UNPACKED_LIMIT_MB = 250  # Lambda's
ADDRESS = "help@acme.example"
# As EventBridge sends it.
CLOCK = {
    "version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "123456789012",
    "time": "2026-11-02T10:00:00Z", "region": "us-east-1", "resources": [], "detail": {},
}  # fmt: skip
FURNITURE = """
insert into public.mail_addresses (organization_id, address, is_default) values (%(o)s, %(address)s, true);
insert into public.ticket_categories (organization_id, key, name) values (%(o)s, 'returns', 'Returns');
insert into public.triage_examples (organization_id, category_id, text)
select organization_id, id, 'I want to send it back' from public.ticket_categories where key = 'returns';
insert into public.articles (organization_id, slug, language) values (%(o)s, 'returns', 'en');
insert into public.article_versions (organization_id, article_id, title, body)
select organization_id, id, 'Return an item', %(body)s from public.articles;
update public.articles set status = 'published'
"""
ARTICLE = "You can send anything back within 30 days. Press **Return items** in your order and print the label."
MAIL = f"""\
Authentication-Results: mx.test; dmarc=pass header.from=example.com
From: Ann <ann@example.com>
To: {ADDRESS}
Subject: Returning a lamp
Message-ID: <package-test@example.com>
Date: Mon, 02 Nov 2026 10:00:00 +0000

How long do I have to send a lamp back?
""".replace("\n", "\r\n").encode()


class Packaged:
    """A built package: its SAM template, and the folders that make up sys.path in Lambda."""

    def __init__(self, built: Path, folder: Path, more: Sequence[Path] = ()) -> None:
        self.template: dict[str, Any] = json.loads((built / "sam.json").read_text())
        with zipfile.ZipFile(built / "deployment.zip") as file:
            file.extractall(folder)
        self.folder, self.path = folder, [folder, *more]

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of each Lambda function, by resource name."""
        found = self.template["Resources"].items()
        return {name: each["Properties"] for name, each in found if each["Type"] == "AWS::Serverless::Function"}

    def megabytes(self) -> float:
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file()) / 1e6

    @contextmanager
    def running(self, environment: dict[str, str]) -> Iterator[Lambda]:
        """An interpreter that has the standard library and the package, and nothing of this checkout or .venv."""
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(MAIN), *map(str, self.path)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/",
            env=environment,
        )  # fmt: skip
        try:
            yield Lambda(process)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(20)
            assert process.stderr
            process.stderr.close()


class Lambda:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.invoked: Counter[str] = Counter()

    def invoke(self, handler: str, event: dict[str, Any]) -> Any:
        """Run one handler; fails with what it raised."""
        assert self._process.stdin
        assert self._process.stderr
        self._process.stdin.write(json.dumps({"handler": handler, "event": event}) + "\n")
        self._process.stdin.flush()
        line = self._process.stderr.readline()
        with suppress(ValueError):
            answer = json.loads(line)
            if "raised" in answer:
                pytest.fail(f"{handler} raised {answer['raised']}")
            self.invoked[handler] += 1
            return answer["value"]
        pytest.fail(f"{handler} broke the interpreter: {line}{self._process.stderr.read()}")


@pytest.fixture(scope="module")
def without_wheels(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """Our own part as Chalice packs it; the pinned distributions, and no others, come from this environment."""
    app = tmp_path_factory.mktemp("app") / "functions"
    shutil.copytree(ROOT / "functions", app, ignore=shutil.ignore_patterns("deployments", "__pycache__"))
    (app / "requirements.txt").write_text("")
    built = package.build(tmp_path_factory.mktemp("built"), app)
    wheels = tmp_path_factory.mktemp("wheels")
    for name in pinned():
        link_distribution(name, wheels)
    return Packaged(built, tmp_path_factory.mktemp("unpacked"), [wheels])


def pinned() -> list[str]:
    lines = (ROOT / "functions" / "requirements.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [each.name for each in requirements if not each.marker or each.marker.evaluate()]


def link_distribution(name: str, folder: Path) -> None:
    """Make the top-level modules of an installed distribution importable from `folder`."""
    distribution = metadata.distribution(name)
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        target = Path(str(distribution.locate_file(top)))
        if not (folder / top).exists():
            (folder / top).symlink_to(target)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The package as `make package` builds it."""
    return Packaged(package.build(tmp_path_factory.mktemp("built")), tmp_path_factory.mktemp("unpacked"))


class World:
    """Database, queue and mail provider around the package."""

    def __init__(self, owner: Connection, settings: Settings, sqs_url: str, mail_url: str) -> None:
        self.db, self.prefix = owner, f"p{uuid4().hex[:8]}-"
        self.environment = {
            "PGDESK_DATABASE_URL": settings.database_url("pgdesk_functions"),
            "PGDESK_QUEUE_PREFIX": self.prefix,
            "PGDESK_INBOUND_SECRET": "sesame",
            "PGDESK_REPLY_SECRET": "a secret for replies",
            "PGDESK_RECEIVER_NAME": "mx.test",
            "PGDESK_RESEND_API_KEY": "re_test",
            "PGDESK_RESEND_URL": mail_url,
            "AWS_ENDPOINT_URL_SQS": sqs_url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "OPENBLAS_NUM_THREADS": "1",
        }
        names = [row["name"] for row in owner.execute("select name from private.consumers")]
        engine.create([QueueDefinition(self.prefix + name) for name in names], sqs_url.removeprefix("http://"))
        self.sqs = boto3.client(
            "sqs", endpoint_url=sqs_url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )

    def furnish(self, organization: UUID) -> None:
        """An address, a category with an example, and an article."""
        values = {"o": organization, "address": ADDRESS, "body": ARTICLE}
        for statement in FURNITURE.split(";"):
            self.db.execute(statement, values)

    def wake_ups(self, queue: str) -> dict[str, Any] | None:
        """What the event source mapping would hand over, or None."""
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        records = [{"messageId": each["MessageId"], "body": each["Body"], "eventSource": "aws:sqs"} for each in found]
        return {"Records": records} if records else None


@pytest.fixture
def around(functions: Settings, owner: Connection, tmp_path: Path) -> Iterator[World]:
    mail = MailService(Settings(data=tmp_path))
    with serve(QueueService()) as sqs_url, serve(Starlette(routes=mail.routes)) as mail_url:
        world = World(owner, functions, sqs_url, mail_url)
        yield world
        world.sqs.close()


def http(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> dict[str, Any]:
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return to_event(HttpRequest(method, path, query, sent, body), path, {}, ["message/rfc822"])


def check(packaged: Packaged, world: World, organization: UUID) -> None:
    """Every handler of the template does its work in an empty interpreter: mail in, filed, triaged, answered, out."""
    world.furnish(organization)
    handlers = {name: each["Handler"] for name, each in packaged.functions.items()}
    by_queue = {
        source["Properties"]["Queue"]["Fn::Sub"].rpartition(":")[2].removeprefix("pgdesk-"): each["Handler"]
        for each in packaged.functions.values()
        for source in each.get("Events", {}).values()
        if source["Type"] == "SQS"
    }
    with packaged.running(world.environment) as run:
        health = run.invoke(handlers["APIHandler"], http("GET", "/health"))
        assert (health["statusCode"], json.loads(health["body"])["status"]) == (200, "ok")
        sent = http(
            "POST",
            "/inbound/mime",
            f"rcpt={ADDRESS}",
            MAIL,
            content_type="message/rfc822",
            authorization="Bearer sesame",
        )
        assert sent["isBase64Encoded"]
        assert base64.b64decode(sent["body"]) == MAIL
        taken = run.invoke(handlers["APIHandler"], sent)
        assert taken["statusCode"] == 202, taken["body"]
        run.invoke(handlers["Housekeeping"], CLOCK)
        for _ in range(20):
            # What is meant for later is wanted now: refitting waits for more examples.
            world.db.execute("update private.jobs set run_at = now() where state = 'waiting'")
            run.invoke(handlers["Sweep"], CLOCK)
            found = {name: world.wake_ups(world.prefix + name) for name in by_queue}
            if not any(found.values()):
                break
            for name, event in found.items():
                if event:
                    assert run.invoke(by_queue[name], event) == {"batchItemFailures": []}
        else:
            pytest.fail("the jobs never end")
        assert set(run.invoked) == set(handlers.values())
    ended = world.db.execute("select consumer, state, error from private.jobs").fetchall()
    assert [row for row in ended if row["state"] != "done"] == []
    assert {row["consumer"] for row in ended} == set(by_queue)
    mails = world.db.execute("select state, outcome from public.inbound_mails").fetchall()
    assert mails == [{"state": "done", "outcome": "new_ticket"}]
    assert world.db.execute("select status from public.outgoing_mails where kind = 'receipt'").fetchall() == [
        {"status": "sent"}
    ]


def test_every_handler_runs_with_our_files_and_the_pinned_distributions_alone(
    without_wheels: Packaged, around: World, acme: UUID
) -> None:
    check(without_wheels, around, acme)


def test_every_wake_up_function_reports_which_of_its_messages_failed(without_wheels: Packaged) -> None:
    sources = [
        source["Properties"]
        for each in without_wheels.functions.values()
        for source in each.get("Events", {}).values()
        if source["Type"] == "SQS"
    ]
    assert len(sources) >= 7
    assert all(source["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for source in sources)


def test_what_is_merged_into_the_template_was_there_before(without_wheels: Packaged) -> None:
    """A misspelt name would quietly add a resource without a type instead."""
    resources = without_wheels.template["Resources"]
    assert [name for name, each in resources.items() if "Type" not in each] == []
    for each in resources.values():
        events = each["Properties"].get("Events", {})
        assert [name for name, event in events.items() if "Type" not in event] == []


def test_functions_get_the_time_and_memory_of_the_configuration(without_wheels: Packaged) -> None:
    config = json.loads((ROOT / "functions" / ".chalice" / "config.json").read_text())
    wanted = {name: each["lambda_timeout"] for name, each in config["stages"]["dev"]["lambda_functions"].items()}
    for properties in without_wheels.functions.values():
        name = "api_handler" if properties["Handler"] == "app.app" else properties["Handler"].partition(".")[2]
        assert (properties["Timeout"], properties["MemorySize"]) == (wanted[name], config["lambda_memory_size"])


def test_no_secret_and_no_path_of_this_machine_is_packed(without_wheels: Packaged) -> None:
    names = [str(file.relative_to(without_wheels.folder)) for file in without_wheels.folder.rglob("*")]
    assert not [name for name in names if re.search(r"\.env|\.pem|keys\.json|\.chalice|(^|/)tests?/", name)]
    ours = [
        file for file in (without_wheels.folder / "chalicelib").rglob("*") if file.suffix in (".py", ".sql", ".json")
    ]
    assert ours
    assert not [file for file in ours if str(ROOT) in file.read_text()]


def test_the_pinned_distributions_are_those_that_are_tested(without_wheels: Packaged) -> None:
    lines = (ROOT / "functions" / "requirements.txt").read_text().splitlines()
    for requirement in (Requirement(line) for line in lines if line and not line.startswith("#")):
        if requirement.name == "numpy" or (requirement.marker and not requirement.marker.evaluate()):
            continue  # numpy: see the note there
        assert metadata.version(requirement.name) in requirement.specifier, requirement.name


def test_a_wheel_that_lambda_cannot_run_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"Creating deployment package.\n\n{package.INCOMPLETE}\nnumpy==9.9\nYou will have to build these yourself"
    chalice = tmp_path / "chalice"
    chalice.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
    chalice.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(RuntimeError, match=r"no wheel for Lambda's runtime: numpy==9\.9"):
        package.build(tmp_path / "out")


@pytest.mark.full
def test_every_handler_runs_from_the_whole_package_and_it_fits_lambda(
    whole: Packaged, around: World, acme: UUID
) -> None:
    print(f"\nunpacked {whole.megabytes():.0f} MB")
    assert whole.megabytes() < UNPACKED_LIMIT_MB
    check(whole, around, acme)
