"""The real Supabase CLI, from npm, against plain PostgreSQL: the judge of what hosted Supabase would say."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pgdesk.environment import ROOT

VERSION = "3.1.0"
FOLDER = ROOT / ".pgdesk" / "cache" / f"supabase-cli-{VERSION}"


class CliError(RuntimeError):
    """The CLI could not be had, or refused; the message is its last line."""


def available() -> bool:
    return shutil.which("npm") is not None


def run(*arguments: str, folder: Path = ROOT, environment: Mapping[str, str] | None = None) -> str:
    """Run the pinned CLI and return what it printed. Raises CliError where it ends with an error."""
    _install()
    environment = (
        os.environ
        | dict(environment or {})
        | {
            "SUPABASE_TELEMETRY_DISABLED": "1",
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
            "SUPABASE_YES": "1",
            "PGSSLMODE": "disable",
        }
    )
    done = subprocess.run(
        [str(FOLDER / "node_modules" / ".bin" / "supabase"), "--agent", "no", *arguments],
        capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise CliError((done.stderr or done.stdout).strip()[-2000:] or f"supabase {arguments[0]} failed")
    return done.stdout


def _install() -> None:
    if (FOLDER / "node_modules" / ".bin" / "supabase").exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(FOLDER), f"supabase@{VERSION}"],  # noqa: S607
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise CliError(f"npm could not install supabase@{VERSION}: {done.stderr.strip()[-300:]}")
