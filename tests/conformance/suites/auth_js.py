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


# Of the client's own tests, those that mock what they ask or never get so far.
_OFFLINE = (
    "fetchJwk › *",
    "dispose() lifecycle › *",
    "initializePromise deadlock fix › *",
    "Lockless*",
    "Storage adapter edge cases › *",
    "MFA › getAuthenticatorAssuranceLevel with JWT parameter › *",
    "Refresh commit guard*",
    "userNotAvailable*",
    "Branch Coverage*",
    "*wrong p*",
    "* getSession() returns null *",
    "* _getSessionFromURL() *",
    "* exchangeCodeForSession() *",
    "* stopAutoRefresh*",
    "* with PKCE flow should return error",
    "* fails with invalid sms provider",
    "*single-confirmation response",
    "* signUp() returns the bare*",
    "*_recoverAndRefresh › should return null session*",
    "*start/stop multiple times",
    "GoTrueClient with skipAutoInitialize option › should a*",
    "GoTrueClient with skipAutoInitialize option › should skip*",
    "* = true › getSession() *",
    "* = true › saveSession *",
    "* › sign*() should throw *",
    "*code_challenge*",
    "*cleans up code verifier on HTTP error",
    "*resend() fails*",
    "*Email Auth › should handle *",
    "*setSession should fail without *",
    "GoTrueClient › should handle *",
    "*when both email and phone are missing",
    "*should handle signInWithIdToken *",
    "*getUserIdentities() returns error without session",
    "*_listFactors returns *",
    "MFA › should handle MFA *",
    "*_recoverAndRefresh still logs *",
    "*explicit-caller contract*",
    "*init cleanup*",
    "*getSession() with invalid refreshToken *",
    "Session Management › should handle custom URL *",
    "Session Management › should handle get*",
    "Session Management › should handle setSession *",
    "Session Management › should handle updateUser *",
    "Signout behaviour › signOut",
    "*subscribe and unsubscribe*",
    "*third-party oAuth providers › s*",
    "Web3 Authentication › should handle*",
    "*should fail * chain without *",
    "*for unsupported chain",
    "*if there is no session present",
    "*invalid base64url encoded access_token",
    "Refresh-token lifecycle*(Fix *",
)

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
    no_server=(
        "test/base64url.test.ts › *",
        "test/errors.test.ts › *",
        "test/ethereum.test.ts › *",
        "test/fetch.test.ts › *",
        "test/helpers.test.ts › *",
        "test/GoTrueClient.*.test.ts › *",
        "test/lib/locks.test.ts › *",
        "test/lib/local-storage.test.ts › *",
        "test/lib/polyfills.test.ts › *",
        "test/lib/utils.test.ts › * › mock*",
        "test/passkey.methods.test.ts › *",
        "test/passkey.test.ts › *",
        "test/webauthn.*.test.ts › *",
        "test/docker-tests/phone-otp.test.ts › * › signInWithOtp() with phone",
        "test/docker-tests/phone-otp.test.ts › * › signUp() *",
        "test/GoTrueApi.test.ts › * returns AuthError for invalid user",
        "test/GoTrueApi.test.ts › * › getClient() *",
        "test/GoTrueApi.test.ts › * AuthError when user id is invalid",
        "test/GoTrueApi.test.ts › * › listUsers() returns AuthError *",
        *(f"test/GoTrueClient.test.ts › {pattern}" for pattern in _OFFLINE),
    ),
)  # fmt: skip
