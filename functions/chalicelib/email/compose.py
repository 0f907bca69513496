"""A mail as it is stored: to whom, from whom, with what links and headers, by its kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chalicelib.email.render import bodies, chat_line, headers, invitation_line, mailbox, news_line, subject_line
from chalicelib.kit.reply_token import make_token, reply_address
from chalicelib.kit.settings import settings
from chalicelib.kit.signed_link import signed_url

SCORES = (5, 4, 3, 2, 1)
# Of mails that go on with no subject of a contact.
SUBJECTS = {"notices": news_line, "invitation": invitation_line, "chat": chat_line}
ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058: the body of the mail program's POST


def compose(tenant: UUID, kind: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the mail that `context` asks for. Raises SettingsError where its links cannot be signed."""
    automatic = kind not in ("reply", "chat") or context["sender"] == "ai"
    links = _links(tenant, kind, context)
    own = {"List-Unsubscribe": f"<{links['stop']}>", "List-Unsubscribe-Post": ONE_CLICK} if "stop" in links else {}
    text, html = bodies(kind, context, links)
    return {
        "organization_id": tenant,
        "ticket_id": context["ticket_id"],
        "message_id": context["message_id"],
        "kind": kind,
        "is_automatic": automatic,
        "contact_id": context["contact_id"],
        "user_id": context["user_id"],
        "to_address": context["to_address"],
        "cc": context.get("cc", []),
        "bcc": context.get("bcc", []),
        "from_address": mailbox(context["from_name"], context["from_address"]),
        "reply_to": _reply_to(tenant, context),
        "subject": SUBJECTS[kind](context) if kind in SUBJECTS else subject_line(context["subject"]),
        "body_text": text,
        "body_html": html,
        "headers": json.dumps(headers(context["thread"], context["ticket_id"], automatic=automatic) | own),
    }


def _reply_to(tenant: UUID, context: Mapping[str, Any]) -> str:
    """An address that leads a contact's answer to its ticket. A member's answer leads nowhere by itself."""
    address = str(context["from_address"])
    if context["contact_id"] is None:
        return address
    secret = settings().reply_secret.get_secret_value()
    # What several people can read proves nobody: then it leads to the ticket and no more.
    recipient = "" if context.get("cc") or context.get("bcc") else context["to_address"]
    return reply_address(address, make_token(secret, tenant, context["ticket_id"], recipient))


def _links(tenant: UUID, kind: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """The signed links of a mail, by the names that its templates have for them."""
    if kind == "csat":
        return {"scores": [(n, signed_url("csat", tenant, context["about_id"], score=n)) for n in SCORES]}
    if context.get("form_id"):
        return {"form": signed_url("form", tenant, context["form_id"])}
    if kind == "notices":
        return {"stop": signed_url("notices", tenant, context["user_id"]), "inbox": settings().inbox_url}
    if kind == "invitation" and (inbox := settings().inbox_url):
        return {"accept": f"{inbox.rstrip('/')}/invitations/{context['invitation_id']}"}
    return {}
