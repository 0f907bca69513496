"""What webhooks may call: the public internet, and what the settings add."""

from __future__ import annotations

import ssl
from functools import lru_cache

from chalicelib.kit.safe_url import Policy, parse_allowed
from chalicelib.kit.settings import SettingsError, settings


@lru_cache(maxsize=1)
def policy() -> Policy:
    """The policy of this container. Raises SettingsError, naming what is wrong."""
    context = ssl.create_default_context()
    try:
        allowed = parse_allowed(settings().webhook_allow)
    except ValueError as error:
        raise SettingsError(f"PGDESK_WEBHOOK_ALLOW: {error}") from None
    if settings().webhook_ca:
        try:
            context.load_verify_locations(cafile=settings().webhook_ca)
        except OSError as error:
            raise SettingsError(f"PGDESK_WEBHOOK_CA: {error.strerror or 'not a file of certificates'}") from None
    return Policy(context, allowed)
