"""Second factors: enrolling, challenging and verifying an authenticator app (TOTP) or a telephone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from psycopg import sql
from starlette.responses import JSONResponse, Response

from infra.local.auth import audit, codes, hooks, letters, qr, sessions, sms, totp, users
from infra.local.auth.account import Caller, authenticate
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.config import AuthConfig
from infra.local.auth.errors import AuthError, invalid
from infra.local.auth.limits import MINUTE

UNVERIFIED_FOR = timedelta(minutes=5)  # then an enrolment that was not finished makes room
_KINDS = {"totp": "TOTP", "phone": "Phone", "webauthn": "WebAuthn"}
_UNKNOWN = "factor_type needs to be totp, phone, or webauthn"


async def enroll(context: Context, call: Call) -> Response:
    """A new, unverified factor. An app's secret comes as text, as an otpauth address and as a QR code (SVG)."""
    async with context.transaction() as connection:
        await _caller(context, connection, call)
    kind = call.text("factor_type")
    if kind not in _KINDS:
        raise invalid(_UNKNOWN)
    if not _is_on(context.config, kind, "enroll"):
        raise AuthError(422, f"mfa_{kind}_enroll_not_enabled", f"MFA enroll is disabled for {_KINDS[kind]}")
    enrolling = {"totp": _enroll_app, "phone": _enroll_phone, "webauthn": _enroll_key}[kind]
    return await enrolling(context, call, call.text("friendly_name"))


async def challenge(context: Context, call: Call) -> Response:
    """Begin a verification; a telephone gets its code by this."""
    challenge_id, config = uuid4(), context.config
    async with context.transaction() as connection:
        caller = await _caller(context, connection, call)
        factor = await _factor(connection, call, caller.user["id"])
        context.take(call, "factor-challenge", config.limits.factor_attempts, MINUTE)
        kind, digits = factor["factor_type"], None
        if not _is_on(config, kind, "verify"):
            raise AuthError(422, f"mfa_{kind}_verify_not_enabled", f"MFA verification is disabled for {_KINDS[kind]}")
        if kind == "phone":
            sms.check_channel(call.text("channel") if call.raw.strip() else "")
            codes.check_frequency(config.mfa_phone_max_frequency, factor["last_challenged_at"], "sms")
            digits = codes.random_digits(config.mfa_phone_otp_length)
            template = config.mfa_phone_template
            await sms.deliver(context, connection, call, caller.user, factor["phone"], template, digits, "mfa")
        await connection.execute(
            "delete from auth.mfa_challenges where factor_id = %s and created_at < now() - interval '1 day'",
            [factor["id"]],
        )
        await connection.execute(
            "insert into auth.mfa_challenges (id, factor_id, created_at, ip_address, otp_code) "
            "values (%s, %s, now(), %s, %s)",
            [challenge_id, factor["id"], call.ip, digits],
        )
        await connection.execute(
            "update auth.mfa_factors set last_challenged_at = clock_timestamp() where id = %s", [factor["id"]]
        )
        traits = {"factor_id": factor["id"], "factor_status": factor["status"]}
        await audit.record(connection, call, caller.user, "challenge_created", **traits)
    expires_at = int(datetime.now(UTC).timestamp()) + config.mfa_challenge_expiry
    return JSONResponse({"id": str(challenge_id), "type": kind, "expires_at": expires_at})


async def verify(context: Context, call: Call) -> Response:
    """A right code verifies the factor and raises the session to aal2; the user's lower sessions end."""
    config = context.config
    async with context.transaction() as connection:
        caller = await _caller(context, connection, call)
        factor = await _factor(connection, call, caller.user["id"])
    context.take(call, "factor-verify", config.limits.factor_attempts, MINUTE)
    kind = factor["factor_type"]
    challenge_id, code = _challenge_id(call), call.text("code")
    if not code:
        raise invalid("Code needs to be non-empty")
    if not _is_on(config, kind, "verify"):
        raise AuthError(422, f"mfa_{kind}_verify_not_enabled", f"MFA verification is disabled for {_KINDS[kind]}")
    async with context.transaction() as connection:
        begun = await _check_challenge(context, connection, call, factor, challenge_id)
    valid = totp.is_valid(factor["secret"], code) if kind == "totp" else codes.same(begun["otp_code"] or "", code)
    await hooks.factor_checked(context, call, caller.user, factor, valid)
    if not valid:
        message = "Invalid TOTP code entered" if kind == "totp" else "Invalid MFA Phone code entered"
        raise AuthError(422, "mfa_verification_failed", message)
    async with context.transaction() as connection:
        user = await users.by_id(connection, caller.user["id"], lock=True) or caller.user
        await _check_challenge(context, connection, call, factor, challenge_id)  # again, now that nobody else can
        await connection.execute("update auth.mfa_challenges set verified_at = now() where id = %s", [challenge_id])
        await connection.execute(
            "update auth.mfa_factors set status = 'verified', updated_at = now() where id = %s", [factor["id"]]
        )
        await connection.execute(
            "delete from auth.mfa_factors where user_id = %s and factor_type = %s and status = 'unverified'",
            [user["id"], kind],
        )
        traits = {"factor_id": factor["id"], "challenge_id": challenge_id, "factor_type": kind}
        await audit.record(connection, call, user, "verification_attempted", **traits)
        assert caller.session is not None
        issued = await sessions.step_up(context, connection, call, user, caller.session, factor)
        if factor["status"] == "unverified":
            await letters.notify(context, connection, call, user, "mfa_factor_enrolled", factor=kind)
    return issued.response()


async def unenroll(context: Context, call: Call) -> Response:
    async with context.transaction() as connection:
        caller = await _caller(context, connection, call)
        factor = await _factor(connection, call, caller.user["id"])
        if factor["status"] == "verified" and caller.aal != "aal2":
            raise AuthError(422, "insufficient_aal", "AAL2 required to unenroll verified factor")
        await remove(connection, factor)
        assert caller.session is not None
        traits = {"factor_id": factor["id"], "factor_status": factor["status"], "session_id": caller.session["id"]}
        await audit.record(connection, call, caller.user, "factor_unenrolled", **traits)
        kind = factor["factor_type"]
        await letters.notify(context, connection, call, caller.user, "mfa_factor_unenrolled", factor=kind)
    return JSONResponse({"id": str(factor["id"])})


async def admin_list(context: Context, call: Call) -> Response:
    await call.require_admin(context)
    async with context.transaction() as connection:
        user = await users.present_one(connection, await users.in_path(connection, call))
        return JSONResponse(user.get("factors", []))


async def admin_update(context: Context, call: Call) -> Response:
    """Give a factor another name, or its telephone another number."""
    admin = await call.require_admin(context)
    async with context.transaction() as connection:
        user = await users.in_path(connection, call)
        factor = await _factor(connection, call, user["id"])
        values: dict[str, Any] = {}
        if call.text("friendly_name"):
            values["friendly_name"] = call.text("friendly_name")
        if call.text("phone") and factor["factor_type"] == "phone":
            values["phone"] = users.normal_phone(call.text("phone"))
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in values.items()
        )
        if values:
            query = sql.SQL("update auth.mfa_factors set {}, updated_at = now() where id = %s returning *")
            changed = await (await connection.execute(query.format(assignments), [factor["id"]])).fetchone()
            factor = changed or factor
        traits = {"user_id": user["id"], "factor_id": factor["id"], "factor_type": factor["factor_type"]}
        await audit.record(connection, call, admin, "factor_updated", **traits)
    return JSONResponse(users.present_factor(factor))


async def admin_delete(context: Context, call: Call) -> Response:
    admin = await call.require_admin(context)
    async with context.transaction() as connection:
        user = await users.in_path(connection, call)
        factor = await _factor(connection, call, user["id"])
        await remove(connection, factor)
        await audit.record(connection, call, admin, "factor_deleted", user_id=user["id"], factor_id=factor["id"])
    return JSONResponse(users.present_factor(factor))


async def remove(connection: Connection, factor: Row) -> None:
    """Delete a factor; sessions that it had raised are aal1 again from their next token on."""
    await connection.execute("delete from auth.mfa_factors where id = %s", [factor["id"]])
    await connection.execute(
        "delete from auth.mfa_amr_claims where authentication_method = %s and session_id in "
        "(select id from auth.sessions where factor_id = %s)",
        [sessions.AMR[factor["factor_type"]], factor["id"]],
    )
    await connection.execute(
        "update auth.sessions set aal = 'aal1', factor_id = null where factor_id = %s", [factor["id"]]
    )


async def _enroll_app(context: Context, call: Call, name: str) -> Response:
    issuer = call.text("issuer") or urlsplit(context.config.site_url).netloc
    secret = totp.new_secret()
    claims = call.claims(context)
    uri = totp.key_uri(secret, issuer, str(claims.get("email") or claims.get("sub")))
    try:
        picture = await asyncio.to_thread(qr.svg, uri)
    except ValueError:
        raise invalid("issuer is too long") from None
    factor_id = await _keep(context, call, "totp", name, "secret", secret)
    told = {"qr_code": picture, "secret": secret, "uri": uri}
    return JSONResponse({"id": str(factor_id), "type": "totp", "friendly_name": name, "totp": told})


async def _enroll_phone(context: Context, call: Call, name: str) -> Response:
    if not call.text("phone"):
        raise invalid("Phone number required to enroll Phone factor")
    phone = users.normal_phone(call.text("phone"))
    factor_id = await _keep(context, call, "phone", name, "phone", phone)
    return JSONResponse({"id": str(factor_id), "type": "phone", "friendly_name": name, "phone": call.text("phone")})


async def _enroll_key(context: Context, call: Call, name: str) -> Response:
    factor_id = await _keep(context, call, "webauthn", name, "secret", None)
    return JSONResponse({"id": str(factor_id), "type": "webauthn", "friendly_name": name})


async def _keep(context: Context, call: Call, kind: str, name: str, column: str, value: str | None) -> UUID:
    """Insert the factor where there is room for it."""
    factor_id = uuid4()
    async with context.transaction() as connection:
        caller = await _caller(context, connection, call)
        user_id = caller.user["id"]
        await users.by_id(connection, user_id, lock=True)
        if kind == "phone" and value:
            await _replace_phone(connection, user_id, value)
        await _check_room(context, connection, caller, name)
        query = sql.SQL(
            "insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, "
            "{}) values (%s, %s, %s, %s, 'unverified', now(), now(), %s)"
        )
        await connection.execute(query.format(sql.Identifier(column)), [factor_id, user_id, name, kind, value])
        traits = {"factor_id": factor_id} | ({} if kind == "totp" else {"factor_type": kind})
        await audit.record(connection, call, caller.user, "factor_in_progress", **traits)
    return factor_id


async def _replace_phone(connection: Connection, user_id: UUID, phone: str) -> None:
    """Make room for another attempt with the same number. Raises AuthError where it is a factor already."""
    found = await connection.execute(
        "delete from auth.mfa_factors where user_id = %(user)s and phone = %(phone)s and status = 'unverified'",
        {"user": user_id, "phone": phone},
    )
    found = await connection.execute(
        "select 1 from auth.mfa_factors where user_id = %s and phone = %s", [user_id, phone]
    )
    if await found.fetchone() is not None:
        message = "A verified phone factor already exists, unenroll the existing factor to continue"
        raise AuthError(422, "mfa_verified_factor_exists", message)


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


def _is_on(config: AuthConfig, kind: str, what: str) -> bool:
    return bool(getattr(config, f"mfa_{kind}_{what}", False))


def _challenge_id(call: Call) -> UUID:
    try:
        return UUID(call.text("challenge_id"))
    except ValueError:
        message = "Could not parse request body as JSON: challenge_id has to be a UUID"
        raise AuthError(400, "bad_json", message) from None


async def _check_room(context: Context, connection: Connection, caller: Caller, name: str) -> None:
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
) -> Row:
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
    return challenge
