"""Custom fields: each has a type, and nothing that does not fit gets in, by whatever way."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.data_model.shop import Behind, Shop, connect, waits
from tests.people import act_as, not_there

OPTIONS = ["free", "pro"]
FITTING: dict[str, list[Any]] = {
    "text": ["x", "x" * 4000],
    "number": [0, -1.5, 10**12],
    "boolean": [True, False],
    "date": ["2026-02-28"],
    "datetime": ["2026-01-31T09:00:00Z", "2026-01-31T09:00:00.5+02:00"],
    "select": ["pro"],
    "multiselect": [[], ["free"], ["pro", "free"]],
    "url": ["https://example.com", "http://example.com/a?b=c"],
    "email": ["a@b.example"],
    "phone": ["+49 30 123456", "030/123456"],
}
UNFIT: dict[str, list[Any]] = {
    "text": [1, True, [], {}, "x" * 4001],
    "number": ["1", True, [1]],
    "boolean": ["true", 1],
    "date": ["2026-02-30", "31.1.2026", "today", "2026-01-31T00:00:00Z", 20260131],
    "datetime": ["2026-01-31", "2026-01-31T09:00:00", "2026-01-31T25:00:00Z", "now"],
    "select": ["gold", "", ["pro"], "PRO"],
    "multiselect": ["pro", ["gold"], ["pro", "pro"], [1], [["pro"]]],
    "url": ["example.com", "javascript:alert(1)", "https://", "https://a b", "ftp://example.com"],
    "email": ["a", "a@b", "a b@c.example"],
    "phone": ["call me", "12", "+1 555 123 ext 4", "1" * 20],
}


def define(shop: Shop, key: str, kind: str = "text", target: str = "contact", **more: Any) -> UUID:
    """A field, defined by a manager."""
    row = {"organization_id": shop.organization, "target": target, "key": key, "label": key, "type": kind}
    if "select" in kind:
        row["options"] = OPTIONS
    row |= more
    (made,) = shop.as_(
        shop.member("manager"),
        f"insert into public.custom_fields ({', '.join(row)}) values ({', '.join(['%s'] * len(row))}) returning id",
        *row.values(),
    )
    return UUID(str(made["id"]))


def write(shop: Shop, contact: UUID, **fields: Any) -> dict[str, Any]:
    """What the contact's fields are afterwards."""
    (row,) = shop.as_(shop.member(), "select public.set_fields('contact', %s, %s) as f", contact, Jsonb(fields))
    written: dict[str, Any] = row["f"]
    return written


@pytest.mark.parametrize("kind", sorted(FITTING))
def test_a_field_takes_what_fits_its_type_and_nothing_else(shop: Shop, kind: str) -> None:
    define(shop, "it", kind)
    contact = shop.contact()
    for value in FITTING[kind]:
        assert write(shop, contact, it=value) == {"it": value}
    kept = write(shop, contact)
    for value in UNFIT[kind]:
        with pytest.raises(psycopg.errors.CheckViolation, match=r'^field "it" of a contact (takes|has) '):
            write(shop, contact, it=value)
    assert write(shop, contact) == kept


def test_every_type_has_examples_here(shop: Shop) -> None:
    known = shop.value(
        "select array_agg(m[1] order by m[1]) from pg_constraint, regexp_matches(pg_get_constraintdef(oid),"
        " '''(\\w+)''::text', 'g') as m where conname = 'custom_fields_type_check'"
    )
    assert set(known) == set(FITTING) == set(UNFIT)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
    | st.dates().map(str) | st.datetimes(timezones=st.just(dt.UTC)).map(dt.datetime.isoformat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=values)
def test_whatever_comes_is_taken_or_refused_for_a_reason(shop: Shop, value: Any) -> None:
    """Nothing that a client can send ends in an error of another kind, and what was taken reads as it was sent."""
    contact = shop.contact()
    for kind in FITTING:
        shop.db.execute(
            "insert into public.custom_fields (organization_id, target, key, label, type, options)"
            " values (%s, 'contact', %s, 'x', %s, %s) on conflict do nothing",
            [shop.organization, f"a_{kind}", kind, OPTIONS if "select" in kind else []],
        )
        refusal = ""
        try:
            row = shop.db.execute(
                "update public.contacts set fields = %s where id = %s returning fields",
                [Jsonb({f"a_{kind}": value}), contact],
            ).fetchone()
        except psycopg.errors.CheckViolation as refused:
            refusal = str(refused)
        if refusal:
            assert f'field "a_{kind}" of a contact' in refusal
        else:
            assert row
            assert row["fields"] == ({} if value is None else {f"a_{kind}": value})


def test_a_field_that_nobody_defined_is_refused(shop: Shop) -> None:
    define(shop, "plan", target="company")
    contact = shop.contact()
    for fields in ({"plan": "pro"}, {"": 1}, {"organization_id": "x"}):
        with pytest.raises(psycopg.errors.CheckViolation, match="is not there: define it first"):
            write(shop, contact, **fields)
    with pytest.raises(psycopg.errors.CheckViolation, match="object"):
        shop.as_(shop.member(), "update public.contacts set fields = '[]' where id = %s", contact)


def test_fields_change_one_by_one_and_null_takes_a_value_away(shop: Shop) -> None:
    define(shop, "plan"), define(shop, "score", "number")
    contact = shop.contact()
    write(shop, contact, plan="pro")
    assert write(shop, contact, score=3) == {"plan": "pro", "score": 3}
    assert write(shop, contact, plan=None) == {"score": 3}


def test_companies_have_fields_of_their_own(shop: Shop) -> None:
    define(shop, "size", "number", target="company")
    (acme,) = shop.as_(
        shop.member(),
        "insert into public.companies (organization_id, name, fields) values (%s, 'Acme', %s) returning id",
        shop.organization, Jsonb({"size": 3}),
    )  # fmt: skip
    (row,) = shop.as_(shop.member(), "select public.set_fields('company', %s, '{\"size\": 4}') as f", acme["id"])
    assert row["f"] == {"size": 4}
    with pytest.raises(psycopg.errors.CheckViolation, match="takes a number"):
        shop.as_(shop.member(), 'update public.companies set fields = \'{"size": "x"}\' where id = %s', acme["id"])


def test_a_sensitive_value_never_stands_among_the_plain_ones(shop: Shop) -> None:
    define(shop, "passport", is_sensitive=True)
    with pytest.raises(psycopg.errors.CheckViolation, match="kept encrypted, not here"):
        write(shop, shop.contact(), passport="C01X00T47")


def test_a_type_changes_only_when_every_value_fits_the_new_one(shop: Shop) -> None:
    field = define(shop, "score")
    write(shop, shop.contact(), score="7")
    stuck = shop.contact()
    write(shop, stuck, score="2026-01-31")
    change = "update public.custom_fields set type = %s where id = %s returning type"
    with pytest.raises(psycopg.errors.CheckViolation, match="takes a number: 2 stored values would not fit"):
        shop.as_(shop.member("manager"), change, "number", field)
    with pytest.raises(psycopg.errors.CheckViolation, match="1 stored values would not fit"):
        shop.as_(shop.member("manager"), change, "date", field)
    shop.db.execute("update public.contacts set fields = '{}' where fields ->> 'score' = '7'")
    assert shop.as_(shop.member("manager"), change, "date", field) == [{"type": "date"}]


def test_an_option_in_use_cannot_go(shop: Shop) -> None:
    field = define(shop, "plan", "select")
    write(shop, shop.contact(), plan="pro")
    change = "update public.custom_fields set options = %s where id = %s returning id"
    with pytest.raises(psycopg.errors.CheckViolation, match='has no option "pro"'):
        shop.as_(shop.member("manager"), change, ["free"], field)
    assert shop.as_(shop.member("manager"), change, ["pro", "gold"], field)


def test_a_value_cannot_slip_in_while_its_type_changes(shop: Shop) -> None:
    field, contact = define(shop, "score"), shop.contact()
    manager, agent = shop.member("manager"), shop.member()
    with connect(shop.settings, "supabase_admin") as first, connect(shop.settings, "supabase_admin") as second:

        def late() -> None:
            with second.transaction():
                act_as(second, agent)
                second.execute("select public.set_fields('contact', %s, '{\"score\": \"seven\"}')", [contact])

        with first.transaction():
            act_as(first, manager)
            first.execute("update public.custom_fields set type = 'number' where id = %s", [field])
            behind = Behind(late)
            waits(shop, second)
        with pytest.raises(psycopg.errors.CheckViolation, match="takes a number"):
            behind.get()


def test_an_archived_field_keeps_its_values_and_takes_no_more(shop: Shop) -> None:
    field, contact = define(shop, "plan"), shop.contact()
    define(shop, "score", "number")
    write(shop, contact, plan="pro")
    shop.as_(shop.member("manager"), "update public.custom_fields set archived_at = now() where id = %s", field)
    assert write(shop, contact, score=1) == {"plan": "pro", "score": 1}
    with pytest.raises(psycopg.errors.CheckViolation, match="is archived"):
        write(shop, contact, plan="free")
    assert write(shop, contact, plan=None) == {"score": 1}


def test_a_definition_is_sound(shop: Shop) -> None:
    for key, kind, more in (
        ("Upper", "text", {}),
        ("x", "colour", {}),
        ("x", "select", {"options": []}),
        ("x", "text", {"options": ["a"]}),
        ("x", "text", {"target": "team"}),
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            define(shop, key, kind, **more)
    define(shop, "x")
    with pytest.raises(psycopg.errors.UniqueViolation):
        define(shop, "x")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(shop.member("agent"), "insert into public.custom_fields (organization_id, target, key, label, type)"
                 " values (%s, 'contact', 'y', 'y', 'text')", shop.organization)  # fmt: skip


def test_mail_comes_in_whatever_is_required(shop: Shop) -> None:
    define(shop, "plan", is_required=True)
    (made,) = shop.as_(
        shop.functions, "select private.contact_for(%s, 'ann@people.example', 'Ann') as id", shop.organization
    )
    assert made["id"]


def test_tickets_have_fields_of_their_own_which_agents_change(shop: Shop) -> None:
    define(shop, "order_no", target="ticket")
    ticket, agent = shop.ticket(), shop.member()
    (row,) = shop.as_(agent, "select public.set_fields('ticket', %s, '{\"order_no\": \"A-7\"}') as f", ticket)
    assert row["f"] == {"order_no": "A-7"}
    told = [event["data"] for event in shop.events(ticket) if event["type"] == "ticket.updated"]
    assert told == [{"fields": None}]
    with pytest.raises(psycopg.errors.CheckViolation, match='field "order_no" of a ticket takes a text'):
        shop.as_(agent, "update public.tickets set fields = '{\"order_no\": 7}' where id = %s", ticket)
    with not_there():
        shop.as_(shop.member("viewer"), "select public.set_fields('ticket', %s, '{}')", ticket)


def test_conditions_ask_custom_fields_and_the_company(shop: Shop) -> None:
    """The same of one ticket's facts and as a predicate over many; what nobody has set holds for nothing."""
    define(shop, "plan", "select"), define(shop, "seats", "number"), define(shop, "order_no", target="ticket")
    contact = shop.contact("ann@acme.example")
    write(shop, contact, plan="pro", seats=12)
    acme = shop.value("insert into public.companies (organization_id, name) values (%s, 'Acme') returning id",
                      shop.organization)  # fmt: skip
    shop.db.execute("update public.contacts set company_id = %s where id = %s", [acme, contact])
    ticket, other = shop.ticket(contact), shop.ticket()
    shop.db.execute('update public.tickets set fields = \'{"order_no": "A-7"}\' where id = %s', [ticket])
    for field, value in (
        ("contact.fields.plan", "Pro"), ("contact.fields.seats", "12"), ("fields.order_no", "a-7"),
        ("contact.company", "acme"),
    ):  # fmt: skip
        asked = Jsonb({"field": field, "op": "is", "value": value})
        assert shop.value("select private.condition_error(%s)", asked) is None
        holds = (
            "select private.condition_holds(%s, private.ticket_facts(t)) as h from public.tickets as t where id = %s"
        )
        assert [shop.value(holds, asked, each) for each in (ticket, other)] == [True, False], field
        predicate = shop.value("select private.condition_sql(%s)", asked)
        found = shop.db.execute(
            "select t.id from public.tickets as t join public.contacts as c on c.id = t.contact_id"
            f" where t.organization_id = %s and {predicate}", [shop.organization],
        ).fetchall()  # fmt: skip
        assert [each["id"] for each in found] == [ticket], field
    odd = Jsonb({"field": "contact.fields.x'); drop table", "op": "is", "value": "y"})
    assert "there is no field" in shop.value("select private.condition_error(%s)", odd)
