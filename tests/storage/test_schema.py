"""Storage's tables behave as on the platform for those who write migrations and policies."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from infra.local.postgres import create_database
from infra.local.settings import Settings


def test_the_platform_files_may_run_again(empty: Settings) -> None:
    create_database(empty)


def test_postgres_may_write_policies_and_buckets(empty: Settings) -> None:
    with psycopg.connect(empty.database_url("postgres")) as db:
        db.execute("insert into storage.buckets (id, name) values ('raw', 'raw')")
        db.execute("create policy p on storage.objects for select to anon using (bucket_id = 'raw')")
        db.execute("create role keeper nologin")
        try:
            db.execute("grant select on storage.objects to keeper")
        finally:
            db.rollback()


@pytest.mark.parametrize("role", ["postgres", "service_role", "anon"])
@pytest.mark.parametrize("table", ["objects", "buckets"])
def test_rows_cannot_be_deleted_behind_the_api(empty: Settings, role: str, table: str) -> None:
    with psycopg.connect(empty.database_url("postgres")) as db:
        db.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Storage API"):
            db.execute(sql.SQL("delete from storage.{}").format(sql.Identifier(table)))


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_nothing_is_visible_or_writable_without_a_policy(empty: Settings, role: str) -> None:
    with psycopg.connect(empty.database_url("postgres"), autocommit=True) as db:
        db.execute("insert into storage.buckets (id, name) values ('raw', 'raw')")
        db.execute("insert into storage.objects (bucket_id, name) values ('raw', 'a')")
        db.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        assert db.execute("select * from storage.objects").fetchall() == []
        assert db.execute("select * from storage.buckets").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("insert into storage.objects (bucket_id, name) values ('raw', 'b')")


def test_paths_are_taken_apart(empty: Settings) -> None:
    with psycopg.connect(empty.database_url("postgres")) as db:
        row = db.execute(
            "select storage.foldername(n), storage.filename(n), storage.extension(n) from (select 'a/b/c.tar.gz' n) x"
        ).fetchone()
        assert row == (["a", "b"], "c.tar.gz", "gz")
        assert db.execute("select storage.foldername('c')").fetchone() == ([],)


def test_a_policy_can_ask_which_operation_runs(empty: Settings) -> None:
    with psycopg.connect(empty.database_url("postgres")) as db:
        ask = (
            "select storage.allow_only_operation('object.list'), storage.allow_only_operation(''), "
            "storage.allow_any_operation(array['storage.object.list', 'object.get_authenticated'])"
        )
        assert db.execute(ask).fetchone() == (False, False, False)
        db.execute("select set_config('storage.operation', 'storage.object.list', true)")
        assert db.execute(ask).fetchone() == (True, False, True)


def test_search_lists_one_level(empty: Settings) -> None:
    with psycopg.connect(empty.database_url("postgres")) as db:
        db.execute("insert into storage.buckets (id, name) values ('raw', 'raw')")
        for name in ("b.txt", "A.txt", "docs/x.txt", "docs/y/z.txt", "Docs2/q.txt", "100%/a.txt", "100x.txt"):
            db.execute("insert into storage.objects (bucket_id, name) values ('raw', %s)", [name])

        def names(*arguments: object) -> list[str]:
            marks = ", ".join(["%s"] * len(arguments))
            return [row[0] for row in db.execute(f"select name from storage.search({marks})", arguments)]

        assert names("", "raw") == ["100%", "100x.txt", "A.txt", "b.txt", "docs", "Docs2"]
        assert names("", "raw", 100, 1, 0, "", "name", "desc") == names("", "raw")[::-1]
        assert names("docs/", "raw") == ["x.txt", "y"]
        assert names("", "raw", 100, 1, 0, "do") == ["docs", "Docs2"]
        assert names("", "raw", 2, 1, 1) == ["100x.txt", "A.txt"]
        assert names("100%/", "raw") == ["a.txt"]
        assert names("", "raw", 100, 1, 0, "", "created_at", "asc")[:3] == ["100%", "docs", "Docs2"]


def test_listing_functions_page_through_files_and_folders(empty: Settings) -> None:
    with psycopg.connect(empty.database_url("postgres")) as db:
        db.execute("insert into storage.buckets (id, name) values ('raw', 'raw')")
        for minute, name in enumerate(["b.txt", "docs/x.txt", "a.txt", "docs/y.txt", "docs.txt"]):
            db.execute(
                "insert into storage.objects (bucket_id, name, created_at) values ('raw', %s, '2026-01-01 00:00:00Z'"
                "::timestamptz + %s * interval '1 minute')",
                [name, minute],
            )

        def page(*arguments: object) -> list[str]:
            marks = ", ".join(["%s"] * len(arguments))
            return [row[0] for row in db.execute(f"select name from storage.search_v2({marks})", arguments)]

        assert page("", "raw") == ["a.txt", "b.txt", "docs.txt", "docs"]
        assert page("", "raw", 100, 1, "", "desc") == ["docs", "docs.txt", "b.txt", "a.txt"]
        assert page("", "raw", 2, 1, "a.txt") == ["b.txt", "docs.txt"]
        assert page("docs/", "raw", 100, 2) == ["docs/x.txt", "docs/y.txt"]
        assert page("", "raw", 100, 1, "", "asc", "created_at") == ["b.txt", "docs", "a.txt", "docs.txt"]
        after = "2026-01-01T00:01:00Z"
        assert page("", "raw", 100, 1, "docs", "asc", "created_at", after) == ["a.txt", "docs.txt"]


def test_columns_that_policies_of_the_platform_may_name_are_there(empty: Settings) -> None:
    with psycopg.connect(empty.database_url("postgres")) as db:
        db.execute("select archived_at, is_delete_marker, is_versioned, path_tokens, owner_id from storage.objects")
        with pytest.raises(psycopg.errors.CheckViolation):
            db.execute("insert into storage.buckets (id, name, versioning_status) values ('v', 'v', 'ENABLED')")
