"""A kept mail as the RFC 5322 message that its recipient would have received."""

from __future__ import annotations

from contextlib import suppress
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime

from infra.local.mail.mailbox import Attachment, Message

# Set by the relay, or made by the parts below: a sender's own would contradict them.
RESERVED = {
    "from", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "content-type",
    "content-transfer-encoding", "reply-to",
}  # fmt: skip


def as_mime(message: Message) -> bytes:
    """The mail on the wire: text, HTML with its inline parts, attachments; no Bcc (RFC 5322 §3.6.3)."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = message.sender
    mail["To"] = ", ".join(message.to)
    if message.cc:
        mail["Cc"] = ", ".join(message.cc)
    if message.reply_to:
        mail["Reply-To"] = ", ".join(message.reply_to)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = message.message_id
    for name, value in message.headers.items():
        if name.lower() not in RESERVED:
            with suppress(ValueError):  # a header that may stand once only was given twice
                mail[name] = value
    _add_bodies(mail, message)
    return mail.as_bytes()


def _add_bodies(mail: EmailMessage, message: Message) -> None:
    if message.text is not None or message.html is None:
        mail.set_content(message.text or "")
    if message.html is not None:
        if message.text is None:
            mail.set_content(message.html, subtype="html")
            html: MIMEPart = mail
        else:
            mail.add_alternative(message.html, subtype="html")
            html = list(mail.iter_parts())[-1]
        for attachment in message.attachments:
            if attachment.content_id:
                html.add_related(attachment.content, *_media_type(attachment), cid=f"<{attachment.content_id}>")
    for attachment in message.attachments:
        if not attachment.content_id or message.html is None:
            mail.add_attachment(attachment.content, *_media_type(attachment), filename=attachment.filename)


def _media_type(attachment: Attachment) -> tuple[str, str]:
    main, _, sub = attachment.content_type.partition(";")[0].strip().lower().partition("/")
    # A container type would promise parts that a plain run of bytes does not have.
    return (
        (main, sub)
        if main and sub and main not in {"multipart", "message", "text"}
        else ("application", "octet-stream")
    )
