"""What is known of a contact: by members, by programs, and by the contact, who sees less."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop, connect, together
from tests.people import ROLE_OF_KEYS, Actor, act_as


def contact_row(shop: Shop, contact: UUID) -> dict[str, Any]:
    row = shop.db.execute("select * from public.contacts where id = %s", [contact]).fetchone()
    assert row
    return row


def key(shop: Shop) -> Actor:
    made = shop.value(
        "insert into public.api_keys (organization_id, name, prefix, role, scopes)"
        " values (%s, 'robot', 'pgd_00000000', 'agent', '{contacts:write}') returning id",
        shop.organization,
    )
    return Actor(ROLE_OF_KEYS, key_id=made)


def add(shop: Shop, actor: Actor, **columns: Any) -> dict[str, Any]:
    row = {"organization_id": shop.organization, "email": f"{uuid4()}@people.example"} | columns
    (made,) = shop.as_(
        actor, f"insert into public.contacts ({', '.join(row)}) values ({', '.join(['%s'] * len(row))}) returning *",
        *row.values(),
    )  # fmt: skip
    return made


def test_how_somebody_became_a_contact_is_known(shop: Shop) -> None:
    assert add(shop, shop.member())["source"] == "hand"
    assert add(shop, key(shop))["source"] == "api"
    assert add(shop, shop.member(), source="import")["source"] == "import"
    (mailed,) = shop.as_(
        shop.functions, "select private.contact_for(%s, 'ann@people.example', 'Ann') as id", shop.organization
    )
    assert contact_row(shop, mailed["id"])["source"] == "mail"
    with pytest.raises(psycopg.errors.CheckViolation):
        add(shop, shop.member(), source="heaven")


def test_nobody_is_subscribed_without_a_word_of_where_they_agreed(shop: Shop) -> None:
    made = add(shop, shop.member())
    assert made["subscription_status"] == "none"
    assert made["subscription_changed_at"] is None
    with pytest.raises(psycopg.errors.CheckViolation):
        shop.as_(
            shop.member(), "update public.contacts set subscription_status = 'subscribed' where id = %s", made["id"]
        )
    shop.as_(
        shop.member(),
        "update public.contacts set subscription_status = 'subscribed', consent_source = 'checkout form' where id = %s",
        made["id"],
    )
    row = contact_row(shop, made["id"])
    assert (row["subscription_status"], row["subscription_changed_by"]) == ("subscribed", "member")
    assert row["subscription_changed_at"]
    assert add(shop, key(shop), subscription_status="pending")["subscription_changed_by"] == "api"


def test_a_contact_subscribes_and_unsubscribes_and_it_is_audited(shop: Shop) -> None:
    contact, customer = shop.customer()
    for wanted, status in ((True, "subscribed"), (False, "unsubscribed")):
        shop.as_(customer, "select public.set_my_subscription(%s, %s)", shop.organization, wanted)
        row = contact_row(shop, contact)
        assert (row["subscription_status"], row["subscription_changed_by"]) == (status, "contact")
    told = shop.value(
        "select jsonb_agg(changes -> 'subscription_status' order by created_at) from public.audit_log"
        " where table_name = 'contacts' and row_id = %s",
        str(contact),
    )
    assert told == [["none", "subscribed"], ["subscribed", "unsubscribed"]]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not a contact"):
        shop.as_(shop.member(), "select public.set_my_subscription(%s, true)", shop.organization)


def test_a_contact_sees_of_itself_what_it_told_and_nothing_that_members_keep(shop: Shop) -> None:
    contact, customer = shop.customer()
    shop.db.execute(
        "insert into public.custom_fields (organization_id, target, key, label, type)"
        " values (%s, 'contact', 'risk', 'Risk', 'text')",
        [shop.organization],
    )
    shop.db.execute("update public.contacts set fields = %s where id = %s", [Jsonb({"risk": "high"}), contact])
    shop.as_(
        shop.member(), "insert into public.contact_notes (organization_id, contact_id, body) values (%s, %s, 'Rude.')",
        shop.organization, contact,
    )  # fmt: skip
    for table in ("contacts", "contact_notes", "contact_external_ids", "companies", "custom_fields", "contact_merges"):
        assert shop.as_(customer, f"select * from public.{table}") == [], table
    email = contact_row(shop, contact)["email"]
    assert shop.as_(customer, "select * from public.find_contact(%s, %s)", shop.organization, email) == []
    (profile,) = shop.as_(customer, "select * from public.my_profiles()")
    assert profile["contact_id"] == contact
    assert set(profile) == {"organization_id", "contact_id", "email", "name", "language", "phone", "is_subscribed"}
    shop.as_(customer, "select public.open_ticket(%s, 'Hello', 'Is it there?')", shop.organization)
    assert shop.as_(customer, "select contact_id from public.tickets") == [{"contact_id": contact}]


def test_notes_are_changed_by_their_author_and_by_managers(shop: Shop) -> None:
    contact, author, other = shop.contact(), shop.member(), shop.member()
    (note,) = shop.as_(
        author,
        "insert into public.contact_notes (organization_id, contact_id, body) values (%s, %s, 'Tea.') returning *",
        shop.organization, contact,
    )  # fmt: skip
    assert note["author_id"] == author.user_id
    change = "update public.contact_notes set body = 'Likes coffee.', is_pinned = true where id = %s returning id"
    assert shop.as_(other, change, note["id"]) == []
    for may in (author, shop.member("manager")):
        assert shop.as_(may, change, note["id"])
    assert len(shop.as_(shop.member("viewer"), "select id from public.contact_notes where id = %s", note["id"])) == 1
    for actor, writer in ((other, author.user_id), (shop.member("viewer"), None)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.as_(actor, "insert into public.contact_notes (organization_id, contact_id, author_id, body)"
                     " values (%s, %s, %s, 'x')", shop.organization, contact, writer)  # fmt: skip
    shop.db.execute("delete from public.members where user_id = %s", [author.user_id])
    assert shop.value("select author_id from public.contact_notes where id = %s", note["id"]) is None
    assert shop.as_(other, "delete from public.contact_notes where id = %s returning id", note["id"]) == []
    assert shop.as_(shop.member("manager"), "delete from public.contact_notes where id = %s returning id", note["id"])


def test_members_hear_what_changed_about_a_contact_but_not_to_what(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    shop.db.execute(
        "insert into public.custom_fields (organization_id, target, key, label, type)"
        " values (%s, 'contact', 'plan', 'Plan', 'text')",
        [shop.organization],
    )
    shop.as_(
        agent, "update public.contacts set name = 'Ann', phone = '+49 30 1234567', fields = '{\"plan\": \"pro\"}'"
        " where id = %s", contact,
    )  # fmt: skip
    shop.as_(agent, "update public.contacts set name = 'Ann' where id = %s", contact)
    shop.as_(agent, "insert into public.contact_notes (organization_id, contact_id, body) values (%s, %s, 'x')",
             shop.organization, contact)  # fmt: skip
    shop.as_(agent, "insert into public.contact_external_ids (organization_id, system, external_id, contact_id)"
             " values (%s, 'shop', '7', %s)", shop.organization, contact)  # fmt: skip
    told = [event for event in shop.events(contact) if event["type"] == "contact.updated"]
    assert [event["data"]["changed"] for event in told] == [
        ["fields.plan", "name", "phone"],
        ["notes"],
        ["external_ids"],
    ]
    assert {event["audience"] for event in told} == {"agents"}


UPSERT = (
    "select * from public.upsert_contact(%(org)s, email => %(email)s, system => %(system)s, external_id => %(id)s,"
    " name => %(name)s, fields => %(fields)s)"
)


def upsert(shop: Shop, actor: Actor, **given: Any) -> dict[str, Any]:
    asked = {"org": shop.organization, "email": None, "system": None, "id": None, "name": None, "fields": Jsonb({})}
    with shop.acting(actor) as db:
        row = db.execute(UPSERT, asked | given).fetchone()
    assert row
    return row


def test_a_program_writes_a_contact_by_its_own_id_or_by_address(shop: Shop) -> None:
    program = key(shop)
    made = upsert(shop, program, email="Ann@People.example ", system="shop", id="7", name="Ann")
    assert (made["email"], made["source"]) == ("ann@people.example", "api")
    assert upsert(shop, program, system="shop", id="7")["name"] == "Ann"  # what is not given stays
    assert upsert(shop, program, email="ann@people.example", system="erp", id="A-1")["id"] == made["id"]
    again = upsert(shop, program, email="ann@new.example", system="erp", id="A-1", name="Ann Lee")
    assert (again["id"], again["email"], again["name"]) == (made["id"], "ann@new.example", "Ann Lee")
    assert upsert(shop, program, system="shop", id="8")["id"] != made["id"]
    for asked in ({"system": "erp", "external_id": "A-1"}, {"email": "ANN@new.example"}):
        names = ", ".join(f"{name} => %s" for name in asked)
        (found,) = shop.as_(
            program, f"select id from public.find_contact(%s, {names})", shop.organization, *asked.values()
        )
        assert found["id"] == made["id"]


def test_an_id_and_an_address_of_two_contacts_are_a_conflict_for_a_person(shop: Shop) -> None:
    agent = shop.member()
    upsert(shop, agent, system="shop", id="7")
    upsert(shop, agent, email="ann@people.example")
    with pytest.raises(psycopg.Error, match="the address to contact") as refused:
        upsert(shop, agent, email="ann@people.example", system="shop", id="7")
    assert refused.value.sqlstate == "PT409"


def test_an_upsert_needs_something_to_know_the_contact_by(shop: Shop) -> None:
    for given in ({}, {"name": "Ann"}, {"system": "shop"}, {"id": "7"}, {"email": " "}):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            upsert(shop, shop.member(), **given)


def test_a_viewer_and_a_stranger_write_nobody(shop: Shop) -> None:
    made = upsert(shop, shop.member(), email="ann@people.example", name="Ann")
    stranger = shop.customer()[1]
    for actor in (shop.member("viewer"), stranger):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            upsert(shop, actor, email="ann@people.example", name="Mallory")
    assert contact_row(shop, made["id"])["name"] == "Ann"


def test_at_once_the_same_id_makes_one_contact(shop: Shop) -> None:
    agent = shop.member()

    def write(given: dict[str, str]) -> None:
        asked = {
            "org": shop.organization,
            "email": None,
            "system": None,
            "id": None,
            "name": "Ann",
            "fields": Jsonb({}),
        }
        with connect(shop.settings, "supabase_admin") as db, db.transaction():
            act_as(db, agent)
            db.execute(UPSERT, asked | given)

    for given in ({"system": "shop", "id": "7"}, {"email": "ann@people.example"}):
        together(*[lambda given=given: write(given) for _ in range(6)])
    assert shop.value("select count(*) from public.contacts where organization_id = %s", shop.organization) == 2


def test_a_phone_number_is_one(shop: Shop) -> None:
    assert add(shop, shop.member(), phone="+49 (30) 123-456")["phone"] == "+49 (30) 123-456"
    for phone in ("call me", "", "123"):
        with pytest.raises(psycopg.errors.CheckViolation):
            add(shop, shop.member(), phone=phone)
