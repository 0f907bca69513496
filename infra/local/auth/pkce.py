"""Proof key for code exchange (RFC 7636): a link leads to a code that only the client that asked can redeem."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from psycopg import sql

from infra.local.auth.calls import Call, Connection, Row
from infra.local.auth.config import AuthConfig
from infra.local.auth.errors import AuthError, invalid

_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]+")
# The authentication methods (amr) of flows, by the verification type of their links.
METHODS = {
    "signup": "email/signup",
    "invite": "invite",
    "recovery": "recovery",
    "magiclink": "magiclink",
    "email_change": "email_change",
}


def is_wanted(call: Call) -> bool:
    """Whether the client asks for this flow. Raises AuthError for half a challenge or a malformed one."""
    return check(call.text("code_challenge"), call.text("code_challenge_method"))


def check(challenge: str, method: str) -> bool:
    """Whether there is a challenge. Raises AuthError for half of one or a malformed one."""
    if bool(challenge) != bool(method):
        raise invalid("PKCE flow requires code_challenge_method and code_challenge")
    if not challenge:
        return False
    if not 43 <= len(challenge) <= 128:
        raise invalid("code challenge has to be between 43 and 128 characters")
    if not _CHALLENGE.fullmatch(challenge):
        raise invalid(
            "code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes"
        )
    if method.lower() not in {"s256", "plain"}:
        raise invalid("Invalid code_challenge_method")
    return True


async def begin(connection: Connection, call: Call, user_id: UUID, kind: str) -> None:
    """Remember the client's challenge for the link of type `kind` that is about to be sent."""
    await forget_old(connection)
    await connection.execute(
        "insert into auth.flow_state (id, user_id, auth_code, code_challenge_method, code_challenge, provider_type, "
        "authentication_method, created_at, updated_at) values (%s, %s, %s, %s, %s, %s, %s, now(), now())",
        [uuid4(), user_id, str(uuid4()), call.text("code_challenge_method").lower(), call.text("code_challenge"),
         "email" if kind == "signup" else kind, METHODS[kind]],
    )  # fmt: skip


async def forget_old(connection: Connection) -> None:
    for table in ("flow_state", "oauth_client_states"):
        await connection.execute(
            sql.SQL("delete from auth.{} where created_at < now() - interval '1 day'").format(sql.Identifier(table))
        )


async def issue(connection: Connection, user_id: UUID, kind: str) -> str:
    """The code for the user's latest flow of that kind. Raises AuthError where none was begun."""
    found = await connection.execute(
        "update auth.flow_state set auth_code_issued_at = now(), updated_at = now() where id = ("
        "select id from auth.flow_state where user_id = %s and authentication_method = %s "
        "order by created_at desc limit 1) returning auth_code",
        [user_id, METHODS.get(kind, kind)],
    )
    flow = await found.fetchone()
    if flow is None:
        message = "No associated flow state found. No valid flow state found for user."
        raise AuthError(400, "flow_state_not_found", message)
    code: str = flow["auth_code"]
    return code


async def redeem(connection: Connection, config: AuthConfig, auth_code: str, verifier: str) -> Row:
    """The flow that the code belongs to, which is used up by this. Raises AuthError for a wrong code or verifier."""
    if not auth_code or not verifier:
        raise invalid("invalid request: both auth code and code verifier should be non-empty")
    found = await connection.execute(
        "select * from auth.flow_state where auth_code = %s and auth_code_issued_at is not null for update", [auth_code]
    )
    flow = await found.fetchone()
    if flow is None or flow["user_id"] is None:
        raise AuthError(404, "flow_state_not_found", "invalid flow state, no valid flow state found")
    start = flow["auth_code_issued_at" if flow["authentication_method"] == "magiclink" else "created_at"]
    if start + timedelta(seconds=config.flow_expiry) < datetime.now(UTC):
        raise AuthError(422, "flow_state_expired", "invalid flow state, flow state has expired")
    if not proves(flow, verifier):
        raise AuthError(400, "bad_code_verifier", "code challenge does not match previously saved code verifier")
    await connection.execute("delete from auth.flow_state where id = %s", [flow["id"]])
    return flow


def proves(flow: Row, verifier: str) -> bool:
    """Whether the verifier is the one whose challenge the flow began with."""
    sent = verifier.encode()
    if flow["code_challenge_method"] == "s256":
        sent = base64.urlsafe_b64encode(hashlib.sha256(sent).digest()).rstrip(b"=")
    return secrets.compare_digest(sent, flow["code_challenge"].encode())
