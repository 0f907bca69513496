"""The composition root: which routes, consumers and schedules there are. All else is in chalicelib/."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, Rate
from chalicelib.access import documented as access_documented
from chalicelib.access import route as access
from chalicelib.access import visitors
from chalicelib.email import documented as email_documented
from chalicelib.email import route as mail_events
from chalicelib.http_adapter import register
from chalicelib.intake import documented as intake_documented
from chalicelib.intake import route as inbound
from chalicelib.intake.provider import mailgun, resend, ses
from chalicelib.kit.http import Route
from chalicelib.kit.jobs import Consumer, Later, consume
from chalicelib.kit.settings import settings
from chalicelib.links import csat, forms, notices
from chalicelib.links import documented as links_documented
from chalicelib.privacy import documented as privacy_documented
from chalicelib.privacy import sensitive as sensitive_fields
from chalicelib.relay import documented as relay_documented
from chalicelib.relay import route as relay_route
from chalicelib.relay.gauges import observe_each_minute
from chalicelib.relay.relay import relay
from chalicelib.webhooks import documented as webhooks_documented
from chalicelib.webhooks import route as webhooks_route

# API Gateway's stage is called `functions`: together they are the path that the platform gives to functions.
PREFIX = "/v1"
MAIL_TYPES = ("message/rfc822", "application/octet-stream", "text/plain")
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")

# Believed requests that one webhook source may send in a minute.
SOURCE = settings().webhook_rate

ROUTES = (
    Route("POST", "/inbound/mime", inbound.receive, MAIL_TYPES, intake_documented.RECEIVE),
    Route(
        "POST", "/inbound/uploads", inbound.grant_upload, ("application/json", *MAIL_TYPES), intake_documented.UPLOADS
    ),
    Route("POST", "/inbound/resend", resend.receive, docs=intake_documented.RESEND, limit=SOURCE),
    Route("POST", "/inbound/mailgun", mailgun.receive, FORM_TYPES, intake_documented.MAILGUN, limit=SOURCE),
    # Mailgun posts raw mail to addresses that end so.
    Route("POST", "/inbound/mailgun/mime", mailgun.receive, FORM_TYPES, intake_documented.MAILGUN, limit=SOURCE),
    Route("POST", "/inbound/ses", ses.receive, ("text/plain", "application/json"), intake_documented.SES, limit=SOURCE),
    Route("POST", "/mail-events/resend", mail_events.resend, docs=email_documented.RESEND, limit=SOURCE),
    Route("POST", "/mail-events/mailgun", mail_events.mailgun, docs=email_documented.MAILGUN, limit=SOURCE),
    Route("POST", "/webhooks/endpoints", webhooks_route.create, docs=webhooks_documented.CREATE, cors=True),
    Route(
        "POST",
        "/webhooks/endpoints/{endpoint_id}/rotate",
        webhooks_route.rotate,
        docs=webhooks_documented.ROTATE,
        cors=True,
    ),
    Route(
        "POST",
        "/contacts/{contact_id}/sensitive-fields/{key}",
        sensitive_fields.write,
        docs=privacy_documented.WRITE,
        cors=True,
    ),
    Route(
        "GET",
        "/contacts/{contact_id}/sensitive-fields/{key}",
        sensitive_fields.read,
        docs=privacy_documented.READ,
        cors=True,
    ),
    Route("POST", "/contacts/find", sensitive_fields.find, docs=privacy_documented.FIND, cors=True),
    Route("POST", "/token", access.token, docs=access_documented.TOKEN),
    # Where the links of mails lead.
    Route("GET", "/csat", csat.ask, docs=links_documented.ASK),
    Route("POST", "/csat", csat.rate, links_documented.FORM, links_documented.RATE),
    Route("POST", "/token/visitor", visitors.token, docs=access_documented.VISITOR_TOKEN, cors=True),
    Route("POST", "/widgets/{widget_id}/secret", visitors.new_secret, docs=access_documented.WIDGET_SECRET, cors=True),
    Route("GET", "/form", forms.ask, docs=links_documented.ASK_FORM),
    Route("POST", "/form", forms.submit, links_documented.FORM, links_documented.SUBMIT),
    Route("GET", "/notices", notices.ask, docs=links_documented.ASK_STOP),
    Route("POST", "/notices", notices.stop, links_documented.FORM, links_documented.STOP),
    Route("POST", "/relay", relay_route.wake, docs=relay_documented.WAKE),
    Route("GET", "/health", relay_route.health, docs=relay_documented.HEALTH),
)

# Names are those of private.consumers (sql/16_jobs.sql), which says how many jobs may be in flight.
CONSUMERS = (
    Consumer("fetch_mail", Later("chalicelib.intake.provider.consumer"), timeout=120, batch_size=1),
    Consumer("intake", Later("chalicelib.intake.consumer"), timeout=60),
    Consumer("triage", Later("chalicelib.triage.consumer"), timeout=30),
    Consumer("reply", Later("chalicelib.replies.consumer"), timeout=90),
    Consumer("send_mail", Later("chalicelib.email.consumer"), timeout=60),
    # One endpoint per invocation: none waits behind a slow one.
    Consumer("deliver", Later("chalicelib.webhooks.consumer"), timeout=60, batch_size=1, concurrency=10),
    Consumer("index_article", Later("chalicelib.knowledge.consumer"), timeout=120, batch_size=1, concurrency=2),
    Consumer("clock", Later("chalicelib.clocks.consumer"), timeout=60),
    Consumer("inspect_file", Later("chalicelib.files.consumer"), timeout=120, batch_size=1, concurrency=2),
    Consumer("privacy", Later("chalicelib.privacy.consumer"), timeout=300, batch_size=1, concurrency=2),
    Consumer("refit", Later("chalicelib.triage.refit"), timeout=300, batch_size=1, concurrency=2),
    Consumer("maintain", Later("chalicelib.relay.maintenance"), timeout=300, batch_size=1, concurrency=2),
)

app = Chalice(app_name="pgdesk", configure_logs=False)
app.api.binary_types = [*app.api.binary_types, *MAIL_TYPES, *FORM_TYPES]

for _route in ROUTES:
    register(app, _route, PREFIX)


def _lambda(consumer: Consumer) -> Callable[[Any], Any]:
    def handler(event: Any) -> dict[str, list[dict[str, str]]]:
        return consume(consumer, event.to_dict())

    handler.__name__ = handler.__qualname__ = f"on_{consumer.name}"
    return handler


for _consumer in CONSUMERS:
    # Lambda finds a handler as an attribute of this module (`app.triage`).
    globals()[f"on_{_consumer.name}"] = app.on_sqs_message(
        queue=f"{settings().queue_prefix}{_consumer.name}",
        batch_size=_consumer.batch_size,
        maximum_concurrency=_consumer.concurrency,
        name=f"on_{_consumer.name}",
    )(_lambda(_consumer))
    # Lambda names the function that it starts a container for. What is loaded now costs the first job nothing.
    if isinstance(_consumer.handle, Later) and os.environ.get("_HANDLER") == f"app.on_{_consumer.name}":
        _consumer.handle.prepare()


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(_event: Any) -> None:
    """Stands behind every wake-up that could get lost, and measures what waits."""
    relay()
    observe_each_minute()


@app.schedule(Rate(1, unit=Rate.HOURS))
def housekeeping(_event: Any) -> None:
    """Partitions ahead, old rows out: as a job, so that it is seen when it fails."""
    from chalicelib.relay import maintenance

    maintenance.enqueue()
