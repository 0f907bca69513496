"""Secrets in rows: bound to their place, under keys that only KMS or the operator can open."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from chalicelib.kit import secrets
from chalicelib.kit.secrets import DataKey, Unreadable, opening_key, sealing_key
from chalicelib.kit.settings import settings as functions_settings
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from infra.local.settings import Settings
from tests.people import Connection, connect, new_organization
from tests.webhooks.conftest import MASTER_KEY

TABLE = "private.webhook_secrets"
ORGANIZATION, ROW = UUID(int=1), UUID(int=2)
KEY = DataKey(ORGANIZATION, 1, bytes(32))


@given(st.text())
def test_what_was_sealed_is_opened_and_looks_different_each_time(secret: str) -> None:
    sealed = KEY.seal(TABLE, ROW, secret)
    assert KEY.open(TABLE, ROW, sealed) == secret
    assert KEY.seal(TABLE, ROW, secret) != sealed


@pytest.mark.parametrize(
    "other",
    [
        (KEY, "private.other", ROW),
        (KEY, TABLE, UUID(int=3)),
        (DataKey(UUID(int=9), 1, bytes(32)), TABLE, ROW),
        (DataKey(ORGANIZATION, 2, bytes(32)), TABLE, ROW),
        (DataKey(ORGANIZATION, 1, bytes(31) + b"x"), TABLE, ROW),
    ],
    ids=["table", "row", "tenant", "version", "key"],
)
def test_a_ciphertext_moved_elsewhere_cannot_be_opened(other: tuple[DataKey, str, UUID]) -> None:
    key, table, row = other
    with pytest.raises(Unreadable):
        key.open(table, row, KEY.seal(TABLE, ROW, "whsec_x"))


@given(st.binary(max_size=80))
def test_what_was_never_sealed_is_unreadable(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        KEY.open(TABLE, ROW, sealed)


def test_a_key_does_not_show_itself() -> None:
    assert "00" not in repr(DataKey(ORGANIZATION, 1, bytes.fromhex("00" * 32))).split("organization_id")[0]
    assert "key=" not in repr(KEY)


@pytest.fixture
def db(environment: Settings) -> Iterator[Connection]:
    with connect(environment, "postgres") as connection:
        yield connection
        connection.execute("delete from public.organizations")


@pytest.fixture
def acme(db: Connection) -> UUID:
    return new_organization(db, "acme")


def told_anew(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    functions_settings.cache_clear()
    opening_key.cache_clear()


def test_an_organization_has_a_key_of_its_own(db: Connection, acme: UUID) -> None:
    other = new_organization(db, "other")
    first = sealing_key(acme)
    assert sealing_key(acme) == opening_key(acme, 1) == first
    assert sealing_key(other).key != first.key
    wrapped = db.execute("select wrapped from private.data_keys where organization_id = %s", [acme]).fetchone()
    assert wrapped
    assert first.key not in bytes(wrapped["wrapped"])


def test_a_wrapped_key_serves_no_other_organization(db: Connection, acme: UUID) -> None:
    other = new_organization(db, "other")
    sealing_key(acme)
    db.execute(
        "insert into private.data_keys (organization_id, version, wrapped, wrapped_by)"
        " select %s, version, wrapped, wrapped_by from private.data_keys",
        [other],
    )
    with pytest.raises(Unreadable, match="not wrapped for this organization"):
        opening_key(other, 1)


def test_a_new_master_key_takes_over_from_an_old_one(acme: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sealing_key(acme)
    fresh = base64.b64encode(b"f" * 32).decode()
    told_anew(monkeypatch, PGDESK_MASTER_KEY=f"{fresh},{MASTER_KEY}")
    assert opening_key(acme, 1) == before
    told_anew(monkeypatch, PGDESK_MASTER_KEY=fresh)
    with pytest.raises(Unreadable, match="which PGDESK_MASTER_KEY does not name"):
        opening_key(acme, 1)


@pytest.mark.parametrize("wrong", ["", "c2hvcnQ=", "not base64!"])
def test_nothing_is_sealed_without_a_good_master_key(wrong: str, acme: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    told_anew(monkeypatch, PGDESK_MASTER_KEY=wrong)
    with pytest.raises(Unreadable, match="PGDESK_MASTER_KEY") as unreadable:
        sealing_key(acme)
    assert not wrong or wrong not in str(unreadable.value)


def test_kms_wraps_where_it_is_named(db: Connection, acme: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    secrets._kms.cache_clear()
    with mock_aws():
        key_id = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        told_anew(monkeypatch, PGDESK_KMS_KEY_ID=key_id, PGDESK_MASTER_KEY="")
        made = sealing_key(acme)
        opening_key.cache_clear()
        assert opening_key(acme, 1) == made
        row = db.execute("select wrapped, wrapped_by from private.data_keys").fetchone()
        assert row
        assert row["wrapped_by"] == "kms"
        # KMS unwraps for this organization only.
        other = new_organization(db, "other")
        db.execute(
            "insert into private.data_keys (organization_id, version, wrapped, wrapped_by) values (%s, 1, %s, 'kms')",
            [other, row["wrapped"]],
        )
        with pytest.raises(Unreadable, match="KMS"):
            opening_key(other, 1)
    secrets._kms.cache_clear()


def test_a_key_that_is_not_there_is_named(acme: UUID) -> None:
    with pytest.raises(Unreadable, match="no data key 7"):
        opening_key(acme, 7)
    with pytest.raises(Unreadable):
        opening_key(uuid4(), 1)
