"""What a client asks for when it joins a channel. Parts that cannot be read count as left out, as on the platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4
from zlib import crc32

from infra.local.realtime.frames import dumps

REPLAY_LIMIT = 25
LAST_SINCE = 4_102_444_800_000  # milliseconds: the year 2100


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
    # What was asked for as a replay, in whatever form; `wants_replay` where anything was.
    replay: Replay | None = None
    wants_replay: bool = False
    bad_replay: bool = False
    # Joined in the words of clients from before 2022: the topic names schema, table and filter.
    legacy: bool = False


def read(payload: dict[str, Any], name: str) -> JoinConfig:
    """Read the payload of phx_join to the topic `name` (without its prefix)."""
    if "config" not in payload:
        wanted_by_topic = dict(zip(("schema", "table", "filter"), name.split(":", 2), strict=False))
        return JoinConfig(postgres_changes=(wanted_by_topic | {"id": identifier(wanted_by_topic)},), legacy=True)
    config = _mapping(payload.get("config"))
    broadcast, presence = _mapping(config.get("broadcast")), _mapping(config.get("presence"))
    wanted = config.get("postgres_changes")
    changes = [each for each in wanted if isinstance(each, dict)] if isinstance(wanted, list) else []
    key = presence.get("key")
    wanted_replay = broadcast.get("replay")
    replay = _replay(wanted_replay)
    return JoinConfig(
        ack=_flag(broadcast.get("ack")),
        hears_itself=_flag(broadcast.get("self")),
        wants_replication_notice=_flag(broadcast.get("replication_ready")),
        private=_flag(config.get("private")),
        presence=_flag(presence.get("enabled")),
        presence_key=str(uuid4()) if key is None or key == "" else str(key),
        postgres_changes=tuple({**each, "id": identifier(each)} for each in changes),
        replay=replay,
        wants_replay="replay" in broadcast,
        bad_replay=isinstance(wanted_replay, dict) and replay is None,
    )


def identifier(parameters: dict[str, Any]) -> int:
    """The number that names a subscription: the same for the same parameters, positive, 27 bits."""
    text = dumps(sorted((name, value) for name, value in parameters.items() if name != "id"))
    return crc32(text.encode()) & 0x7FFFFFF or 1


def _replay(value: object) -> Replay | None:
    if not isinstance(value, dict):
        return None
    since, limit = value.get("since"), value.get("limit") or REPLAY_LIMIT
    if not isinstance(since, int) or not isinstance(limit, int) or abs(since) > LAST_SINCE:
        return None
    return Replay(since, max(1, min(limit, REPLAY_LIMIT)))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flag(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
