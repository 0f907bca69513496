"""Sending a code: made, kept and mailed in one transaction, so that a mail that fails leaves nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from infra.local.auth import codes, mails, redirects, users
from infra.local.auth.calls import Call, Connection, Context, Row


async def send(context: Context, connection: Connection, call: Call, user: Row, kind: str, pkce: bool = False) -> Row:
    """Mail the user a link and code of type signup, invite, magiclink or recovery; returns the user as it is now.

    Raises AuthError 429 where the last one is too recent; invitations are not held back.
    """
    slot = codes.SLOTS[kind][0]
    values: dict[str, Any] = {}
    if kind == "invite":
        values["invited_at"] = datetime.now(UTC)
    else:
        codes.check_frequency(context.config, user[slot.sent_at])
    code = codes.new_code(context.config, user["email"], pkce)
    values |= await codes.keep(connection, user, slot, code, user["email"])
    user = await users.update(connection, user, **values)
    link = redirects.action_link(context.url, kind, code.token, call.redirect(context.config))
    await context.send(mails.compose(kind, context.config.sender, user["email"], code.digits, link))
    return user


async def send_change(
    context: Context, connection: Connection, call: Call, user: Row, email: str, pkce: bool = False
) -> Row:
    """Mail codes that confirm a new address: to it, and to the old one too where both have to agree."""
    config = context.config
    codes.check_frequency(config, user["email_change_sent_at"])
    to_new = codes.new_code(config, email, pkce)
    values = await codes.keep(connection, user, codes.CHANGE_NEW, to_new, email)
    values |= {"email_change": email, "email_change_confirm_status": 0, codes.CHANGE_CURRENT.column: ""}
    sent = [(email, to_new)]
    if config.double_confirm_changes and user["email"]:
        to_old = codes.new_code(config, user["email"], pkce)
        values |= await codes.keep(connection, user, codes.CHANGE_CURRENT, to_old, user["email"])
        sent.append((user["email"], to_old))
    changed = await users.update(connection, user, **values)
    for address, code in sent:
        link = redirects.action_link(context.url, "email_change", code.token, call.redirect(config))
        await context.send(
            mails.compose(
                "email_change", config.sender, address, code.digits, link, old=user["email"] or "none", new=email
            )
        )
    return changed


async def send_reauthentication(context: Context, connection: Connection, user: Row) -> None:
    """Mail a code, without a link, that proves the reader is still the user."""
    codes.check_frequency(context.config, user["reauthentication_sent_at"])
    code = codes.new_code(context.config, user["email"])
    kept = await codes.keep(connection, user, codes.REAUTHENTICATION, code, user["email"])
    await users.update(connection, user, **kept)
    await context.send(mails.compose("reauthentication", context.config.sender, user["email"], code.digits))
