"""What docs/openapi.json says of this area's routes."""

from __future__ import annotations

from chalicelib.kit.http import Docs, shape

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
    alarms={
        "type": "array",
        "items": shape(kind={"enum": ["audit", "sign_in"]}, raised_today=COUNT, last={"type": ["string", "null"]}),
    },
    mail=shape(quarantined=COUNT, unknown=COUNT, failed_today=COUNT),
    model=shape(calls_today=COUNT, failed_today=COUNT, tokens_today=COUNT, cost_usd_today={"type": "number"}),
)

WAKE = Docs(("relaySecret",), {202: shape(published=COUNT)}, {401: ("unauthorized",)})
HEALTH = Docs((None, "relaySecret"), {200: {"oneOf": [shape(status={"const": "ok"}), STATE]}}, {401: ("unauthorized",)})
