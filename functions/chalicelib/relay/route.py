"""Where the platform's pg_net knocks after a commit, and what a load balancer asks."""

from __future__ import annotations

from chalicelib.kit.database import queries, rows, transaction
from chalicelib.kit.http import Request, Response, json_response, require_bearer
from chalicelib.kit.settings import settings
from chalicelib.relay.relay import relay

SQL = queries(__file__)


def wake(request: Request) -> Response:
    """POST /relay: publish what is due now. Needs the relay's secret."""
    require_bearer(request, settings().relay_secret.get_secret_value())
    return json_response(202, {"published": relay()})


def health(_request: Request) -> Response:
    """GET /health: 200 with the queue's state per consumer while Postgres answers."""
    with transaction() as connection:
        queue = rows(connection, SQL["queue_status"])
    return json_response(200, {"status": "ok", "queue": queue})
