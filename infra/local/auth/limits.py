"""Token buckets: so many calls of a kind per time and caller."""

from __future__ import annotations

import time
from collections.abc import Callable

from infra.local.auth.errors import AuthError

MINUTE = 60.0  # seconds
WINDOW = 300.0
HOUR = 3600.0
BURST = 30  # at most, at once, whatever the rate
MANY = 10_000  # callers remembered before the full buckets are forgotten


class Limits:
    """Buckets that fill again evenly over their window. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float, float]] = {}  # level, then when, window

    def take_call(self, kind: str, caller: str | None, allowed: int | None, window: float = WINDOW) -> None:
        """Count one call; raises AuthError 429 when `allowed` per window are used up. Nobody is not limited."""
        burst = allowed if allowed is None or window == HOUR else min(allowed, BURST)
        if caller is not None and not self._take(kind, caller, allowed, burst, window):
            raise AuthError(429, "over_request_rate_limit", "Request rate limit reached")

    def take_mail(self, allowed: int | None) -> None:
        """Count one mail; raises AuthError 429 when `allowed` per hour are used up."""
        if not self._take("mail", "", allowed, allowed, HOUR):
            raise AuthError(429, "over_email_send_rate_limit", "email rate limit exceeded")

    def take_sms(self, allowed: int | None) -> None:
        """The same for messages to telephones."""
        if not self._take("sms", "", allowed, allowed, HOUR):
            raise AuthError(429, "over_sms_send_rate_limit", "SMS rate limit exceeded")

    def _take(self, kind: str, caller: str, allowed: int | None, burst: int | None, window: float) -> bool:
        if allowed is None or burst is None:
            return True
        now = self._clock()
        if len(self._buckets) > MANY:
            self._buckets = {key: kept for key, kept in self._buckets.items() if now - kept[1] < kept[2]}
        level, then, _ = self._buckets.get((kind, caller), (float(burst), now, window))
        level = min(float(burst), level + (now - then) * allowed / window)
        enough = level >= 1
        self._buckets[kind, caller] = (level - 1 if enough else level, now, window)
        return enough
