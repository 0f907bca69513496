"""Data keys are replaced every 90 days, or at once: what they sealed opens with the new one, the old one is gone."""

from __future__ import annotations

import base64
from uuid import UUID, uuid4

import psycopg
import pytest
from chalicelib.kit.secrets import Unreadable, opening_key, sealing_key
from chalicelib.kit.settings import settings as functions_settings

from tests.people import new_member
from tests.privacy.conftest import Office

TABLE = "private.webhook_secrets"


def secrets_of(office: Office, count: int) -> dict[UUID, str]:
    """Webhook secrets as the route keeps them: each id and what it holds."""
    endpoint = office.box.row(
        "insert into public.webhook_endpoints (organization_id, url) values (%s, 'https://hooks.example/')"
        " returning id",
        office.box.acme,
    )["id"]
    key = sealing_key(office.box.acme)
    made = {uuid4(): f"whsec_{number}" for number in range(count)}
    for secret_id, secret in made.items():
        office.db.execute(
            "insert into private.webhook_secrets (id, organization_id, endpoint_id, sealed, key_version)"
            " values (%s, %s, %s, %s, %s)",
            [secret_id, office.box.acme, endpoint, key.seal(TABLE, secret_id, secret), key.version],
        )
    return made


def opened(office: Office) -> dict[UUID, str]:
    rows = office.db.execute("select id, sealed, key_version from private.webhook_secrets").fetchall()
    return {
        row["id"]: opening_key(office.box.acme, row["key_version"]).open(TABLE, row["id"], bytes(row["sealed"]))
        for row in rows
    }


def versions(office: Office) -> list[int]:
    rows = office.db.execute(
        "select version from private.data_keys where organization_id = %s order by version", [office.box.acme]
    ).fetchall()
    return [row["version"] for row in rows]


def age(office: Office, days: int) -> None:
    office.db.execute("update private.data_keys set created_at = now() - make_interval(days => %s)", [days])
    office.db.execute("select private.maintain()")


def test_a_key_of_90_days_is_replaced_and_everything_it_sealed_sealed_anew(office: Office) -> None:
    made = secrets_of(office, 3)
    age(office, 91)
    assert office.work() == ["done"]
    assert versions(office) == [2]
    assert opened(office) == made
    opening_key.cache_clear()
    with pytest.raises(Unreadable, match="no data key 1"):
        opening_key(office.box.acme, 1)


def test_a_younger_key_stays(office: Office) -> None:
    secrets_of(office, 1)
    age(office, 89)
    assert office.work() == []
    assert versions(office) == [1]


def test_many_secrets_go_in_slices(office: Office) -> None:
    made = secrets_of(office, 230)
    age(office, 91)
    assert office.work() == ["done"] * 3
    assert versions(office) == [2]
    assert opened(office) == made


def test_an_admin_has_the_key_replaced_at_once_and_nobody_else(office: Office) -> None:
    made = secrets_of(office, 1)
    ask = "select public.rotate_data_key(%s)"
    for stranger in (
        new_member(office.db, office.box.acme, "manager"),
        new_member(office.db, office.box.other, "owner"),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            office.as_(stranger, ask, office.box.acme)
    office.as_(office.admin, ask, office.box.acme)
    office.work()
    assert versions(office) == [2]
    assert opened(office) == made


def test_a_key_that_is_gone_seals_nothing_any_more(office: Office) -> None:
    old = sealing_key(office.box.acme)
    age(office, 91)
    made = secrets_of(office, 1)
    office.work()
    # By who had the old key in hand all the time.
    late = uuid4()
    endpoint = office.box.row("select endpoint_id from private.webhook_secrets limit 1")["endpoint_id"]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        office.db.execute(
            "insert into private.webhook_secrets (id, organization_id, endpoint_id, sealed, key_version)"
            " values (%s, %s, %s, %s, 1)",
            [late, office.box.acme, endpoint, old.seal(TABLE, late, "x")],
        )
    assert opened(office) == made


def test_what_cannot_be_opened_keeps_its_key_and_is_seen(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets_of(office, 2)
    monkeypatch.setenv("PGDESK_MASTER_KEY", base64.b64encode(b"n" * 32).decode())
    functions_settings.cache_clear()
    opening_key.cache_clear()
    # The newest key is not to be had either: the job says so, and nothing is changed.
    office.db.execute("update private.data_keys set created_at = now() - interval '91 days'")
    office.db.execute("select private.maintain()")
    before = office.db.execute("select id, sealed from private.webhook_secrets order by id").fetchall()
    ended = office.work()
    assert ended
    assert set(ended) <= {"waiting", "dead"}
    assert versions(office) == [1]
    assert office.db.execute("select id, sealed from private.webhook_secrets order by id").fetchall() == before


def test_every_table_with_ciphertexts_is_rotated(office: Office) -> None:
    found = office.db.execute(
        "select table_schema || '.' || table_name as name, array_agg(column_name::text) as columns"
        " from information_schema.columns where table_schema in ('public', 'private')"
        " group by 1 having 'sealed' = any (array_agg(column_name::text))"
    ).fetchall()
    listed = {row["table_name"] for row in office.db.execute("select table_name from private.sealed_tables").fetchall()}
    assert {row["name"] for row in found} == listed
    for row in found:
        assert {"id", "organization_id", "sealed", "key_version"} <= set(row["columns"]), row["name"]
    referring = office.db.execute(
        "select conrelid::regclass::text as name from pg_constraint"
        " where confrelid = 'private.data_keys'::regclass and contype = 'f'"
    ).fetchall()
    assert len(referring) == len(listed), "each holds its key by a foreign key"


def test_the_rotation_of_one_organization_leaves_the_other_alone(office: Office) -> None:
    secrets_of(office, 1)
    sealing_key(office.box.other)
    office.as_(office.admin, "select public.rotate_data_key(%s)", office.box.acme)
    office.work()
    rows = office.db.execute("select organization_id, version from private.data_keys").fetchall()
    assert {(row["organization_id"], row["version"]) for row in rows} == {(office.box.acme, 2), (office.box.other, 1)}
