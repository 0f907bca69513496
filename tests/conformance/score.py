"""The score of a suite, and what docs/compatibility.md says about the tests that do not pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.conformance.results import Result
from tests.conformance.suite import Suite, matches

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
BAR = 0.98
# | `suite` | `test` | fails/out of scope | reason |
ROW = re.compile(r"^\|\s*`([\w-]+)`\s*\|\s*`+(.+?)`+\s*\|\s*(fails|out of scope)\s*\|\s*(.+?)\s*\|\s*$")


@dataclass(frozen=True)
class Listed:
    """A test, or a pattern of tests, that docs/compatibility.md says does not pass, and why."""

    suite: str
    test: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Score:
    """One run. Live tests are those that need a server and are in scope: passed and failed together."""

    suite: str
    passed: list[str] = field(default_factory=list)
    failed: list[Result] = field(default_factory=list)
    out_of_scope: list[tuple[str, str]] = field(default_factory=list)
    known: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    no_server: list[Result] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)

    @property
    def unlisted(self) -> list[Result]:
        listed = {test for test, _ in self.known}
        return [each for each in self.failed if each.test not in listed]

    @property
    def share(self) -> float:
        live = len(self.passed) + len(self.failed)
        return len(self.passed) / live if live else 0.0

    @property
    def good(self) -> bool:
        return self.share >= BAR and not self.unlisted

    def as_json(self) -> dict[str, Any]:
        return {
            "suite": self.suite,
            "share": round(self.share, 4),
            "good": self.good,
            "passed": self.passed,
            "failed": [asdict(each) for each in self.failed],
            "known": [{"test": test, "reason": reason} for test, reason in self.known],
            "out_of_scope": [{"test": test, "reason": reason} for test, reason in self.out_of_scope],
            "skipped_by_the_suite": self.skipped,
            "needing_no_server": [each.test for each in self.no_server],
            "listed_but_passing": self.mended,
        }


def read_listed(document: Path = DOCUMENT) -> list[Listed]:
    """The rows of every table of the document that name a suite, a test, a kind and a reason."""
    if not document.exists():
        return []
    rows = (ROW.match(line) for line in document.read_text(encoding="utf-8").splitlines())
    return [Listed(row[1], row[2].strip().replace("\\|", "|"), row[3], row[4]) for row in rows if row]


def score(suite: Suite, results: Sequence[Result], listed: Sequence[Listed]) -> Score:
    """Sort the results. What is out of scope is not counted, whether it passes or not."""
    mine = [row for row in listed if row.suite == suite.name]
    told = Score(suite.name)
    for result in results:
        outside = _row(result.test, mine, "out of scope")
        known = _row(result.test, mine, "fails")
        if outside:
            told.out_of_scope.append((result.test, outside.reason))
        elif result.outcome == "skipped":
            told.skipped.append(result.test)
        elif not suite.needs_server(result.test):
            told.no_server.append(result)
        elif result.outcome == "passed":
            told.passed.append(result.test)
            if known and "*" not in known.test:
                told.mended.append(result.test)
        else:
            told.failed.append(result)
            if known:
                told.known.append((result.test, known.reason))
    return told


def _row(test: str, rows: Sequence[Listed], kind: str) -> Listed | None:
    return next((row for row in rows if row.kind == kind and matches(test, row.test)), None)
