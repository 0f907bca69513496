"""What providers received, compared with what is here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.settings import Settings
from pgdesk.environment import functions_environment

_SPAN = re.compile(r"([1-9]\d{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# The setting that says that mail comes in by a provider.
CONFIGURED = {"resend": "resend_inbound_secret", "mailgun": "mailgun_domain", "ses": "ses_bucket"}


def reconcile(stack: Settings, providers: Sequence[str], since: str) -> list[dict[str, Any]]:
    """Bring what is missing of the last `since` (30m, 24h, 3d); of all configured providers where none is named.

    The environment's PGDESK_ variables come first, then this stack's. One row a provider: found, missing, brought (on
    its way), unaddressed. Raises ValueError for what is wrong in the question or the settings, RuntimeError where a
    provider does not tell.
    """
    span = _SPAN.fullmatch(since)
    if span is None:
        raise ValueError(f"--since is a number of minutes, hours or days, as 30m, 24h or 3d: {since}")
    if unknown := set(providers) - set(CONFIGURED):
        raise ValueError(f"--provider is one of {', '.join(CONFIGURED)}: {', '.join(sorted(unknown))}")
    begin = datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})
    with _environment(stack):
        return [_compared(provider, begin) for provider in providers or _configured()]


@contextmanager
def _environment(stack: Settings) -> Iterator[None]:
    """The functions' environment, for as long as they are called here."""
    from chalicelib.kit.settings import settings

    before = dict(os.environ)
    os.environ.update(functions_environment(stack) | before)
    settings.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()


def _configured() -> list[str]:
    from chalicelib.kit.settings import settings

    found = []
    for provider, name in CONFIGURED.items():
        value = getattr(settings(), name)
        if value.get_secret_value() if hasattr(value, "get_secret_value") else value:
            found.append(provider)
    return found


def _compared(provider: str, begin: datetime) -> dict[str, Any]:
    from chalicelib.intake.provider import reconcile as functions
    from chalicelib.intake.provider.held import Lost
    from chalicelib.kit import database
    from chalicelib.kit.jobs import Retry

    try:
        return functions.reconcile(provider, begin).as_row()
    except (Lost, Retry) as error:
        raise RuntimeError(f"{provider} does not tell what it received: {error}") from error
    finally:
        database.close()
