"""auth-js: sessions signed by RS256, and the settings of its config.toml."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conformance.suite import EXPOSE, Suite
from tests.conformance.suites import gotrue

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
    # The container tests too, which the configuration leaves out.
    arguments=(
        "--config", "jest.config.cli.js", "--testPathIgnorePatterns=/node_modules/",
        "--testPathIgnorePatterns=/example/",
    ),
    settings={
        "auth": {
            "confirmations": False,
            "anonymous_enabled": True,
            "redirect_urls": ["https://127.0.0.1:3000", "http://localhost:5173"],
            "phone_enabled": True,
            "phone_confirmations": False,
            "sms_provider": "",  # none of those that the CLI knows is configured
            "sms_max_frequency": 1.0,
            "test_otps": {"1234567890": "123456"},
            "mfa_webauthn_enroll": True,
            "mfa_phone_enroll": True,
            "mfa_phone_verify": True,
            "mfa_phone_max_frequency": 1.0,
            "providers": {"google": gotrue.GOOGLE | {"skip_nonce_check": True}},
            "oauth_server_enabled": True,
            "oauth_dynamic_registration": True,
        }
    },
    keys=_keys,
    servers=gotrue.servers(anonymous_off=True),
    files=_make_keys,
    superuser_sql=EXPOSE,
)  # fmt: skip
