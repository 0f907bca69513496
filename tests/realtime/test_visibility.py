"""When a committed row can be seen."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from infra.local.realtime import visibility
from infra.local.settings import Settings

ROUND = 1 << 32


@pytest.mark.parametrize(
    ("xid", "snapshot", "seen"),
    [
        (7, "8:8:", True),
        (8, "8:8:", False),  # not begun, or not ended: it is above all that have ended
        (7, "7:9:7", False),
        (8, "7:9:7", True),
        (7, f"{3 * ROUND + 8}:{3 * ROUND + 8}:", True),
        (7, f"{3 * ROUND + 7}:{3 * ROUND + 9}:{3 * ROUND + 7}", False),
        (ROUND - 1, f"{ROUND + 5}:{ROUND + 5}:", True),  # before the numbers went round
        (5, f"{ROUND - 3}:{ROUND - 3}:", False),  # after
    ],
)
def test_a_snapshot_shows_what_had_ended(xid: int, snapshot: str, seen: bool) -> None:
    assert visibility._in_snapshot(xid, snapshot) is seen


def test_a_row_is_judged_only_once_its_transaction_has_ended(bare: Settings) -> None:
    """The log has a commit a moment before the server has; a transaction left open stands in for that moment."""

    async def scene() -> None:
        url = bare.database_url("postgres")
        async with (
            await psycopg.AsyncConnection.connect(url) as writing,
            await psycopg.AsyncConnection.connect(url, autocommit=True) as asking,
        ):
            row = await (await writing.execute("select pg_current_xact_id()::text::bigint & 4294967295")).fetchone()
            assert row
            waiting = asyncio.create_task(visibility.until_visible(asking, {row[0]}))
            done, _ = await asyncio.wait([waiting], timeout=0.1)
            assert not done
            await writing.commit()
            await asyncio.wait_for(waiting, 5)

    asyncio.run(scene())
