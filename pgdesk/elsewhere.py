"""Supabase itself in place of the embedded stack's: `supabase start` (STACK=supabase), or a project (SUPABASE_URL)."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.local.settings import Settings
from pgdesk import supabase_cli

ROOT = Path(__file__).resolve().parent.parent
# The CLI's own ports are those of the embedded stack; ours move up by this.
PORTS_AWAY = 10
NEEDED = (
    "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY", "SUPABASE_DB_URL", "PGDESK_DATABASE_URL", "PGDESK_SIGNING_KEY",
)  # fmt: skip
# Managed stacks, of which one is native, are still behind this switch (CLI 3.1).
MANAGED = {"SUPABASE_EXPERIMENTAL_STACK": "1"}


@dataclass(frozen=True)
class Project:
    """A Supabase project. `database_url` is for the role postgres, direct or in session mode (it listens)."""

    url: str
    publishable_key: str
    secret_key: str
    database_url: str


def chosen() -> str:
    """embedded, supabase or hosted: what STACK and SUPABASE_URL ask for. Raises ValueError."""
    stack = os.environ.get("STACK", "")
    if stack not in ("", "embedded", "supabase", "hosted"):
        raise ValueError(f"STACK is embedded, supabase or hosted, not {stack}")
    if stack == "hosted" and not os.environ.get("SUPABASE_URL"):
        raise ValueError("STACK=hosted needs SUPABASE_URL")
    return stack or ("hosted" if os.environ.get("SUPABASE_URL") else "embedded")


def over(settings: Settings) -> Settings:
    """The settings of a stack that leaves the platform to the project that is chosen. Raises ValueError."""
    kind = chosen()
    if kind == "embedded":
        return settings
    project = hosted() if kind == "hosted" else running(settings)
    keys = replace(settings.keys, publishable_key=project.publishable_key, secret_key=project.secret_key)
    return replace(away(settings), keys=keys, platform=project.url, platform_database=project.database_url)


def away(settings: Settings) -> Settings:
    """The same ports, those that are the CLI's moved, unless the environment has moved them already."""
    names = [
        name for name in ("api", "mail", "queue", "functions") if not os.environ.get(f"PGDESK_{name.upper()}_PORT")
    ]
    ports: dict[str, Any] = {f"{name}_port": getattr(settings, f"{name}_port") + PORTS_AWAY for name in names}
    return replace(settings, **ports)


def hosted() -> Project:
    """The project that the environment describes. Raises ValueError, naming what is missing."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        raise ValueError(f"SUPABASE_URL is set, {', '.join(missing)} not: docs/compatibility.md says what they are")
    publishable, secret, database = (os.environ[name] for name in NEEDED[:3])
    return Project(os.environ["SUPABASE_URL"].rstrip("/"), publishable, secret, database)


def start(settings: Settings) -> None:
    """Start the CLI's stack (Docker, Podman or native: SUPABASE_RUNTIME, else what there is) with our signing key.

    Raises CliError with the CLI's words in one line.
    """
    _ask(settings, "start", "--runtime", os.environ.get("SUPABASE_RUNTIME", "auto"))


def stop(settings: Settings) -> None:
    _ask(settings, "stop")


def running(settings: Settings) -> Project:
    """The CLI's stack as it runs. Raises ValueError where none does."""
    try:
        found = json.loads(_ask(settings, "status", "--output-format", "json"))["env"]
        return Project(found["API_URL"].rstrip("/"), found["PUBLISHABLE_KEY"], found["SECRET_KEY"], found["DB_URL"])
    except (supabase_cli.CliError, ValueError, KeyError, TypeError):
        raise ValueError("no stack of the Supabase CLI is running: start it with `STACK=supabase make up`") from None


def _ask(settings: Settings, *arguments: str) -> str:
    try:
        return supabase_cli.run(*arguments, folder=_workdir(settings), environment=MANAGED)
    except supabase_cli.CliError as error:
        words = " ".join(re.sub(r"[│●◇◆■]", " ", str(error)).split())  # it draws a frame around what it says
        raise supabase_cli.CliError(f"supabase {arguments[0]}: {words[-600:]}") from None


def _workdir(settings: Settings) -> Path:
    """A project for the CLI beside our data: this repository's configuration, with the key that our functions sign by.

    Migrations are not in it: `pgdesk up` applies them, as it does to the embedded database.
    """
    folder = settings.data / "supabase-cli" / "supabase"
    folder.mkdir(parents=True, exist_ok=True)
    told = (ROOT / "supabase" / "config.toml").read_text(encoding="utf-8")
    told = re.sub(r"^schema_paths = .*\n", "", told, flags=re.MULTILINE)
    told = told.replace("[auth]\n", '[auth]\nsigning_keys_path = "./signing_keys.json"\n', 1)
    (folder / "config.toml").write_text(told, encoding="utf-8")
    keys = folder / "signing_keys.json"
    keys.touch(mode=0o600)
    keys.write_text(json.dumps([settings.keys.signing_key | {"key_ops": ["sign", "verify"]}]))
    return folder.parent
