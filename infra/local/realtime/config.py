"""What a client asks for when it joins a channel. Parts that cannot be read count as left out, as on the platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4
from zlib import crc32

from infra.local.realtime.frames import dumps

REPLAY_LIMIT = 25


@dataclass(frozen=True)
class Replay:
    """Stored messages of a private topic since a time (milliseconds of the Unix epoch)."""

    since: int
    limit: int


@dataclass(frozen=True)
class JoinConfig:
    ack: bool = False
    hears_itself: bool = False
    wants_replication_notice: bool = False
    private: bool = False
    presence: bool = False
    presence_key: str = field(default_factory=lambda: str(uuid4()))
    # The subscriptions as the client wrote them, each with its id.
    postgres_changes: tuple[dict[str, Any], ...] = ()
    replay: Replay | None = None
    # A replay was asked for in words that cannot be read.
    bad_replay: bool = False


def read(payload: dict[str, Any]) -> JoinConfig:
    """Read the payload of phx_join."""
    config = _mapping(payload.get("config"))
    broadcast, presence = _mapping(config.get("broadcast")), _mapping(config.get("presence"))
    wanted = config.get("postgres_changes")
    changes = [each for each in wanted if isinstance(each, dict)] if isinstance(wanted, list) else []
    key = presence.get("key")
    replay = _replay(broadcast.get("replay"))
    return JoinConfig(
        ack=_flag(broadcast.get("ack")),
        hears_itself=_flag(broadcast.get("self")),
        wants_replication_notice=_flag(broadcast.get("replication_ready")),
        private=_flag(config.get("private")),
        presence=_flag(presence.get("enabled")),
        presence_key=str(uuid4()) if key in {None, ""} else str(key),
        postgres_changes=tuple({**each, "id": identifier(each)} for each in changes),
        replay=replay,
        bad_replay=broadcast.get("replay") is not None and replay is None,
    )


def identifier(parameters: dict[str, Any]) -> int:
    """The number that names a subscription: the same for the same parameters, positive, 27 bits."""
    text = dumps(sorted((name, value) for name, value in parameters.items() if name != "id"))
    return crc32(text.encode()) & 0x7FFFFFF or 1


def _replay(value: object) -> Replay | None:
    if not isinstance(value, dict):
        return None
    since, limit = value.get("since"), value.get("limit", REPLAY_LIMIT)
    if not isinstance(since, int) or not isinstance(limit, int) or abs(since) > 4_102_444_800_000:
        return None
    return Replay(since, max(1, min(limit, REPLAY_LIMIT)))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flag(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
