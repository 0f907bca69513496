"""The mailbox as a person sees it: hand-written HTML, no script, nothing from elsewhere."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import datetime
from email.utils import parseaddr
from html import escape
from pathlib import Path
from urllib.parse import urlencode

from infra.local.mail.events import fate
from infra.local.mail.mailbox import Message

PAGE_SIZE = 100
# The page itself: its one style sheet and the frame of a mail, and no script at all.
POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# A mail: an origin of its own, no script, no form, nothing loaded. Links open in a new tab, since people follow them.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; form-action 'none'; frame-ancestors 'self'"
)
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
SHOWN_INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def list_page(messages: tuple[Message, ...], query: str, start: int) -> str:
    """The mails from number `start` on, newest first, of those that `query` found."""
    shown = messages[start : start + PAGE_SIZE]
    rows = "".join(_row(message) for message in shown)
    if not shown:
        words = "No mail matches." if query else "No mail yet. What the stack sends appears here."
        rows = f'<li class="empty">{words}</li>'
    older = ""
    if len(messages) > start + PAGE_SIZE:
        link = urlencode({"q": query, "start": start + PAGE_SIZE} if query else {"start": start + PAGE_SIZE})
        older = f'<p><a href="/?{escape(link)}">Older mail</a></p>'
    count = f"{len(messages)} mail" + ("" if len(messages) == 1 else "s")
    body = (
        f'<header><h1>Mailbox</h1><span class="soft">{count}</span>'
        f'<form><input type="search" name="q" value="{escape(query)}" placeholder="Address or subject" '
        f'aria-label="Search by address or subject"></form></header>'
        f'<ul class="mails card">{rows}</ul>{older}'
    )
    # Only the newest page renews itself: a search and older pages stay as they are while they are read.
    return _document("Mailbox", body, refresh=not query and start == 0)


def message_page(message: Message) -> str:
    """One mail: its envelope, its HTML in a closed frame, its text, its files."""
    path = f"/messages/{escape(message.id)}"
    sections = ""
    if message.html is not None:
        title = "The mail as HTML"
        sections += (
            f'<section><h2>HTML</h2><iframe sandbox="{SANDBOX}" src="{path}/html" title="{title}"></iframe></section>'
        )
    if message.text is not None:
        sections += f"<section><h2>Text</h2><pre>{escape(message.text)}</pre></section>"
    if message.attachments:
        files = "".join(
            f'<li><a href="{path}/attachments/{number}">{escape(a.filename)}</a> '
            f'<span class="soft">{escape(a.content_type)}, {_size(len(a.content))}</span></li>'
            for number, a in enumerate(message.attachments)
        )
        sections += f'<section><h2>Files</h2><ul class="files">{files}</ul></section>'
    technical = {"Message-ID": message.message_id} | message.headers | {f"Tag {k}": v for k, v in message.tags.items()}
    body = (
        f'<header><h1>{escape(message.subject)}</h1><a href="/">All mail</a></header><article class="card">'
        f"<dl>{_terms(_envelope(message))}</dl>{sections}"
        f"<details><summary>Headers</summary><dl>{_terms(technical)}</dl>"
        f'<p><a href="{path}/raw">Download as .eml</a></p></details></article>'
    )
    return _document(message.subject, body)


def mail_frame(message: Message) -> str:
    """The mail's own HTML, its inline images put in, its links made to open outside of the frame."""
    html = message.html or ""
    for attachment in message.attachments:
        if attachment.content_id and attachment.content_type in SHOWN_INLINE:
            data = f"data:{attachment.content_type};base64,{b64encode(attachment.content).decode()}"
            html = re.sub(rf"""(?i)cid:{re.escape(attachment.content_id)}(?=["'\s>)])""", data, html)
    return f'<!doctype html><base target="_blank"><meta charset="utf-8">{html}'


def not_found_page() -> str:
    body = '<header><h1>No such mail</h1><a href="/">All mail</a></header>'
    return _document("No such mail", body)


def _document(title: str, body: str, *, refresh: bool = False) -> str:
    renew = '<meta http-equiv="refresh" content="10">' if refresh else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{renew}'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f'<link rel="stylesheet" href="/style.css"></head><body><main>{body}</main></body></html>'
    )


def _row(message: Message) -> str:
    return (
        f'<li><a href="/messages/{escape(message.id)}"><span class="strong">{escape(", ".join(message.to))}</span>'
        f'<span class="subject">{escape(message.subject)} <span class="soft">{escape(_preview(message))}</span></span>'
        f'<span class="soft">{_fate(message)} {_time(message.created_at)}</span></a></li>'
    )


def _fate(message: Message) -> str:
    last = fate(message)[-1]
    return f'<span class="{"" if last == "delivered" else "bad"}">{last}</span>'


def _preview(message: Message) -> str:
    text = message.text if message.text is not None else re.sub(r"<[^>]*>", " ", (message.html or "")[:4000])
    return " ".join(text[:400].split())[:120]


def _envelope(message: Message) -> dict[str, str]:
    name, address = parseaddr(message.sender)
    rows = {
        "From": f"{name} <{address}>" if name else message.sender,
        "To": ", ".join(message.to),
        "Cc": ", ".join(message.cc),
        "Bcc": ", ".join(message.bcc),
        "Reply-To": ", ".join(message.reply_to),
        "Sent": f"{message.created_at:%d %b %Y, %H:%M:%S} UTC",
        "Then": ", ".join(fate(message)[1:] or fate(message)),
    }
    return {name: value for name, value in rows.items() if value}


def _terms(rows: dict[str, str]) -> str:
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())


def _time(moment: datetime) -> str:
    shown = moment.strftime("%d %b %Y, %H:%M:%S")
    return f'<time datetime="{moment.isoformat()}">{shown} UTC</time>'


def _size(count: int) -> str:
    return (
        f"{count} bytes"
        if count < 1024
        else f"{count / 1024:.0f} KB"
        if count < 1024**2
        else f"{count / 1024**2:.1f} MB"
    )
