"""One stack's settings from the environment and `.env`, and what the functions are told of it."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

from infra.local.settings import Keys, Settings

ROOT = Path(__file__).resolve().parent.parent
PORTS = ("api", "db", "pages", "mail", "queue", "functions")
# What Auth calls (sql/92_sign_ins.sql); the same as in supabase/config.toml.
HOOKS = {
    "custom_access_token_hook": {"uri": "pg-functions://postgres/private/custom_access_token"},
    "password_verification_hook": {"uri": "pg-functions://postgres/private/password_checked"},
}
# Passed through to the functions as they are: see .env.example.
PASSED = (
    "MODEL_URL",
    "MODEL_API_KEY",
    "MODEL_NAME",
    "MODEL_TIMEOUT",
    "MODEL_PRICE_IN",
    "MODEL_PRICE_OUT",
    "MODEL_BUDGET",
    "WEBHOOK_ALLOW",
    "WEBHOOK_RATE",
    "WEBHOOK_CA",
    "RESEND_INBOUND_SECRET",
    "MAILGUN_API_KEY",
    "MAILGUN_URL",
    "MAILGUN_DOMAIN",
    "MAILGUN_SIGNING_KEY",
    "MAILGUN_STORES",
    "SES_TOPICS",
    "SES_BUCKET",
    "SES_PREFIX",
    "SNS_ORIGIN",
)
RECEIVER = "mx.pgdesk.localhost"


def load_dotenv(path: Path = ROOT / ".env") -> None:
    """Read NAME=value lines into the environment; what is set there already wins."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        name, found, value = line.strip().partition("=")
        if found and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("'\""))


def stack_settings() -> Settings:
    """The stack of this checkout, with the platform that STACK and SUPABASE_URL choose. Raises ValueError."""
    from pgdesk import elsewhere

    return elsewhere.over(own_settings())


def own_settings() -> Settings:
    """Where this checkout's stack listens and keeps its data. Raises ValueError, naming a variable that is wrong."""
    data = Path(os.environ.get("PGDESK_DATA_FOLDER") or ROOT / ".pgdesk").resolve()
    ports: dict[str, int] = {}
    for port in PORTS:
        name = f"PGDESK_{port.upper()}_PORT"
        if value := os.environ.get(name):
            if not value.isdigit() or not 0 < int(value) < 65536:
                raise ValueError(f"{name} is not a port: {value}")
            ports[f"{port}_port"] = int(value)
    keys = Keys.load_or_create(data / "keys.json")
    settings = Settings(data=data, keys=keys, **ports)  # type: ignore[arg-type]
    return replace(settings, auth=HOOKS | {"site_url": f"{settings.pages_url}/inbox/"})


def postgres_version() -> int:
    """The major version that the stack runs: PGDESK_POSTGRES, 16 unless it is set."""
    value = os.environ.get("PGDESK_POSTGRES", "16")
    if value not in ("16", "18"):
        raise ValueError(f"PGDESK_POSTGRES is 16 or 18, not {value}")
    return int(value)


def secret(settings: Settings, purpose: str) -> str:
    """A secret of this stack for one purpose, the same at every start: derived from the stack's own password."""
    import hashlib
    import hmac

    return hmac.new(settings.keys.service_password.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def hearing_of_mail(settings: Settings) -> Settings:
    """The same stack, whose mail service tells the functions what becomes of mail."""
    url = f"http://{settings.host}:{settings.functions_port}/v1/mail-events/resend"
    return replace(settings, mail_webhook_url=url, mail_webhook_secret=_events_secret(settings))


def _events_secret(settings: Settings) -> str:
    return "whsec_" + base64.b64encode(bytes.fromhex(secret(settings, "mail events"))).decode()


def functions_environment(settings: Settings) -> dict[str, str]:
    """The variables of chalicelib.kit.settings, as they are on this stack."""
    told = {
        "DATABASE_URL": settings.database_url("pgdesk_functions"),
        "SUPABASE_URL": settings.platform_url,
        "PUBLISHABLE_KEY": settings.keys.publishable_key,
        "SIGNING_KEY": json.dumps(settings.keys.signing_key),
        "INBOUND_SECRET": secret(settings, "inbound"),
        "RELAY_SECRET": secret(settings, "relay"),
        "REPLY_SECRET": secret(settings, "reply"),
        "MASTER_KEY": base64.b64encode(bytes.fromhex(secret(settings, "master key"))).decode(),
        "WEBHOOK_ALLOW": "127.0.0.0/8,[::1],localhost",
        "RECEIVER_NAME": RECEIVER,
        "RESEND_API_KEY": "re_local",
        "RESEND_URL": f"http://{settings.host}:{settings.mail_port}",
        "RESEND_EVENTS_SECRET": _events_secret(settings),
        "PORTAL_URL": settings.api_url,
        "INBOX_URL": f"{settings.pages_url}/inbox",
    }
    if settings.platform and (database := os.environ.get("PGDESK_DATABASE_URL")):
        told["DATABASE_URL"] = database
    if settings.platform and (signing_key := os.environ.get("PGDESK_SIGNING_KEY")):
        told["SIGNING_KEY"] = signing_key
    told |= {name: value for name in PASSED if (value := os.environ.get(f"PGDESK_{name}"))}
    # Small matrices: threads of BLAS would only fight over the cores that the containers share.
    return {f"PGDESK_{name}": value for name, value in told.items()} | {"OPENBLAS_NUM_THREADS": "1"}
