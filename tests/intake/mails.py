"""Mails for tests, made from what they say."""

from __future__ import annotations

from chalicelib.intake.mime import Parsed, Unreadable, parse


def mail(*headers: str, body: str | bytes = "Hello", sender: str | None = "Ann <ann@customer.test>") -> bytes:
    """A raw mail with CRLF line ends; headers are lines as they are sent."""
    lines = [*([f"From: {sender}"] if sender else []), *headers]
    head = "\r\n".join(lines).encode("utf-8", "surrogateescape")
    return head + b"\r\n\r\n" + (body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode())


def read(raw: bytes) -> Parsed:
    parsed = parse(raw)
    assert not isinstance(parsed, Unreadable), parsed
    return parsed


def multipart(kind: str, *parts: str | bytes, boundary: str = "b1") -> tuple[str, bytes]:
    """The Content-Type line and the body of a multipart of parts (each with its own headers)."""
    raw = [part if isinstance(part, bytes) else part.encode() for part in parts]
    body = b"".join(b"--" + boundary.encode() + b"\n" + part + b"\n" for part in raw) + f"--{boundary}--\n".encode()
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"', body
