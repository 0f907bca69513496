"""A sensitive field is kept so that neither a dump nor a client reads it; agents open it, and are written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from chalicelib.kit.caller import Caller
from chalicelib.kit.http import HttpError, Request, Response
from chalicelib.kit.secrets import opening_key
from chalicelib.privacy import sensitive

from tests.people import Actor, new_member
from tests.privacy.conftest import Office

NUMBER = "AB 12-345 678 Z"
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(office: Office, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Calls one of the routes as somebody. Status and answer."""

    def call(
        handler: Callable[[Request], Response], actor: Actor, body: object = None, **parameters: object
    ) -> tuple[int, Any]:
        assert actor.user_id
        who = Caller(actor.user_id, actor.role, actor.claims)
        monkeypatch.setattr(sensitive, "caller", lambda _request: who)
        named = {name: str(value) for name, value in parameters.items()}
        try:
            answer = handler(Request("POST", "/contacts", {}, {}, json.dumps(body).encode(), named))
        except HttpError as error:
            return error.status, error.code
        return answer.status, json.loads(answer.body) if answer.body else None

    return call


@pytest.fixture
def contact(office: Office) -> UUID:
    office.db.execute(
        "insert into public.custom_fields (organization_id, target, key, label, type, is_sensitive)"
        " values (%s, 'contact', 'passport', 'Passport', 'text', true)",
        [office.box.acme],
    )
    return a_contact(office)


def a_contact(office: Office, organization: UUID | None = None) -> UUID:
    return UUID(
        str(
            office.box.row(
                "insert into public.contacts (organization_id, email) values (%s, %s) returning id",
                organization or office.box.acme, f"{uuid4()}@customer.test",
            )["id"]
        )
    )  # fmt: skip


@pytest.fixture
def agent(office: Office) -> Actor:
    return new_member(office.db, office.box.acme, "agent")


def test_what_an_agent_keeps_an_agent_reads_and_nothing_holds_it_in_clear(
    office: Office, contact: UUID, agent: Actor, ask: Ask
) -> None:
    place = {"contact_id": contact, "key": "passport"}
    assert ask(sensitive.read, agent, **place) == (200, {"value": None})
    assert ask(sensitive.write, agent, {"value": NUMBER}, **place) == (204, None)
    assert ask(sensitive.read, agent, **place) == (200, {"value": NUMBER})
    row = office.box.row("select s::text as everything from public.sensitive_fields as s")
    assert NUMBER not in row["everything"]
    assert NUMBER.encode().hex() not in row["everything"]
    assert ask(sensitive.write, agent, {"value": None}, **place) == (204, None)
    assert ask(sensitive.read, agent, **place) == (200, {"value": None})


def test_who_reads_a_value_is_written_down_for_admins(office: Office, contact: UUID, agent: Actor, ask: Ask) -> None:
    ask(sensitive.write, agent, {"value": NUMBER}, contact_id=contact, key="passport")
    ask(sensitive.read, agent, contact_id=contact, key="passport")
    told = "select member_id, contact_id from public.sensitive_field_reads"
    assert office.as_(office.admin, told) == [{"member_id": agent.user_id, "contact_id": contact}]
    assert office.as_(agent, told) == []


def test_members_see_by_rest_that_a_field_is_filled_and_never_with_what(
    office: Office, contact: UUID, agent: Actor, ask: Ask
) -> None:
    import psycopg

    ask(sensitive.write, agent, {"value": NUMBER}, contact_id=contact, key="passport")
    assert len(office.as_(agent, "select contact_id, field_id from public.sensitive_fields")) == 1
    for column in ("sealed", "blind_index", "*"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            office.as_(agent, f"select {column} from public.sensitive_fields")


def test_a_value_is_found_however_it_is_spaced_and_by_no_other(
    office: Office, contact: UUID, agent: Actor, ask: Ask
) -> None:
    other = a_contact(office)
    ask(sensitive.write, agent, {"value": NUMBER}, contact_id=contact, key="passport")
    ask(sensitive.write, agent, {"value": "XY 1"}, contact_id=other, key="passport")
    wanted = {"organization_id": str(office.box.acme), "key": "passport"}
    assert ask(sensitive.find, agent, wanted | {"value": "ab12 345678z"}) == (200, {"contact_ids": [str(contact)]})
    assert ask(sensitive.find, agent, wanted | {"value": "ab12"}) == (200, {"contact_ids": []})


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_others_neither_read_nor_write_nor_look_up(office: Office, contact: UUID, ask: Ask, who: str) -> None:
    organization = office.box.acme if who == "viewer" else office.box.other
    actor = new_member(office.db, organization, "viewer" if who == "viewer" else "owner")
    place = {"contact_id": contact, "key": "passport"}
    assert ask(sensitive.read, actor, **place) == (404, "unknown_field")
    assert ask(sensitive.write, actor, {"value": "x"}, **place) == (404, "unknown_field")
    wanted = {"organization_id": str(office.box.acme), "key": "passport", "value": NUMBER}
    assert ask(sensitive.find, actor, wanted) == (404, "unknown_field")
    assert office.db.execute("select from public.sensitive_field_reads").fetchall() == []


@pytest.mark.parametrize("body", [{}, {"value": ""}, {"value": "x" * 4001}, []])
def test_what_is_not_a_value_is_refused(office: Office, contact: UUID, agent: Actor, ask: Ask, body: object) -> None:
    assert ask(sensitive.write, agent, body, contact_id=contact, key="passport") == (400, "bad_request")


def test_a_field_that_is_not_sensitive_and_a_contact_that_is_not_there_are_not_found(
    office: Office, contact: UUID, agent: Actor, ask: Ask
) -> None:
    office.db.execute(
        "insert into public.custom_fields (organization_id, target, key, label, type)"
        " values (%s, 'contact', 'shoe', 'Shoe', 'text')",
        [office.box.acme],
    )
    for place in ({"contact_id": contact, "key": "shoe"}, {"contact_id": uuid4(), "key": "passport"}):
        assert ask(sensitive.write, agent, {"value": "x"}, **place) == (404, "unknown_field")
    assert ask(sensitive.read, agent, contact_id="nonsense", key="passport") == (404, "unknown_field")


def test_a_sensitive_field_is_a_text_of_a_contact_and_stays_what_it_is(office: Office) -> None:
    import psycopg

    new = (
        "insert into public.custom_fields (organization_id, target, key, label, type, is_sensitive)"
        " values (%s, %s, 'secret', 'Secret', %s, true)"
    )
    for target, kind in (("company", "text"), ("contact", "number")):
        with pytest.raises(psycopg.errors.CheckViolation):
            office.db.execute(new, [office.box.acme, target, kind])
    office.db.execute(new, [office.box.acme, "contact", "text"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        office.as_(office.admin, "update public.custom_fields set is_sensitive = false returning id")


def test_a_value_goes_with_its_contact_when_that_is_erased(
    office: Office, contact: UUID, agent: Actor, ask: Ask
) -> None:
    ask(sensitive.write, agent, {"value": NUMBER}, contact_id=contact, key="passport")
    office.ask("erasure", contact)
    office.work()
    assert office.db.execute("select from public.sensitive_fields").fetchall() == []
    assert ask(sensitive.read, agent, contact_id=contact, key="passport") == (404, "unknown_field")


def test_an_export_opens_what_is_sealed(office: Office, contact: UUID, agent: Actor, ask: Ask) -> None:
    from tests.privacy.test_requests import parts

    ask(sensitive.write, agent, {"value": NUMBER}, contact_id=contact, key="passport")
    request = office.ask("export", contact)
    assert office.work() == ["done"]
    with parts(office, request) as archive:
        told = json.loads(archive.read("contact.json"))
    assert told["sensitive_fields"] == {"passport": NUMBER}


def test_the_value_of_one_contact_put_in_the_row_of_another_does_not_open(
    office: Office, contact: UUID, agent: Actor, ask: Ask
) -> None:
    other = a_contact(office)
    for each, value in ((contact, NUMBER), (other, "XY 1")):
        ask(sensitive.write, agent, {"value": value}, contact_id=each, key="passport")
    office.db.execute(
        "update public.sensitive_fields as s set sealed = o.sealed from public.sensitive_fields as o"
        " where s.contact_id = %s and o.contact_id = %s",
        [other, contact],
    )
    opening_key.cache_clear()
    assert ask(sensitive.read, agent, contact_id=other, key="passport") == (503, "unavailable")
