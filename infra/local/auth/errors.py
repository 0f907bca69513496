"""The protocol's errors, in the two shapes that clients ask for by header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

VERSION_HEADER = "X-Supabase-Api-Version"
VERSION_2024 = "2024-01-01"
_DATE = re.compile(r"2\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


class AuthError(Exception):
    """A refusal: the HTTP status, the protocol's error code, and one sentence for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def details(self) -> dict[str, Any]:
        return {}

    def response(self, headers: Mapping[str, str]) -> Response:
        """`{code, message}` for callers of version 2024-01-01 and later, else `{code: <status>, error_code, msg}`."""
        sent = headers.get(VERSION_HEADER, "")
        if _DATE.fullmatch(sent) and sent >= VERSION_2024:
            body = {"code": self.code, "message": self.message, **self.details()}
            answered = {VERSION_HEADER: VERSION_2024, "x-sb-error-code": self.code}
            return JSONResponse(body, self.status, answered)
        body = {"code": self.status, "error_code": self.code, "msg": self.message, **self.details()}
        return JSONResponse(body, self.status, {"x-sb-error-code": self.code})


class WeakPasswordError(AuthError):
    """A password that is too easy; `reasons` are among length, characters."""

    def __init__(self, message: str, reasons: list[str]) -> None:
        super().__init__(422, "weak_password", message)
        self.reasons = reasons

    def details(self) -> dict[str, Any]:
        return {"weak_password": {"reasons": self.reasons}}


class OAuthError(AuthError):
    """A refusal in OAuth 2.0's own shape (RFC 6749 section 5.2), whatever version the caller speaks."""

    def response(self, headers: Mapping[str, str]) -> Response:
        return JSONResponse({"error": self.code, "error_description": self.message}, self.status)


def invalid(message: str) -> AuthError:
    return AuthError(400, "validation_failed", message)


def wrong_credentials() -> AuthError:
    """One answer for an unknown address, a wrong password and a user without one."""
    return AuthError(400, "invalid_credentials", "Invalid login credentials")


def invalid_hook(message: str) -> AuthError:
    return AuthError(400, "hook_payload_invalid_content_type", message)


def unexpected(message: str) -> AuthError:
    return AuthError(500, "unexpected_failure", message)
