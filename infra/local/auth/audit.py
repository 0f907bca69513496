"""The audit log: who did what, in the transaction that did it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from psycopg.types.json import Json

from infra.local.auth.calls import Call, Connection, Row

_KINDS = {
    "login": "account",
    "logout": "account",
    "invite_accepted": "account",
    "user_signedup": "team",
    "user_invited": "team",
    "user_deleted": "team",
    "user_modified": "user",
    "user_recovery_requested": "user",
    "user_confirmation_requested": "user",
    "user_repeated_signup": "user",
    "user_updated_password": "user",
    "user_reauthenticate_requested": "user",
    "token_revoked": "token",
    "token_refreshed": "token",
    "identity_linked": "user",
    "identity_unlinked": "user",
    "factor_in_progress": "factor",
    "challenge_created": "factor",
    "verification_attempted": "factor",
    "factor_deleted": "factor",
    "factor_unenrolled": "factor",
    "factor_updated": "factor",
}


async def record(connection: Connection, call: Call, actor: Row, action: str, /, **traits: Any) -> None:
    """Add an entry. `action` is one of the protocol's; `traits` are further facts, JSON values or ids."""
    payload = {
        "actor_id": str(actor["id"]),
        "actor_via_sso": bool(actor.get("is_sso_user")),
        "actor_username": actor.get("phone") or actor.get("email") or "",
        "action": action,
        "log_type": _KINDS[action],
    }
    name = (actor.get("raw_user_meta_data") or {}).get("full_name")
    if name is not None:
        payload["actor_name"] = name
    if traits:
        payload["traits"] = {name: value if value is None else str(value) for name, value in traits.items()}
    await connection.execute(
        "insert into auth.audit_log_entries (instance_id, id, payload, created_at, ip_address) "
        "values (%s, %s, %s, now(), %s)",
        ["00000000-0000-0000-0000-000000000000", uuid4(), Json(payload), call.ip],
    )
