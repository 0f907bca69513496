"""Every table that is about a contact is in the manifest: exported and erased, or exempt with a reason."""

from __future__ import annotations

from tests.data_model.shop import Shop

# What hangs on a contact, and what hangs on that: by foreign keys, one after the other.
HANGING = """
with recursive hanging as (
  select 'public.contacts'::regclass as place
  union
  select k.conrelid::regclass
  from hanging as h
  join pg_constraint as k on k.confrelid = h.place and k.contype = 'f'
  join pg_class as c on c.oid = k.conrelid and not c.relispartition
)
select h.place::text as place from hanging as h
"""
# Names of columns that say whose data they hold, wherever they stand.
PERSONAL = r"^(.*e?mail|.*address|sender|recipients?|envelope_from|to_address|phone|ip|user_agent|contact_id)$"


def manifest(shop: Shop) -> dict[str, dict[str, object]]:
    rows = shop.db.execute("select * from private.personal_data").fetchall()
    return {row["table_name"]: row for row in rows}


def test_every_table_that_hangs_on_a_contact_is_in_the_manifest(shop: Shop) -> None:
    shop.db.execute("set search_path = ''")
    hanging = {row["place"] for row in shop.db.execute(HANGING).fetchall()}
    assert len(hanging) > 10
    missing = sorted(hanging - set(manifest(shop)))
    assert not missing, f"say in sql/96_personal_data.sql what becomes of {missing}"


def test_every_column_that_names_a_person_is_in_the_manifest(shop: Shop) -> None:
    rows = shop.db.execute(
        "select distinct table_schema || '.' || table_name as place from information_schema.columns as c"
        " join information_schema.tables as t using (table_schema, table_name)"
        " where table_schema in ('public', 'private') and table_type = 'BASE TABLE' and column_name ~ %s",
        [PERSONAL],
    ).fetchall()
    missing = sorted({row["place"] for row in rows} - set(manifest(shop)))
    assert not missing, f"say in sql/96_personal_data.sql what becomes of {missing}"


def test_every_statement_of_the_manifest_runs(shop: Shop) -> None:
    shop.db.execute("set search_path = ''")
    for table, place in manifest(shop).items():
        for column in ("by_contact", "by_ticket"):
            if place[column]:
                shop.db.execute(
                    f"prepare probe (uuid, uuid[], text[]) as select 1 from {table} as r where $1 is not null"
                    f" and coalesce(cardinality($2), cardinality($3)) is not null and ({place[column]})".encode()
                )
                shop.db.execute("deallocate probe")


def test_what_is_exempt_has_a_reason(shop: Shop) -> None:
    for table, place in manifest(shop).items():
        if not place["is_exported"] or place["erasure"] == "keep":
            assert len(str(place["because"])) > 15, table
