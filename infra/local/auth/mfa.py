"""Second factors: enrolling, challenging and verifying an authenticator app (TOTP)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from starlette.responses import JSONResponse, Response

from infra.local.auth import audit, qr, sessions, totp, users
from infra.local.auth.account import Caller, authenticate
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid

UNVERIFIED_FOR = timedelta(minutes=5)  # then an enrolment that was not finished makes room


async def enroll(context: Context, call: Call) -> Response:
    """A new, unverified factor: its secret as text, as an otpauth address and as a QR code (SVG)."""
    kind = call.text("factor_type")
    if kind in {"phone", "webauthn"}:
        raise AuthError(422, f"mfa_{kind}_enroll_not_enabled", f"MFA enroll is disabled for {kind}")
    if kind != "totp":
        raise invalid("factor_type needs to be totp, phone, or webauthn")
    name = call.text("friendly_name")
    issuer = call.text("issuer") or urlsplit(context.config.site_url).netloc
    secret, factor_id = totp.new_secret(), uuid4()
    claims = call.claims(context)
    uri = totp.key_uri(secret, issuer, str(claims.get("email") or claims.get("sub")))
    try:
        picture = await asyncio.to_thread(qr.svg, uri)
    except ValueError:
        raise invalid("issuer is too long") from None
    async with context.transaction() as connection:
        caller = await _caller(context, connection, call)
        await _check_room(context, connection, caller, name)
        await connection.execute(
            "insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, "
            "secret) values (%s, %s, %s, 'totp', 'unverified', now(), now(), %s)",
            [factor_id, caller.user["id"], name, secret],
        )
        await audit.record(connection, call, caller.user, "factor_in_progress", factor_id=factor_id)
    return JSONResponse(
        {
            "id": str(factor_id),
            "type": "totp",
            "friendly_name": name,
            "totp": {"qr_code": picture, "secret": secret, "uri": uri},
        }
    )


async def challenge(context: Context, call: Call) -> Response:
    challenge_id = uuid4()
    async with context.transaction() as connection:
        caller = await _caller(context, connection, call)
        factor = await _factor(connection, call, caller.user["id"])
        await connection.execute(
            "delete from auth.mfa_challenges where factor_id = %s and created_at < now() - interval '1 day'",
            [factor["id"]],
        )
        await connection.execute(
            "insert into auth.mfa_challenges (id, factor_id, created_at, ip_address) values (%s, %s, now(), %s)",
            [challenge_id, factor["id"], call.ip],
        )
        await connection.execute(
            "update auth.mfa_factors set last_challenged_at = clock_timestamp() where id = %s", [factor["id"]]
        )
        await audit.record(connection, call, caller.user, "challenge_created", factor_id=factor["id"])
    expires_at = int(datetime.now(UTC).timestamp()) + context.config.mfa_challenge_expiry
    return JSONResponse({"id": str(challenge_id), "type": factor["factor_type"], "expires_at": expires_at})


async def verify(context: Context, call: Call) -> Response:
    """A right code verifies the factor and raises the session to aal2; the user's lower sessions end."""
    context.limits.take_call("factor", call.ip, context.config.limits.token_verifications)
    try:
        challenge_id = UUID(call.text("challenge_id"))
    except ValueError:
        raise AuthError(
            400, "bad_json", "Could not parse request body as JSON: challenge_id has to be a UUID"
        ) from None
    async with context.transaction() as connection:
        caller = await _caller(context, connection, call)
        await users.by_id(connection, caller.user["id"], lock=True)
        factor = await _factor(connection, call, caller.user["id"])
        await _check_challenge(context, connection, call, factor, challenge_id)
        if not totp.is_valid(factor["secret"], call.text("code")):
            raise AuthError(422, "mfa_verification_failed", "Invalid TOTP code entered")
        await connection.execute("update auth.mfa_challenges set verified_at = now() where id = %s", [challenge_id])
        await connection.execute(
            "update auth.mfa_factors set status = 'verified', updated_at = now() where id = %s", [factor["id"]]
        )
        await connection.execute(
            "delete from auth.mfa_factors where user_id = %s and factor_type = 'totp' and status = 'unverified'",
            [caller.user["id"]],
        )
        await audit.record(connection, call, caller.user, "verification_attempted", factor_id=factor["id"])
        assert caller.session is not None
        issued = await sessions.step_up(context, connection, call, caller.user, caller.session, factor["id"])
    return issued.response()


async def unenroll(context: Context, call: Call) -> Response:
    async with context.transaction() as connection:
        caller = await _caller(context, connection, call)
        factor = await _factor(connection, call, caller.user["id"])
        if factor["status"] == "verified" and caller.aal != "aal2":
            raise AuthError(422, "insufficient_aal", "AAL2 required to unenroll verified factor")
        await remove(connection, factor)
        await audit.record(connection, call, caller.user, "factor_unenrolled", factor_id=factor["id"])
    return JSONResponse({"id": str(factor["id"])})


async def admin_delete(context: Context, call: Call) -> Response:
    admin = call.require_admin(context)
    user_id = call.path_uuid("user_id")
    async with context.transaction() as connection:
        factor = await _factor(connection, call, user_id)
        await remove(connection, factor)
        await audit.record(connection, call, admin, "factor_deleted", user_id=user_id, factor_id=factor["id"])
    return JSONResponse(users.present_factor(factor))


async def remove(connection: Connection, factor: Row) -> None:
    """Delete a factor; sessions that it had raised are aal1 again from their next token on."""
    await connection.execute("delete from auth.mfa_factors where id = %s", [factor["id"]])
    await connection.execute(
        "delete from auth.mfa_amr_claims where authentication_method = 'totp' and session_id in "
        "(select id from auth.sessions where factor_id = %s)",
        [factor["id"]],
    )
    await connection.execute(
        "update auth.sessions set aal = 'aal1', factor_id = null where factor_id = %s", [factor["id"]]
    )


async def _caller(context: Context, connection: Connection, call: Call) -> Caller:
    caller = await authenticate(context, connection, call)
    if caller.claims.get("is_anonymous"):
        raise AuthError(403, "no_authorization", "Anonymous user not allowed to perform these actions")
    if caller.session is None:
        raise AuthError(403, "session_not_found", "A valid session and a registered user are required for factors")
    return caller


async def _factor(connection: Connection, call: Call, user_id: UUID) -> Row:
    found = await connection.execute(
        "select * from auth.mfa_factors where id = %s and user_id = %s", [call.path_uuid("factor_id"), user_id]
    )
    factor = await found.fetchone()
    if factor is None:
        raise AuthError(404, "mfa_factor_not_found", "Factor not found")
    return factor


async def _check_room(context: Context, connection: Connection, caller: Caller, name: str) -> None:
    await users.by_id(connection, caller.user["id"], lock=True)
    await connection.execute(
        "delete from auth.mfa_factors where user_id = %s and status = 'unverified' and created_at < now() - %s",
        [caller.user["id"], UNVERIFIED_FOR],
    )
    found = await connection.execute("select * from auth.mfa_factors where user_id = %s", [caller.user["id"]])
    factors = await found.fetchall()
    if any(factor["friendly_name"] == name for factor in factors):
        message = f'A factor with the friendly name "{name}" for this user already exists'
        raise AuthError(422, "mfa_factor_name_conflict", message)
    if len(factors) >= context.config.mfa_max_factors:
        message = "Maximum number of verified factors reached, unenroll to continue"
        raise AuthError(422, "too_many_enrolled_mfa_factors", message)
    if caller.aal != "aal2" and any(factor["status"] == "verified" for factor in factors):
        raise AuthError(403, "insufficient_aal", "AAL2 required to enroll a new factor")


async def _check_challenge(
    context: Context, connection: Connection, call: Call, factor: Row, challenge_id: UUID
) -> None:
    found = await connection.execute(
        "select *, host(ip_address) as address from auth.mfa_challenges where id = %s and factor_id = %s",
        [challenge_id, factor["id"]],
    )
    challenge = await found.fetchone()
    if challenge is None:
        raise AuthError(422, "mfa_factor_not_found", "MFA factor with the provided challenge ID not found")
    if challenge["verified_at"] is not None or challenge["address"] != call.ip:
        raise AuthError(422, "mfa_ip_address_mismatch", "Challenge and verify IP addresses mismatch.")
    if challenge["created_at"] + timedelta(seconds=context.config.mfa_challenge_expiry) < datetime.now(UTC):
        message = (
            f"MFA challenge {challenge_id} has expired, verify against another challenge or create a new challenge."
        )
        raise AuthError(422, "mfa_challenge_expired", message)
