"""HTTP requests as API Gateway's REST API (Lambda proxy integration) hands them to a function, and back."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

STAGE = "functions"
BODY_BYTES = 10 * 1024 * 1024  # API Gateway takes no larger request
EVENT_BYTES = 6 * 1024 * 1024  # Lambda takes no larger event, nor gives a larger answer
INTEGRATION_SECONDS = 29
# The body of API Gateway's own errors: its default, in the words of its response templates.
ERROR_TEMPLATE = '{"message":$context.error.messageString}'


@dataclass(frozen=True)
class HttpRequest:
    """A request as it came over the wire: `target` is the path and query, `headers` in their order."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str = "127.0.0.1"

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def match(paths: Iterable[str], path: str) -> tuple[str, dict[str, str]] | None:
    """The resource among `paths` that `path` reaches and the values of its `{parameters}`; fixed segments win."""
    if path != "/":
        path = path.rstrip("/")
    parts = path.split("/")
    found: list[tuple[list[bool], str, dict[str, str]]] = []
    for resource in paths:
        wanted = resource.split("/")
        if len(wanted) != len(parts):
            continue
        is_parameter = [part.startswith("{") and part.endswith("}") for part in wanted]
        if all(free or want == part for free, want, part in zip(is_parameter, wanted, parts, strict=True)):
            pairs = zip(is_parameter, wanted, parts, strict=True)
            found.append((is_parameter, resource, {want[1:-1]: unquote(part) for free, want, part in pairs if free}))
    if not found:
        return None
    _, resource, parameters = min(found, key=lambda each: each[0])
    return resource, parameters


def is_binary(content_type: str | None, binary_types: Iterable[str]) -> bool:
    """Whether API Gateway treats a media type as bytes: then the body travels in base64, else as UTF-8 text."""
    kind = (content_type or "").split(",")[0].split(";")[0].strip().lower()
    family = kind.split("/")[0] + "/*"
    return any(wanted.lower() in {kind, family, "*/*"} for wanted in binary_types)


def to_event(
    request: HttpRequest, resource: str, parameters: dict[str, str], binary_types: Iterable[str]
) -> dict[str, Any]:
    """The proxy event. A body of no binary type is decoded as UTF-8; what is not UTF-8 in it is lost, as there."""
    binary = is_binary(request.header("content-type"), binary_types)
    body = base64.b64encode(request.body).decode() if binary else request.body.decode("utf-8", "replace")
    headers = _grouped(request.headers)
    query = _grouped(parse_qsl(request.query, keep_blank_values=True))
    now = time.time()
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "resourceId": "local",
            "resourcePath": resource,
            "path": f"/{STAGE}{request.path}",
            "httpMethod": request.method,
            "stage": STAGE,
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now * 1000),
            "domainName": request.header("host"),
            "identity": {"sourceIp": request.source_ip, "userAgent": request.header("user-agent")},
        },
        "body": body if request.body else None,
        "isBase64Encoded": binary and bool(request.body),
    }


def is_too_large(event: dict[str, Any]) -> bool:
    """Whether Lambda would refuse the event. Base64 counts: of a binary body about 4.5 MB fit."""
    return len(json.dumps(event)) > EVENT_BYTES


def from_answer(
    answer: Any, accept: str | None, binary_types: Iterable[str], template: str = ERROR_TEMPLATE
) -> HttpAnswer:
    """The HTTP answer that a function's answer means; 502 where it has not the shape API Gateway asks for.

    A base64 body becomes bytes only where the first media type of Accept is a binary type.
    """
    if not isinstance(answer, Mapping) or not _is_status(answer.get("statusCode", 200)):
        return error("DEFAULT_5XX", template)
    body = answer.get("body")
    if body is not None and not isinstance(body, str):
        return error("DEFAULT_5XX", template)
    if len(json.dumps(answer, default=str)) > EVENT_BYTES:
        return error("DEFAULT_5XX", template)
    raw = (body or "").encode()
    if answer.get("isBase64Encoded") and is_binary(accept, binary_types):
        raw = base64.b64decode(raw)
    headers = [(str(name), str(value)) for name, value in (answer.get("headers") or {}).items()]
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers += [(str(name), str(value)) for value in values]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    return HttpAnswer(int(answer.get("statusCode", 200)), tuple(headers), raw)


# API Gateway's own errors by its names for them (its gateway response types): status and message.
ERRORS = {
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out"),
    "INTEGRATION_FAILURE": (503, "Service Unavailable"),
    "DEFAULT_5XX": (502, "Internal server error"),
}


def error(kind: str, template: str = ERROR_TEMPLATE) -> HttpAnswer:
    """An answer of API Gateway's own. `template` is that of the API's gateway responses, with variables of
    `$context.error`."""
    status, message = ERRORS[kind]
    body = template.replace("$context.error.messageString", json.dumps(message))
    body = body.replace("$context.error.message", message).replace("$context.error.responseType", kind)
    return HttpAnswer(status, (("content-type", "application/json"),), body.encode())


def _is_status(value: Any) -> bool:
    return str(value).isdigit() and 100 <= int(value) <= 599


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped
