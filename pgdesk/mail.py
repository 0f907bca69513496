"""Mail handed to the desk the way a provider's hook would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx

from infra.local.settings import Settings
from pgdesk.environment import secret
from pgdesk.seed import DEMO


def send(settings: Settings, body: bytes, recipients: Sequence[str] | None = None) -> dict[str, Any]:
    """Post one raw message to a running desk and return what it said. Raises RuntimeError where it was not taken."""
    with client(settings) as http:
        answer = post(http, body, recipients or [json.loads((DEMO / "organization.json").read_text())["address"]])
    if answer.status_code >= 300:
        raise RuntimeError(f"the desk refused the message ({answer.status_code}): {answer.text[:300]}")
    said: dict[str, Any] = answer.json()
    return said


def client(settings: Settings) -> httpx.Client:
    """An HTTP client for the desk's inbound route, with its secret."""
    return httpx.Client(
        base_url=f"{settings.api_url}/functions/v1",
        headers={"authorization": f"Bearer {secret(settings, 'inbound')}", "content-type": "message/rfc822"},
        timeout=60,
    )


def post(http: httpx.Client, body: bytes, recipients: Sequence[str]) -> httpx.Response:
    """Hand over one message; raises RuntimeError where no desk answers."""
    try:
        return http.post("/inbound/mime", params=[("rcpt", each) for each in recipients], content=body)
    except httpx.ConnectError:
        raise RuntimeError("no desk answers: start one with `make up`") from None
