"""Messages sent from the database: as they are stored, and again for those who come later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from infra.local.realtime import frames
from infra.local.realtime.authorization import Pool, Unavailable
from infra.local.realtime.channels import Channel
from infra.local.realtime.config import Replay
from infra.local.realtime.frames import Broadcast
from infra.local.realtime.hub import Address
from infra.local.realtime.pgoutput import Row
from infra.local.websocket import framed

# Newest first, then turned round. An end in the near future leaves tomorrow's partitions out.
STORED = """
select id::text, event, payload::text, binary_payload from realtime.messages
where topic = %s and private and extension = 'broadcast' and event is not null
  and inserted_at >= %s and inserted_at < timezone('utc', now()) + interval '1 minute'
order by inserted_at desc limit %s
"""


MISSED = """
select id::text, topic, private, event, payload::text, binary_payload from realtime.messages
where inserted_at >= %s and extension = 'broadcast' and event is not null order by inserted_at
"""


def from_row(row: Row) -> tuple[Address, Broadcast] | None:
    """A row inserted into realtime.messages as a message; None for one that cannot be sent on."""
    topic, event, payload, binary = (row.get(name) for name in ("topic", "event", "payload", "binary_payload"))
    if not isinstance(topic, str) or not isinstance(event, str):
        return None
    if isinstance(binary, str):
        content: str | bytes = bytes.fromhex(binary.removeprefix("\\x"))
    elif isinstance(payload, str):
        content = payload
    else:
        return None
    return (topic, row.get("private") == "t"), Broadcast(event, content, {"id": row["id"]})


async def stored_since(
    connection: AsyncConnection[tuple[Any, ...]], since: datetime
) -> list[tuple[str, Address, Broadcast]]:
    """The messages stored since a time (UTC, without zone), oldest first, each with its id and where it belongs."""
    found = await connection.execute(MISSED, [since])
    return [
        (number, (topic, bool(private)), Broadcast(event, payload if binary is None else binary, {"id": number}))
        for number, topic, private, event, payload, binary in await found.fetchall()
        if payload is not None or binary is not None
    ]


async def fetch(pool: Pool, name: str, wanted: Replay) -> list[tuple[str, Broadcast]]:
    """What is stored for a private topic and asked for by a join: oldest first, with ids. Raises Unavailable."""
    since = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=wanted.since)
    try:
        async with pool.connection() as connection:
            found = await connection.execute(STORED, [name, since.replace(tzinfo=None), wanted.limit])
            rows: list[Any] = await found.fetchall()
    except (psycopg.Error, PoolTimeout) as error:
        raise Unavailable(str(error)) from error
    return [
        (number, Broadcast(event, payload if binary is None else binary, {"replayed": True, "id": number}))
        for number, event, payload, binary in reversed(rows)
        if payload is not None or binary is not None
    ]


def send(channel: Channel, messages: list[tuple[str, Broadcast]]) -> None:
    """Hand a joined channel what `fetch` found. Bytes reach those who speak protocol 2.0.0."""
    for _, message in messages:
        if (payload := message.as_json()) is not None:
            channel.push("broadcast", payload)
        elif (frame := frames.encode_broadcast(channel.version, channel.topic, message)) is not None:
            channel.send(framed(frame))
