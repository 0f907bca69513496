"""Supabase itself in place of the embedded platform: what chooses it, what is missing, what runs here then."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from infra.local.ports import free_ports
from infra.local.settings import Settings
from infra.local.stack import status
from pgdesk import elsewhere, schema, supabase_cli
from pgdesk.environment import ROOT, functions_environment, own_settings, stack_settings
from tests.gateway.conftest import start
from tests.waiting import until

HOSTED = {
    "SUPABASE_URL": "https://abcd.supabase.co/",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
    "SUPABASE_SECRET_KEY": "sb_secret_y",
    "SUPABASE_DB_URL": "postgresql://postgres.abcd:p%40ss@pooler.example:5432/postgres?sslmode=require",
    "PGDESK_DATABASE_URL": "postgresql://pgdesk_functions.abcd:z@pooler.example:6543/postgres",
    "PGDESK_SIGNING_KEY": '{"kty": "EC"}',
}
STATUS = {
    "API_URL": "http://127.0.0.1:54321",
    "DB_URL": "postgresql://postgres:postgres@127.0.0.1:54422/postgres",
    "PUBLISHABLE_KEY": "sb_publishable_x",
    "SECRET_KEY": "sb_secret_y",
}


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*HOSTED, "STACK", *(f"PGDESK_{port}_PORT" for port in ("API", "DB", "MAIL", "QUEUE", "FUNCTIONS"))]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGDESK_DATA_FOLDER", str(tmp_path / "data"))


def choose(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in (HOSTED | changes).items():
        monkeypatch.setenv(name, value)


def test_the_embedded_platform_is_the_default() -> None:
    assert stack_settings().platform == ""
    assert stack_settings().platform_url == "http://127.0.0.1:54321"


def test_a_hosted_project_takes_the_platforms_place(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch)
    settings = stack_settings()
    assert settings.platform_url == "https://abcd.supabase.co"
    assert (settings.keys.publishable_key, settings.keys.secret_key) == ("sb_publishable_x", "sb_secret_y")
    assert settings.database_url("postgres") == HOSTED["SUPABASE_DB_URL"]
    assert settings.database_url("other").startswith("postgresql://other.abcd:")
    assert settings.database_url("other").endswith("@pooler.example:5432/postgres?sslmode=require")
    assert (settings.api_port, settings.mail_port) == (54331, 54334)
    told = functions_environment(settings)
    assert told["PGDESK_SUPABASE_URL"] == "https://abcd.supabase.co"
    assert told["PGDESK_DATABASE_URL"] == HOSTED["PGDESK_DATABASE_URL"]
    assert told["PGDESK_SIGNING_KEY"] == HOSTED["PGDESK_SIGNING_KEY"]


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://abcd.supabase.co")
    with pytest.raises(ValueError, match="SUPABASE_PUBLISHABLE_KEY, SUPABASE_SECRET_KEY, SUPABASE_DB_URL, PGDESK_DA"):
        stack_settings()
    monkeypatch.setenv("STACK", "docker")
    with pytest.raises(ValueError, match="STACK is embedded, supabase or hosted, not docker"):
        stack_settings()


def test_the_clis_stack_takes_the_platforms_place(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def run(*arguments: str, folder: Path, environment: dict[str, str]) -> str:
        asked.append(arguments)
        config = tomllib.loads((folder / "supabase/config.toml").read_text())
        assert "schema_paths" not in config["db"]["migrations"]
        (key,) = json.loads((folder / "supabase" / config["auth"]["signing_keys_path"]).read_text())
        assert key["kid"] == own_settings().keys.signing_key["kid"]
        return json.dumps({"env": STATUS})

    monkeypatch.setattr(supabase_cli, "run", run)
    monkeypatch.setenv("STACK", "supabase")
    monkeypatch.setenv("SUPABASE_RUNTIME", "native")
    elsewhere.start(own_settings())
    settings = stack_settings()
    assert asked == [("start", "--runtime", "native"), ("status", "--output-format", "json")]
    assert settings.platform_url == STATUS["API_URL"]
    assert settings.api_port != 54321
    assert settings.database_url("pgdesk_functions") == (
        f"postgresql://pgdesk_functions:{settings.keys.service_password}@127.0.0.1:54422/postgres"
    )


def test_a_stack_of_the_cli_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", "supabase")
    monkeypatch.setattr(supabase_cli, "run", lambda *_, **__: '{"env": {}}')
    with pytest.raises(ValueError, match="no stack of the Supabase CLI is running: start it with `STACK=supabase make"):
        stack_settings()


def test_what_the_cli_says_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: str, **__: object) -> str:
        raise supabase_cli.CliError("│\n■  PostgreSQL cannot be run as root\nSet SUPABASE_NATIVE_POSTGRES_USER=<user>")

    monkeypatch.setattr(supabase_cli, "run", fail)
    with pytest.raises(supabase_cli.CliError) as told:
        elsewhere.start(own_settings())
    assert (
        str(told.value) == "supabase start: PostgreSQL cannot be run as root Set SUPABASE_NATIVE_POSTGRES_USER=<user>"
    )


@pytest.fixture
def project(bare: Settings) -> Iterator[Settings]:
    """A project with pgdesk's migrations, as somebody else runs it."""
    schema.migrate(bare.database_url("postgres"))
    schema.admit_functions(bare.database_url("postgres"), bare.keys.service_password)
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="pgdesk-project-")))
        api, mail = free_ports(2)
        yield start(open_, replace(bare, data=folder, api_port=api, mail_port=mail))


def test_pgdesk_up_runs_functions_beside_a_project_that_runs_elsewhere(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(
        monkeypatch,
        SUPABASE_URL=project.api_url,
        SUPABASE_PUBLISHABLE_KEY=project.keys.publishable_key,
        SUPABASE_SECRET_KEY=project.keys.secret_key,
        SUPABASE_DB_URL=project.database_url("postgres"),
        PGDESK_DATABASE_URL=project.database_url("pgdesk_functions"),
        PGDESK_SIGNING_KEY=json.dumps(project.keys.signing_key),
    )
    for name, port in zip(("API", "MAIL", "QUEUE", "FUNCTIONS"), free_ports(4), strict=True):
        monkeypatch.setenv(f"PGDESK_{name}_PORT", str(port))
    settings = stack_settings()
    said = settings.data / "up.log"
    with said.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "pgdesk", "up"], cwd=ROOT, stdout=log, stderr=log)
    try:
        until(lambda: "Ctrl-C" in said.read_text() or process.poll() is not None)
        assert process.poll() is None, said.read_text()
        assert httpx.get(f"{settings.api_url}/functions/v1/health").json() == {"status": "ok"}
        running = status(settings.data)
        assert running
        assert set(running.processes) == {"queue", "gateway", "runner"}
        assert not (settings.data / "postgres").exists()
        assert httpx.get(f"{settings.api_url}/rest/v1/").status_code == 404  # those are the project's
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert process.returncode == 0
    assert project.api_url in said.read_text()


def test_a_hosted_project_is_not_migrated_from_here(desk: Settings) -> None:
    with pytest.raises(RuntimeError, match=r"the project lacks \d+ migrations, \d{14}_\w+.sql first: `npx supabase db"):
        schema.refuse_missing(desk.database_url("postgres"))
