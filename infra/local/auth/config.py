"""What a project may choose about its sign-in. Names follow the Supabase CLI's config.toml where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from infra.local.auth.providers import Provider


@dataclass(frozen=True)
class RateLimits:
    """How many calls one caller may make, and how many messages leave. None is no limit.

    Per five minutes: `sign_in_sign_ups` (also codes, links, recovery, changes of one's own account), `token_refresh`,
    `token_verifications`, `oauth_registrations`. Per hour: `anonymous_users`, `emails_per_hour`, `sms_per_hour`. Per
    minute: `factor_attempts`. A caller is told by the first value of `header`, or by its address where none is named;
    a request without that header is not limited.
    """

    sign_in_sign_ups: int | None = None
    anonymous_users: int | None = None
    token_refresh: int | None = None
    token_verifications: int | None = None
    factor_attempts: int | None = None
    oauth_registrations: int | None = None
    emails_per_hour: int | None = None
    sms_per_hour: int | None = None
    header: str = ""


# What a hosted project starts with: Auth's own defaults, and two mails an hour from the built-in sender.
HOSTED_LIMITS = RateLimits(
    sign_in_sign_ups=30, anonymous_users=30, token_refresh=150, token_verifications=30, factor_attempts=15,
    oauth_registrations=10, emails_per_hour=2, sms_per_hour=30,
)  # fmt: skip


@dataclass(frozen=True)
class Hook:
    """`pg-functions://postgres/<schema>/<function>`, or an http(s) address with the secrets that sign what it is sent.

    Secrets are `v1,whsec_<base64>`; each adds one signature (Standard Webhooks).
    """

    uri: str
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuthConfig:
    """Durations are seconds.

    `external_url`: where clients reach this Auth; by default the stack's gateway. Also the tokens' issuer, unless
    `issuer` names another.
    `confirmations`: whether an address has to be confirmed by mail before its user may sign in (hosted default: yes);
    `phone_confirmations` the same for numbers.
    `redirect_urls`: where links may lead besides `site_url`; `*` is anything but `.` and `/`, `**` is anything.
    `sms_provider`: the mailbox, or nothing: then SMS fail.
    `mfa_webauthn_enroll`: such factors can be enrolled and removed, but not verified.
    `test_otps`: numbers that get no SMS, as their code is known.
    `session_low_aal`: how long a session may stay at aal1 where its user has a second factor.
    `custom_access_token_hook`: called with each token's claims; the other hooks as Auth documents them.
    `notifications`: which changes of an account are told by mail: password_changed, email_changed, phone_changed,
    identity_linked, identity_unlinked, mfa_factor_enrolled, mfa_factor_unenrolled.
    """

    external_url: str = ""
    issuer: str = ""
    site_url: str = "http://127.0.0.1:3000"
    redirect_urls: tuple[str, ...] = ()
    audience: str = "authenticated"
    default_role: str = "authenticated"
    admin_roles: tuple[str, ...] = ("service_role", "supabase_admin")
    sender: str = "Auth <auth@localhost>"

    signup_enabled: bool = True
    anonymous_enabled: bool = False
    email_enabled: bool = True
    magic_link_enabled: bool = True
    confirmations: bool = True
    double_confirm_changes: bool = True
    manual_linking_enabled: bool = False
    allow_unverified_email_sign_ins: bool = False
    notifications: frozenset[str] = frozenset()

    phone_enabled: bool = False
    phone_confirmations: bool = True
    sms_provider: str = "mailbox"
    sms_otp_length: int = 6
    sms_otp_expiry: int = 60
    sms_max_frequency: float = 5.0
    sms_template: str = "Your code is {{ .Code }}"
    test_otps: Mapping[str, str] = field(default_factory=dict)

    jwt_expiry: int = 3600
    otp_expiry: int = 3600
    otp_length: int = 6
    flow_expiry: int = 300
    max_frequency: float = 1.0
    refresh_rotation: bool = True
    refresh_reuse_interval: float = 10.0
    session_timebox: float | None = None
    session_inactivity: float | None = None
    session_low_aal: float | None = None
    session_single_per_user: bool = False

    password_min_length: int = 6
    password_required_sets: tuple[str, ...] = ()
    password_change_needs_recent_sign_in: bool = False
    password_change_needs_current: bool = False
    bcrypt_cost: int = 10

    mfa_max_factors: int = 10
    mfa_challenge_expiry: int = 300
    mfa_totp_enroll: bool = True
    mfa_totp_verify: bool = True
    mfa_webauthn_enroll: bool = False
    mfa_phone_enroll: bool = False
    mfa_phone_verify: bool = False
    mfa_phone_otp_length: int = 6
    mfa_phone_max_frequency: float = 5.0
    mfa_phone_template: str = "Your code is {{ .Code }}"

    providers: Mapping[str, Provider] = field(default_factory=dict)
    custom_providers_enabled: bool = True
    allowed_id_token_issuers: tuple[str, ...] = ()

    oauth_server_enabled: bool = False
    oauth_dynamic_registration: bool = False
    oauth_consent_path: str = "/oauth/consent"
    oauth_authorization_expiry: int = 600
    oauth_default_scope: str = "email"

    custom_access_token_hook: Hook | None = None
    send_email_hook: Hook | None = None
    send_sms_hook: Hook | None = None
    mfa_verification_hook: Hook | None = None
    password_verification_hook: Hook | None = None
    before_user_created_hook: Hook | None = None
    after_user_created_hook: Hook | None = None

    limits: RateLimits = field(default_factory=RateLimits)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> AuthConfig:
        """The configuration of a stack's settings, which are JSON: lists stand for tuples, objects for what has parts.

        Raises ValueError, naming it, for an attribute that there is not.
        """
        if unknown := kept.keys() - {each.name for each in fields(cls)}:
            raise ValueError(f"Auth has no setting {min(unknown)}")
        values = dict(kept)
        for name, value in kept.items():
            if isinstance(value, list):
                values[name] = frozenset(value) if name == "notifications" else tuple(value)
            elif name == "limits":
                values[name] = RateLimits(**value)
            elif name == "providers":
                values[name] = {each: Provider(**_tuples(told)) for each, told in value.items()}
            elif name.endswith("_hook") and value is not None:
                values[name] = Hook(**_tuples(value))
        return cls(**values)

    @property
    def hooks(self) -> list[Hook]:
        """Those that are set."""
        named: list[Any] = [getattr(self, name) for name in self.__dataclass_fields__ if name.endswith("_hook")]
        return [hook for hook in named if hook is not None]


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
