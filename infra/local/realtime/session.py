"""What a client does with its socket: beats, joins, leaves, and speaks on the channels it has joined."""

from __future__ import annotations

import logging
from typing import Any

from infra.local.realtime import config, frames, replay
from infra.local.realtime.authorization import TokenError, Unavailable
from infra.local.realtime.channels import UNREACHABLE, Channel, JoinError, Services
from infra.local.realtime.frames import Inbound, dumps
from infra.local.realtime.sockets import Socket
from infra.local.websocket import framed

log = logging.getLogger(__name__)

CHANNELS = 100  # per connection


class Session:
    """`token` is the one that the connection was made with; a join may bring its own."""

    def __init__(self, services: Services, socket: Socket, token: str) -> None:
        self._services = services
        self._socket = socket
        self._token = token
        self._channels: dict[str, Channel] = {}

    async def handle(self, message: Inbound) -> None:
        channel = self._channels.get(message.topic)
        if message.topic == "phoenix":
            self._reply(message, "ok", {})
        elif message.event == "phx_join":
            await self._join(message)
        elif message.event == "phx_leave":
            self._reply(message, "ok", {})
            if channel is not None and message.join_ref in {None, channel.join_ref}:
                channel.end()
        elif channel is None:
            self._reply(message, "error", {"reason": "unmatched topic"})
        else:
            await channel.handle(message)

    def gone(self) -> None:
        for channel in list(self._channels.values()):
            channel.leave()

    async def _join(self, message: Inbound) -> None:
        if (before := self._channels.get(message.topic)) is not None:
            before.leave()  # joining again replaces; a phx_close would be taken for the end of the new one
        try:
            channel = await self._admit(message)
        except JoinError as error:
            log.info("a join to %s is refused: %s", message.topic, error)
            self._reply(message, "error", {"reason": str(error)})
            return
        self._channels[message.topic] = channel
        channel.enter()
        channel.reply(message, "ok", {"postgres_changes": list(channel.config.postgres_changes)})
        channel.show_presence()
        await self._follow_up(channel)

    async def _admit(self, message: Inbound) -> Channel:
        if not message.topic.startswith("realtime:"):
            raise JoinError("unmatched topic")
        if message.topic == "realtime:":
            raise JoinError("TopicNameRequired: You must provide a topic name")
        if len(self._channels) >= CHANNELS:
            raise JoinError("ChannelRateLimitReached: Too many channels")
        wanted = config.read(message.payload)
        token = self._join_token(message.payload)
        try:
            identity = self._services.identify(token, self._socket.headers)
            channel = Channel(self._services, self._socket, message, wanted, identity, token, self._forget)
            await channel.authorize()
            # What was committed before the join is not news.
            await self._services.caught_up()
        except TokenError as error:
            raise JoinError(f"{error.code}: {error}") from error
        except Unavailable as error:
            raise JoinError(f"UnableToConnectToProject: {UNREACHABLE} ({error})") from error
        if wanted.bad_replay or (wanted.replay and not wanted.private):
            words = "Replay params are not valid" if wanted.bad_replay else "Replay is not allowed for public channels"
            raise JoinError(f"UnableToReplayMessages: {words}")
        return channel

    def _join_token(self, payload: dict[str, Any]) -> str:
        for name in ("user_token", "access_token"):
            if isinstance(token := payload.get(name), str) and not token.startswith("sb_"):
                return token
        return self._token

    async def _follow_up(self, channel: Channel) -> None:
        """What comes after the reply: stored messages, then the word that changes are followed."""
        if channel.config.replay is not None and channel.hears_broadcasts:
            try:
                await replay.send(self._services.pool, channel, channel.config.replay)
            except Unavailable:
                channel.system("system", "error", "UnableToReplayMessages: Realtime was unable to replay messages")
        if channel.config.postgres_changes:
            await channel.follow_changes()
        if channel.config.wants_replication_notice:
            channel.system("system", "ok", "Replication connection established")

    def _forget(self, channel: Channel) -> None:
        if self._channels.get(channel.topic) is channel:
            del self._channels[channel.topic]

    def _reply(self, message: Inbound, status: str, response: dict[str, Any]) -> None:
        payload = dumps({"status": status, "response": response})
        frame = frames.encode(self._socket.version, message.topic, "phx_reply", payload, message.ref, message.join_ref)
        self._socket.send(framed(frame))
