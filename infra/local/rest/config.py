"""Settings that PostgREST reads from the database: `alter role authenticator set pgrst.… = …`.

The defaults are those of the platform (the Supabase CLI's config.toml), not PostgREST's own. Values are read as
PostgREST reads them (https://docs.postgrest.org/en/v16/references/configuration.html): an empty text takes its own
default, and one value that makes no sense refuses them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from infra.local.rest.jsonpath import Path
from infra.local.rest.keys import KeySet
from infra.local.rest.schema import Name

HOISTED = ("statement_timeout", "plan_filter.statement_cost_limit", "default_transaction_isolation")
ROLE_CLAIM = Path("$.role")


@dataclass(frozen=True)
class Configuration:
    """`anonymous_role` None: nobody may do without a token. `key_set` None: the stack's own keys verify tokens."""

    schemas: tuple[str, ...] = ("public",)
    anonymous_role: str | None = "anon"
    extra_search_path: tuple[str, ...] = ("public", "extensions")
    max_rows: int | None = 1000
    aggregates_enabled: bool = False
    plan_enabled: bool = False
    prepares: bool = True
    pre_request: Name | None = None
    root_spec: Name | None = None
    transaction_end: str = "commit"
    hoisted_settings: tuple[str, ...] = HOISTED
    audience: str | None = None
    role_claim: Path = ROLE_CLAIM
    key_set: KeySet | None = None
    cached_tokens: int = 1000
    openapi_mode: str = "follow-privileges"
    openapi_security: bool = False
    openapi_address: str | None = None  # where a proxy shows the API
    allowed_origins: tuple[str, ...] = ()  # all, where none is named
    timing_shown: bool = False
    verbose_errors: bool = True
    legacy_target_names: bool = True
    trace_header: str | None = None  # lower case; echoed from the request

    @property
    def may_override_transaction(self) -> bool:
        return self.transaction_end.endswith("-allow-override")

    @property
    def rolls_back(self) -> bool:
        return self.transaction_end.startswith("rollback")


def read(schemas: tuple[str, ...], stored: Mapping[str, str]) -> Configuration:
    """The defaults with `schemas` exposed, changed by what is `stored` (names without `pgrst.`; others are ignored).

    Raises ValueError for what PostgREST would refuse.
    """
    changes: dict[str, Any] = {}
    for name, text in stored.items():
        if name in KNOWN:
            attribute, parse = KNOWN[name]
            try:
                changes[attribute] = parse(text)
            except ValueError as error:
                raise ValueError(f"pgrst.{name}: {error}") from None
    if "jwt_secret" in stored:
        is_base64 = _flag(stored.get("jwt_secret_is_base64", ""))
        changes["key_set"] = KeySet.read(stored["jwt_secret"], is_base64=is_base64)
    return replace(Configuration(schemas=schemas), **changes)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _schemas(text: str) -> tuple[str, ...]:
    names = _list(text) or ("public",)
    for name in ("pg_catalog", "information_schema"):
        if name in names:
            raise ValueError(f"the schema {name} cannot be exposed")
    return names


def _flag(text: str) -> bool:
    word = re.sub(r"[^a-z]", "", text.lower())
    return word == "true" or (not word and bool(re.fullmatch(r"\s*[1-9][0-9]*\s*", text)))


def _unless_denied(text: str) -> bool:
    return _flag(text) or re.sub(r"[^a-z]", "", text.lower()) != "false"


def _rows(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else None


def _cached(text: str) -> int:
    rows = _rows(text)
    return 1000 if rows is None else max(rows, 0)


def _name(text: str) -> Name | None:
    schema, dot, name = text.partition(".")
    return (Name(schema, name) if dot else Name("", schema)) if text else None


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text and text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text or choices[0]

    return parse


def _audience(text: str) -> str | None:
    if ":" in text and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[!#$&-;=?-Z\[\]_a-z~]|%[0-9A-Fa-f]{2})*", text):
        raise ValueError("an audience with a colon has to be a URI")
    return text or None


def _address(text: str) -> str | None:
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("malformed proxy uri, a correct example: https://example.com:8443/basePath")
    return text


KNOWN: dict[str, tuple[str, Callable[[str], object]]] = {
    "client_error_verbosity": ("verbose_errors", lambda text: _one_of("verbose", "minimal")(text) == "verbose"),
    "db_aggregates_enabled": ("aggregates_enabled", _flag),
    "db_anon_role": ("anonymous_role", lambda text: text or None),
    "db_extra_search_path": ("extra_search_path", _list),
    "db_hoisted_tx_settings": ("hoisted_settings", lambda text: _list(text) or HOISTED),
    "db_max_rows": ("max_rows", _rows),
    "db_plan_enabled": ("plan_enabled", _flag),
    "db_pre_request": ("pre_request", _name),
    "db_prepared_statements": ("prepares", _unless_denied),
    "db_root_spec": ("root_spec", _name),
    "db_schemas": ("schemas", _schemas),
    "db_tx_end": (
        "transaction_end",
        _one_of("commit", "commit-allow-override", "rollback", "rollback-allow-override"),
    ),
    "jwt_aud": ("audience", _audience),
    "jwt_cache_max_entries": ("cached_tokens", _cached),
    "jwt_role_claim_key": ("role_claim", lambda text: Path(text or "$.role")),
    "openapi_mode": ("openapi_mode", _one_of("follow-privileges", "ignore-privileges", "disabled")),
    "openapi_security_active": ("openapi_security", _flag),
    "openapi_server_proxy_uri": ("openapi_address", _address),
    "server_cors_allowed_origins": ("allowed_origins", _list),
    "server_timing_enabled": ("timing_shown", _flag),
    "server_trace_header": ("trace_header", lambda text: text.lower() or None),
    "url_use_legacy_target_names": ("legacy_target_names", _unless_denied),
}
