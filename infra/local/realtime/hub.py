"""Who is where: the channels joined on each topic, and the ways to reach them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from infra.local.realtime.frames import Broadcast, Version, dumps, encode, encode_broadcast
from infra.local.realtime.limits import TOO_MANY_MESSAGES, Meters
from infra.local.realtime.presence import Presence, State
from infra.local.realtime.register import Register
from infra.local.websocket import framed

Address = tuple[str, bool]
"""A topic without its prefix `realtime:`, and whether it is private: the public topic of that name is another one."""


class Member(Protocol):
    """A joined channel as the hub sees it."""

    topic: str
    version: Version
    hears_broadcasts: bool
    hears_presence: bool
    replayed: set[str]
    legacy: bool

    def send(self, frame: bytes) -> None: ...

    def close(self, reason: str) -> None: ...


@dataclass
class Hub:
    """`subscriptions` are those to row changes."""

    meters: Meters

    members: dict[Address, dict[Member, None]] = field(default_factory=dict)
    presences: dict[Address, Presence] = field(default_factory=dict)
    subscriptions: Register = field(default_factory=Register)

    def join(self, address: Address, member: Member) -> None:
        self.members.setdefault(address, {})[member] = None

    def leave(self, address: Address, member: Member) -> None:
        self.subscriptions.drop(member)
        here = self.members.get(address, {})
        here.pop(member, None)
        if not here:
            self.members.pop(address, None)
        self.untrack(address, member)

    def is_empty(self) -> bool:
        return not self.members

    def broadcast(self, address: Address, message: Broadcast | str, sender: Member | None = None) -> None:
        """Hand a message to all on the topic except `sender`. A str is the JSON text of a whole broadcast payload.

        Where that is more than the project may send, they are put out.
        """
        message_id = message.meta.get("id") if isinstance(message, Broadcast) and message.meta else None
        heard = [
            member
            for member in self.members.get(address, ())
            if member is not sender and member.hears_broadcasts and message_id not in member.replayed
        ]
        if isinstance(message, str):
            self._spread(heard, "broadcast", message)
        else:
            self._spread_broadcast(heard, message)
        self.meters.messages.add(len(heard))
        if self.meters.messages.exceeded:
            for member in heard:
                member.close(TOO_MANY_MESSAGES)

    def track(self, address: Address, member: Member, key: str, payload: dict[str, object]) -> None:
        presence = self.presences.setdefault(address, Presence())
        self._tell_presence(address, presence.track(member, key, payload))

    def untrack(self, address: Address, member: Member) -> None:
        presence = self.presences.get(address)
        if presence is None:
            return
        difference = presence.untrack(member)
        if not presence:
            del self.presences[address]
        self._tell_presence(address, difference)

    def presence_state(self, address: Address) -> State:
        presence = self.presences.get(address)
        return presence.state() if presence else {}

    def _tell_presence(self, address: Address, difference: tuple[State, State] | None) -> None:
        if difference is not None:
            payload = dumps({"joins": difference[0], "leaves": difference[1]})
            listening = [member for member in self.members.get(address, ()) if member.hears_presence]
            self._spread(listening, "presence_diff", payload)
            self.meters.presences.add(len(listening))

    def _spread_broadcast(self, members: Iterable[Member], message: Broadcast) -> None:
        frames: dict[Version, bytes | None] = {}
        for member in members:
            if member.version not in frames:
                encoded = encode_broadcast(member.version, member.topic, message)
                frames[member.version] = None if encoded is None else framed(encoded)
            if (frame := frames[member.version]) is not None:
                member.send(frame)

    def _spread(self, members: Iterable[Member], event: str, payload: str) -> None:
        """Send one event to many: a topic is the same for all, so a frame is made once for each protocol version."""
        frames: dict[Version, bytes] = {}
        for member in list(members):
            if member.version not in frames:
                frames[member.version] = framed(encode(member.version, member.topic, event, payload))
            member.send(frames[member.version])
