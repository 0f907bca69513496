"""The log's binary messages, as PostgreSQL writes them."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.realtime import pgoutput
from infra.local.realtime.pgoutput import Begin, Commit, Decoder, Delete, Insert, Relation, Truncate, Unchanged, Update
from infra.local.settings import Settings

READ = (
    "select data "
    "from pg_logical_slot_get_binary_changes('s', null, null, 'proto_version', '1', 'publication_names', 'p')"
)


def log_of(settings: Settings, *statements: str) -> list[pgoutput.Message]:
    with psycopg.connect(settings.database_url("postgres"), autocommit=True) as connection:
        connection.execute("create table t (id integer primary key, a text, big text)")
        connection.execute("alter table t alter big set storage external")
        connection.execute("create table whole (id integer, a text)")
        connection.execute("alter table whole replica identity full")
        connection.execute("create publication p for table t, whole")
        connection.execute("select pg_create_logical_replication_slot('s', 'pgoutput', true)")
        connection.execute("set synchronous_commit to on")
        for statement in statements:
            connection.execute(statement.encode())
        decoder = Decoder()
        rows = connection.execute(READ, binary=True).fetchall()
        return [decoder.decode(bytes(row[0])) for row in rows]


def test_a_transaction_is_read_with_its_rows(bare: Settings) -> None:
    begin, relation, insert, commit = log_of(bare, "insert into t values (1, 'ä', null)")
    assert isinstance(begin, Begin)
    assert isinstance(commit, Commit)
    assert begin.committed_at == commit.committed_at
    assert isinstance(relation, Relation)
    assert (relation.schema, relation.table, relation.identity) == ("public", "t", "d")
    assert [(column.name, column.in_identity) for column in relation.columns] == [
        ("id", True),
        ("a", False),
        ("big", False),
    ]
    assert insert == Insert(relation, {"id": "1", "a": "ä", "big": None})


def test_an_update_that_leaves_the_key_has_no_old_row_and_marks_what_was_not_written(bare: Settings) -> None:
    messages = log_of(bare, "insert into t values (1, 'x', repeat('y', 10000))", "update t set a = 'z'")
    (update,) = [message for message in messages if isinstance(message, Update)]
    assert update.old is None
    assert update.new == {"id": "1", "a": "z", "big": Unchanged.VALUE}


def test_an_update_of_the_key_brings_the_old_key(bare: Settings) -> None:
    messages = log_of(bare, "insert into t values (1, 'x', '')", "update t set id = 2")
    (update,) = [message for message in messages if isinstance(message, Update)]
    assert update.old == {"id": "1"}


def test_a_delete_brings_the_replica_identity(bare: Settings) -> None:
    messages = log_of(
        bare,
        "insert into t values (1, 'x', '')",
        "insert into whole values (1, 'x')",
        "delete from t",
        "delete from whole",
        "truncate t",
    )
    assert [message.old for message in messages if isinstance(message, Delete)] == [{"id": "1"}, {"id": "1", "a": "x"}]
    (truncate,) = [message for message in messages if isinstance(message, Truncate)]
    assert [relation.table for relation in truncate.relations] == ["t"]


@given(st.binary(max_size=60))
def test_bytes_of_another_form_are_an_error_that_says_so(data: bytes) -> None:
    decoder = Decoder()
    relation = b"R" + (7).to_bytes(4, "big") + b"s\0t\0d" + (1).to_bytes(2, "big") + b"\1id\0" + bytes(8)
    decoder.decode(relation)
    for kind in (b"", b"I\0\0\0\7N", b"U\0\0\0\7", b"D\0\0\0\7K", b"R"):
        try:
            decoder.decode(kind + data)
        except pgoutput.ProtocolError as error:
            assert "pgoutput" in str(error) or "values" in str(error)  # noqa: PT017


def test_a_row_of_an_undescribed_table_is_an_error() -> None:
    with pytest.raises(pgoutput.ProtocolError):
        Decoder().decode(b"I\0\0\0\7N\0\0")
