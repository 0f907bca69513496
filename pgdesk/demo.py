"""The main job from end to end: a mailbox goes through the desk, and everything that became of it is shown."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from chalicelib.kit.database import queries
from psycopg.rows import dict_row
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.local.settings import Settings
from infra.local.stack import status
from pgdesk.demo_report import Record, collect, show
from pgdesk.listener import Listener
from pgdesk.mail import client, post
from pgdesk.mailbox import read_messages
from pgdesk.seed import DEMO, Desk, seed

POLL_SECONDS = 0.1
# Nothing has moved for this long: something is stuck, and the report says what.
PATIENCE_SECONDS = 120.0
# Handed in and not yet filed: enough to keep the desk busy, few enough that the figures are the desk's own.
IN_FLIGHT = 8
SQL = queries(__file__)


def run(settings: Settings, mailbox: Path | None, json_file: Path | None, *, keep: bool, console: Console) -> int:
    """Replay `mailbox` (the bundled one if None) and report. Returns 0 only if every message is accounted for."""
    source = mailbox or DEMO / "mailbox"
    names = [name for name, _ in read_messages(source)]
    if not names:
        raise RuntimeError(f"there are no messages in {source}")
    with running_stack(settings, console, keep=keep):
        with console.status("seeding the organization and its knowledge base"):
            desk = seed(settings)
            with database(settings) as connection:
                wait_until_done(connection)
        with Listener(settings, desk) as listener, database(settings) as connection:
            records = replay(settings, desk, source, len(names), connection, console)
            stuck = wait_until_done(connection)
            collect(connection, records, listener.heard)
            accounted = show(connection, console, records, stuck)
        if json_file:
            json_file.write_text(json.dumps([record.as_json() for record in records], indent=1, default=str))
        show_where(settings, desk, console, keep=keep)
    return 0 if accounted else 1


@contextmanager
def running_stack(settings: Settings, console: Console, *, keep: bool) -> Iterator[None]:
    """Use the stack that runs over this data folder, or start one for the time of the demo."""
    if status(settings.data) is not None:
        yield
        return
    from pgdesk.up import build_stack

    with console.status("starting PostgreSQL, the platform's protocols and the functions"):
        stack = build_stack(settings)
        stack.start()
    try:
        yield
        if keep:
            console.print("The stack keeps running: Ctrl-C stops it.")
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
    finally:
        stack.stop()


@contextmanager
def database(settings: Settings) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection as `postgres`, in autocommit."""
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row, autocommit=True) as connection:
        yield connection


def replay(
    settings: Settings,
    desk: Desk,
    source: Path,
    count: int,
    connection: psycopg.Connection[dict[str, Any]],
    console: Console,
) -> list[Record]:
    """Hand every message in, in order, never more than IN_FLIGHT ahead of the desk."""
    records = []
    columns = (TextColumn("mail"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with client(settings) as http, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("mail", total=count)
        for name, raw in read_messages(source):
            while (row := connection.execute(SQL["unfinished"]).fetchone()) and row["mails"] >= IN_FLIGHT:
                time.sleep(POLL_SECONDS / 4)
            record = Record(file=name)
            answer = post(http, raw, [desk.address])
            record.accepted_at = time.monotonic()
            if answer.status_code == 202:
                kept = answer.json()["mails"][0]
                record.inbound_id, record.duplicate = kept["id"], kept["duplicate"]
            else:
                record.error = f"{answer.status_code}: {answer.text[:200]}"
            records.append(record)
            progress.advance(task)
    return records


def wait_until_done(connection: psycopg.Connection[dict[str, Any]]) -> bool:
    """Wait until no job is due and every mail is filed. Returns whether something is stuck."""
    last: tuple[int, ...] = ()
    moved = time.monotonic()
    quiet = 0
    while True:
        row = connection.execute(SQL["unfinished"]).fetchone()
        assert row
        # Twice in a row: a job that ends may just be about to queue the next.
        quiet = quiet + 1 if not row["jobs"] and not row["mails"] else 0
        if quiet == 2:
            return False
        if tuple(row.values()) != last:
            last, moved = tuple(row.values()), time.monotonic()
        if time.monotonic() - moved > PATIENCE_SECONDS:
            return True
        time.sleep(POLL_SECONDS)


def show_where(settings: Settings, desk: Desk, console: Console, *, keep: bool) -> None:
    """Addresses and logins, for those who want to look closer."""
    console.print(f"\nMailbox       http://{settings.host}:{settings.mail_port}")
    console.print(f"API           {settings.api_url}   (apikey {settings.keys.publishable_key})")
    console.print(f"Database      {settings.database_url('postgres')}")
    console.print(f"Sign in as    {desk.login}   password {desk.password}")
    if not keep:
        console.print("`make up` starts the stack again with everything in it.")
