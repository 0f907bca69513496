"""The deployment package: what runs on Lambda, as one zip and one SAM template."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pgdesk import models
from pgdesk.environment import ROOT

TARGET = ROOT / "build" / "package"
MERGE = ROOT / "infra" / "aws" / "merge.json"


def build(target: Path = TARGET) -> Path:
    """Build `deployment.zip` and `sam.json` into `target` and return it. Raises RuntimeError with Chalice's last line.

    The Lambda runtime will be the Python that runs this (3.11 to 3.13).
    """
    models.build()
    target.mkdir(parents=True, exist_ok=True)
    # Chalice loads app.py to see what is in it; nothing is connected to. It wants a region even so.
    environment = os.environ | {
        "PGDESK_DATABASE_URL": "postgresql://nobody@localhost/none",
        "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "eu-central-1"),
    }
    command = [str(Path(sys.executable).with_name("chalice")), "package", "--stage", "dev"]
    done = subprocess.run(
        [*command, *(["--merge-template", str(MERGE)] if MERGE.exists() else []), str(target)],
        cwd=ROOT / "functions", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode or not (target / "sam.json").exists():
        raise RuntimeError(f"chalice package failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    json.loads((target / "sam.json").read_text())
    return target
