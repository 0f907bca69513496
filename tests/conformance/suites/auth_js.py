"""auth-js: sessions signed by RS256, and the settings of its config.toml."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conformance.suite import EXPOSE, Suite

KEYS = "test/supabase/signing_keys.json"


def _make_keys(package: Path, environment: Mapping[str, str]) -> None:
    command = ["node", "test/generate-signing-keys.js"]
    subprocess.run(command, cwd=package, env=dict(environment), check=True, capture_output=True)


def _keys(package: Path) -> Mapping[str, Any]:
    return {"signing_key": json.loads((package / KEYS).read_text())[0]}


SUITE = Suite(
    name="auth-js",
    package="packages/core/auth-js",
    runner="jest",
    arguments=("--config", "jest.config.cli.js"),
    settings={
        "auth": {
            "confirmations": False,
            "anonymous_enabled": True,
            "redirect_urls": ["https://127.0.0.1:3000", "http://localhost:5173"],
            "max_frequency": 1.0,
        }
    },
    keys=_keys,
    files=_make_keys,
    superuser_sql=EXPOSE,
)
