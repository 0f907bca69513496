"""A copy of a database, as each test has one, behaves as the original."""

from __future__ import annotations

import psycopg

from infra.local.settings import Settings
from tests.databases import copy_of


def test_a_copy_looks_names_up_where_the_original_does(platform: Settings) -> None:
    with copy_of(platform) as copy:
        for settings in (platform, copy):
            with psycopg.connect(settings.database_url("supabase_admin")) as connection:
                row = connection.execute("show search_path").fetchone()
                assert row == ('"$user", public, extensions',)
