"""Mail taken in over HTTP as fast as it comes: 5 kB each, several connections, each kept before it is acknowledged.

The whole embedded stack runs. What follows for the mails is held to one at a time meanwhile: the figure is the door's.

Bar: at least 100 mails a second, every one answered 202 and there.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from statistics import quantiles

from rich.console import Console

from bench.mails import mail
from bench.server import data_folder
from infra.local.settings import Settings
from pgdesk.demo import database, wait_until_done
from pgdesk.mail import client, post
from pgdesk.seed import seed
from pgdesk.up import build_stack

FULL = os.environ.get("FULL") == "1"
MAILS = 6000 if FULL else 1000
WARM_UP = 50
CONNECTIONS = 8
BYTES = 5000
RATE_BAR = 100


def main() -> int:
    """Measure and print; 1 where the bar is missed."""
    with data_folder() as settings, build_stack(settings):
        desk = seed(settings)
        with database(settings) as connection:
            wait_until_done(connection)
            connection.execute("update private.consumers set in_flight = 1 where name = 'intake'")
            send(settings, [mail(n, desk.address, "warm.example", size=BYTES) for n in range(WARM_UP)], desk.address)
            mails = [mail(n, desk.address, "bench.example", size=BYTES) for n in range(MAILS)]
            seconds, milliseconds = send(settings, mails, desk.address)
            row = connection.execute(
                "select count(*) as kept from public.inbound_mails where message_id_header like '%@bench.example>'"
            ).fetchone()
    assert row
    rate, late = MAILS / seconds, quantiles(milliseconds, n=20)[-1]
    good = row["kept"] == MAILS and rate >= RATE_BAR
    Console().print(
        f"intake: {MAILS:,} mails of {BYTES:,} bytes over {CONNECTIONS} connections, {row['kept']:,} kept: {rate:.0f}/s"
        f" (bar >= {RATE_BAR}/s) {'ok' if good else 'MISSED'}; answer p95 {late:.0f} ms"
    )
    return 0 if good else 1


def send(settings: Settings, mails: Sequence[bytes], address: str) -> tuple[float, list[float]]:
    """Hand over all mails, CONNECTIONS at a time: seconds for all, milliseconds of each answer."""
    waiting = iter(mails)
    lock = threading.Lock()
    milliseconds: list[float] = []

    def work() -> None:
        with client(settings) as http:
            while True:
                with lock:
                    body = next(waiting, None)
                if body is None:
                    return
                started = time.perf_counter()
                post(http, body, [address]).raise_for_status()
                milliseconds.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started, milliseconds


if __name__ == "__main__":
    sys.exit(main())
