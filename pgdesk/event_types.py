"""The event catalogue (private.event_types) as a JSON Schema and as a page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import psycopg
from chalicelib.kit.database import queries
from psycopg.rows import dict_row

SQL = queries(__file__)

Schema = dict[str, Any]

# Kinds of ids that data may hold, and what they are the id of.
IDS = {
    "category_id": "a ticket category",
    "contact_id": "a contact",
    "draft_id": "a draft of the AI",
    "mail_address_id": "a mail address of the organization",
    "merge_id": "a merge of contacts",
    "message_id": "a message",
    "tag_id": "a tag",
    "team_id": "a team",
    "ticket_id": "a ticket",
    "user_id": "a member's user",
    "version_id": "a version of an article",
}
# Enums of the database, by the name that schemas use.
ENUMS = {"channel": "ticket_channel", "priority": "ticket_priority", "status_category": "status_category"}
VALUES: dict[str, Schema] = {
    "instant": {"type": "string", "format": "date-time"},
    "language": {"type": "string", "description": "a language tag: de, pt-BR"},
    "mail_kind": {
        "enum": ["reply", "receipt", "csat", "notices", "invitation", "chat"],
        "description": "reply: carries a message; receipt: confirms a new ticket; csat: asks how satisfied they are; "
        "notices: tells a member what happened; invitation: asks somebody to become a member; "
        "chat: answers in a chat whose visitor has left",
    },
    "probability": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "calibrated: of p, a share of p is right",
    },
    "reason": {"type": "string", "description": "why, in words for a person"},
    "reasons": {"type": "array", "items": {"type": "string"}, "description": "keys that say why"},
    "sender_status": {"enum": ["known", "pending"], "description": "pending: not known to belong to the ticket"},
    "seq": {"type": "integer", "minimum": 1, "description": "the message's number in its ticket"},
    "status": {"type": "string", "description": "a key of the organization's ticket statuses"},
}
# An event as `events_since` gives it. `type` and `data` are said for each type.
UUID: Schema = {"type": "string", "format": "uuid"}
ENVELOPE: dict[str, Schema] = {
    "id": {**UUID, "description": "of the event: drop repeats by it"},
    "type": {"type": "string"},
    "subject_id": {**UUID, "description": "of what it is about; the type says what that is"},
    "ticket_id": {"anyOf": [UUID, {"type": "null"}], "description": "of the ticket it belongs to"},
    "audience": {"enum": ["agents", "contact"], "description": "contact: the ticket's contact may know too"},
    "actor_id": {
        "anyOf": [UUID, {"type": "null"}],
        "description": "the user or API key behind it; null: pgdesk itself",
    },
    "data": {"type": "object"},
    "created_at": {"type": "string", "format": "date-time"},
}


@dataclass(frozen=True)
class EventType:
    """A row of the catalogue. `jobs` are the consumers that work because of it, each with what data must contain."""

    type: str
    subject: str
    audience: str
    happens: str
    properties: dict[str, Schema]
    is_partial: bool
    example: dict[str, Any]
    jobs: dict[str, dict[str, Any] | None]

    @property
    def data_schema(self) -> Schema:
        required = [] if self.is_partial else list(self.properties)
        return {
            "type": "object",
            "description": self.happens,
            "properties": self.properties,
            "required": required,
            "additionalProperties": False,
            "examples": [self.example],
        }


@dataclass(frozen=True)
class Catalogue:
    """Every event type, the values of the enums that their data use, and the prefixes of ids by what they name."""

    types: tuple[EventType, ...]
    enums: dict[str, list[str]]
    prefixes: dict[str, str]

    def prefix(self, noun: str) -> str:
        """The prefix that ids of a noun have in webhooks. Raises ValueError where private.id_prefixes has none."""
        if noun not in self.prefixes:
            raise ValueError(f"ids of a {noun} have no prefix: give them one in sql/74_typed_ids.sql")
        return self.prefixes[noun]


def read(url: str) -> Catalogue:
    """The catalogue of a database that has pgdesk's schema."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        types = tuple(EventType(**row) for row in connection.execute(SQL["catalogue"]))
        enums = {row["name"]: row["labels"] for row in connection.execute(SQL["enums"])}
        prefixes = {row["noun"]: row["prefix"] for row in connection.execute(SQL["prefixes"])}
    return Catalogue(types, enums, prefixes)


def json_schema(catalogue: Catalogue) -> Schema:
    """JSON Schema (2020-12) of an event; that of one type's data is `$defs/<type>`. Raises KeyError where a property
    refers to what nobody defines."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pgdesk event",
        "description": "What happened, as events_since gives it. Made by `make docs`.",
        "type": "object",
        "properties": ENVELOPE,
        "required": list(ENVELOPE),
        "additionalProperties": False,
        "oneOf": [
            {"properties": {"type": {"const": each.type}, "data": {"$ref": f"#/$defs/{each.type}"}}}
            for each in catalogue.types
        ],
        "$defs": _definitions(catalogue),
    }


def webhook_schema(catalogue: Catalogue) -> Schema:
    """JSON Schema of the body of a webhook: ids have prefixes, and an event's data stand in `details`, for endpoints
    that want them. Raises ValueError where ids of a kind have no prefix."""
    data = {
        "event_id": _typed("event", catalogue),
        "organization_id": _typed("organization", catalogue),
        "subject_id": {"type": "string"},
        "ticket_id": {"anyOf": [_typed("ticket", catalogue), {"type": "null"}]},
        "actor_id": {"anyOf": [_typed("user", catalogue), {"type": "null"}]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pgdesk webhook",
        "description": "What an endpoint is sent. Made by `make docs`.",
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time", "description": "of the event"},
            "data": {"type": "object"},
        },
        "required": ["type", "timestamp", "data"],
        "additionalProperties": False,
        "oneOf": [
            *(_webhook(each, data, catalogue) for each in catalogue.types),
            _branch(
                "webhook.test",
                {"organization_id": data["organization_id"], "endpoint_id": _typed("webhook_endpoint", catalogue)},
            ),
        ],
        "$defs": _definitions(catalogue, is_typed=True),
    }


def _webhook(each: EventType, data: dict[str, Schema], catalogue: Catalogue) -> Schema:
    own = data | {"subject_id": _typed(each.subject, catalogue), "details": {"$ref": f"#/$defs/{each.type}"}}
    return _branch(each.type, own, optional=("details",))


def _branch(kind: str, properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    data = {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
    return {"properties": {"type": {"const": kind}, "data": data}}


def _definitions(catalogue: Catalogue, *, is_typed: bool = False) -> dict[str, Schema]:
    """The data of each type, and every value that they refer to."""
    data = {each.type: each.data_schema for each in catalogue.types}
    if is_typed:  # examples have the ids that events have
        data = {kind: {key: part for key, part in schema.items() if key != "examples"} for kind, schema in data.items()}
    names = sorted(_references(list(data.values())))
    return data | {name: _value(name, catalogue, is_typed) for name in names}


def _typed(noun: str, catalogue: Catalogue) -> Schema:
    return {"type": "string", "pattern": f"^{catalogue.prefix(noun)}_[0-9a-f]{{32}}$"}


def _value(name: str, catalogue: Catalogue, is_typed: bool) -> Schema:
    if name.endswith("_or_null"):
        return {"anyOf": [_value(name.removesuffix("_or_null"), catalogue, is_typed), {"type": "null"}]}
    if name in IDS:
        kind = _typed(name.removesuffix("_id"), catalogue) if is_typed else UUID
        return {**kind, "description": f"of {IDS[name]}"}
    if name in ENUMS:
        return {"enum": catalogue.enums[ENUMS[name]]}
    return VALUES[name]


def _references(schema: Any) -> set[str]:
    """Names under `#/$defs/` that a schema refers to."""
    if isinstance(schema, dict):
        here = {str(schema["$ref"]).removeprefix("#/$defs/")} if "$ref" in schema else set()
        return here.union(*(_references(part) for part in schema.values()))
    if isinstance(schema, list):
        return set().union(*(_references(part) for part in schema))
    return set()


def sections(catalogue: Catalogue) -> str:
    """A table of all types in Markdown, and a section for each."""
    table = ["| event | about | audience | when |", "|---|---|---|---|"]
    table += [
        f"| [`{each.type}`](#{_anchor(each.type)}) | {_words(each.subject)} | {each.audience} | {_first(each)} |"
        for each in catalogue.types
    ]
    schema = json_schema(catalogue)
    each_alone = [_section(each, schema["$defs"]) for each in catalogue.types]
    return "\n".join(["## All types", "", *table, "", *each_alone])


def _section(each: EventType, definitions: dict[str, Schema]) -> str:
    lines = [f"## {each.type}", "", each.happens, ""]
    lines.append(f"About: {_words(each.subject)} (`subject_id`). Audience: {each.audience}.{_work(each)}")
    if each.properties:
        some = " Data hold those that changed." if each.is_partial else ""
        lines[-1] += some
        lines += ["", "| data | value | |", "|---|---|---|"]
        lines += [_row(name, schema, definitions) for name, schema in each.properties.items()]
    lines += ["", "```json", json.dumps({"type": each.type, "data": each.example}, indent=2), "```", ""]
    return "\n".join(lines)


def _work(each: EventType) -> str:
    if not each.jobs:
        return ""
    named = [
        f"`{consumer}`" + (f" where data contain `{json.dumps(wanted)}`" if wanted else "")
        for consumer, wanted in sorted(each.jobs.items())
    ]
    return f" Becomes a job of {', '.join(named)}."


def _row(name: str, schema: Schema, definitions: dict[str, Schema]) -> str:
    whole = {**_resolved(schema, definitions), **{key: value for key, value in schema.items() if key == "description"}}
    nullable = "anyOf" in whole
    told = {**whole["anyOf"][0], **whole} if nullable else whole
    kind = _kind(told) + (" or null" if nullable else "")
    return f"| `{name}` | {kind} | {told.get('description', '')} |"


def _resolved(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    return definitions[schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema


def _kind(schema: Schema) -> str:
    if "enum" in schema or "const" in schema:
        return " · ".join(f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if schema["type"] == "array":
        return f"list of {_kind(schema['items'])}s"
    bounds = f" {schema['minimum']} to {schema['maximum']}" if "maximum" in schema else ""
    return str(schema.get("format", schema["type"])) + bounds


def _first(each: EventType) -> str:
    """The first sentence of when it happens."""
    return each.happens.split(". ")[0].rstrip(".")


def _words(subject: str) -> str:
    return subject.replace("_", " ")


def _anchor(kind: str) -> str:
    return kind.replace(".", "")
