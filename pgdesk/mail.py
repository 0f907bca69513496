"""Mail handed to the desk the way a provider's hook would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
from chalicelib.intake.route import MAX_BODY

from infra.local.settings import Settings
from pgdesk.environment import secret
from pgdesk.seed import DEMO


def send(settings: Settings, body: bytes, recipients: Sequence[str] | None = None) -> dict[str, Any]:
    """Post one raw message to a running desk and return what it said; a large one goes by reference.

    Raises RuntimeError where it was not taken.
    """
    to = recipients or [json.loads((DEMO / "organization.json").read_text())["address"]]
    with client(settings) as http:
        return by_reference(http, body, to) if len(body) > MAX_BODY else _said(post(http, body, to))


def client(settings: Settings) -> httpx.Client:
    """An HTTP client for the desk's inbound route, with its secret."""
    return httpx.Client(
        base_url=f"{settings.api_url}/functions/v1",
        headers={"authorization": f"Bearer {secret(settings, 'inbound')}", "content-type": "message/rfc822"},
        timeout=60,
    )


def post(
    http: httpx.Client, body: bytes, recipients: Sequence[str], path: str = "/inbound/mime", **query: str
) -> httpx.Response:
    """Hand over one message; raises RuntimeError where no desk answers."""
    kind = {"content-type": "application/json"} if path == "/inbound/uploads" else {}
    try:
        asked: dict[str, str | Sequence[str]] = {"rcpt": list(recipients), **query}
        return http.post(path, params=asked, content=body, headers=kind)
    except httpx.ConnectError:
        raise RuntimeError("no desk answers: start one with `make up`") from None


def by_reference(http: httpx.Client, body: bytes, recipients: Sequence[str]) -> dict[str, Any]:
    """Upload a message to where the desk says, once per organization, and hand it in there."""
    granted = _said(post(http, b"", recipients, "/inbound/uploads"))
    told: dict[str, Any] = {"mails": [], "fetching": [], "unknown": granted["unknown"]}
    for place in granted["uploads"]:
        # The address itself is the permission: the desk's secret stays here.
        stored = httpx.put(place["url"], content=body, headers={"content-type": "message/rfc822"}, timeout=300)
        if stored.status_code >= 300:
            raise RuntimeError(f"Storage refused the message ({stored.status_code}): {stored.text[:300]}")
        handed = _said(post(http, b"", place["recipients"], upload=place["upload"]))
        told["fetching"] += handed["fetching"]
    return told


def _said(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code >= 300:
        raise RuntimeError(f"the desk refused the message ({answer.status_code}): {answer.text[:300]}")
    said: dict[str, Any] = answer.json()
    return said
