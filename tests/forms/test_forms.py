"""A form is sent in a ticket, filled in once by its contact, checked by the questions as they were when it was sent."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.data_model.shop import Shop, together
from tests.people import Actor, act_as, connect, new_organization, not_there

FIELDS: list[dict[str, Any]] = [
    {"key": "order", "label": "Order number", "type": "text", "required": True, "maps_to": "ticket.subject"},
    {"key": "name", "label": "Your name", "type": "text", "maps_to": "contact.name"},
    {"key": "size", "label": "Size", "type": "select", "options": ["S", "M"]},
    {"key": "faults", "label": "Faults", "type": "multiselect", "options": ["hole", "stain"]},
    {"key": "weight", "label": "Weight", "type": "number"},
    {"key": "sure", "label": "I am sure", "type": "boolean"},
    {"key": "bought", "label": "Bought on", "type": "date"},
    {"key": "photo", "label": "Photo", "type": "url"},
    {"key": "mail", "label": "Other address", "type": "email"},
    {"key": "phone", "label": "Phone", "type": "phone"},
]


def template(shop: Shop, fields: Any = None) -> UUID:
    (row,) = shop.as_(
        shop.member("manager"),
        "insert into public.action_templates (organization_id, name, body, fields)"
        " values (%s, %s, 'Hello {{contact.first_name|there}}, please tell us:', %s) returning id",
        shop.organization, f"Return {uuid4()}", json.dumps(FIELDS if fields is None else fields),
    )  # fmt: skip
    return UUID(str(row["id"]))


def sent(shop: Shop, contact: UUID | None = None) -> dict[str, Any]:
    ticket = shop.ticket(contact)
    shop.say(ticket)
    (form,) = shop.as_(shop.member(), "select * from public.send_form(%s, %s, 1)", ticket, template(shop))
    return form


def submit(shop: Shop, actor: Actor, form: dict[str, Any], answers: Any) -> dict[str, Any]:
    (row,) = shop.as_(actor, "select * from public.submit_form(%s, %s)", form["id"], json.dumps(answers))
    return row


def test_a_form_is_filled_in_and_becomes_the_contacts_message(shop: Shop) -> None:
    contact, customer = shop.customer()
    form = sent(shop, contact)
    carried = shop.value("select body_text from public.messages where id = %s", form["message_id"])
    assert carried == "Hello there, please tell us:"
    answered = submit(
        shop, customer, form, {"order": " A-1\n", "name": "Ann <b>", "faults": ["hole", "stain"], "sure": True}
    )
    assert answered["status"] == "answered"
    message = shop.db.execute("select * from public.messages where id = %s", [answered["answer_id"]]).fetchone()
    assert message
    assert (message["sender"], message["contact_id"], message["is_verified"]) == ("contact", contact, True)
    assert "Faults: hole, stain\nI am sure: ✓" in message["body_text"]
    ticket = shop.ticket_row(form["ticket_id"])
    assert (ticket["subject"], ticket["status_category"]) == ("A-1", "open")
    assert shop.value("select name from public.contacts where id = %s", contact) == "Ann <b>"


def test_a_form_is_filled_in_once(shop: Shop) -> None:
    contact, customer = shop.customer()
    form = sent(shop, contact)

    def filling() -> None:
        with connect(shop.settings, "supabase_admin") as db, db.transaction():
            act_as(db, customer)
            db.execute("select public.submit_form(%s, %s)", [form["id"], '{"order": "A-1"}'])

    with pytest.raises(psycopg.ProgrammingError, match="already"):
        together(filling, filling, filling)
    assert len(shop.db.execute(
        "select 1 from public.messages where ticket_id = %s and sender = 'contact'", [form["ticket_id"]]
    ).fetchall()) == 2  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "problems"),
    [
        ({}, {"order": "required"}),
        ({"order": "  "}, {"order": "required"}),
        ({"order": 5}, {"order": "text"}),
        ({"order": "x" * 10001}, {"order": "too_long"}),
        ({"order": "A", "size": "XL", "faults": ["hole", "hat"]}, {"size": "option", "faults": "option"}),
        ({"order": "A", "faults": "hole", "weight": "heavy"}, {"faults": "option", "weight": "number"}),
        ({"order": "A", "sure": "yes", "bought": "2026-02-30"}, {"sure": "boolean", "bought": "date"}),
        ({"order": "A", "photo": "javascript:alert(1)", "mail": "a@b", "phone": "call me"},
         {"photo": "url", "mail": "email", "phone": "phone"}),
        ({"order": "A", "admin": True}, {"admin": "unknown"}),
        ({"order": {"a": 1}}, {"order": "text"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_field_and_nothing_is_kept(
    shop: Shop, answers: dict[str, Any], problems: dict[str, str]
) -> None:
    contact, customer = shop.customer()
    form = sent(shop, contact)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        submit(shop, customer, form, answers)
    assert json.loads(str(refused.value.diag.message_detail)) == problems
    assert shop.ticket_row(form["ticket_id"])["last_seq"] == 2
    assert submit(shop, customer, form, {"order": "A"})["status"] == "answered"


def test_answers_are_judged_by_the_form_as_it_was_sent(shop: Shop) -> None:
    contact, customer = shop.customer()
    form = sent(shop, contact)
    shop.db.execute(
        'update public.action_templates set fields = \'[{"key": "other", "label": "Other", "type": "text"}]\''
        " where id = %s",
        [form["template_id"]],
    )
    assert submit(shop, customer, form, {"order": "A-1"})["answers"] == {"order": "A-1"}


def test_only_the_tickets_contact_sees_and_fills_in_a_form(shop: Shop) -> None:
    contact, customer = shop.customer()
    form = sent(shop, contact)
    _, stranger = shop.customer()
    assert shop.as_(customer, "select id from public.action_forms") == [{"id": form["id"]}]
    assert shop.as_(stranger, "select id from public.action_forms") == []
    for actor in (stranger, shop.member("owner")):
        with not_there():
            submit(shop, actor, form, {"order": "A"})


def test_a_form_that_is_over_is_not_filled_in(shop: Shop) -> None:
    contact, customer = shop.customer()
    cancelled, expired = sent(shop, contact), sent(shop, contact)
    shop.as_(shop.member(), "select public.cancel_form(%s)", cancelled["id"])
    shop.db.execute("update public.action_forms set expires_at = now() where id = %s", [expired["id"]])
    for form, reason in ((cancelled, "taken back"), (expired, "expired")):
        with pytest.raises(psycopg.ProgrammingError, match=reason):
            submit(shop, customer, form, {"order": "A"})
        answer = 'select private.submit_form_by_link(%s, \'{"order": "A"}\') as told'
        assert shop.as_(shop.functions, answer, form["id"]) == [{"told": None}]
    with not_there():
        shop.as_(shop.member(), "select public.cancel_form(%s)", cancelled["id"])


def test_a_form_goes_over_no_newer_message_and_from_no_other_organization(shop: Shop) -> None:
    ticket = shop.ticket()
    shop.say(ticket)
    send = "select public.send_form(%s, %s, %s)"
    with pytest.raises(psycopg.ProgrammingError, match="newer message"):
        shop.as_(shop.member(), send, ticket, template(shop), 0)
    other = Shop(shop.settings, shop.db, new_organization(shop.db, f"other-{uuid4().hex[:8]}"))
    for agent, chosen in ((shop.member(), template(other)), (other.member(), template(shop))):
        with not_there():
            shop.as_(agent, send, ticket, chosen, 1)
    assert shop.value("select count(*) from public.action_forms where ticket_id = %s", ticket) == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([], "1 to 50"),
        ({}, "1 to 50"),
        (["order"], "is an object"),
        ([{"key": "a", "label": "A", "type": "file"}], "a type is one of"),
        ([{"key": "A b", "label": "A", "type": "text"}], "a key is"),
        ([{"key": "a", "type": "text"}], "a label"),
        ([{"key": "a", "label": "A", "type": "select"}], "1 to 200 options"),
        ([{"key": "a", "label": "A", "type": "text", "options": ["x"]}], "1 to 200 options"),
        ([{"key": "a", "label": "A", "type": "text", "onclick": "x"}], "has only"),
        ([{"key": "a", "label": "A", "type": "text", "maps_to": "ticket.assignee_id"}], "may set"),
        ([{"key": "a", "label": "A", "type": "number", "maps_to": "contact.name"}], "may set"),
        ([{"key": "a", "label": "A", "type": "text"}, {"key": "a", "label": "B", "type": "text"}], "two fields"),
    ],
)
def test_a_form_that_is_not_sound_is_refused(shop: Shop, fields: Any, reason: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=reason):
        template(shop, fields)


def test_an_answer_sets_a_custom_field_that_has_its_type_and_is_kept_where_that_has_gone(shop: Shop) -> None:
    wanted = [{"key": "size", "label": "Size", "type": "number", "maps_to": "contact.fields.shoe"}]
    with pytest.raises(psycopg.errors.CheckViolation, match="no custom field"):
        template(shop, wanted)
    shop.db.execute(
        "insert into public.custom_fields (organization_id, target, key, label, type)"
        " values (%s, 'contact', 'shoe', 'Shoe size', 'number')",
        [shop.organization],
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="no custom field"):
        template(shop, [wanted[0] | {"type": "text"}])
    contact, customer = shop.customer()
    chosen = template(shop, wanted)
    for answer, kept in ((42, {"shoe": 42}), (43, {"shoe": 42})):
        ticket = shop.ticket(contact)
        shop.say(ticket)
        (form,) = shop.as_(shop.member(), "select * from public.send_form(%s, %s, 1)", ticket, chosen)
        assert submit(shop, customer, form, {"size": answer})["answers"] == {"size": answer}
        assert shop.value("select fields from public.contacts where id = %s", contact) == kept
        shop.db.execute(
            "update public.custom_fields set archived_at = now() where organization_id = %s", [shop.organization]
        )
