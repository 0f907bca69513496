"""GoTrue's protocol: users, sessions, one-time codes by mail, second factors, over schema `auth`."""

from infra.local.auth.config import AuthConfig
from infra.local.auth.service import AuthService

__all__ = ["AuthConfig", "AuthService"]
