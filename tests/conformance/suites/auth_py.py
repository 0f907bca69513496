"""supabase-py's auth: four GoTrue servers of different settings."""

from __future__ import annotations

from tests.conformance.suite import Suite
from tests.conformance.suites import gotrue

SUITE = Suite(name="auth-py", package="src/auth", runner="pytest", servers=gotrue.servers(anonymous_off=False))
