"""Realtime's HTTP interface: broadcasts without a socket, and whether the service is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local import tokens
from infra.local.realtime import authorization
from infra.local.realtime.authorization import Identity, PolicyError, Pool, TokenError, Unavailable
from infra.local.realtime.frames import Broadcast, dumps, loads
from infra.local.realtime.hub import Hub
from infra.local.realtime.limits import Meters
from infra.local.serving import read_body
from infra.local.settings import Keys

BODY_BYTES = 8_000_000
TOO_LARGE = "Payload size exceeds tenant limit"


class Services(Protocol):
    """What the interface needs of the service around it."""

    hub: Hub
    pool: Pool
    meters: Meters

    def identify(self, token: str, headers: dict[str, str]) -> Identity: ...


class Refusal(Exception):  # noqa: N818
    """The request is not served."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status)
        self.response = JSONResponse(body, status)


class Api:
    """`is_following` says whether the database's changes are being followed."""

    def __init__(self, services: Services, keys: Keys, is_following: Callable[[], bool]) -> None:
        self._services = services
        self._keys = keys
        self._is_following = is_following
        self.routes: list[BaseRoute] = [
            Route("/api/ping", self._ping, methods=["GET"]),
            Route("/api/tenants/{tenant}/health", self._health, methods=["GET"]),
            Route("/api/broadcast", self._serve(self._many), methods=["POST"]),
            Route("/api/broadcast/{rest:path}", self._serve(self._one), methods=["POST"]),
        ]

    async def _ping(self, request: Request) -> Response:
        return JSONResponse({"message": "Success"})

    async def _health(self, request: Request) -> Response:
        """For whoever brings a token of this stack, as the platform asks for one of its own."""
        if self._caller(request) is None:
            return Response(status_code=403)
        found = self._is_following()
        health = {
            "healthy": found, "db_connected": found, "replication_connected": found,
            "connected_cluster": self._services.meters.connections, "region": "local", "node": "local",
        }  # fmt: skip
        return JSONResponse({"data": health})

    def _serve(self, handle: Callable[[Request, Identity], Any]) -> Callable[[Request], Any]:
        async def serve(request: Request) -> Response:
            identity = self._caller(request)
            if identity is None:
                return JSONResponse({"message": "Unauthorized"}, 401)
            try:
                await handle(request, identity)
            except Refusal as refusal:
                return refusal.response
            return Response(status_code=202)

        return serve

    async def _many(self, request: Request, identity: Identity) -> None:
        body = _parsed(await _read(request))
        messages = body.get("messages")
        if messages is None or messages == []:
            raise Refusal(422, {"errors": {"messages": ["can't be blank"]}})
        if not isinstance(messages, list):
            raise Refusal(422, {"errors": {"messages": ["is invalid"]}})
        errors = [self._errors(message) for message in messages]
        if any(errors):
            raise Refusal(422, {"errors": {"messages": errors}})
        self._check_rate(len(messages), "Too many messages to broadcast, please reduce the batch size")
        allowed: dict[str, bool] = {}
        for message in messages:
            topic, private = message["topic"], message.get("private") in TRUE
            if private and topic not in allowed:
                allowed[topic] = await self._may_send(identity, topic)
            if private and not allowed[topic]:
                continue  # dropped without a word, as on the platform
            words = {"type": "broadcast", "event": message["event"], "payload": message["payload"]}
            if message.get("id"):
                words["meta"] = {"id": message["id"]}
            self._services.meters.messages.add()
            self._services.hub.broadcast((topic, private), dumps(words))

    async def _one(self, request: Request, identity: Identity) -> None:
        address = _topic_and_event(request)
        if address is None:
            raise Refusal(404, {"message": "Not Found"})
        topic, event = address
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind not in {"application/json", "application/octet-stream"}:
            raise Refusal(415, {"error": "Unsupported Media Type. Use application/json or application/octet-stream"})
        body = await _read(request)
        content: str | bytes = body if kind == "application/octet-stream" else dumps(_parsed(body))
        blank = {name: ["can't be blank"] for name, value in (("topic", topic), ("event", event)) if not value.strip()}
        if blank:
            raise Refusal(422, {"errors": blank})
        if len(content) > self._services.meters.limits.payload:
            raise Refusal(422, {"errors": {"payload": [TOO_LARGE]}})
        self._check_rate(0, "")
        private = request.query_params.get("private") == "true"
        if private:
            await self._require_right(identity, topic)
        self._services.meters.messages.add()
        self._services.hub.broadcast((topic, private), Broadcast(event, content))

    def _check_rate(self, more: int, words: str) -> None:
        messages = self._services.meters.messages
        if messages.exceeded:
            raise Refusal(429, {"message": "You have exceeded your rate limit"})
        if messages.average + more > messages.limit:
            raise Refusal(429, {"message": words})

    async def _require_right(self, identity: Identity, topic: str) -> None:
        try:
            allowed = await authorization.may_write(self._services.pool, identity, topic, "broadcast")
        except PolicyError as error:
            raise Refusal(422, {"message": "RLS policy error"}) from error
        except Unavailable as error:
            canceled = str(error) == authorization.CANCELED
            raise Refusal(422, {"message": "Query canceled" if canceled else "Tenant database unavailable"}) from error
        if not allowed:
            raise Refusal(403, {"message": "Unauthorized"})

    async def _may_send(self, identity: Identity, topic: str) -> bool:
        try:
            return await authorization.may_write(self._services.pool, identity, topic, "broadcast")
        except (PolicyError, Unavailable):
            return False

    def _caller(self, request: Request) -> Identity | None:
        headers = request.headers
        token = tokens.resolve(self._keys, headers.get("apikey"), headers.get("authorization"))
        try:
            return None if token is None else self._services.identify(token, dict(headers))
        except TokenError:
            return None

    def _errors(self, message: object) -> dict[str, list[str]]:
        """What is wrong with one message of a batch, by field."""
        if not isinstance(message, dict):
            return {"message": ["is invalid"]}
        errors = {}
        for name, kind in (("topic", str), ("event", str), ("payload", dict)):
            value = message.get(name)
            if value is None or (isinstance(value, str) and not value.strip()):
                errors[name] = ["can't be blank"]
            elif not isinstance(value, kind):
                errors[name] = ["is invalid"]
        if message.get("private") not in (*TRUE, *FALSE):
            errors["private"] = ["is invalid"]
        if "payload" not in errors and len(dumps(message["payload"])) > self._services.meters.limits.payload:
            errors["payload"] = [TOO_LARGE]
        return errors


# What counts as a boolean in a field of that kind.
TRUE = (True, "true", "1")
FALSE = (False, None, "false", "0", "")


async def _read(request: Request) -> bytes:
    body = await read_body(request, BODY_BYTES)
    if body is None:
        raise Refusal(413, "Request Entity Too Large")
    return body


def _parsed(body: bytes) -> dict[str, Any]:
    """A JSON body as the platform's parser hands it on: what is no object stands under `_json`."""
    if not body.strip():
        return {}
    try:
        value = loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "Bad Request") from error
    return value if isinstance(value, dict) else {"_json": value}


def _topic_and_event(request: Request) -> tuple[str, str] | None:
    """From the path as it was sent: an escaped slash belongs to a name."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    parts = raw.partition(b"?")[0].partition(b"/api/broadcast/")[2].split(b"/")
    if len(parts) != 3 or parts[1] != b"events" or not parts[0] or not parts[2]:
        return None
    try:
        return unquote_to_bytes(parts[0]).decode(), unquote_to_bytes(parts[2]).decode()
    except UnicodeDecodeError:
        return None
