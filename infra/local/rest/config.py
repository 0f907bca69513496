"""Settings that PostgREST reads from the database: `alter role authenticator set pgrst.… = …`.

The defaults are those of the platform (the Supabase CLI's config.toml), not PostgREST's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from infra.local.rest.schema import Name


@dataclass(frozen=True)
class Configuration:
    schemas: tuple[str, ...] = ("public",)
    anonymous_role: str = "anon"
    extra_search_path: tuple[str, ...] = ("public", "extensions")
    max_rows: int | None = 1000
    aggregates_enabled: bool = False
    plan_enabled: bool = False
    pre_request: Name | None = None
    root_spec: Name | None = None
    transaction_end: str = "commit"
    hoisted_settings: tuple[str, ...] = (
        "statement_timeout",
        "plan_filter.statement_cost_limit",
        "default_transaction_isolation",
    )
    audience: str | None = None
    role_claim: tuple[str, ...] = ("role",)
    openapi_mode: str = "follow-privileges"
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
    """The defaults with `schemas` exposed, changed by what is `stored` (names without `pgrst.`; others are ignored)."""
    known = {name: _KNOWN[name] for name in stored if name in _KNOWN}
    changes: dict[str, Any] = {attribute: parse(stored[name]) for name, (attribute, parse) in known.items()}
    return replace(Configuration(schemas=schemas), **changes)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _flag(text: str) -> bool:
    return text.strip().lower() in {"true", "on", "yes", "1"}


def _rows(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _name(text: str) -> Name | None:
    schema, dot, name = text.strip().rpartition(".")
    return Name(schema if dot else "", name) if name else None


def _claim(text: str) -> tuple[str, ...]:
    """`$.app_metadata.role`, `$['role']` or the older `.app_metadata.role`: the keys down to the role."""
    return tuple(a or b or c for a, b, c in re.findall(r"\.([\w-]+)|\[\s*'([^']*)'\s*\]|\"([^\"]*)\"", text))


_KNOWN: dict[str, tuple[str, Callable[[str], object]]] = {
    "db_schemas": ("schemas", _list),
    "db_anon_role": ("anonymous_role", str),
    "db_extra_search_path": ("extra_search_path", _list),
    "db_max_rows": ("max_rows", _rows),
    "db_aggregates_enabled": ("aggregates_enabled", _flag),
    "db_plan_enabled": ("plan_enabled", _flag),
    "db_pre_request": ("pre_request", _name),
    "db_root_spec": ("root_spec", _name),
    "db_tx_end": ("transaction_end", str),
    "db_hoisted_tx_settings": ("hoisted_settings", _list),
    "jwt_aud": ("audience", lambda text: text or None),
    "jwt_role_claim_key": ("role_claim", _claim),
    "openapi_mode": ("openapi_mode", str),
    "client_error_verbosity": ("verbose_errors", lambda text: text.strip() != "minimal"),
    "server_trace_header": ("trace_header", lambda text: text.strip().lower() or None),
    "url_use_legacy_target_names": ("legacy_target_names", _flag),
}
