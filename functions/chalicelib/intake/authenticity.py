"""Is the sender who the From line says? Only our own receiver's Authentication-Results tell (RFC 8601).

Anybody can write that header. So only fields whose authserv-id is the configured one count, and only together with the
receiver's duty to remove forged ones on entry (RFC 8601 §5). Without a configured receiver nothing is verified.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .mime import Parsed
from .text import one_line, storable

Result = Literal["pass", "fail", "none"]

_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"\s*(dmarc|spf|dkim)\s*(?:/\s*\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)
_FROM_DOMAIN = re.compile(r"header\.from\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Authenticity:
    """What our receiver found. `verified` is what privileges hang on: DMARC passed for the one From address."""

    dmarc: Result
    spf: Result
    dkim: Result
    verified: bool
    evidence: list[str]


def authenticity(mail: Parsed, authserv_id: str | None, told: Mapping[str, object] | None = None) -> Authenticity:
    """The verdict of the receiver that calls itself `authserv_id`; all `none` where it is not configured or silent.

    `told`: what the receiver said beside the mail, over a channel that nobody else can write to. Then the mail's own
    fields count for nothing.
    """
    fields = [
        storable(value.decode("utf-8", "replace"))[:4_000] for value in mail.headers.raw_all("authentication-results")
    ]
    ours = [field for field in fields if not told and authserv_id and _issuer(field) == authserv_id.lower()]
    found: dict[str, list[tuple[Result, str]]] = {
        method: [(_result(str((told or {})[method])), "")] if method in (told or {}) else []
        for method in ("dmarc", "spf", "dkim")
    }
    for field in ours:
        for statement in _COMMENT.sub(" ", field).split(";")[1:]:
            method = _METHOD.match(statement)
            if method:
                found[method[1].lower()].append((_result(method[2]), statement))
    evidence = [one_line(field, 300) for field in ours[:3]]
    if told:
        evidence.append("told by the receiver: " + ", ".join(f"{name}={value}" for name, value in sorted(told.items())))
    if len(fields) > len(ours):
        evidence.append(f"{len(fields) - len(ours)} result(s) of other receivers ignored")
    dmarc = _single([result for result, _ in found["dmarc"]])
    spf = _single([result for result, _ in found["spf"]])
    # Several signatures are usual, and one that holds is enough (RFC 6376 §6.1).
    signatures = [result for result, _ in found["dkim"]]
    dkim: Result = "pass" if "pass" in signatures else _single(signatures)
    verified = dmarc == "pass" and len(mail.senders) == 1 and "from" in mail.headers
    domains = [domain[1].lower() for _, text in found["dmarc"] if (domain := _FROM_DOMAIN.search(text))]
    if verified and any(domain != mail.senders[0].email.rpartition("@")[2] for domain in domains):
        verified = False
        evidence.append("DMARC was checked for another domain")
    if len(mail.headers.raw_all("from")) > 1:
        verified = False
        evidence.append("more than one From field")
    return Authenticity(dmarc, spf, dkim, verified, evidence)


def _issuer(field: str) -> str:
    """The authserv-id: first word before the first semicolon, maybe followed by a version."""
    return _COMMENT.sub(" ", field).partition(";")[0].strip().partition(" ")[0].lower()


def _result(word: str) -> Result:
    word = word.lower()
    return "pass" if word == "pass" else "none" if word in ("none", "neutral", "temperror", "bestguesspass") else "fail"


def _single(results: list[Result]) -> Result:
    """Contradicting statements are no pass."""
    if "fail" in results:
        return "fail"
    return "pass" if "pass" in results and "none" not in results else "none"
