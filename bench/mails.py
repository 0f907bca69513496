"""Mails as the demo's customers write them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache

from pgdesk.environment import RECEIVER
from pgdesk.seed import DEMO


@cache
def texts() -> list[str]:
    """What customers say, in their words."""
    return [json.loads(line)["text"] for line in (DEMO / "examples.jsonl").read_text(encoding="utf-8").splitlines()]


def mail(number: int, to: str, domain: str, text: str | None = None, size: int = 0) -> bytes:
    """One mail of a customer of its own, filled up to at least `size` bytes; the same number is the same mail."""
    said = text or texts()[number % len(texts())]
    made = EmailMessage()
    made["Authentication-Results"] = f"{RECEIVER}; dmarc=pass header.from={domain}"
    made["From"] = f"Customer {number} <customer{number}@{domain}>"
    made["To"] = to
    made["Subject"] = " ".join(said.split()[:6])
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = f"<{number}@{domain}>"
    body = f"Hello,\n\n{said} My order number is {40000 + number}.\n\nBest regards\nCustomer {number}\n"
    made.set_content(body)
    missing = size - len(made.as_bytes())
    if missing > 0:  # headers that servers have added on the way
        made["X-Trace"] = " ".join(f"{n:08x}" for n in range(missing // 9 + 1))
    return made.as_bytes()
