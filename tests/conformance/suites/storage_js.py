"""storage-js: buckets and files over its own users, buckets and policies."""

from __future__ import annotations

import re
from pathlib import Path

import bcrypt

from tests.conformance.suite import EXPOSE, Suite, read

# There is no pgcrypto in the embedded PostgreSQL: the users' passwords are hashed before they are loaded.
CRYPT = re.compile(r"crypt\('([^']*)', gen_salt\('bf'\)\)")


def _sql(package: Path) -> list[str]:
    return [
        CRYPT.sub(lambda found: f"'{bcrypt.hashpw(found[1].encode(), bcrypt.gensalt(6)).decode()}'", text)
        for text in read(package / "test/supabase", "seed.sql")
    ]


SUITE = Suite(
    name="storage-js",
    package="packages/core/storage-js",
    runner="jest",
    superuser_sql=EXPOSE,
    sql=_sql,
)
