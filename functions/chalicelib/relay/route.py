"""Where the platform's pg_net knocks after a commit, and what a load balancer asks."""

from __future__ import annotations

from chalicelib.kit.database import one, queries, transaction
from chalicelib.kit.http import Request, Response, json_response, require_bearer
from chalicelib.kit.settings import settings
from chalicelib.relay.relay import relay

SQL = queries(__file__)


def wake(request: Request) -> Response:
    """POST /relay: publish what is due now. Needs the relay's secret."""
    require_bearer(request, settings().relay_secret.get_secret_value())
    return json_response(202, {"published": relay()})


def health(request: Request) -> Response:
    """GET /health: 200 while Postgres answers. With the relay's secret: the state of queue, mail and model as well."""
    with transaction() as connection:
        found = one(connection, SQL["health"])
    told = {"status": "ok"}
    if "authorization" in request.headers:
        require_bearer(request, settings().relay_secret.get_secret_value())
        told |= found["health"] if found else {}
    return json_response(200, told)
