"""Sending a code by mail: made, kept and mailed in one transaction, so that a mail that fails leaves nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from infra.local.auth import codes, hooks, mails, redirects, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.mail.mailbox import Message


async def send(context: Context, connection: Connection, call: Call, user: Row, kind: str, pkce: bool = False) -> Row:
    """Mail the user a link and code of type signup, invite, magiclink or recovery; returns the user as it is now.

    Raises AuthError 429 where the last one is too recent; invitations are not held back.
    """
    config = context.config
    slot = codes.SLOTS[kind][0]
    values: dict[str, Any] = {}
    if kind == "invite":
        values["invited_at"] = datetime.now(UTC)
    else:
        codes.check_frequency(config.max_frequency, user[slot.sent_at])
    code = codes.new_code(config, user["email"], pkce)
    values |= await codes.keep(connection, user, slot, code, user["email"])
    user = await users.update(connection, user, **values)
    if await _hooked(context, connection, call, user, kind, token=code.digits, token_hash=code.token):
        return user
    link = redirects.action_link(context.url, kind, code.token, call.redirect(config))
    await _mail(context, mails.compose(kind, config.sender, user["email"], code.digits, link))
    return user


async def send_change(
    context: Context, connection: Connection, call: Call, user: Row, email: str, pkce: bool = False
) -> Row:
    """Mail codes that confirm a new address: to it, and to the old one too where both have to agree."""
    config = context.config
    codes.check_frequency(config.max_frequency, user["email_change_sent_at"])
    to_new = codes.new_code(config, email, pkce)
    values = await codes.keep(connection, user, codes.CHANGE_NEW, to_new, email)
    values |= {"email_change": email, "email_change_confirm_status": 0, codes.CHANGE_CURRENT.column: ""}
    sent = [(email, to_new)]
    to_old = None
    if config.double_confirm_changes and user["email"]:
        to_old = codes.new_code(config, user["email"], pkce)
        values |= await codes.keep(connection, user, codes.CHANGE_CURRENT, to_old, user["email"])
        sent.append((user["email"], to_old))
    changed = await users.update(connection, user, **values)
    # The hook gets the two hashes the other way round than the codes, as Auth has always sent them.
    told = {"token": to_new.digits, "token_hash": to_new.token}
    if to_old is not None:
        told |= {"token": to_old.digits, "token_new": to_new.digits, "token_hash_new": to_old.token}
    if await _hooked(context, connection, call, changed, "email_change", **told):
        return changed
    for address, code in sent:
        link = redirects.action_link(context.url, "email_change", code.token, call.redirect(config))
        told = {"old": user["email"] or "none", "new": email}
        await _mail(context, mails.compose("email_change", config.sender, address, code.digits, link, **told))
    return changed


async def send_reauthentication(context: Context, connection: Connection, call: Call, user: Row) -> None:
    """Mail a code, without a link, that proves the reader is still the user."""
    config = context.config
    codes.check_frequency(config.max_frequency, user["reauthentication_sent_at"])
    code = codes.new_code(config, user["email"])
    kept = await codes.keep(connection, user, codes.REAUTHENTICATION, code, user["email"])
    user = await users.update(connection, user, **kept)
    told = {"token": code.digits, "token_hash": code.token}
    if not await _hooked(context, connection, call, user, "reauthentication", **told):
        await _mail(context, mails.compose("reauthentication", config.sender, user["email"], code.digits))


async def notify(
    context: Context, connection: Connection, call: Call, user: Row, kind: str, to: str | None = None, **values: str
) -> None:
    """Tell the user of a change that was made, where the project wants that told."""
    recipient = to or user["email"]
    if kind not in context.config.notifications or not recipient:
        return
    named = {"old": "old_email" if kind == "email_changed" else "old_phone", "provider": "provider"}
    told = {named.get(name, "factor_type"): value for name, value in values.items() if name != "new"}
    if not await _hooked(context, connection, call, user, f"{kind}_notification", **told):
        values = {"email": user["email"] or ""} | values
        await _mail(context, mails.notice(kind, context.config.sender, recipient, **values))


async def _mail(context: Context, message: Message) -> None:
    # As with Auth: where nobody has to confirm an address, mails are not counted.
    if context.config.confirmations or context.config.limits.emails_per_hour == 0:
        context.limits.take_mail(context.config.limits.emails_per_hour)
    await context.send(message)


async def _hooked(context: Context, connection: Connection, call: Call, user: Row, kind: str, **told: str) -> bool:
    """Hand what would be mailed to the project's own sender. Whether there is one."""
    hook = context.config.send_email_hook
    if hook is None:
        return False
    data = {
        "token": "", "token_hash": "", "redirect_to": call.redirect(context.config), "email_action_type": kind,
        "site_url": context.url, "token_new": "", "token_hash_new": "", "old_email": "", "old_phone": "",
        "provider": "", "factor_type": "",
    } | told  # fmt: skip
    shown = await users.present_one(connection, user)
    await hooks.invoke(context, call, hook, "send-email", {"user": shown, "email_data": data}, connection)
    return True
