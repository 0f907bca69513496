"""What the mails say. Nothing that a user typed goes into them but the addresses of a change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from infra.local.mail.mailbox import Message

Deliver = Callable[[Message], object]
"""Hands one mail over; called in a thread, raises where the mail was not taken."""


@dataclass(frozen=True)
class _Template:
    subject: str
    sentence: str
    action: str = ""


_TEMPLATES = {
    "signup": _Template("Confirm your sign-up", "Please confirm that this is your address.", "Confirm your address"),
    "invite": _Template(
        "You have been invited", "You have been invited to create an account.", "Accept the invitation"
    ),
    "magiclink": _Template("Your sign-in link", "Follow this link to sign in.", "Sign in"),
    "recovery": _Template("Reset your password", "Follow this link to choose a new password.", "Choose a new password"),
    "email_change": _Template(
        "Confirm your new address",
        "Please confirm the change of your address from {old} to {new}.",
        "Confirm the change",
    ),
    "reauthentication": _Template("Your confirmation code", "Enter the code to confirm that it is you."),
}

_NOTICES = {
    "password_changed": _Template("Your password was changed", "The password of your account {email} was changed."),
    "email_changed": _Template(
        "Your address was changed", "The address of your account was changed from {old} to {email}."
    ),
    "phone_changed": _Template(
        "Your number was changed", "The number of your account {email} was changed from {old} to {new}."
    ),
    "identity_linked": _Template("A sign-in was added", "{provider} can sign in to your account {email} now."),
    "identity_unlinked": _Template("A sign-in was removed", "{provider} cannot sign in to your account any more."),
    "mfa_factor_enrolled": _Template("A second factor was added", "A second factor ({factor}) was added to {email}."),
    "mfa_factor_unenrolled": _Template(
        "A second factor was removed", "A second factor ({factor}) was removed from {email}."
    ),
}


def compose(kind: str, sender: str, to: str, code: str, link: str = "", **values: str) -> Message:
    """The mail of a verification: its link where it has one, and the code that may be typed instead."""
    template = _TEMPLATES[kind]
    sentence = template.sentence.format(**values)
    marked_up = template.sentence.format(**{name: escape(value) for name, value in values.items()})
    text = [sentence, link, f"Or enter this code: {code}" if link else f"Code: {code}", _IGNORE]
    html = [f"<h2>{template.subject}</h2>", f"<p>{marked_up}</p>"]
    if link:
        html.append(f'<p><a href="{escape(link)}">{template.action}</a></p>')
    html += [f"<p>{'Or enter this code' if link else 'Code'}: <strong>{code}</strong></p>", f"<p>{_IGNORE}</p>"]
    return Message(
        sender=sender,
        to=(to,),
        subject=template.subject,
        text="\n\n".join(part for part in text if part) + "\n",
        html="\n".join(html),
        headers={"Auto-Submitted": "auto-generated"},
    )


def notice(kind: str, sender: str, to: str, **values: str) -> Message:
    """A mail that tells of a change that was made."""
    template = _NOTICES[kind]
    marked_up = template.sentence.format(**{name: escape(value) for name, value in values.items()})
    return Message(
        sender=sender,
        to=(to,),
        subject=template.subject,
        text=f"{template.sentence.format(**values)}\n\n{_NOT_YOU}\n",
        html=f"<h2>{template.subject}</h2>\n<p>{marked_up}</p>\n<p>{_NOT_YOU}</p>",
        headers={"Auto-Submitted": "auto-generated"},
    )


def short_message(to: str, template: str, code: str) -> Message:
    """What a telephone gets, as the mailbox keeps it. `template` names the code as `{{ .Code }}`."""
    text = re.sub(r"\{\{\s*\.Code\s*\}\}", lambda _: code, template)
    return Message(sender="SMS <sms@localhost>", to=(f"+{to}",), subject="SMS", text=text)


_NOT_YOU = "If that was not you, change your password and tell us."
_IGNORE = "If you did not ask for this, you can ignore this mail."
