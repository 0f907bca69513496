"""OpenAPI 3.1 of the functions' routes, made from the table ROUTES of functions/app.py."""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.kit.http import Docs, Parameter, Route
from chalicelib.kit.settings import settings

Schema = dict[str, Any]

SECURITY: dict[str, Schema] = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "a user's access token, from Supabase Auth",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "an organization's API key (pgd_…), from create_api_key",
    },
    "inboundSecret": {
        "type": "http",
        "scheme": "bearer",
        "description": "PGDESK_INBOUND_SECRET, known to the receiver",
    },
    "svixSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "svix-signature",
        "description": "Standard Webhooks: with svix-id and svix-timestamp, by the secret of the webhook's endpoint",
    },
    "relaySecret": {"type": "http", "scheme": "bearer", "description": "PGDESK_RELAY_SECRET, known to the database"},
}
ERROR: Schema = {
    "type": "object",
    "description": "Every answer that is not a success.",
    "properties": {
        "code": {"type": "string", "description": "for programs: it stays what it is"},
        "message": {"type": "string", "description": "what was wrong, for a person"},
        "hint": {"type": ["string", "null"], "description": "what to do about it"},
    },
    "required": ["code", "message", "hint"],
    "additionalProperties": False,
}
HEADERS: dict[str, Schema] = {
    "x-trace-id": {
        "description": "Of the log lines about this request and of what it caused; the caller's own, by `traceparent`.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "retry-after": {"description": "When to try again, in seconds.", "schema": {"type": "integer", "minimum": 1}},
}
# What any route may answer, by status.
ALWAYS: dict[int, tuple[str, ...]] = {429: ("too_many_requests",), 500: ("internal",), 503: ("unavailable",)}
WITH_BODY: dict[int, tuple[str, ...]] = {415: ("unsupported_media_type",)}
# API Gateway's own errors. Its codes are its names for them, in capitals: REQUEST_TOO_LARGE.
GATEWAY_CODE = "^[A-Z][A-Z0-9_]+$"
GATEWAY = {
    413: "The request is too large: beyond about 6 MB, of bytes about 4.5 MB.",
    429: "Too many requests at once.",
    502: "The function failed.",
    504: "The function took longer than 29 seconds.",
}
WORDS = {
    400: "The request is wrong.",
    401: "No credentials, or not good ones.",
    403: "Not allowed.",
    404: "Not found.",
    409: "In conflict with what is there.",
    410: "Gone.",
    413: "Too large.",
    415: "A body of this media type is not taken.",
    422: "Understood, but it cannot be done.",
    429: "Too many requests: try again later.",
    500: "A defect; it was logged.",
    502: "Somebody else's service failed.",
    503: "The database does not answer: try again.",
}
TAKES_TYPES = ("POST", "PUT", "PATCH")


def routes() -> tuple[Route, ...]:
    """ROUTES of functions/app.py, which is loaded without a database behind it."""
    name = "PGDESK_DATABASE_URL"
    before = os.environ.get(name)
    os.environ[name] = before or "postgresql://nobody@127.0.0.1:1/none"
    try:
        found: tuple[Route, ...] = importlib.import_module("app").ROUTES
        return found
    finally:
        if before is None:
            del os.environ[name]
        settings.cache_clear()


def document() -> Schema:
    """The whole description. Raises ValueError, naming a route that is not documented."""
    paths: dict[str, Schema] = {}
    for route in sorted(routes(), key=lambda each: (each.path, each.method)):
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pgdesk functions",
            "version": "1",
            "summary": "What Postgres alone cannot do. All else is PostgREST's: see api.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:54321/functions/v1", "description": "the stack on one machine"}],
        "paths": paths,
        "components": {"securitySchemes": SECURITY, "schemas": {"Error": ERROR}, "headers": HEADERS},
    }


def operation(route: Route) -> Schema:
    """One route. Raises ValueError where it or its handler is not documented."""
    if route.docs is None or not route.handler.__doc__:
        missing = "Docs" if route.docs is None else "a docstring"
        raise ValueError(f"{route.method} {route.path} has no documentation: give its route {missing}")
    summary, description = _told(route.handler)
    found: Schema = {
        "operationId": _identifier(route),
        "summary": summary,
        "description": description,
        "security": [{name: []} if name else {} for name in route.docs.security],
        "parameters": [*_in_path(route.path), *(_in_query(each) for each in route.docs.query)],
        "responses": _responses(route, route.docs),
    }
    if _takes_body(route):
        found["requestBody"] = {
            "content": {kind: {"schema": _schema(route.docs.body or {})} for kind in sorted(route.content_types)},
            "required": True,
        }
    return found


def _told(handler: Any) -> tuple[str, str]:
    """A handler's docstring as summary and description, without the route that it may begin with."""
    words = re.sub(r"^(GET|POST|PUT|PATCH|DELETE) \S+: ", "", inspect.cleandoc(handler.__doc__))
    summary, _, description = words.partition("\n\n")
    return re.sub(r"\s+", " ", summary).rstrip("."), description


def _identifier(route: Route) -> str:
    return "_".join([route.method.lower(), *re.findall(r"\w+", route.path)])


def _in_path(path: str) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _in_query(parameter: Parameter) -> Schema:
    one = dict(parameter.schema)
    least = {"minItems": 1} if parameter.required else {}
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "required": parameter.required,
        "schema": {"type": "array", "items": one, **least} if parameter.repeated else one,
    }


def _takes_body(route: Route) -> bool:
    """Whether it looks at a body: one that is described, or of a type that is not described by a schema."""
    assert route.docs
    return route.docs.body is not None or set(route.content_types) != {"application/json"}


def _responses(route: Route, docs: Docs) -> Schema:
    errors: dict[int, tuple[str, ...]] = {}
    for some in (docs.errors, ALWAYS, WITH_BODY if route.method in TAKES_TYPES else {}):
        for status, codes in some.items():
            errors[status] = (*errors.get(status, ()), *codes)
    everything = {status: _answer(value) for status, value in docs.answers.items()}
    everything |= {status: _failure(status, errors.get(status, ())) for status in errors.keys() | GATEWAY.keys()}
    return {str(status): everything[status] for status in sorted(everything)}


def _answer(value: Any) -> Schema:
    if value is None:
        return {"description": "Done; the answer is empty.", "headers": _headers("x-trace-id")}
    schema = _schema(value)
    content = {schema.pop("contentMediaType", "application/json"): {"schema": schema}}
    return {"description": "Done.", "headers": _headers("x-trace-id"), "content": content}


def _failure(status: int, codes: tuple[str, ...]) -> Schema:
    """An error of the route's own, of API Gateway's, or both."""
    words = [WORDS[status]] if codes else []
    kinds: list[Schema] = [{"enum": list(codes)}] if codes else []
    if status in GATEWAY:
        words.append(f"API Gateway: {GATEWAY[status]}")
        kinds.append({"type": "string", "pattern": GATEWAY_CODE})
    code = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {
        "description": " ".join(words),
        "headers": _headers("x-trace-id", *(["retry-after"] if status == 429 else [])),
        "content": {
            "application/json": {
                "schema": {"allOf": [{"$ref": "#/components/schemas/Error"}, {"properties": {"code": code}}]}
            }
        },
    }


def _headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _schema(value: Any) -> Schema:
    """A JSON Schema as it is, or a pydantic model's with its parts in place."""
    if isinstance(value, Mapping):
        return dict(value)
    schema: Schema = value.model_json_schema()
    parts = schema.pop("$defs", {})
    placed: Schema = _placed(schema, parts)
    return placed


def _placed(schema: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            return {**_placed(parts[schema["$ref"].rpartition("/")[2]], parts), **_placed(rest, parts)}
        return {name: _placed(value, parts) for name, value in schema.items()}
    return [_placed(value, parts) for value in schema] if isinstance(schema, list) else schema
