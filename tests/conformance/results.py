"""What jest and pytest report, as one list of tests."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

Outcome = Literal["passed", "failed", "skipped"]
SEPARATOR = " › "
MESSAGE_CHARACTERS = 300
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Result:
    """One test. Its name is its file, relative to the package, and what it is called in there, joined by ` › `."""

    test: str
    outcome: Outcome
    message: str = ""


def from_jest(report: Path, package: Path) -> list[Result]:
    """The tests of `jest --json`. A file that cannot even be loaded is one failed test of the file's name."""
    told = json.loads(report.read_text())
    found = []
    for file in told["testResults"]:
        name = _relative(Path(file["name"]), package)
        if file["status"] == "failed" and not file["assertionResults"]:
            found.append(Result(name, "failed", _first_words(file.get("message", ""))))
        for test in file["assertionResults"]:
            outcomes: dict[str, Outcome] = {"passed": "passed", "failed": "failed"}
            found.append(
                Result(
                    SEPARATOR.join([name, *test["ancestorTitles"], test["title"]]),
                    outcomes.get(test["status"], "skipped"),
                    _first_words("\n".join(test.get("failureMessages") or [])),
                )
            )
    return found


def from_pytest(report: Path) -> list[Result]:
    """The tests of `pytest --junitxml`. A module that cannot be imported is one failed test."""
    found = []
    for case in ET.parse(report).getroot().iter("testcase"):  # written by our own pytest
        path = (case.get("classname") or case.get("name") or "").split(".")
        classes = [part for part in path if part[:1].isupper()]
        module = "/".join(part for part in path if part not in classes) + ".py"
        name = SEPARATOR.join([module, *classes, case.get("name") or ""])
        outcome: Outcome = "passed"
        message = ""
        for problem in case:
            if problem.tag in ("failure", "error"):
                outcome, message = "failed", problem.get("message") or problem.text or ""
            elif problem.tag == "skipped" and outcome == "passed":
                outcome, message = "skipped", problem.get("message") or ""
        found.append(Result(name, outcome, _first_words(message)))
    return found


def _relative(file: Path, package: Path) -> str:
    try:
        return file.resolve().relative_to(package.resolve()).as_posix()
    except ValueError:
        return file.name


def _first_words(text: str) -> str:
    lines = [line.strip() for line in COLOUR.sub("", text).splitlines() if line.strip()]
    return " ".join(lines)[:MESSAGE_CHARACTERS]
