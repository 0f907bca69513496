"""Transactions from a container, as a transaction pooler would see them."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from chalicelib.kit import database
from chalicelib.kit.database import one, queries, rows, transaction

from infra.local.settings import Settings
from tests.functions.conftest import forget
from tests.people import Connection

NAMES = ("app.organization_id", "app.trace_id", "statement_timeout", "lock_timeout", "role")


def session_settings() -> dict[str, str | None]:
    """What the session is left with, for whoever gets it next."""
    connection = database._connection()
    return {
        name: (connection.execute("select current_setting(%s, true) as value", [name]).fetchone() or {})["value"]
        for name in NAMES
    }


def test_a_transaction_works_for_its_organization_and_no_other(acme: UUID) -> None:
    for organization in (acme, None):
        with transaction(organization) as connection:
            row = one(connection, b"select private.current_organization() as id, current_user as who")
            assert row == {"id": organization, "who": "pgdesk_functions"}


def test_nothing_stays_in_the_session_after_a_commit(functions: Settings) -> None:
    before = session_settings()
    with transaction(uuid4()):
        assert session_settings()["app.organization_id"]
    # A custom setting that was ever set reads '' ever after: the schema takes both for none.
    assert {name: value or None for name, value in session_settings().items()} == before


def test_nothing_stays_in_the_session_after_an_error(functions: Settings) -> None:
    before = session_settings()
    with pytest.raises(psycopg.errors.DivisionByZero), transaction(uuid4()) as connection:
        connection.execute("select 1 / 0")
    assert {name: value or None for name, value in session_settings().items()} == before


def test_no_statement_is_prepared_since_a_pooler_would_lose_it(functions: Settings) -> None:
    for _ in range(12):
        with transaction() as connection:
            connection.execute("select %s::integer", [1])
    with transaction() as connection:
        assert rows(connection, b"select name from pg_prepared_statements") == []


def test_an_error_undoes_the_whole_transaction(acme: UUID, owner: Connection) -> None:
    def work() -> None:
        with transaction(acme) as connection:
            statement = "insert into public.contacts (organization_id, email) values (%s, 'ann@example.com')"
            connection.execute(statement, [acme])
            with pytest.raises(psycopg.errors.DivisionByZero), connection.transaction():
                connection.execute("select 1 / 0")
            raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        work()
    assert owner.execute("select from public.contacts").fetchall() == []


def test_a_transaction_inside_another_is_refused_before_it_can_change_the_tenant(acme: UUID) -> None:
    with transaction(acme) as connection:
        with pytest.raises(RuntimeError, match="open already"), transaction(None):
            pytest.fail("it began")
        assert one(connection, b"select private.current_organization() as id") == {"id": acme}


def test_a_connection_that_died_while_idle_is_replaced(functions: Settings, owner: Connection) -> None:
    with transaction() as connection:
        first = connection.info.backend_pid
    owner.execute("select pg_terminate_backend(%s, 5000)", [first])
    with transaction() as connection:
        assert one(connection, b"select 1 as answer") == {"answer": 1}
        assert connection.info.backend_pid != first


def test_a_connection_that_dies_at_work_says_so_once_and_is_replaced(functions: Settings, owner: Connection) -> None:
    def work() -> None:
        with transaction() as connection:
            owner.execute("select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            connection.execute("select 1")

    with pytest.raises(psycopg.OperationalError):
        work()
    with transaction() as connection:
        assert one(connection, b"select 1 as answer") == {"answer": 1}


def test_a_database_that_is_away_is_an_operational_error(functions: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDESK_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget()
    with pytest.raises(psycopg.OperationalError), transaction():
        pytest.fail("there is no database")


def test_a_statement_or_a_wait_that_takes_too_long_is_ended(functions: Settings) -> None:
    left = session_settings()
    assert (left["statement_timeout"], left["lock_timeout"]) == ("20s", "10s")
    with transaction() as connection:
        connection.execute("set local statement_timeout = '50ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(20)")


def test_queries_are_the_named_blocks_beside_a_module(tmp_path: Path) -> None:
    text = "-- one --\nselect 1;\n\n-- two_more --\n-- a comment -- within\nselect %(x)s;\n"
    (tmp_path / "queries.sql").write_text(text)
    assert queries(str(tmp_path / "module.py")) == {
        "one": b"select 1;",
        "two_more": b"-- a comment -- within\nselect %(x)s;",
    }
