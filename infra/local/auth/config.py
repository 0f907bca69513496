"""What a project may choose about its sign-in. Names follow the Supabase CLI's config.toml where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class RateLimits:
    """How many calls one address may make per five minutes, and how many mails leave per hour. None is no limit."""

    sign_in_sign_ups: int | None = None
    anonymous_users: int | None = None
    token_refresh: int | None = None
    token_verifications: int | None = None
    emails_per_hour: int | None = None


@dataclass(frozen=True)
class AuthConfig:
    """Durations are seconds.

    `confirmations`: whether an address has to be confirmed by mail before its user may sign in (hosted default: yes).
    `redirect_urls`: where links may lead besides `site_url`; `*` is anything but `.` and `/`, `**` is anything.
    `custom_access_token_hook`: `pg-functions://postgres/<schema>/<function>`, called with each token's claims.
    """

    site_url: str = "http://127.0.0.1:3000"
    redirect_urls: tuple[str, ...] = ()
    audience: str = "authenticated"
    default_role: str = "authenticated"
    admin_roles: tuple[str, ...] = ("service_role", "supabase_admin")
    sender: str = "Auth <auth@localhost>"

    signup_enabled: bool = True
    anonymous_enabled: bool = False
    confirmations: bool = True
    double_confirm_changes: bool = True
    manual_linking_enabled: bool = False

    jwt_expiry: int = 3600
    otp_expiry: int = 3600
    otp_length: int = 6
    flow_expiry: int = 300
    max_frequency: float = 1.0
    refresh_reuse_interval: float = 10.0
    session_timebox: float | None = None
    session_inactivity: float | None = None

    password_min_length: int = 6
    password_required_sets: tuple[str, ...] = ()
    bcrypt_cost: int = 10

    mfa_max_factors: int = 10
    mfa_challenge_expiry: int = 300

    custom_access_token_hook: str | None = None
    limits: RateLimits = field(default_factory=RateLimits)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> AuthConfig:
        """The configuration of a stack's settings, which are JSON: lists stand for tuples, an object for `limits`.

        Raises ValueError, naming it, for an attribute that there is not.
        """
        if unknown := kept.keys() - {each.name for each in fields(cls)}:
            raise ValueError(f"Auth has no setting {min(unknown)}")
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
        if "limits" in values:
            values["limits"] = RateLimits(**values["limits"])
        return cls(**values)
