"""What Resend accepts as a mail, and the words with which it refuses the rest."""

from __future__ import annotations

import mimetypes
import re
from base64 import b64decode
from email.utils import parseaddr
from typing import Any

from infra.local.mail.mailbox import Attachment, Message

MAX_RECIPIENTS = 50
ADDRESS = re.compile(r"[^\s@<>,;\"()\[\]]+@[^\s@<>,;\"()\[\]]+")
HEADER_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 §2.2: printable, no colon
TAG = re.compile(r"[A-Za-z0-9_-]{1,512}")  # name and value, 256 each
FORMAT = "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format."


class RefusedError(Exception):
    """A request that is answered with an error. `name` is Resend's word for its kind."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message


def parse_email(body: Any, *, batch: bool = False) -> Message:
    """The mail that a request body describes. Raises RefusedError naming the first field that is wrong."""
    if not isinstance(body, dict):
        raise _invalid("The request body must be a JSON object.")
    for unsupported in ("scheduled_at", "template", "topic_id"):
        if body.get(unsupported) is not None:
            raise _invalid(f"`{unsupported}` is not supported by the local stack.")
    if batch and body.get("attachments"):
        raise _invalid("`attachments` are not supported in a batch.")
    text, html = _optional_text(body, "text"), _optional_text(body, "html")
    message = Message(
        sender=_sender(body),
        to=_addresses(body, "to", required=True),
        subject=_subject(body),
        text=text,
        html=html,
        cc=_addresses(body, "cc"),
        bcc=_addresses(body, "bcc"),
        reply_to=_addresses(body, "reply_to"),
        headers=_headers(body.get("headers")),
        tags=_tags(body.get("tags")),
        attachments=tuple(_attachment(item) for item in _list(body, "attachments")),
    )
    if text is None and html is None:
        raise _missing("Missing `html` or `text` field.")
    return message


def _missing(message: str) -> RefusedError:
    return RefusedError(422, "missing_required_field", message)


def _invalid(message: str) -> RefusedError:
    return RefusedError(422, "validation_error", message)


def _sender(body: dict[str, Any]) -> str:
    value = body.get("from")
    if not value:
        raise _missing("Missing `from` field.")
    if not isinstance(value, str) or not _is_address(value):
        raise RefusedError(422, "invalid_from_address", f"Invalid `from` field. {FORMAT}")
    return value


def _addresses(body: dict[str, Any], name: str, *, required: bool = False) -> tuple[str, ...]:
    value = body.get(name)
    values = [value] if isinstance(value, str) else (value if value is not None else [])
    if not values and required:
        raise _missing(f"Missing `{name}` field.")
    if not isinstance(values, list) or not all(isinstance(item, str) and _is_address(item) for item in values):
        raise _invalid(f"Invalid `{name}` field. {FORMAT}")
    if len(values) > MAX_RECIPIENTS:
        raise _invalid(f"The `{name}` field must have at most {MAX_RECIPIENTS} items.")
    return tuple(values)


def _is_address(value: str) -> bool:
    if any(character in value for character in "\r\n\0"):
        return False
    return bool(ADDRESS.fullmatch(parseaddr(value)[1]))


def _subject(body: dict[str, Any]) -> str:
    value = body.get("subject")
    if not isinstance(value, str) or not value:
        raise _missing("Missing `subject` field.")
    if any(character in value for character in "\r\n\0"):
        raise _invalid("The `\\n` is not allowed in the `subject` field.")
    return value


def _optional_text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise _invalid(f"The `{name}` field must be a string.")
    return value


def _list(body: dict[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _invalid(f"The `{name}` field must be an array.")
    return value


def _headers(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _invalid("The `headers` field must be an object.")
    for name, content in value.items():
        # A line break would end the header and begin one of the attacker's choosing.
        if not HEADER_NAME.fullmatch(name) or not isinstance(content, str) or re.search(r"[\r\n\0]", content):
            raise _invalid(f"Invalid header `{name[:80]!r}`: a name, and one line of text.")
    return dict(value)


def _tags(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, list):
        raise _invalid("The `tags` field must be an array.")
    tags: dict[str, str] = {}
    for tag in value:
        name, content = (tag.get("name"), tag.get("value", "")) if isinstance(tag, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(content, str) or not name or not TAG.fullmatch(name + content):
            raise _invalid("Tags should only contain ASCII letters, numbers, underscores, or dashes.")
        tags[name] = content
    return tags


def _attachment(item: Any) -> Attachment:
    if not isinstance(item, dict):
        raise _attachment_error("Each attachment must be an object.")
    if item.get("path") is not None:
        # Fetching what a request names would let it reach whatever this machine can reach.
        raise _attachment_error("`path` is not supported by the local stack: send the `content`.")
    if item.get("content") is None:
        raise _attachment_error("Attachment must have either a `content` or `path`.")
    filename = item.get("filename")
    if not isinstance(filename, str) or not filename or re.search(r"[\r\n\0]", filename):
        raise _attachment_error("Attachment must have a `filename`.")
    declared = item.get("content_type") or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    content_id = item.get("content_id") or item.get("inline_content_id")
    for line in (declared, content_id or ""):
        if not isinstance(line, str) or re.search(r"[\r\n\0<>]", line):
            raise _attachment_error("Attachment has an invalid `content_type` or `content_id`.")
    return Attachment(filename, _content(item["content"]), declared, content_id)


def _content(value: Any) -> bytes:
    """Base64 text, an array of byte values, or the JSON of a Node Buffer: what the official clients send."""
    if isinstance(value, dict) and value.get("type") == "Buffer":
        value = value.get("data")
    try:
        if isinstance(value, list):
            return bytes(value)
        if isinstance(value, str):
            return b64decode(value, validate=True)
    except (ValueError, TypeError):
        pass
    raise _attachment_error("Attachment `content` must be base64 or an array of bytes.")


def _attachment_error(message: str) -> RefusedError:
    return RefusedError(422, "invalid_attachment", message)
