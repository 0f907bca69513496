"""What mail out needs of a provider. Resend and Mailgun are behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from chalicelib.kit.jobs import Retry
from chalicelib.kit.settings import settings

OWN_ID = "outgoing_mail"  # the tag or variable that a mail carries our id in
MAX_WAIT = 3600  # seconds between two tries, whatever a provider asks for

Mail = Mapping[str, Any]  # a row of public.outgoing_mails; one that is sent has `files`, a list of File, too


@dataclass(frozen=True)
class Sent:
    """The provider has it: by its own id and, where it tells, the Message-ID that the mail went out with."""

    provider_id: str
    message_id: str | None


class Refused(Exception):  # noqa: N818  it is an answer, not a defect
    """The provider will never take this mail; the message says why."""


class NotTaken(Retry):
    """The provider certainly does not have the mail, and may take it another time."""


class Unclear(Retry):
    """The provider may or may not have the mail: it was handed over, and nothing that can be believed came back."""


class CannotTell(Exception):  # noqa: N818
    """A look-up that settles nothing now; the message says why."""


class Provider(Protocol):
    """One adapter. It keeps nothing between calls."""

    # Mails with one key are one mail for so long. Zero: it knows no keys.
    remembers: timedelta

    def message_id(self, mail: Mail) -> str | None:
        """The Message-ID that the mail is to have, the same every time; None where the provider chooses it."""

    def send(self, mail: Mail, key: str, attempt: int) -> Sent:
        """Hand the mail over. Raises Refused, NotTaken or Unclear."""

    def look_up(self, mail: Mail) -> Sent | None:
        """Does the provider have the mail, which it was handed at `attempted_at`? None: certainly not.

        Raises CannotTell, or Refused where it had it and turned it down.
        """


def chosen() -> str:
    """The provider that PGDESK_MAIL_PROVIDER names."""
    return settings().mail_provider


def named(name: str) -> Provider:
    """The adapter of a provider. Raises SettingsError where its key is missing."""
    from chalicelib.email.by_mailgun import Mailgun
    from chalicelib.email.by_resend import Resend

    return Mailgun.configured() if name == "mailgun" else Resend.configured()


def asked_to_wait(headers: Mapping[str, str], attempt: int) -> timedelta:
    """How long a busy provider is left alone: what `Retry-After` (seconds) asks for, and longer with every attempt,
    since many mails may be waiting for the same second."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    asked = int(value) if value.isascii() and value.isdigit() and len(value) < 9 else 1
    return timedelta(seconds=min(max(asked, 2 ** min(attempt - 1, 11)), MAX_WAIT))
