"""X-Robots-Tag: what an uploader tells search engines, checked before it is sent back as a header."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from infra.local.storage.errors import StorageError
from infra.local.storage.names import check_header

SIMPLE = "all|noindex|nofollow|none|nosnippet|indexifembedded|notranslate|noimageindex"
LENGTHS = "max-snippet|max-video-preview"
# A date may hold a comma: it goes on until the next rule begins.
RULE = re.compile(
    rf"(?P<simple>{SIMPLE})|(?P<length>{LENGTHS}):\s*(?P<number>-?[0-9]+)|max-image-preview:\s*(none|standard|large)"
    rf"|unavailable_after:\s*(?P<date>.+?)|[^,:]+:\s*(?P<agent>{SIMPLE})"
)
NEXT = re.compile(rf",\s*(?=(?:{SIMPLE})\b|[A-Za-z0-9_-]+:(?!\d))")


def check_robots(value: str) -> str:
    """The value, if crawlers know every rule in it; a rule may be for one crawler. Raises InvalidRequest."""
    check_header("x-robots-tag", value)
    for rule in NEXT.split(value.strip()):
        if not _known(rule.strip()):
            message = f'Invalid X-Robots-Tag header: Invalid X-Robots-Tag rule: "{rule.strip()}"'
            raise StorageError(400, "InvalidRequest", message, "invalid_x_robots_tag")
    return value


def _known(rule: str) -> bool:
    match = RULE.fullmatch(rule)
    if match is None or (match["number"] and int(match["number"]) < -1):
        return False
    return match["date"] is None or _date(match["date"])


def _date(text: str) -> bool:
    try:
        return bool(parsedate_to_datetime(text))
    except ValueError:
        pass
    try:
        return bool(datetime.fromisoformat(text))
    except ValueError:
        return False
