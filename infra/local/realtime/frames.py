"""What travels on the socket: protocol 1.0.0 (JSON objects) and 2.0.0 (JSON arrays, and binary frames for broadcasts).

Payloads are passed as JSON text, so that a document is never parsed only to be written again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

PUSH, USER_BROADCAST_PUSH, USER_BROADCAST = 0, 3, 4
FIELD_LIMIT = 255  # bytes: the sizes in a binary frame are one byte each


class Version(StrEnum):
    V1 = "1.0.0"
    V2 = "2.0.0"


class FrameError(ValueError):
    """A frame that does not follow the protocol; the message says in what."""


@dataclass(frozen=True)
class Broadcast:
    """A user's message. `payload` is JSON text, or bytes that only protocol 2.0.0 can carry. `meta` may hold an id."""

    event: str
    payload: str | bytes
    meta: dict[str, Any] | None = None

    def as_json(self) -> str | None:
        """The payload of a `broadcast` event as JSON text; None for bytes."""
        if isinstance(self.payload, bytes):
            return None
        meta = "" if self.meta is None else f',"meta":{dumps(self.meta)}'
        return f'{{"type":"broadcast","event":{dumps(self.event)},"payload":{self.payload}{meta}}}'


@dataclass(frozen=True)
class Inbound:
    """What a client sent. `broadcast` is set instead of `payload` for a binary broadcast."""

    topic: str
    event: str
    payload: dict[str, Any] = field(default_factory=dict)
    ref: str | None = None
    join_ref: str | None = None
    broadcast: Broadcast | None = None


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)  # made once: making it costs more than using it


def dumps(value: object) -> str:
    """JSON text that can be sent as UTF-8."""
    text = _ENCODER.encode(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can say it, UTF-8 cannot
        return json.dumps(value, separators=(",", ":"))
    return text


def loads(text: str | bytes) -> Any:
    """Read JSON, strictly: Python would let NaN and Infinity pass. Raises ValueError, RecursionError."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def decode(version: Version, data: str | bytes) -> Inbound:
    """Read one frame. Raises FrameError."""
    if isinstance(data, bytes):
        if version is Version.V1:
            raise FrameError("protocol 1.0.0 has no binary frames")
        return _decode_binary(data)
    try:
        frame = loads(data)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from error
    if version is Version.V1:
        if not isinstance(frame, dict):
            raise FrameError("expected an object with topic, event, payload, ref")
        frame = [frame.get(name) for name in ("join_ref", "ref", "topic", "event", "payload")]
    if not isinstance(frame, list) or len(frame) < 5:
        raise FrameError("expected [join_ref, ref, topic, event, payload]")
    join_ref, ref, topic, event, payload = frame[:5]
    if not isinstance(topic, str) or not isinstance(event, str):
        raise FrameError("topic and event must be strings")
    if payload is not None and not isinstance(payload, dict):
        raise FrameError("payload must be an object")
    return Inbound(topic, event, payload or {}, _reference(ref), _reference(join_ref))


def _reference(value: object) -> str | None:
    return None if value is None else str(value)


def _decode_binary(data: bytes) -> Inbound:
    if not data:
        raise FrameError("empty binary frame")
    if data[0] != USER_BROADCAST_PUSH:
        raise FrameError(f"unsupported binary frame of kind {data[0]}")
    sizes, encoding = data[1:6], data[6:7]
    if len(sizes) < 5 or not encoding:
        raise FrameError("truncated binary frame")
    at, fields = 7, []
    for size in sizes:
        fields.append(data[at : at + size])
        at += size
    if at > len(data):
        raise FrameError("truncated binary frame")
    try:
        join_ref, ref, topic, event, _ = (value.decode() for value in fields)
        payload: str | bytes = data[at:].decode() if encoding == b"\x01" else data[at:]
        if isinstance(payload, str):
            loads(payload)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"unreadable binary frame: {error}") from error
    return Inbound(topic, "broadcast", {}, ref or None, join_ref or None, Broadcast(event, payload))


def encode(
    version: Version, topic: str, event: str, payload: str, ref: str | None = None, join_ref: str | None = None
) -> str:
    """A text frame; `payload` is JSON text."""
    if version is Version.V1:
        return f'{{"topic":{dumps(topic)},"event":{dumps(event)},"payload":{payload},"ref":{dumps(ref)}}}'
    return f"[{dumps(join_ref)},{dumps(ref)},{dumps(topic)},{dumps(event)},{payload}]"


def encode_broadcast(version: Version, topic: str, message: Broadcast) -> str | bytes | None:
    """The frame that carries a user's broadcast; None where the protocol cannot carry it."""
    if version is Version.V2 and (frame := _binary_broadcast(topic, message)) is not None:
        return frame
    payload = message.as_json()
    return None if payload is None else encode(version, topic, "broadcast", payload)


def _binary_broadcast(topic: str, message: Broadcast) -> bytes | None:
    meta = b"" if message.meta is None else dumps(message.meta).encode()
    fields = (topic.encode(), message.event.encode(), meta)
    if any(len(value) > FIELD_LIMIT for value in fields):
        return None
    binary = isinstance(message.payload, bytes)
    payload = message.payload if isinstance(message.payload, bytes) else message.payload.encode()
    head = bytes([USER_BROADCAST, *(len(value) for value in fields), 0 if binary else 1])
    return head + b"".join(fields) + payload
