"""What the mails say. Nothing that a user typed goes into them but the addresses of a change."""

from __future__ import annotations

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


_IGNORE = "If you did not ask for this, you can ignore this mail."
