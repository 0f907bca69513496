"""What the environment says. `.env.example` explains each variable."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError


class Settings(BaseModel):
    """Read once per container. The name of a variable is the field's, in capitals, behind `PGDESK_`."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    database_url: SecretStr
    # Supabase: where Storage answers, and the key with which the functions sign their own short tokens (ES256 JWK).
    supabase_url: str = ""
    publishable_key: str = ""
    signing_key: SecretStr = SecretStr("")
    # SQS: queue names are <prefix><consumer>; region and endpoint are the AWS client's own variables.
    queue_prefix: str = "pgdesk-"
    # Inbound mail over HTTP, and who stamps Authentication-Results for us (RFC 8601's authserv-id).
    inbound_secret: SecretStr = SecretStr("")
    relay_secret: SecretStr = SecretStr("")
    receiver_name: str = ""
    # Mail in by provider. Where Mailgun keeps stored mail, and who may sign for SNS: patterns of an origin.
    resend_inbound_secret: SecretStr = SecretStr("")
    mailgun_stores: str = r"https://([a-z0-9-]{1,40}\.)?api(\.eu)?\.mailgun\.net"
    ses_topics: str = ""
    ses_bucket: str = ""
    ses_prefix: str = ""
    sns_origin: str = r"https://sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?"
    # Wraps the data keys that secrets are encrypted with: a KMS key (id, alias or ARN), or 32 octets in base64; several
    # of the latter, the first wraps.
    kms_key_id: str = ""
    master_key: SecretStr = SecretStr("")
    # Webhooks out: what may be called besides the public internet, and a file of certificates that are trusted too.
    webhook_allow: str = ""
    webhook_ca: str | None = None
    # Requests that a provider's webhook may send in a minute, of those whose signature is good.
    webhook_rate: int = Field(default=6000, gt=0)
    # ClamAV's daemon, tcp://host:port or unix:///path. None: files are marked as unscanned.
    clamd: str = ""
    # Signs reply addresses.
    reply_secret: SecretStr = SecretStr("")
    # Mail out. Secrets of webhooks: several, separated by spaces, while one takes over from another.
    mail_provider: Literal["resend", "mailgun"] = "resend"
    resend_api_key: SecretStr = SecretStr("")
    resend_url: str = "https://api.resend.com"
    resend_events_secret: SecretStr = SecretStr("")
    mailgun_api_key: SecretStr = SecretStr("")
    mailgun_url: str = "https://api.mailgun.net"
    # None: the domain of the address that a mail is from.
    mailgun_domain: str | None = None
    mailgun_signing_key: SecretStr = SecretStr("")
    portal_url: str = ""
    # Where mails lead: the functions' own pages (None: below supabase_url), and the members' inbox (None: no links).
    functions_url: str | None = None
    inbox_url: str | None = None
    # A language model, any that speaks OpenAI's chat completions. None: replies are cited extracts.
    model_url: str | None = None
    model_api_key: SecretStr = SecretStr("")
    model_name: str = ""
    model_timeout: float = Field(default=20.0, gt=0)
    # US dollars per million tokens, for the cost that executions record.
    model_price_in: float = Field(default=0.0, ge=0)
    model_price_out: float = Field(default=0.0, ge=0)
    # US dollars that one organization may spend in a day; then extracts serve.
    model_budget: float = Field(default=5.0, ge=0)


class SettingsError(Exception):
    """The environment is incomplete; the message names each variable."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this container. Raises SettingsError, naming what is missing or wrong."""
    given = {name: value for name in Settings.model_fields if (value := os.environ.get(f"PGDESK_{name.upper()}"))}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(f"PGDESK_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(wrong) from None
