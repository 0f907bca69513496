"""supabase-py's auth: four GoTrue servers of different settings."""

from __future__ import annotations

from tests.conformance.suite import Suite
from tests.conformance.suites import gotrue

SUITE = Suite(
    name="auth-py",
    package="src/auth",
    runner="pytest",
    servers=gotrue.servers(anonymous_off=False),
    no_server=(
        "tests/test_helpers.py › *",
        "tests/_*/test_utils.py › test_mock_*",
        "tests/_*/test_gotrue.py › test_get_claims_returns_none_when_session_is_none",
        "tests/_*/test_gotrue.py › test_set_session_with_invalid_token",
        "tests/_*/test_gotrue.py › test_exchange_code_for_session",
        "tests/_*/test_gotrue.py › test_sign_in_with_otp",
        "tests/_*/test_gotrue.py › test_sign_out",
        "tests/_*/test_gotrue_admin_api.py › test_sign_in_with_oauth",
        "tests/_*/test_gotrue_admin_api.py › test_link_identity_missing_session",
    ),
)
