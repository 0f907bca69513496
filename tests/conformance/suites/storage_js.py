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
    no_server=(
        "test/common/*",
        "test/analytics-getcatalog.test.ts › *",
        "test/bucket-api.spec.ts › *",
        "test/downloadBuilders.test.ts › *",
        "test/e2e-workflow.spec.ts › *",
        "test/exports.test.ts › *",
        "test/index-api.spec.ts › *",
        "test/list-sortby-defaults.test.ts › *",
        "test/storageApi.test.ts › bucket api › Build to succeed",
        "test/storageBucketApi.test.ts › * › URL Construction › *",
        "test/storageBucketApi.test.ts › * › constructs *",
        "test/storageBucketApi.test.ts › * › handles empty options object",
        "test/storageBucketApi.test.ts › * › handles network errors",
        "test/storageBucketApi.test.ts › * › purgeBucketCache › *",
        "test/storageBucketApi.test.ts › * › throws *",
        "test/storageBucketApi.test.ts › * › wraps *",
        "test/storageFileApi.test.ts › * › * › get* public *",
        "test/storageFileApi.test.ts › StorageFileApi Edge Cases › *",
        "test/storageFileApi.test.ts › error handling › *",
        "test/storageFileApi.test.ts › purgeCache › *",
        "test/storageFileApiErrorHandling.test.ts › *",
        "test/vector-data-api.spec.ts › *",
    ),
)
