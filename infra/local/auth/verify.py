"""GET and POST /verify: a code from a mail or an SMS becomes a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from starlette.responses import JSONResponse, RedirectResponse, Response

from infra.local.auth import audit, codes, identities, letters, passwords, pkce, redirects, sessions, sms, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import AuthError, invalid

FIRST_OF_TWO = "Confirmation link accepted. Please proceed to confirm link sent to the other email"


@dataclass(frozen=True)
class _Verified:
    """A code that was right: whose it is, where it lay, and the verification type it stands for."""

    user: Row
    slot: codes.Slot
    kind: str


async def follow_link(context: Context, call: Call) -> Response:
    """GET: lead the browser on, with the session in the fragment, a code in the query, or the error in both."""
    context.take(call, "verify", context.config.limits.token_verifications)
    kind, token = call.query("type"), call.query("token")
    if not kind:
        raise invalid("Verify requires a verification type")
    if not token:
        raise invalid("Verify requires a token or a token hash")
    target = call.redirect(context.config)
    flow = token.startswith(codes.PKCE_PREFIX)
    try:
        async with context.transaction() as connection:
            verified = await _by_hash(context, connection, kind, token)
            user = await _complete(context, connection, call, verified)
            if user is None:
                told = {"message": FIRST_OF_TWO}
                base = redirects.with_query(target, told if flow else {})
                return RedirectResponse(redirects.with_fragment(base, told), 303)
            if flow:
                code = await pkce.issue(connection, user["id"], verified.kind)
                return RedirectResponse(redirects.with_query(target, {"code": code}), 303)
            issued = await sessions.sign_in(context, connection, call, user, "otp")
    except AuthError as error:
        return RedirectResponse(redirects.with_error(target, error, flow), 303)
    return RedirectResponse(redirects.with_session(target, issued.body, {"type": verified.kind}), 303)


async def verify(context: Context, call: Call) -> Response:
    """POST: an address or number with the code that was typed, or the hash of a link."""
    context.take(call, "verify", context.config.limits.token_verifications)
    kind, typed, hashed = call.text("type"), call.text("token"), call.text("token_hash")
    email, phone = call.text("email"), call.text("phone")
    if not kind:
        raise invalid("Verify requires a verification type")
    if bool(typed) == bool(hashed):
        raise invalid("Verify requires either a token or a token hash")
    if hashed and (email or phone or call.text("redirect_to")):
        raise invalid("Only the token_hash and type should be provided")
    if typed and bool(email) == bool(phone):
        raise invalid("Only an email address or phone number should be provided on verify")
    phone = users.normal_phone(phone) if phone else ""
    try:
        email = users.normal_email(email) if email else ""
    except AuthError:
        raise AuthError(422, "validation_failed", "Invalid email format") from None
    async with context.transaction() as connection:
        if hashed:
            verified = await _by_hash(context, connection, kind, hashed)
        elif email:
            verified = await _by_mailed_code(context, connection, kind, email, typed)
        else:
            verified = await _by_texted_code(context, connection, kind, phone, typed)
        user = await _complete(context, connection, call, verified)
        if user is None:
            return JSONResponse({"msg": FIRST_OF_TWO, "code": "200"})
        return (await sessions.sign_in(context, connection, call, user, "otp")).response()


async def _by_hash(context: Context, connection: Connection, kind: str, token: str) -> _Verified:
    if kind not in codes.SLOTS:
        raise invalid("Invalid email verification type")
    found = await codes.find(connection, token, codes.SLOTS[kind])
    if found is None:
        raise AuthError(403, "otp_expired", "Email link is invalid or has expired")
    user, slot = found
    if users.is_banned(user):
        raise AuthError(403, "user_banned", "User is banned")
    if codes.is_expired(context.config.otp_expiry, user, slot):
        raise AuthError(403, "otp_expired", "Email link is invalid or has expired")
    return _Verified(user, slot, _meant(kind, slot))


async def _by_mailed_code(context: Context, connection: Connection, kind: str, email: str, typed: str) -> _Verified:
    hashed = codes.hash_of(email, typed)
    user = await _typist(connection, kind, email, hashed)
    right = [
        slot
        for slot in codes.SLOTS.get(kind, ())
        if user and codes.matches(context.config.otp_expiry, user, slot, hashed)
    ]
    return _right_or_wrong(user, kind, right)


async def _by_texted_code(context: Context, connection: Connection, kind: str, phone: str, typed: str) -> _Verified:
    slot = codes.PHONE_SLOTS.get(kind)
    found = await connection.execute(
        "select * from auth.users where is_sso_user = false "
        "and case when %s then phone_change = %s else phone = %s end "
        "order by phone_change_sent_at desc nulls last limit 1 for update",
        [kind == "phone_change", phone, phone],
    )
    user = await found.fetchone() if slot is not None else None
    right = []
    if user is not None and slot is not None:
        hashed = codes.hash_of(phone, typed)
        expected = sms.knows(context, phone, typed)
        right = [slot] if expected or codes.matches(context.config.sms_otp_expiry, user, slot, hashed) else []
    return _right_or_wrong(user, kind, right)


def _right_or_wrong(user: Row | None, kind: str, right: list[codes.Slot]) -> _Verified:
    """One answer for an unknown user, a wrong code and an old one."""
    if user is None or not right:
        raise AuthError(403, "otp_expired", "Token has expired or is invalid")
    if users.is_banned(user):
        raise AuthError(403, "user_banned", "User is banned")
    return _Verified(user, right[0], _meant(kind, right[0]))


async def _typist(connection: Connection, kind: str, email: str, hashed: str) -> Row | None:
    """The user, locked: of the address, or who is changing from or to it."""
    if kind == "email_change":
        found = await codes.find(connection, hashed, codes.SLOTS[kind])
        found = found or await codes.find(connection, codes.PKCE_PREFIX + hashed, codes.SLOTS[kind])
        return found[0] if found else None
    user = await users.by_email(connection, email)
    return user and await users.by_id(connection, user["id"], lock=True)


def _meant(kind: str, slot: codes.Slot) -> str:
    """`email` stands for whichever of sign-up and sign-in the code was sent for."""
    if kind != "email":
        return kind
    return "signup" if slot is codes.CONFIRMATION else "magiclink"


async def _complete(context: Context, connection: Connection, call: Call, verified: _Verified) -> Row | None:
    """Do what the code was sent for. None where a second confirmation is still to come."""
    user, config = verified.user, context.config
    match verified.kind:
        case "signup" | "invite":
            user = await _confirm(context, connection, call, user)
        case "email_change":
            both = config.confirmations and config.double_confirm_changes
            if both and user["email"] and user["email_change_confirm_status"] == 0:
                await _take_first(connection, verified)
                return None
            user = await change_email(context, connection, call, user)
        case "sms":
            await audit.record(connection, call, user, "user_signedup", provider="phone")
            user = await users.confirm_phone(connection, user)
            if user["is_anonymous"]:
                user = await users.update(connection, user, is_anonymous=False)
        case "phone_change":
            user = await change_phone(context, connection, call, user)
        case _:
            await users.forget_codes(connection, user)
            user = await users.update(connection, user, recovery_token="")
            if user["email_confirmed_at"] is None:
                user = await _confirm(context, connection, call, user)
            else:
                await audit.record(connection, call, user, "login")
    return await identities.refresh_providers(connection, user)


async def change_email(context: Context, connection: Connection, call: Call, user: Row) -> Row:
    """Make the address asked for the user's, as confirmed."""
    await audit.record(connection, call, user, "user_modified")
    email, old = user["email_change"], user["email"]
    await users.forget_codes(connection, user)
    await identities.set_own(connection, user, "email", email, True)
    try:
        changed = await users.update(
            connection, user, email=email, email_change="", email_change_token_current="", email_change_token_new="",
            email_change_confirm_status=0, is_anonymous=False,
        )  # fmt: skip
    except psycopg.errors.UniqueViolation:
        message = "A user with this email address has already been registered"
        raise AuthError(422, "email_exists", message) from None
    if changed["email_confirmed_at"] is None:
        changed = await users.confirm(connection, changed)
    if old and old != email:
        await letters.notify(context, connection, call, changed, "email_changed", to=old, old=old)
    return changed


async def change_phone(context: Context, connection: Connection, call: Call, user: Row) -> Row:
    """Make the number asked for the user's, as confirmed."""
    await audit.record(connection, call, user, "user_modified")
    phone, old = user["phone_change"], user["phone"]
    linked = await identities.find(connection, "phone", str(user["id"])) is None
    await identities.set_own(connection, user, "phone", phone, True)
    values: dict[str, Any] = {"phone": phone, "phone_change": "", "phone_change_token": "", "is_anonymous": False}
    try:
        changed = await users.confirm_phone(connection, await users.update(connection, user, **values))
    except psycopg.errors.UniqueViolation:
        message = "A user with this phone number has already been registered"
        raise AuthError(422, "phone_exists", message) from None
    if old and old != phone:
        await letters.notify(context, connection, call, changed, "phone_changed", old=old, new=phone)
    if linked:
        await letters.notify(context, connection, call, changed, "identity_linked", provider="phone")
    return changed


async def _confirm(context: Context, connection: Connection, call: Call, user: Row) -> Row:
    if not user["encrypted_password"] and user["invited_at"] is not None:
        hashed = await passwords.hash_password(context.config, passwords.random_password())
        user = await users.update(connection, user, encrypted_password=hashed)
    await audit.record(connection, call, user, "user_signedup", provider="email")
    await identities.verify_email(connection, user)
    return await users.confirm(connection, user)


async def _take_first(connection: Connection, verified: _Verified) -> None:
    await connection.execute(
        "delete from auth.one_time_tokens where user_id = %s and token_type::text = %s",
        [verified.user["id"], verified.slot.token_type],
    )
    values = {verified.slot.column: "", "email_change_confirm_status": 1}
    await users.update(connection, verified.user, **values)
