"""The deployment package, unpacked and run where nothing else is installed."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from starlette.applications import Starlette

from infra.local.mail.service import MailService
from infra.local.plan import QueueDefinition
from infra.local.queue import engine
from infra.local.queue.service import QueueService
from infra.local.runner.clock import scheduled_event
from infra.local.runner.gateway_events import HttpRequest, to_event
from infra.local.settings import Settings
from pgdesk import package
from pgdesk.package import chalice
from pgdesk.package.player import Answer, Container, Unpacked
from tests.package.conftest import ROOT, pinned
from tests.people import Connection, new_organization
from tests.serving import serve

UNPACKED_LIMIT = 250_000_000  # Lambda's, for code and layers together
UPLOAD_LIMIT = 50_000_000  # Lambda's, for an archive that does not come from S3
ADDRESS = "help@acme.example"
CLOCK = scheduled_event("any", datetime(2026, 11, 2, 10, tzinfo=UTC))
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
        return wake_up(*(each["Body"] for each in found)) if found else None


@pytest.fixture
def around(desk: Settings, owner: Connection, tmp_path: Path) -> Iterator[World]:
    mail = MailService(Settings(data=tmp_path))
    with serve(QueueService()) as sqs_url, serve(Starlette(routes=mail.routes)) as mail_url:
        world = World(owner, desk, sqs_url, mail_url)
        yield world
        world.sqs.close()


class Functions:
    """The functions of one package: each in a container of its own, as on Lambda, or all in one, which is quicker."""

    def __init__(self, packaged: Unpacked, told: dict[str, str], *, apart: bool) -> None:
        self._packaged, self._told, self._apart = packaged, told, apart
        self._open = ExitStack()
        self._containers: dict[str, Container] = {}
        self.invoked: set[str] = set()

    def __enter__(self) -> Functions:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def invoke(self, handler: str, event: dict[str, Any]) -> Answer:
        self.invoked.add(handler)
        key = handler if self._apart else ""
        if key not in self._containers:
            self._containers[key] = self._open.enter_context(self._packaged.container(self._told, key or None))
        return self._containers[key].invoke(handler, event)


def http(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> dict[str, Any]:
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return to_event(HttpRequest(method, path, query, sent, body), path, {}, ["message/rfc822"])


def wake_up(*job_ids: str) -> dict[str, Any]:
    return {"Records": [{"messageId": str(uuid4()), "body": each, "eventSource": "aws:sqs"} for each in job_ids]}


def check(packaged: Unpacked, world: World, *, apart: bool) -> None:
    """Every handler of the template does its work in an empty interpreter: mail in, filed, triaged, answered, out."""
    acme = new_organization(world.db, "acme")
    world.furnish(acme)
    handlers = {name: each["Handler"] for name, each in packaged.functions.items()}
    with Functions(packaged, world.environment, apart=apart) as functions:
        health = functions.invoke(handlers["APIHandler"], http("GET", "/v1/health")).value
        assert (health["statusCode"], json.loads(health["body"])["status"]) == (200, "ok")
        sent = http(
            "POST",
            "/v1/inbound/mime",
            f"rcpt={ADDRESS}",
            MAIL,
            content_type="message/rfc822",
            authorization="Bearer sesame",
        )
        assert base64.b64decode(sent["body"]) == MAIL
        taken = functions.invoke(handlers["APIHandler"], sent).value
        assert taken["statusCode"] == 202, taken["body"]
        functions.invoke(handlers["Housekeeping"], CLOCK)
        worked = drain(packaged, world, functions)
        assert worked >= {"intake", "triage", "reply", "send_mail", "index_article", "refit", "maintain"}
        ended = world.db.execute("select consumer, state, error from private.jobs").fetchall()
        assert [row for row in ended if row["state"] != "done"] == []
        for consumer in packaged.consumers.keys() - worked:
            # Nothing above gives it work. It takes a job that names nothing, and says so.
            enqueued = world.db.execute("select private.enqueue(%s, %s) as id", [acme, consumer]).fetchone()
            assert enqueued
            functions.invoke(handlers["Sweep"], CLOCK)
            event = world.wake_ups(world.prefix + consumer)
            assert event
            assert functions.invoke(packaged.consumers[consumer], event).value == {"batchItemFailures": []}
            job = world.db.execute("select state, error from private.jobs where id = %s", [enqueued["id"]]).fetchone()
            assert job
            assert job["state"] in ("done", "dead", "waiting"), consumer
            assert "Import" not in (job["error"] or ""), job["error"]
            assert "NotFound" not in (job["error"] or ""), job["error"]
        assert functions.invoked == set(handlers.values())
    mails = world.db.execute("select state, outcome from public.inbound_mails").fetchall()
    assert mails == [{"state": "done", "outcome": "new_ticket"}]
    assert world.db.execute("select status from public.outgoing_mails where kind = 'receipt'").fetchall() == [
        {"status": "sent"}
    ]


def drain(packaged: Unpacked, world: World, functions: Functions) -> set[str]:
    """Publish and run jobs until there are none. Returns the consumers that had one."""
    worked: set[str] = set()
    for _ in range(20):
        # What is meant for later is wanted now: refitting waits for more examples.
        world.db.execute("update private.jobs set run_at = now() where state = 'waiting'")
        functions.invoke("app.sweep", CLOCK)
        found = {name: world.wake_ups(world.prefix + name) for name in packaged.consumers}
        if not any(found.values()):
            return worked
        for name, event in found.items():
            if event:
                worked.add(name)
                assert functions.invoke(packaged.consumers[name], event).value == {"batchItemFailures": []}
    pytest.fail("the jobs never end")


def test_every_handler_runs_with_our_files_and_the_pinned_distributions_alone(
    without_wheels: Unpacked, around: World
) -> None:
    check(without_wheels, around, apart=False)


def test_every_route_answers_from_the_package(without_wheels: Unpacked, around: World) -> None:
    """With nothing of use in the request: that it is refused is well, that it fails is not."""
    paths = without_wheels.template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    with Functions(without_wheels, around.environment, apart=False) as functions:
        for path, methods in paths.items():
            for method in methods.keys() - {"options", "x-amazon-apigateway-any-method"}:
                event = http(method.upper(), path, content_type="application/json")
                event["pathParameters"] = dict.fromkeys(re.findall(r"{(\w+)}", path), "none")
                answer = functions.invoke("app.app", event).value
                assert answer["statusCode"] < 500, (method, path, answer["body"])


@pytest.mark.parametrize(
    ("handler", "loaded"),
    [("app.app", set()), ("app.sweep", set()), ("app.on_intake", set()), ("app.on_triage", {"numpy", "py3langid"})],
)
def test_a_container_that_starts_loads_what_its_function_needs_and_no_more(
    without_wheels: Unpacked, handler: str, loaded: set[str]
) -> None:
    heavy = {"numpy", "py3langid", "boto3", "openai", "resend", "storage3"}
    told = {"PGDESK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "_HANDLER": handler}
    look = f"import sys; sys.path[:0] = {[str(each) for each in without_wheels.path]}; import app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "ignore", "-c", look],
        env=without_wheels.environment(told), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) & heavy == loaded


def test_the_model_comes_from_the_layer(without_wheels: Unpacked) -> None:
    layer = {str(file.relative_to(without_wheels.opt)) for file in without_wheels.opt.rglob("*") if file.is_file()}
    assert layer == {"pgdesk/minilm.npz", "pgdesk/vocab.txt"}
    assert not list(without_wheels.task.rglob("minilm.npz"))
    told = without_wheels.template["Globals"]["Function"]["Environment"]["Variables"]["PGDESK_EMBEDDING_FOLDER"]
    assert told == "/opt/pgdesk"  # a layer is unpacked into /opt


def test_every_module_is_compiled_and_names_where_lambda_has_it(without_wheels: Unpacked) -> None:
    sources = list(without_wheels.task.rglob("*.py"))
    assert len(sources) > 50
    for source in sources:
        compiled = list((source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc"))
        assert compiled, source
        assert str(without_wheels.task.parent).encode() not in compiled[0].read_bytes()
    compiled = list((without_wheels.task / "__pycache__").glob("app.*.pyc"))
    assert b"/var/task/app.py" in compiled[0].read_bytes()


def test_no_secret_and_no_path_of_this_machine_is_packed(without_wheels: Unpacked) -> None:
    names = [str(file.relative_to(without_wheels.task)) for file in without_wheels.task.rglob("*")]
    assert not [name for name in names if re.search(r"\.env|\.pem|keys\.json|\.chalice|(^|/)tests?/", name)]
    ours = [file for file in without_wheels.task.rglob("*") if file.is_file()]
    assert not [file for file in ours if str(ROOT).encode() in file.read_bytes()]


def test_the_pinned_distributions_are_those_that_are_tested() -> None:
    for requirement in pinned():
        if requirement.name not in ("numpy", "pillow"):  # see the notes there
            assert metadata.version(requirement.name) in requirement.specifier, requirement.name


def test_a_wheel_that_lambda_cannot_run_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"Creating deployment package.\n\n{chalice.INCOMPLETE}\nnumpy==9.9\nYou will have to build these yourself"
    program = tmp_path / "chalice"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(RuntimeError, match=r"no wheel for Lambda's runtime: numpy==9\.9"):
        package.build(tmp_path / "out")


@pytest.mark.full
def test_every_handler_runs_from_the_whole_package_and_it_fits_lambda(
    whole: tuple[package.Built, Unpacked], around: World
) -> None:
    built, unpacked = whole
    print(f"\n{built.code}, {built.layer}, unpacked {built.unpacked / 1e6:.0f} MB")
    assert built.unpacked < UNPACKED_LIMIT
    assert max(built.code.packed, built.layer.packed) < UPLOAD_LIMIT
    assert sum(file.stat().st_size for file in unpacked.task.rglob("*") if file.is_file()) == built.code.unpacked
    check(unpacked, around, apart=True)
