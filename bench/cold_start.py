"""Cold starts and milliseconds per event, from the package as it is deployed.

Each function has an interpreter of its own that holds nothing but code and layer, as a container on Lambda. Real
Postgres, queue and mail provider; no language model. Mails go in by the API, the jobs they make are handed over one a
time. `init` is what Lambda does before the first event: importing the handler, and where it has models loading them.
FULL=1 plays it once more without bytecode in the package. CPU is what init would take on a core of its own: the bar.

This machine is not Lambda: there, a function has a whole core from 1,769 MB on and its share of one below that, and
the archives are fetched first.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import boto3
import psycopg
from rich.console import Console
from rich.table import Table

from infra.local.plan import Plan
from infra.local.ports import free_ports
from infra.local.runner.clock import scheduled_event
from infra.local.runner.gateway_events import HttpRequest, to_event
from infra.local.settings import Settings
from infra.local.stack import Stack
from pgdesk import package, schema
from pgdesk.environment import RECEIVER, functions_environment, postgres_version, secret
from pgdesk.package.player import Answer, Container, Unpacked
from pgdesk.seed import DEMO, seed
from pgdesk.up import queues

FULL = os.environ.get("FULL") == "1"
MAILS = 12
INIT_BAR_MS, UNPACKED_BAR_MB = 2000, 250
PREFIX = "pgdesk-"
NOBODY = """
from chalice import Chalice
app = Chalice(app_name="nobody")
"""


def main() -> int:
    """Measure and print; 1 where a bar is missed."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pgdesk-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        built = package.build(folder / "built")
        unpacked = Unpacked(built.folder, folder / "unpacked")
        with services(folder / "data") as settings:
            seed(settings)
            found = play(unpacked, settings)
            for cache in [*unpacked.task.rglob("__pycache__"), *unpacked.opt.rglob("__pycache__")] if FULL else ():
                shutil.rmtree(cache)
            bare = play(unpacked, settings) if FULL else {}
    console.print(_table(found, bare))
    megabytes = built.unpacked / 1e6
    slowest = max(answers[0].init_cpu_ms for answers in found.values())
    good = slowest < INIT_BAR_MS and megabytes < UNPACKED_BAR_MB
    for words, figure, bar, unit in (
        ("slowest init, CPU", slowest, INIT_BAR_MS, "ms"),
        ("code and layer unpacked", megabytes, UNPACKED_BAR_MB, "MB"),
    ):
        console.print(f"  {words}: {figure:.0f} {unit} (bar < {bar} {unit}) {'ok' if figure < bar else 'MISSED'}")
    return 0 if good else 1


@contextmanager
def services(data: Path) -> Iterator[Settings]:
    """The stack without the functions: those are played here."""
    data.mkdir(mode=0o755)
    nobody = data.parent / "nobody"
    nobody.mkdir()
    (nobody / "app.py").write_text(NOBODY)
    settings = _settings(data)

    def migrate(url: str) -> None:
        schema.declare(url)
        schema.make_partitions(url)
        schema.admit_functions(url, settings.keys.service_password)

    made = queues()
    with Stack(settings, nobody, {}, made, {}, postgres_version(), migrate=migrate):
        yield settings


def play(unpacked: Unpacked, settings: Settings) -> dict[str, list[Answer]]:
    """Send mails through every function and return what each of its events took."""
    url = Plan(settings, Path()).queue_url
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    told = functions_environment(settings) | keys | {"AWS_ENDPOINT_URL_SQS": url}
    told.pop("PGDESK_EMBEDDING_FOLDER", None)
    answers: dict[str, list[Answer]] = defaultdict(list)
    with ExitStack() as opened:
        database = opened.enter_context(psycopg.connect(settings.database_url("postgres"), autocommit=True))
        sqs = boto3.client(
            "sqs", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        opened.callback(sqs.close)
        containers: dict[str, Container] = {}

        def tick(function: str) -> dict[str, Any]:
            return scheduled_event(function, datetime.now(UTC))

        def invoke(handler: str, event: dict[str, Any]) -> None:
            if handler not in containers:
                containers[handler] = opened.enter_context(unpacked.container(told, handler))
            answers[handler.removeprefix("app.")].append(containers[handler].invoke(handler, event))

        for mail in _mails(f"{uuid4().hex[:8]}.example"):
            invoke("app.app", _posted(mail, secret(settings, "inbound")))
        for _ in range(3):
            invoke("app.housekeeping", tick("housekeeping"))
        while True:
            database.execute("update private.jobs set run_at = now() where state = 'waiting'")
            invoke("app.sweep", tick("sweep"))
            busy = False
            for consumer, handler in unpacked.consumers.items():
                for event in _wake_ups(sqs, PREFIX + consumer):
                    invoke(handler, event)
                    busy = True
            if not busy:
                break
        for handler in unpacked.consumers.values():
            if handler not in containers:  # no mail gives it work: it looks for a job that is not there
                for _ in range(3):
                    invoke(handler, _wake_up(str(uuid4())))
    return answers


def _settings(data: Path) -> Settings:
    names = ("api_port", "db_port", "mail_port", "queue_port", "functions_port")
    ports: dict[str, Any] = dict(zip(names, free_ports(len(names)), strict=True))
    return replace(Settings(data=data), **ports)


def _mails(domain: str) -> Iterator[EmailMessage]:
    examples = [json.loads(line)["text"] for line in (DEMO / "examples.jsonl").read_text().splitlines()]
    for number, text in enumerate(examples[:: len(examples) // MAILS][:MAILS]):
        mail = EmailMessage()
        mail["Authentication-Results"] = f"{RECEIVER}; dmarc=pass header.from={domain}"
        mail["From"] = f"customer{number}@{domain}"
        mail["To"] = json.loads((DEMO / "organization.json").read_text())["address"]
        mail["Subject"] = " ".join(text.split()[:6])
        mail["Message-ID"] = f"<{number}@{domain}>"
        mail.set_content(f"Hello,\n\n{text}\n\nBest regards\n")
        yield mail


def _posted(mail: EmailMessage, key: str) -> dict[str, Any]:
    headers = (("content-type", "message/rfc822"), ("authorization", f"Bearer {key}"))
    request = HttpRequest("POST", "/v1/inbound/mime", f"rcpt={mail['To']}", headers, mail.as_bytes())
    return to_event(request, request.path, {}, ["message/rfc822"])


def _wake_ups(sqs: Any, queue: str) -> Iterator[dict[str, Any]]:
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield _wake_up(message["Body"])


def _wake_up(job_id: str) -> dict[str, Any]:
    return {"Records": [{"messageId": str(uuid4()), "body": job_id, "eventSource": "aws:sqs"}]}


def _table(found: dict[str, list[Answer]], bare: dict[str, list[Answer]]) -> Table:
    table = Table(title="from the unpacked package, each function in an interpreter of its own")
    for head in ("function", "init ms", "CPU", "CPU without .pyc", "first event ms", "next, median", "events", "MB"):
        table.add_column(head, justify="left" if head == "function" else "right")
    for name, answers in sorted(found.items()):
        without = f"{bare[name][0].init_cpu_ms:.0f}" if name in bare else "-"
        following = f"{median(answer.ms for answer in answers[1:]):.1f}" if len(answers) > 1 else "-"
        table.add_row(
            name, f"{answers[0].init_ms:.0f}", f"{answers[0].init_cpu_ms:.0f}", without, f"{answers[0].ms:.0f}",
            following, str(len(answers)), f"{max(answer.peak_mb for answer in answers):.0f}",
        )  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(main())
