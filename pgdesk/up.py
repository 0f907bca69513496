"""The embedded stack with pgdesk on it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

from infra.aws.api import ERROR_TEMPLATE
from infra.local.plan import QueueDefinition
from infra.local.settings import Settings
from infra.local.stack import Stack
from pgdesk import elsewhere, models, schema, web
from pgdesk.environment import ROOT, functions_environment, hearing_of_mail, postgres_version

FUNCTIONS = ROOT / "functions"
# A job put into SQS this often and never taken is somebody's business: it lands in the queue's dead letters.
MAX_RECEIVES = 5


def build_stack(settings: Settings) -> Stack:
    """The stack of this checkout: PostgreSQL with pgdesk's schema, the platform's protocols, the functions."""
    models.prepare()
    environment = functions_environment(settings)

    def migrate(url: str) -> None:
        if elsewhere.chosen() == "hosted":  # nothing there changes because somebody tries it from here
            schema.refuse_missing(url)
            return
        schema.migrate(url)
        schema.make_partitions(url)
        schema.admit_functions(url, settings.keys.service_password)

    return Stack(
        hearing_of_mail(settings),
        FUNCTIONS,
        environment,
        queues(),
        # Stands in for pg_net: a commit with due jobs wakes the relay at once.
        {"pgdesk_jobs": "sweep"},
        postgres_version(),
        migrate=migrate,
        error_template=ERROR_TEMPLATE,
    )


def with_web(settings: Settings) -> Settings:
    """The same stack with the web interface on it, built if need be. Raises web.WebError."""
    web.build()
    folder = settings.data / "pages"
    settings.data.mkdir(parents=True, exist_ok=True)
    web.furnish(folder, settings.platform_url, settings.keys.publishable_key)
    # A page that shows the widget, as any site would.
    shutil.copytree(web.SHOP, folder / "shop")
    return replace(settings, pages=str(folder))


def queues() -> list[QueueDefinition]:
    """A queue and its dead letters for every consumer; visible again after six times the function's time-out, as
    Lambda asks. Read from the functions' configuration, not from their code: that would stay in memory."""
    configured = json.loads((FUNCTIONS / ".chalice" / "config.json").read_text())
    functions = configured["stages"]["dev"]["lambda_functions"]
    prefix = "pgdesk-"
    return [
        QueueDefinition(f"{prefix}{name}", each["lambda_timeout"] * 6, MAX_RECEIVES, f"{prefix}{name}-dead")
        for function, each in functions.items()
        if (name := function.removeprefix("on_")) != function
    ]
