"""The desk of tests/privacy (real intake, real Storage), with people who upload and a consumer that looks at files."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest
from chalicelib.files import consumer
from chalicelib.kit import jobs
from chalicelib.kit.settings import settings

from infra.local import tokens
from tests.people import Actor
from tests.privacy.conftest import Office, database, office, storage_url

__all__ = ["Office", "database", "office", "storage_url"]

INSPECT = jobs.Consumer("inspect_file", consumer.handle)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)  # one pixel

Upload = Callable[..., httpx.Response]


def headers(office: Office, actor: Actor) -> dict[str, str]:
    claims = actor.claims | {"aud": "authenticated", "exp": int(time.time()) + 60}
    token = tokens.sign(office.settings.keys, claims)
    return {"authorization": f"Bearer {token}", "apikey": settings().publishable_key}


def upload(office: Office, actor: Actor, path: str, body: bytes, content_type: str = "image/png") -> httpx.Response:
    """As a browser does."""
    url = f"{settings().supabase_url}/storage/v1/object/attachments/{path}"
    return httpx.post(url, content=body, headers=headers(office, actor) | {"content-type": content_type})


def fetch(office: Office, actor: Actor, path: str) -> httpx.Response:
    url = f"{settings().supabase_url}/storage/v1/object/authenticated/attachments/{path}"
    return httpx.get(url, headers=headers(office, actor))


def place(office: Office, actor: Actor, name: str = "lamp.png", organization: UUID | None = None) -> str:
    """Where the actor may upload to."""
    return f"{organization or office.box.acme}/uploads/{actor.user_id}/{uuid4()}/{name}"


def inspect(office: Office) -> list[str]:
    """Look at every file that waits. How each job ended."""
    office.db.execute("select from private.claim_jobs()")
    claimed = office.db.execute(
        "select id from private.jobs where consumer = 'inspect_file' and state = 'published' order by id"
    ).fetchall()
    return [jobs.run(INSPECT, row["id"]) for row in claimed]


@pytest.fixture
def ticket(office: Office) -> UUID:
    from tests.intake.mails import mail

    ledger = office.box.receive(mail("To: help@acme.test", "Message-ID: <1@customer.test>", "Subject: Lamp"))
    return UUID(str(ledger["ticket_id"]))
