"""Where the platform's pg_net knocks after a commit, and what a load balancer asks."""

from __future__ import annotations

from chalicelib.kit.database import one, queries, transaction
from chalicelib.kit.http import Docs, Request, Response, json_response, require_bearer, shape
from chalicelib.kit.settings import settings
from chalicelib.relay.relay import relay

SQL = queries(__file__)

COUNT = {"type": "integer", "minimum": 0}
MILLISECONDS = {"type": ["number", "null"], "minimum": 0}
QUEUE = shape(
    consumer={"type": "string"},
    waiting=COUNT,
    scheduled=COUNT,
    published=COUNT,
    running=COUNT,
    dead=COUNT,
    oldest_due_seconds={"type": "number", "minimum": 0},
    done_in_hour=COUNT,
    work_ms_p50=MILLISECONDS,
    work_ms_p95=MILLISECONDS,
    due_to_done_ms_p95=MILLISECONDS,
)
STATE = shape(
    status={"const": "ok"},
    at={"type": "string", "format": "date-time"},
    queue={"type": "array", "items": QUEUE},
    mail=shape(quarantined=COUNT, unknown=COUNT, failed_today=COUNT),
    model=shape(calls_today=COUNT, failed_today=COUNT, tokens_today=COUNT, cost_usd_today={"type": "number"}),
)
WAKE_DOCS = Docs(("relaySecret",), {202: shape(published=COUNT)}, {401: ("unauthorized",)})
HEALTH_DOCS = Docs(
    (None, "relaySecret"), {200: {"oneOf": [shape(status={"const": "ok"}), STATE]}}, {401: ("unauthorized",)}
)


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
