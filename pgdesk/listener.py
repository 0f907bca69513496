"""A subscriber of the demo: hears what the desk does, as an agent's inbox would."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from realtime import AsyncRealtimeClient
from realtime.types import RealtimeSubscribeStates
from supabase_auth import SyncGoTrueClient

from infra.local.settings import Settings
from pgdesk.seed import Desk

JOIN_SECONDS = 20


class Listener:
    """Signs in as a member, joins the organization's private channel, and notes when each event was heard.

    `heard` maps the id of an event's subject (a ticket, a message) to the moment it was first heard of
    (time.monotonic()).
    """

    def __init__(self, settings: Settings, desk: Desk) -> None:
        self.heard: dict[str, float] = {}
        self._settings = settings
        self._desk = desk
        self._joined = threading.Event()
        self._error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        if not self._joined.wait(JOIN_SECONDS) or self._error:
            raise RuntimeError(f"the live channel cannot be joined: {self._error or 'no answer'}")
        return self

    def __exit__(self, *raised: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._listen())
        except BaseException as error:  # handed to the thread that waits
            self._error = error
            self._joined.set()
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        token = await asyncio.to_thread(self._sign_in)
        url = f"{self._settings.platform_url}/realtime/v1"
        client = AsyncRealtimeClient(url, self._settings.keys.publishable_key)
        await client.connect()
        await client.set_auth(token)
        options: Any = {"config": {"private": True}}
        channel = client.channel(f"org:{self._desk.organization_id}", options)
        channel.on_broadcast("*", self._hear)
        await channel.subscribe(self._on_state)
        await self._stop.wait()
        await client.close()

    def _sign_in(self) -> str:
        auth = SyncGoTrueClient(
            url=f"{self._settings.platform_url}/auth/v1",
            headers={"apikey": self._settings.keys.publishable_key},
            auto_refresh_token=False,
            persist_session=False,
        )
        with auth:
            session = auth.sign_in_with_password({"email": self._desk.login, "password": self._desk.password}).session
        assert session
        return session.access_token

    def _on_state(self, state: RealtimeSubscribeStates, error: Exception | None) -> None:
        if state == RealtimeSubscribeStates.SUBSCRIBED:
            self._joined.set()
        elif error is not None:
            self._error = error
            self._joined.set()

    def _hear(self, message: Any) -> None:
        told = message.get("payload", message)
        now = time.monotonic()
        for name in ("subject_id", "ticket_id"):
            if told.get(name):
                self.heard.setdefault(str(told[name]), now)
