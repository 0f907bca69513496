"""What Chalice makes of functions/: one archive and a template of functions, mappings, schedules and API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.aws import Template

ARCHIVE, TEMPLATE = "deployment.zip", "sam.json"
# Chalice says this and goes on, with a package that cannot be imported.
INCOMPLETE = "Could not install dependencies:"


def package(app: Path, target: Path) -> Template:
    """Run `chalice package` for the app into `target` and return its template.

    Raises RuntimeError with what was wrong in one line.
    """
    # Chalice loads app.py to see what is in it; nothing is connected to. It wants a region even so.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PGDESK_")}
    environment = kept | {
        "PGDESK_DATABASE_URL": "postgresql://nobody@localhost/none",
        "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "eu-central-1"),
    }
    chalice = Path(sys.executable).with_name("chalice")
    done = subprocess.run(
        [str(chalice), "package", "--stage", "dev", str(target.resolve())],
        cwd=app, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = (done.stdout + done.stderr).strip()
    if INCOMPLETE in said:
        missing = said.partition(INCOMPLETE)[2].partition("You will have to")[0].split()
        raise RuntimeError(f"no wheel for Lambda's runtime: {', '.join(missing)} (see functions/requirements.txt)")
    if done.returncode or not (target / TEMPLATE).exists():
        raise RuntimeError(f"chalice package failed: {said.splitlines()[-1] if said else 'it said nothing'}")
    template: Template = json.loads((target / TEMPLATE).read_text())
    return template


def without_wheels(app: Path, target: Path) -> Path:
    """A copy of the app in `target` that asks for no distribution: packed in seconds, for its template or own files."""
    copy = target / "functions"
    shutil.copytree(app, copy, ignore=shutil.ignore_patterns("deployments", "__pycache__"))
    (copy / "requirements.txt").write_text("")
    return copy
