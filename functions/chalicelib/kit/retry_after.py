"""How long somebody who is busy asks to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DAY = 86400.0


def seconds_asked(value: str | None, now: datetime, at_most: float = DAY) -> float | None:
    """What Retry-After asks for (RFC 9110 §10.2.3): seconds, or a date, from `now` on. None where it says neither."""
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), at_most)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), at_most)
