"""Every event that happens is in the catalogue as it is, and everything in the catalogue happens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from jsonschema_rs import Draft202012Validator

from infra.local.settings import Settings
from pgdesk import documents, event_types
from pgdesk.event_types import Catalogue
from tests.api.desk_day import HAPPENINGS, SECRET
from tests.databases import copy_of
from tests.replies.world import World, functions_environment, open_world

# What ticket.updated does not tell of: what cannot change, and what changes with every message.
UNTOLD = {
    "id", "organization_id", "number", "created_at", "updated_at", "last_seq", "last_message_at", "set_by_member",
    "status_category", "last_contact_at", "last_answer_at", "last_answer_by",
    "snoozed_until", "snoozed_by", "erased_at", "merged_into",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(schema_template: Settings) -> Catalogue:
    return event_types.read(schema_template.database_url("postgres"))


@pytest.fixture(scope="module")
def schema(catalogue: Catalogue) -> dict[str, Any]:
    return event_types.json_schema(catalogue)


@pytest.fixture(scope="module")
def world(schema_template: Settings) -> Iterator[World]:
    """An organization at the end of the day on which everything happened."""
    with (
        pytest.MonkeyPatch.context() as patch,
        copy_of(schema_template) as settings,
        functions_environment(settings, patch, inbound_secret=SECRET),
        open_world(settings) as world,
    ):
        for happens in HAPPENINGS:
            happens(world)
        yield world


@pytest.fixture(scope="module")
def events(world: World) -> list[dict[str, Any]]:
    """As events_since gives them to a member."""
    answer = world.as_agent("select public.events_since(%s, '1:0:0', 1000) as answer", world.organization)["answer"]
    assert not answer["more"]
    happened: list[dict[str, Any]] = answer["events"]
    return happened


def test_everything_in_the_catalogue_happens(catalogue: Catalogue, events: list[dict[str, Any]]) -> None:
    assert {event["type"] for event in events} == {each.type for each in catalogue.types}, (
        "make it happen in tests/api/desk_day.py"
    )


def wrong(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with a value, in words."""
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in Draft202012Validator(schema, validate_formats=True).iter_errors(value)
    ]


def test_every_event_is_what_the_catalogue_says(
    schema: dict[str, Any], catalogue: Catalogue, events: list[dict[str, Any]]
) -> None:
    envelope = {name: part for name, part in schema.items() if name not in ("oneOf", "$defs")}
    widest = {each.type: each.audience for each in catalogue.types}
    for event in events:
        assert wrong(schema, event) == [], event
        # Once more in parts, each of which must hold alone.
        assert wrong(envelope, event) == []
        assert wrong(about(schema, event["type"]), event["data"]) == [], event
        assert event["audience"] in {"agents", widest[event["type"]]}


def about(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    """The schema of the data of one type."""
    return {"$ref": f"#/$defs/{kind}", "$defs": schema["$defs"]}


def test_an_event_that_is_not_as_it_is_described_is_refused(
    schema: dict[str, Any], events: list[dict[str, Any]]
) -> None:
    event = next(event for event in events if event["type"] == "message.sent")
    changes: tuple[dict[str, Any], ...] = (
        {"data": {**event["data"], "body": "words"}},
        {"data": {}},
        {"data": {**event["data"], "seq": "1"}},
        {"type": "message.exploded"},
        {"subject_id": "42"},
        {"body": "words"},
    )
    for change in changes:
        assert wrong(schema, {**event, **change})


def test_a_webhook_is_what_its_schema_says(world: World, catalogue: Catalogue) -> None:
    schema = event_types.webhook_schema(catalogue)
    sent = world.all(
        "select d.event_type, e.has_data, d.payload::json as body from public.webhook_deliveries as d"
        " join public.webhook_endpoints as e on e.id = d.endpoint_id"
    )
    assert {each["event_type"] for each in sent} == {each.type for each in catalogue.types}
    for each in sent:
        assert wrong(schema, each["body"]) == [], each
        assert ("details" in each["body"]["data"]) == each["has_data"]
    body = sent[0]["body"]
    for change in ({"subject_id": str(world.contact)}, {"event_id": "tkt_" + "0" * 32}, {"body": "words"}):
        assert wrong(schema, {**body, "data": {**body["data"], **change}})


def test_a_test_webhook_is_what_its_schema_says(world: World, catalogue: Catalogue) -> None:
    row = world.one(
        "select private.webhook_body('webhook.test', now(), jsonb_build_object('organization_id',"
        " public.typed_id('organization', id), 'endpoint_id', public.typed_id('endpoint', id)))::json as body"
        " from public.organizations"
    )
    assert wrong(event_types.webhook_schema(catalogue), row["body"]) == []


def test_a_widest_audience_is_met(catalogue: Catalogue, events: list[dict[str, Any]]) -> None:
    met = {event["type"] for event in events if event["audience"] == "contact"}
    assert met == {each.type for each in catalogue.types if each.audience == "contact"}


def test_an_event_is_about_a_row_of_its_subject(
    world: World, catalogue: Catalogue, events: list[dict[str, Any]]
) -> None:
    table = {each.type: f"public.{each.subject}s" for each in catalogue.types}
    for event in events:
        found = world.all(f"select from {table[event['type']]} where id = %s", event["subject_id"])
        assert found, f"{event['type']} is about no row of {table[event['type']]}"


def test_data_hold_no_words_of_anybody(events: list[dict[str, Any]]) -> None:
    told = " ".join(str(event["data"]) for event in events)
    assert not re.search(r"parcel|monday|tracking|on its way|30 days|return an item", told, re.IGNORECASE)


def test_examples_are_such_events(schema: dict[str, Any], catalogue: Catalogue) -> None:
    for each in catalogue.types:
        assert wrong(about(schema, each.type), each.example) == [], each.type


def test_ticket_updated_may_tell_of_every_column_that_can_change(world: World, catalogue: Catalogue) -> None:
    columns = {
        row["name"]
        for row in world.all(
            "select attname as name from pg_attribute where attrelid = 'public.tickets'::regclass and attnum > 0"
            " and not attisdropped"
        )
    }
    (updated,) = (each for each in catalogue.types if each.type == "ticket.updated")
    assert set(updated.properties) == columns - UNTOLD


def test_what_the_database_can_emit_is_in_the_catalogue(world: World, catalogue: Catalogue) -> None:
    """Read from the functions themselves: also those branches that no test takes."""
    known = {each.type for each in catalogue.types}
    named = set()
    for row in world.all("select prosrc from pg_proc where prosrc ~ 'private\\.emit\\('"):
        source = re.sub(r"--.*", "", row["prosrc"])
        named |= set(re.findall(r"'([a-z_]+(?:\.[a-z_]+)+)'", source))
        for stem in re.findall(r"'([a-z_.]+\.)' \|\|", source):
            assert any(kind.startswith(stem) for kind in known), f"nothing in the catalogue begins with {stem}"
    assert named <= known


def test_nothing_else_can_happen(world: World) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        world.db.execute("select private.emit(%s, 'ticket.exploded', gen_random_uuid())", [world.organization])
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        world.db.execute("insert into private.routes (event_type, consumer) values ('ticket.exploded', 'triage')")


def test_anyone_signed_in_can_read_the_catalogue(world: World, catalogue: Catalogue) -> None:
    row = world.as_agent("select json_agg(type) as types from public.event_types()")
    assert row["types"] == [each.type for each in catalogue.types]


def test_a_change_of_the_catalogue_makes_the_documents_stale(schema_template: Settings, world: World) -> None:
    assert documents.stale(schema_template.database_url("postgres")) == [], "run `make docs`"
    world.db.execute("update private.event_types set happens = 'Never.' where type = 'contact.created'")
    assert documents.stale(world.settings.database_url("postgres")) == [
        "events.md",
        "events.schema.json",
        "webhooks.schema.json",
    ]
