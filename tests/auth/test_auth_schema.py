"""Schema auth as the platform's: who may do what there, and what its functions say of the caller."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from infra.local.postgres import create_database
from infra.local.settings import Settings

ALICE = "00000000-0000-7000-8000-00000000000a"


def as_caller(settings: Settings, claims: str, question: str) -> object:
    with psycopg.connect(settings.database_url("authenticator")) as connection:
        connection.execute("set local role authenticated")
        connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        row = connection.execute(question.encode()).fetchone()
        assert row is not None
        return row[0]


def test_the_functions_read_the_claims(auth_database: Settings) -> None:
    claims = f'{{"sub": "{ALICE}", "role": "authenticated", "email": "a@example.com", "aal": "aal2"}}'
    assert as_caller(auth_database, claims, "select auth.uid()") == UUID(ALICE)
    assert as_caller(auth_database, claims, "select auth.role()") == "authenticated"
    assert as_caller(auth_database, claims, "select auth.email()") == "a@example.com"
    assert as_caller(auth_database, claims, "select auth.jwt() ->> 'aal'") == "aal2"


@pytest.mark.parametrize("claims", ["", "{}", '{"sub": null}', "[]", "null", '"text"', "7"])
@pytest.mark.parametrize("function", ["uid", "role", "email"])
def test_odd_claims_name_nobody_and_do_not_raise(auth_database: Settings, claims: str, function: str) -> None:
    assert as_caller(auth_database, claims, f"select auth.{function}()") is None


def test_the_single_claim_settings_win_as_on_the_platform(auth_database: Settings) -> None:
    with psycopg.connect(auth_database.database_url("postgres")) as connection:
        connection.execute("select set_config('request.jwt.claim.sub', %s, true)", [ALICE])
        assert connection.execute("select auth.uid()").fetchone() == (UUID(ALICE),)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_api_roles_cannot_read_the_tables(auth_database: Settings, role: str) -> None:
    with psycopg.connect(auth_database.database_url("authenticator")) as connection:
        connection.execute(f"set local role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from auth.users")


def test_postgres_reads_references_and_triggers_but_creates_nothing(bare: Settings) -> None:
    with psycopg.connect(bare.database_url("postgres")) as connection:
        connection.execute("select * from auth.users")
        connection.execute("create table public.profiles (id uuid primary key references auth.users on delete cascade)")
        connection.execute("""
            create function public.on_user() returns trigger language plpgsql security definer set search_path = '' as
            $$ begin insert into public.profiles values (new.id); return new; end; $$
        """)
        connection.execute("create trigger on_user after insert on auth.users for each row execute function on_user()")
    with psycopg.connect(bare.database_url("supabase_auth_admin")) as connection:
        connection.execute("insert into auth.users (id) values (%s)", [ALICE])
    with psycopg.connect(bare.database_url("postgres")) as connection:
        assert connection.execute("select id from public.profiles").fetchall() == [(UUID(ALICE),)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table auth.mine ()")


def test_everything_there_belongs_to_the_auth_login(auth_database: Settings) -> None:
    with psycopg.connect(auth_database.database_url("postgres")) as connection:
        owners = connection.execute(
            "select distinct pg_get_userbyid(relowner) from pg_class where relnamespace = 'auth'::regnamespace"
        ).fetchall()
    assert owners == [("supabase_auth_admin",)]


def test_the_file_may_run_again(bare: Settings) -> None:
    create_database(bare)
