"""supabase-py's postgrest: PostgREST at the root of port 3000, whose anonymous role may do everything."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.suite import Server, Suite, read

# Its docker-compose.yaml says the same by the container's environment. The role that it names, postgres, is a member of
# authenticator on the platform, so another one does its part.
CONFIGURATION = """
create role everything superuser;
grant everything to authenticator;
alter role authenticator set pgrst.db_schemas = 'public, personal';
alter role authenticator set pgrst.db_plan_enabled = 'true';
alter role authenticator set pgrst.db_tx_end = 'commit-allow-override';
alter role authenticator set pgrst.db_anon_role = 'everything';
"""


def _sql(package: Path) -> list[str]:
    return read(package / "infra", "init.sql")


SUITE = Suite(
    name="postgrest-py",
    package="src/postgrest",
    runner="pytest",
    servers=(Server("rest", 3000, {"schemas": ("public", "personal")}),),
    superuser_sql=CONFIGURATION,
    sql=_sql,
    no_server=(
        "tests/test_utils.py › *",
        "tests/_*/test_client.py › *",
        "tests/_*/test_filter_request_builder.py › *",
        "tests/_*/test_query_request_builder.py › *",
        "tests/_*/test_request_builder.py › *",
        "tests/_*/test_filter_request_builder_integration.py › test_get_retry_503_does_not_retry_when_disabled",
        "tests/_*/test_filter_request_builder_integration.py › test_order_retry_400_doesnt_retry",
    ),
)
