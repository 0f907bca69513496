"""`make check`: form, types, architecture, SQL, documents, schema drift, and what Supabase's own advisors say."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from rich.console import Console

from infra.local.postgres import Cluster
from infra.local.settings import Settings
from pgdesk import client_types, supabase_cli, web
from pgdesk.documents import stale
from pgdesk.drift import differences
from pgdesk.environment import ROOT
from pgdesk.migration import diff
from pgdesk.package import GOLDEN
from pgdesk.scratch import declared, migrated, scratch_cluster

BIN = Path(sys.executable).parent
out = Console(highlight=False, soft_wrap=True)

TOOLS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy"],
    "architecture": ["lint-imports"],
    "cloud template": ["cfn-lint", str(GOLDEN)],
    "sql": ["sqlfluff", "lint", "--processes", "2", "--disable-progress-bar", "sql", "policies"],
}

# Scripts of web/package.json.
WEB_SCRIPTS = {"web: format and lint": "lint", "web: types": "types", "web: units": "test"}


class Failed(Exception):  # noqa: N818
    """A check found something; the message is what it said."""


class Skipped(Exception):  # noqa: N818
    """A check could not be made here; the message says why."""


def main() -> int:
    """Run every check, say how each ended, and return 1 if any failed."""
    failed = [name for name, command in TOOLS.items() if not _report(name, partial(_tool, command))]
    failed += [name for name, script in WEB_SCRIPTS.items() if not _report(name, partial(_web, script))]
    with scratch_cluster() as platform:
        server = Cluster(platform)
        have, want = migrated(platform), declared(platform)
        schema_checks: dict[str, Callable[[], None]] = {
            "documents": lambda: _documents(want),
            "web: types of the schema": lambda: _client_types(want),
            "schema drift": lambda: _drift(server, have, want),
            "schema drift, by the Supabase CLI": lambda: _cli_drift(have, want),
            "Supabase advisors": lambda: _advisors(have),
        }
        failed += [name for name, check in schema_checks.items() if not _report(name, check)]
    if failed:
        out.print(f"[red]failed:[/] {', '.join(failed)}")
    return 1 if failed else 0


def _report(name: str, check: Callable[[], None]) -> bool:
    started = time.monotonic()
    try:
        check()
    except Skipped as skipped:
        out.print(f"[yellow]skipped[/] {name}: {skipped}")
        return True
    except Failed as failure:
        out.print(f"[red]failed[/]  {name}")
        out.print(str(failure), markup=False)
        return False
    out.print(f"[green]ok[/]      {name} ({time.monotonic() - started:.1f} s)")
    return True


def _tool(command: list[str]) -> None:
    done = subprocess.run([str(BIN / command[0]), *command[1:]], capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise Failed((done.stdout + done.stderr).strip())


def _web(script: str) -> None:
    try:
        web.install()
        web.npm("run", script)
    except web.WebError as error:
        raise Failed(str(error)) from None


def _client_types(settings: Settings) -> None:
    _need_node()
    if client_types.generated(settings.database_url("postgres")) != client_types.FILE.read_text(encoding="utf-8"):
        raise Failed(f"{client_types.FILE.name} is not what the schema says; run `make docs`")


def _documents(settings: Settings) -> None:
    found = stale(settings.database_url("postgres"))
    if found:
        raise Failed(f"stale: docs/{', docs/'.join(found)}; run `make docs`")


def _drift(server: Cluster, have: Settings, want: Settings) -> None:
    found = differences(server, have, want)
    if found:
        raise Failed("\n".join(["supabase/migrations/ (-) and sql/ + policies/ (+) differ:", *found[:60]]))


def _cli_drift(have: Settings, want: Settings) -> None:
    _need_node()
    for one, other in ((have, want), (want, have)):
        found = diff(one.database_url("postgres"), other.database_url("postgres"))
        if found:
            raise Failed(found[:4000])


def _advisors(settings: Settings) -> None:
    """The linter of hosted Supabase: no finding of level warn or above."""
    _need_node()
    with psycopg.connect(settings.database_url("supabase_admin"), autocommit=True) as connection:
        # Without it the lints about the exposed schema look at nothing.
        connection.execute(f"alter database {settings.database} set pgrst.db_schemas = 'public'".encode())
    arguments = ("db", "advisors", "--type", "all", "--level", "warn", "--fail-on", "warn")
    try:
        supabase_cli.run(*arguments, f"--remote={settings.database_url('postgres')}")
    except supabase_cli.CliError as error:
        raise Failed(str(error)) from None


def _need_node() -> None:
    if not supabase_cli.available():
        raise Skipped("Node is absent, and the Supabase CLI comes from npm")


if __name__ == "__main__":
    sys.exit(main())
