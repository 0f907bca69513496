"""supabase-py's auth: four GoTrue containers of different settings, each at the root of a port."""

from __future__ import annotations

from tests.conformance.suite import Server, Suite

SECRET = "37c304f8-51aa-419a-a1af-06154e63707a"
COMMON = {"anonymous_enabled": True, "max_frequency": 1.0}

SUITE = Suite(
    name="auth-py",
    package="src/auth",
    runner="pytest",
    servers=(
        Server("auth", 9999, {"auth": COMMON | {"confirmations": True}}, {"jwt_secret": SECRET}),
        Server("auth", 9998, {"auth": COMMON | {"confirmations": False}}, {"jwt_secret": SECRET}),
        Server("auth", 9997, {"auth": COMMON | {"signup_enabled": False}}, {"jwt_secret": SECRET}),
        Server("auth", 9996, {"auth": COMMON | {"confirmations": False}}, {"jwt_secret": SECRET}),
    ),
)
