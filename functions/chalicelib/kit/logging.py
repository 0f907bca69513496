"""One structured line per unit of work: ids and figures, never a body or an address."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

PACKAGE = "/chalicelib/"
# HTTP clients tell each URL, and those hold the names of customers' files.
for _client in ("httpx", "httpx2"):
    logging.getLogger(_client).setLevel(logging.WARNING)
_context = threading.local()


def _fields() -> dict[str, Any]:
    fields: dict[str, Any] | None = getattr(_context, "fields", None)
    if fields is None:
        fields = _context.fields = {}
    return fields


def trace_id() -> str:
    """The trace that this thread works in: from a mail's arrival to the last webhook about it. Empty outside of one."""
    return str(_fields().get("trace_id") or "")


def log(event: str, level: str = "info", **fields: Any) -> None:
    """Write one JSON line to standard output, where Lambda collects it."""
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "event": event}
    # json escapes control characters, so nothing logged can forge a line.
    sys.stdout.write(json.dumps(line | _fields() | fields, default=str) + "\n")
    sys.stdout.flush()


def kind_of(error: BaseException) -> str:
    """What went wrong and where, without the error's own words: those may quote a mail, a row or an address.

    As in `UniqueViolation 23505 contacts_email_key at intake/consumer.py:88`.
    """
    parts = [type(error).__name__]
    sqlstate, diagnosis = getattr(error, "sqlstate", None), getattr(error, "diag", None)
    parts += [str(part) for part in (sqlstate, getattr(diagnosis, "constraint_name", None)) if part]
    if frames := [frame for frame in traceback.extract_tb(error.__traceback__) if PACKAGE in frame.filename]:
        parts.append(f"at {frames[-1].filename.rpartition(PACKAGE)[2]}:{frames[-1].lineno}")
    return " ".join(parts)


@contextmanager
def unit_of_work(event: str, **fields: Any) -> Iterator[MutableMapping[str, Any]]:
    """Log one line when the block ends, with its outcome and milliseconds; lines within carry its fields too.

    What the block adds to the yielded mapping goes into that line.
    """
    before = _fields().copy()
    _fields().update(fields)
    said: dict[str, Any] = {"outcome": "done"}
    started = time.perf_counter()
    try:
        yield said
    except BaseException as error:
        said |= {"outcome": "failed", "error": type(error).__name__}
        raise
    finally:
        said["ms"] = round((time.perf_counter() - started) * 1000, 1)
        log(event, level="error" if said["outcome"] == "failed" else "info", **said)
        _context.fields = before
