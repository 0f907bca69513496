"""The deployment package: what runs on Lambda, as one zip and one SAM template."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pgdesk import models
from pgdesk.environment import ROOT

TARGET = ROOT / "build" / "package"
FUNCTIONS = ROOT / "functions"
MERGE = ROOT / "infra" / "aws" / "merge.json"
# Chalice says this and goes on, with a package that cannot be imported.
INCOMPLETE = "Could not install dependencies:"


def build(target: Path = TARGET, app: Path = FUNCTIONS) -> Path:
    """Build `deployment.zip` and `sam.json` of the Chalice app in folder `app` into `target`, and return `target`.

    Wheels for Lambda are fetched by pip as the requirements pin them. The Lambda runtime will be the Python that runs
    this (3.11 to 3.13). Raises RuntimeError with what was wrong in one line.
    """
    models.prepare()
    target.mkdir(parents=True, exist_ok=True)
    for old in ("deployment.zip", "sam.json"):
        (target / old).unlink(missing_ok=True)
    # Chalice loads app.py to see what is in it; nothing is connected to. It wants a region even so.
    environment = os.environ | {
        "PGDESK_DATABASE_URL": "postgresql://nobody@localhost/none",
        "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "eu-central-1"),
    }
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("chalice")), "package", "--stage", "dev",
            "--merge-template", str(MERGE), str(target.resolve()),
        ],
        cwd=app, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = (done.stdout + done.stderr).strip()
    if INCOMPLETE in said:
        missing = said.partition(INCOMPLETE)[2].partition("You will have to")[0].split()
        raise RuntimeError(f"no wheel for Lambda's runtime: {', '.join(missing)} (see functions/requirements.txt)")
    if done.returncode or not (target / "sam.json").exists():
        raise RuntimeError(f"chalice package failed: {said.splitlines()[-1] if said else 'it said nothing'}")
    return target
