"""Where links may lead, and how an outcome is written into such an address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from infra.local.auth.config import AuthConfig
from infra.local.auth.errors import AuthError

# Parsers disagree about these, so an address with one of them leads nowhere.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
OAUTH = {
    400: "invalid_request",
    401: "unauthorized_client",
    403: "access_denied",
    500: "server_error",
    503: "temporarily_unavailable",
}


def choose(config: AuthConfig, *wanted: str | None) -> str:
    """The first wanted address that is allowed, or the site itself."""
    return next((url for url in wanted if url and is_allowed(config, url)), config.site_url)


def is_allowed(config: AuthConfig, url: str) -> bool:
    """Whether a link may lead to `url`: to the site (any port on loopback, RFC 8252 section 7.3) or the allow list."""
    parts = _split(url)
    site = _split(config.site_url)
    if parts is None or site is None:
        return False
    host = parts.hostname or ""
    same_port = parts.port == site.port or host in _LOOPBACK_NAMES
    if host and host == site.hostname and parts.scheme == site.scheme and same_port:
        return True
    if host.isdigit():
        return False  # an address in decimal
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    if parts.scheme in {"http", "https"} and not _HOST.fullmatch(host):
        return False
    unfragmented = url.partition("#")[0]
    return any(_glob(pattern).fullmatch(unfragmented) for pattern in config.redirect_urls)


def with_fragment(url: str, values: dict[str, str]) -> str:
    """`url` with `values` in its fragment, where servers never see them; `sb` marks them as ours."""
    return f"{url}#{_encode(values | {'sb': ''})}"


def with_query(url: str, values: dict[str, str]) -> str:
    """`url` with `values` set in its query."""
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in values]
    query = sorted([*kept, *values.items()], key=lambda pair: pair[0])
    return urlunsplit(parts._replace(query=urlencode(query)))


def with_session(url: str, session: Mapping[str, Any], further: dict[str, str]) -> str:
    """`url` with a session's tokens in its fragment."""
    names = ("access_token", "token_type", "expires_in", "expires_at", "refresh_token")
    return with_fragment(url, {name: str(session[name]) for name in names} | further)


def with_error(url: str, error: AuthError, pkce: bool) -> str:
    """`url` telling of a failure: in the fragment, and for PKCE clients in the query too."""
    told = {"error_code": error.code, "error_description": error.message}
    if error.status in OAUTH:
        told["error"] = OAUTH[error.status]
    base = urlunsplit(urlsplit(url)._replace(fragment=""))
    return with_fragment(with_query(base, told) if pkce else base, told)


def action_link(external_url: str, kind: str, token: str, redirect_to: str) -> str:
    """The link in a mail: verifies `token`, then leads to `redirect_to`."""
    return f"{external_url}/verify?token={quote(token)}&type={quote(kind)}&redirect_to={quote(redirect_to, safe=':/')}"


def _encode(values: dict[str, str]) -> str:
    return urlencode(sorted(values.items()))


def _split(url: str) -> SplitResult | None:
    """The parts of `url`, or None where browsers might read it otherwise than this parser does."""
    if _AMBIGUOUS.search(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if "@" in parts.netloc else parts


@lru_cache
def _glob(pattern: str) -> re.Pattern[str]:
    """`**` is anything, `*` and `?` anything but `.` and `/`; the rest is literal."""
    pieces = re.split(r"(\*\*|\*|\?)", pattern)
    meanings = {"**": ".*", "*": "[^./]*", "?": "[^./]"}
    return re.compile("".join(meanings.get(piece, re.escape(piece)) for piece in pieces))
