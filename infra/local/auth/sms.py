"""Codes to telephones: made, kept and sent in one transaction. The stack's mailbox is the network."""

from __future__ import annotations

from typing import Any

from infra.local.auth import codes, hooks, mails, users
from infra.local.auth.calls import Call, Connection, Context, Row
from infra.local.auth.errors import invalid, unexpected

TEST_MESSAGE = "test-otp"  # the id of a message to a number whose code is known: there is none
_SLOTS = {
    "confirmation": codes.CONFIRMATION,
    "phone_change": codes.CHANGE_PHONE,
    "reauthentication": codes.REAUTHENTICATION,
}


def check_channel(channel: str) -> None:
    """Raise AuthError for a way of sending that there is none of."""
    if channel not in {"", "sms"}:
        raise invalid(
            "Invalid channel, supported values are 'sms' or 'whatsapp'. 'whatsapp' is only supported if Twilio or "
            "Twilio Verify is used as the provider."
        )


async def send(
    context: Context, connection: Connection, call: Call, user: Row, kind: str, phone: str
) -> tuple[Row, str]:
    """Send a code of kind confirmation, phone_change or reauthentication; returns the user and the message's id.

    Raises AuthError 429 where the last one is too recent or too many have left.
    """
    config, slot = context.config, _SLOTS[kind]
    codes.check_frequency(config.sms_max_frequency, user[slot.sent_at], "sms")
    digits, message_id = config.test_otps.get(phone, ""), TEST_MESSAGE
    if not digits:
        digits = codes.random_digits(config.sms_otp_length)
        message_id = await deliver(context, connection, call, user, phone, config.sms_template, digits)
    code = codes.Code(digits, codes.hash_of(phone, digits))
    values = await codes.keep(connection, user, slot, code, phone)
    if kind == "phone_change":
        values |= {"phone_change": phone}
    return await users.update(connection, user, **values), message_id


async def deliver(
    context: Context, connection: Connection, call: Call, user: Row, phone: str, template: str, digits: str,
    kind: str = "",
) -> str:  # fmt: skip
    """Hand one code over, to the project's hook if it has one; returns the message's id."""
    config = context.config
    if config.phone_confirmations:
        context.limits.take_sms(config.limits.sms_per_hour)
    if config.send_sms_hook is None:
        if not config.sms_provider:
            raise unexpected("Unable to get SMS provider")
        return await context.send(mails.short_message(phone, template, digits))
    told: dict[str, Any] = {"otp": digits, "phone": phone} | ({"sms_type": kind} if kind else {})
    shown = await users.present_one(connection, user)
    await hooks.invoke(context, call, config.send_sms_hook, "send-sms", {"user": shown, "sms": told}, connection)
    return ""


def knows(context: Context, phone: str, typed: str) -> bool:
    """Whether the number is one for tests and this its code."""
    expected = context.config.test_otps.get(phone)
    return expected is not None and codes.same(typed, expected)
