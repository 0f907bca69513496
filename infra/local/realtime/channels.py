"""One joined channel: what its client may do there, and what it is told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from infra.local.realtime import authorization, frames
from infra.local.realtime.authorization import Identity, PolicyError, Pool, TokenError, Unavailable
from infra.local.realtime.config import JoinConfig
from infra.local.realtime.frames import Inbound, Version, dumps
from infra.local.realtime.hub import Hub
from infra.local.realtime.limits import TOO_MANY_CALLS, TOO_MANY_PRESENCES, Allowance, Meters
from infra.local.realtime.subscriptions import Subscription, SubscriptionError
from infra.local.websocket import framed

log = logging.getLogger(__name__)

RECHECK = 300  # seconds at most between two looks at a token's expiry
RETRY = 5.0  # seconds after which a subscription that the database could not take is tried again
UNREACHABLE = "Realtime was unable to connect to the project database"


class JoinError(Exception):
    """The join is refused; the message is the reply's reason, `Code: words`. `is_final`: the connection ends too."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Sender(Protocol):
    version: Version
    headers: dict[str, str]

    def send(self, frame: bytes) -> None: ...


class Services(Protocol):
    """What channels need of the service around them."""

    hub: Hub
    pool: Pool
    meters: Meters

    def identify(self, token: str, headers: dict[str, str]) -> Identity: ...

    async def subscribe(self, channel: Channel) -> list[Subscription]:
        """Raises SubscriptionError, Unavailable."""

    async def caught_up(self) -> None:
        """Return once everything committed before has been handed on."""


class Channel:
    """`topic` is the full one, `realtime:…`; `name` is without the prefix."""

    def __init__(
        self,
        services: Services,
        sender: Sender,
        message: Inbound,
        config: JoinConfig,
        identity: Identity,
        token: str,
        closed: Callable[[Channel], None],
    ) -> None:
        self._services = services
        self._sender = sender
        self._closed = closed
        self._token = token
        self._timer: asyncio.TimerHandle | None = None
        self.topic = message.topic
        self.name = message.topic.removeprefix("realtime:")
        self.join_ref = message.join_ref or message.ref
        self.version = sender.version
        self.config = config
        self.identity = identity
        self.address = (self.name, config.private)
        self.hears_broadcasts = not config.private
        self.hears_presence = not config.private
        self.replayed: set[str] = set()
        self.legacy = config.legacy
        self._asked: set[str] = set()  # extensions whose reading policies were evaluated
        self._writes: dict[str, bool] = {}
        limits = services.meters.limits
        self._presence_calls = Allowance(limits.presence_calls, limits.presence_window)
        self._retry: asyncio.TimerHandle | None = None
        self._retrying: asyncio.Task[None] | None = None
        self.open = False

    # Joining

    async def authorize(self) -> None:
        """Ask the policies of a private topic whether this client may be here. Raises JoinError, Unavailable."""
        if not self.config.private:
            return
        await self._evaluate_reading({"broadcast"} | ({"presence"} if self.config.presence else set()) | self._asked)
        if not (self.hears_broadcasts or self.hears_presence):
            raise JoinError(f"Unauthorized: {self.denied()}")

    def enter(self) -> None:
        """Be heard of from now on."""
        self.open = True
        self._services.hub.join(self.address, self)
        self._watch_token()

    def show_presence(self) -> None:
        if not (self.config.presence and self.hears_presence):
            return
        if self._services.meters.presences.exceeded:
            self.close(TOO_MANY_PRESENCES)
            return
        self._services.meters.presences.add()
        self.push("presence_state", dumps(self._services.hub.presence_state(self.address)))

    def denied(self) -> str:
        return f"You do not have permissions to read from this Channel topic: {self.name}"

    async def _evaluate_reading(self, extensions: set[str]) -> None:
        seen = await authorization.may_read(self._services.pool, self.identity, self.name, sorted(extensions))
        self._asked = extensions
        self.hears_broadcasts, self.hears_presence = "broadcast" in seen, "presence" in seen

    # What the client sends

    async def handle(self, message: Inbound) -> None:
        match message.event:
            case "broadcast":
                await self._broadcast(message)
            case "presence":
                await self._presence(message)
            case "access_token":
                await self._renew(message.payload.get("access_token"))
            case _:
                log.info("unexpected event %r on %s", message.event, self.topic)

    async def _broadcast(self, message: Inbound) -> None:
        if self.config.private and not await self._may_write("broadcast"):
            return  # dropped without a word, as on the platform
        content = message.broadcast or dumps(message.payload)
        body = content if isinstance(content, str) else content.payload
        self._services.meters.messages.add()
        if len(body) > self._services.meters.limits.payload:
            if self.config.ack:
                self.reply(message, "error", "payload_size_exceeded")
            return
        sender = None if self.config.hears_itself else self
        self._services.hub.broadcast(self.address, content, sender)
        if self.config.ack:
            self.reply(message, "ok", {})

    async def _presence(self, message: Inbound) -> None:
        event = message.payload.get("event")
        if not isinstance(event, str):
            self.reply(message, "ok", {})
        elif not self._presence_calls.take():
            self.close(TOO_MANY_CALLS)
        elif event.lower() == "track":
            await self._track(message)
        elif event.lower() == "untrack":
            self._services.hub.untrack(self.address, self)
            self.reply(message, "ok", {})
        else:
            self.reply(message, "error", {})

    async def _track(self, message: Inbound) -> None:
        payload = message.payload.get("payload", {})
        if self.config.private and not await self._may_track():
            self.reply(message, "error", {})
        elif not isinstance(payload, dict):
            self.reply(message, "error", {"reason": "Presence track payload must be a map"})
        elif len(dumps(payload)) > self._services.meters.limits.payload:
            self.close("Track message size exceeded")
        elif self._services.meters.presences.exceeded:
            self.close(TOO_MANY_PRESENCES)
        else:
            self._services.meters.presences.add()
            self._services.hub.track(self.address, self, self.config.presence_key, payload)
            self.reply(message, "ok", {})

    async def _may_track(self) -> bool:
        try:
            if "presence" not in self._asked:  # presence was not asked for when joining
                await self._evaluate_reading(self._asked | {"presence"})
        except Unavailable:
            return False
        return await self._may_write("presence")

    async def _may_write(self, extension: str) -> bool:
        if extension not in self._writes:
            try:
                allowed = await authorization.may_write(self._services.pool, self.identity, self.name, extension)
            except (Unavailable, PolicyError):
                return False  # not remembered: the next message asks again
            self._writes[extension] = allowed
        return self._writes[extension]

    async def _renew(self, token: object) -> None:
        """Take a new token: policies are asked again, and who loses the right to read is put out."""
        if not isinstance(token, str) or token.startswith("sb_") or token == self._token:
            return
        heard = (self.hears_broadcasts, self.hears_presence)
        try:
            self.identity = self._services.identify(token, self._sender.headers)
            self._token, self._writes = token, {}
            await self.authorize()
        except TokenError as error:
            self.close(str(error))
        except JoinError:
            self.close(self.denied())
        except Unavailable:
            self.close(UNREACHABLE)
        else:
            if any(
                had and not has for had, has in zip(heard, (self.hears_broadcasts, self.hears_presence), strict=True)
            ):
                self.close(f"You no longer have permission to read from this Channel topic: {self.name}")
                return
            self._watch_token()
            if self.config.postgres_changes:
                await self.follow_changes()

    # What the client is told

    async def follow_changes(self) -> None:
        """Take up the subscriptions to row changes, and say whether that worked."""
        try:
            held = await self._services.subscribe(self)
        except Exception as error:
            # Whatever it is, the client has to hear of it, and nothing goes on under rights that were not checked.
            self._services.hub.subscriptions.drop(self)
            self.system("postgres_changes", "error", str(error))
            if not isinstance(error, SubscriptionError) and self.open:
                self._retry = asyncio.get_running_loop().call_later(RETRY, self._follow_again)
            return
        if self.open:
            self._services.hub.subscriptions.put(self, held)
            self.system("postgres_changes", "ok", "Subscribed to PostgreSQL")

    def _follow_again(self) -> None:
        if self.open:
            self._retrying = asyncio.create_task(self.follow_changes())

    def system(self, extension: str, status: str, message: str) -> None:
        words = {"channel": self.name, "extension": extension, "message": message, "status": status}
        self.push("system", dumps(words))

    def push(self, event: str, payload: str) -> None:
        self.send(framed(frames.encode(self.version, self.topic, event, payload, None, self.join_ref)))

    def reply(self, message: Inbound, status: str, response: dict[str, Any] | str) -> None:
        payload = dumps({"status": status, "response": response})
        self.send(framed(frames.encode(self.version, self.topic, "phx_reply", payload, message.ref, self.join_ref)))

    def send(self, frame: bytes) -> None:
        self._sender.send(frame)

    # The end

    def _watch_token(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        left = self.identity.expires - time.time()
        if left <= 0:
            self.close(f"Token has expired {int(-left)} seconds ago")
        else:
            self._timer = asyncio.get_running_loop().call_later(min(left, RECHECK), self._watch_token)

    def close(self, reason: str) -> None:
        """Put the client out, with a reason."""
        self.system("system", "error", reason)
        self.end()

    def end(self) -> None:
        """Leave, and tell the client that the channel is closed."""
        self.send(framed(frames.encode(self.version, self.topic, "phx_close", "{}", self.join_ref, self.join_ref)))
        self.leave()

    def leave(self) -> None:
        self.open = False
        for timer in (self._timer, self._retry):
            if timer is not None:
                timer.cancel()
        self._services.hub.leave(self.address, self)
        self._closed(self)
