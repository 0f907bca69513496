"""What a client does with its socket: beats, joins, leaves, and speaks on the channels it has joined."""

from __future__ import annotations

import logging
from typing import Any

from infra.local.realtime import config, frames, replay
from infra.local.realtime.authorization import CANCELED, TokenError, Unavailable
from infra.local.realtime.channels import UNREACHABLE, Channel, JoinError, Services
from infra.local.realtime.frames import Broadcast, Inbound, dumps
from infra.local.realtime.sockets import Socket
from infra.local.websocket import framed

log = logging.getLogger(__name__)


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
            channel, stored = await self._admit(message)
        except JoinError as error:
            log.info("a join to %s is refused: %s", message.topic, error)
            self._reply(message, "error", {"reason": str(error)})
            if error.is_final:
                await self._socket.end()
            return
        self._channels[message.topic] = channel
        channel.enter()
        channel.reply(message, "ok", {"postgres_changes": list(channel.config.postgres_changes)})
        replay.send(channel, stored)
        channel.show_presence()
        if channel.config.postgres_changes:
            await channel.follow_changes()
        if channel.config.wants_replication_notice:
            channel.system("system", "ok", "Replication connection established")

    async def _admit(self, message: Inbound) -> tuple[Channel, list[tuple[str, Broadcast]]]:
        """The channel, and the stored messages it asks for. Raises JoinError."""
        name = message.topic.removeprefix("realtime:")
        if name == message.topic:
            raise JoinError("unmatched topic")
        if not name:
            raise JoinError("TopicNameRequired: You must provide a topic name")
        self._check_limits()
        wanted = config.read(message.payload, name)
        token = self._join_token(message.payload)
        try:
            identity = self._services.identify(token, self._socket.headers)
            channel = Channel(self._services, self._socket, message, wanted, identity, token, self._forget)
            await channel.authorize()
            stored = await self._stored(channel)
            # What was committed before the join is not news.
            await self._services.caught_up()
        except TokenError as error:
            raise JoinError(f"{error.code}: {error}") from error
        except Unavailable as error:
            code = "QueryCanceled" if str(error) == CANCELED else "UnableToConnectToProject"
            raise JoinError(f"{code}: {UNREACHABLE} ({error})") from error
        return channel, stored

    def _check_limits(self) -> None:
        meters = self._services.meters
        if meters.joins.exceeded:
            raise JoinError("ClientJoinRateLimitReached: Too many joins per second", is_final=True)
        meters.joins.add()
        if len(self._channels) >= meters.limits.channels:
            raise JoinError("ChannelRateLimitReached: Too many channels")

    async def _stored(self, channel: Channel) -> list[tuple[str, Broadcast]]:
        wanted = channel.config
        if not wanted.wants_replay:
            return []
        if not wanted.private:
            raise JoinError("UnableToReplayMessages: Replay is not allowed for public channels")
        if not channel.hears_broadcasts:
            raise JoinError(f"Unauthorized: {channel.denied()}")
        if wanted.bad_replay:
            raise JoinError("UnableToReplayMessages: Replay params are not valid")
        if wanted.replay is None:
            return []
        try:
            stored = await replay.fetch(self._services.pool, channel.name, wanted.replay)
        except Unavailable as error:
            raise JoinError("UnableToReplayMessages: Realtime was unable to replay messages") from error
        channel.replayed = {number for number, _ in stored}
        return stored

    def _join_token(self, payload: dict[str, Any]) -> str:
        for name in ("user_token", "access_token"):
            if isinstance(token := payload.get(name), str) and not token.startswith("sb_"):
                return token
        return self._token

    def _forget(self, channel: Channel) -> None:
        if self._channels.get(channel.topic) is channel:
            del self._channels[channel.topic]

    def _reply(self, message: Inbound, status: str, response: dict[str, Any]) -> None:
        payload = dumps({"status": status, "response": response})
        frame = frames.encode(self._socket.version, message.topic, "phx_reply", payload, message.ref, message.join_ref)
        self._socket.send(framed(frame))
