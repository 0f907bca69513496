"""The mailbox: every mail the stack sent, one file per delivery, kept across restarts."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses
from pathlib import Path
from typing import Any
from uuid import UUID

KEYS_REMEMBERED = timedelta(hours=24)  # as long as Resend remembers an idempotency key
STALE_SECONDS = 60  # a temporary file older than this belongs to a writer that was killed

UNKNOWN = datetime.fromtimestamp(0, UTC)

log = logging.getLogger(__name__)


class KeyReusedError(Exception):
    """An idempotency key came again with another payload."""


@dataclass(frozen=True)
class Attachment:
    """A file in a mail. `content_id` is set where the HTML shows it inline (RFC 2392)."""

    filename: str
    content: bytes
    content_type: str = "application/octet-stream"
    content_id: str | None = None


@dataclass(frozen=True)
class Message:
    """One mail. Addresses are `a@b.c` or `Name <a@b.c>`; `id`, `message_id` and `created_at` are given on delivery."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str | None = None
    html: str | None = None
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    id: str = ""
    message_id: str = ""
    created_at: datetime = UNKNOWN

    @property
    def recipients(self) -> set[str]:
        """The bare addresses it went to, in lower case, hidden ones included."""
        return {address.lower() for _, address in getaddresses([*self.to, *self.cc, *self.bcc]) if address}


@dataclass(frozen=True)
class _Delivery:
    """What one file holds. Several mails of one request lie in one file, so that all of them are kept or none."""

    messages: tuple[Message, ...]
    key: str | None = None
    fingerprint: str | None = None


class Mailbox:
    """Mail kept under `folder`, or in memory where there is none. Safe to share between threads and processes.

    A delivery is written beside and renamed, so a process killed at any moment leaves it whole or absent. It is not
    forced to the disk: a power cut may take the last seconds of it.
    """

    def __init__(
        self,
        folder: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_delivery: Callable[[Message], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._on_delivery = on_delivery
        self._lock = threading.RLock()
        self._deliveries: dict[str, _Delivery] = {}
        self._last_tick = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            _remove_stale(folder)

    def deliver(self, message: Message) -> Message:
        """Keep `message` and return it as kept."""
        return self.deliver_all([message])[0]

    def deliver_all(
        self, messages: Sequence[Message], key: str | None = None, fingerprint: str = ""
    ) -> tuple[Message, ...]:
        """Keep several mails, all or none.

        With an idempotency `key` that was used in the last 24 hours nothing is kept: the earlier mails are returned
        when `fingerprint` is the earlier one too. Raises KeyReusedError when it is not.
        """
        with self._lock:
            earlier = self._find_key(key) if key is not None else None
            if earlier is not None:
                if earlier.fingerprint != fingerprint:
                    raise KeyReusedError(key)
                return earlier.messages
            kept = tuple(self._stamp(message) for message in messages)
            if kept:
                self._write(_Delivery(kept, key, fingerprint if key is not None else None))
        for message in kept:
            self._on_delivery(message)
        return kept

    def list(self) -> tuple[Message, ...]:
        """Every mail, newest first."""
        with self._lock:
            self._refresh()
            found = [message for delivery in self._deliveries.values() for message in delivery.messages]
        return tuple(sorted(found, key=lambda message: message.id, reverse=True))

    def get(self, message_id: str) -> Message | None:
        """The mail with this `id`."""
        return next((message for message in self.list() if message.id == message_id), None)

    def search(self, to: str | None = None, containing: str | None = None) -> tuple[Message, ...]:
        """Mails to the bare address `to` and with `containing` in sender, recipients or subject; newest first."""
        found: Iterable[Message] = self.list()
        if to is not None:
            found = (message for message in found if to.strip().lower() in message.recipients)
        if containing:
            words = containing.lower().split()
            found = (message for message in found if all(word in _headline(message) for word in words))
        return tuple(found)

    def clear(self) -> None:
        """Forget every mail, and every idempotency key."""
        with self._lock:
            self._deliveries.clear()
            if self._folder is not None:
                for file in self._folder.glob("*.json"):
                    file.unlink(missing_ok=True)

    def _find_key(self, key: str) -> _Delivery | None:
        self._refresh()
        oldest = self._clock() - KEYS_REMEMBERED
        return next(
            (d for d in self._deliveries.values() if d.key == key and d.messages[0].created_at > oldest),
            None,
        )

    def _stamp(self, message: Message) -> Message:
        identity = str(self._new_id())
        return replace(
            message,
            id=identity,
            # Resend's relay sets its own Message-ID, whatever the sender asked for.
            message_id=f"<{identity}@mail.localhost>",
            created_at=self._clock(),
        )

    def _new_id(self) -> UUID:
        """A UUIDv7 (RFC 9562 §5.7, sub-millisecond part by §6.2 method 3), so that ids sort by time."""
        tick = max(self._last_tick + 1, time.time_ns() * 4096 // 1_000_000)
        self._last_tick = tick
        milliseconds, fraction = tick >> 12, tick & 0xFFF
        return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | secrets.randbits(62))

    def _write(self, delivery: _Delivery) -> None:
        name = f"{delivery.messages[0].id}.json"
        if self._folder is not None:
            temporary = self._folder / f".{name}.tmp"
            temporary.write_text(json.dumps(_to_json(delivery), ensure_ascii=False), encoding="utf-8")
            temporary.rename(self._folder / name)
        self._deliveries[name] = delivery

    def _refresh(self) -> None:
        """Read what other writers delivered since, and drop what they removed. A kept file never changes."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        present = {name for name in os.listdir(self._folder) if name.endswith(".json")}  # noqa: PTH208 - names are enough
        for name in self._deliveries.keys() - present:
            del self._deliveries[name]
        for name in present - self._deliveries.keys():
            try:
                kept = json.loads((self._folder / name).read_text(encoding="utf-8"))
                self._deliveries[name] = _from_json(kept)
            except FileNotFoundError:
                continue
            except (ValueError, KeyError, TypeError) as error:
                log.warning("the mailbox skips %s, which is not a delivery: %s", name, error)
                self._deliveries[name] = _Delivery(())


def _remove_stale(folder: Path) -> None:
    for file in folder.glob(".*.tmp"):
        try:
            if time.time() - file.stat().st_mtime > STALE_SECONDS:
                file.unlink()
        except FileNotFoundError:
            continue


def _headline(message: Message) -> str:
    return " ".join([message.sender, *message.to, *message.cc, *message.bcc, message.subject]).lower()


def _to_json(delivery: _Delivery) -> dict[str, Any]:
    messages = [message.__dict__ | {
        "created_at": message.created_at.isoformat(),
        "attachments": [a.__dict__ | {"content": b64encode(a.content).decode()} for a in message.attachments],
    } for message in delivery.messages]  # fmt: skip
    return {"key": delivery.key, "fingerprint": delivery.fingerprint, "messages": messages}


def _from_json(kept: dict[str, Any]) -> _Delivery:
    messages = tuple(_message(item) for item in kept["messages"])
    if not messages:
        raise ValueError("it holds no mail")
    return _Delivery(messages, kept["key"], kept["fingerprint"])


def _message(item: dict[str, Any]) -> Message:
    known = {name.name for name in fields(Message)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in item.items() if name in known
    }
    values["created_at"] = datetime.fromisoformat(item["created_at"])
    values["attachments"] = tuple(Attachment(**a | {"content": b64decode(a["content"])}) for a in item["attachments"])
    return Message(**values)
